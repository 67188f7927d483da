//! The runit backend against the real runsvdir and runsv, which need no machine of their own. Built and
//! run by tests/run, which puts Debian's programs into PATH: `cargo test --test runit`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "every function here belongs to a test"
)]

mod jobs;
mod looks;
mod trouble;
mod world;
