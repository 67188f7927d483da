//! Upstart's backend against a stand-in server, over real sockets and with real processes: no Debian
//! suite has Upstart. What the stand-in does, its re-execs included, is what Upstart 1.13.2 was seen
//! to do.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot do ends it, and its figures are for reading"
)]
#![allow(unreachable_pub, missing_docs, reason = "nobody imports a test")]

mod behaviour;
mod calls;
mod interruptions;
mod jobs;
mod machine;
mod server;
mod sessions;
mod wire;
mod world;

/// Says how much was counted, past the test harness, which keeps what a test that passes prints.
fn say(counted: std::fmt::Arguments<'_>) {
    use std::io::Write;
    let mut err = std::io::stderr();
    writeln!(err, "{counted}").unwrap();
}
