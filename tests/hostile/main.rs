//! Bad input and hostile surroundings, tried on the real drop-ins, each call on a small machine of its own with an
//! init script that notes down how it was called. Needs root, as tests/run does; the host is not touched.

#![allow(clippy::unwrap_used, reason = "what a test cannot do ends it")]

mod arguments;
mod away;
mod batch;
mod crowd;
mod disks;
mod failpoints;
mod flush;
mod helper;
mod log;
mod policy;
mod questions;
mod surroundings;
mod world;
