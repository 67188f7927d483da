//! `rcpolicy explain` as a whole command: on a small machine without systemd, in a chroot, and the questions that it
//! puts to policy-rc.d beside those of the tool that it explains. Needs root, as tests/run does; the host is not touched.

#![allow(clippy::unwrap_used, reason = "what a test cannot do ends it")]

mod chroot;
mod questions;
mod words;
#[path = "../hostile/world.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod world;

use world::{Seen, World};

/// What policy-rc.d was asked, one line a question.
const ASKED: &str = "tmp/asked";

/// policy-rc.d notes down what it is asked, and then does this.
fn noting(world: World, lines: &str) -> World {
    world.helper(&format!("#!/bin/sh\necho \"$*\" >>/{ASKED}\n{lines}\n"))
}

/// Runs a command, and what policy-rc.d was asked meanwhile.
fn asked_by(world: &World, command: &str) -> (Vec<String>, Seen) {
    let path = world.path(ASKED);
    let _ = std::fs::remove_file(&path);
    let seen = world.call(command);
    let asked = std::fs::read_to_string(&path).unwrap_or_default();
    let _ = std::fs::remove_file(&path);
    (asked.lines().map(str::to_owned).collect(), seen)
}
