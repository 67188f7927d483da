//! rcpolicy as a guest among other tools: its answer to those that ask policy-rc.d, on a small machine of its own.
//! Needs root, as tests/run does; the host is not touched.

#![allow(clippy::unwrap_used, reason = "what a test cannot do ends it")]

mod answer;
mod doctor;
mod import;
mod owed;
mod package;
#[path = "../hostile/world.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod world;
