//! The systemd backend against a real systemd. Runs as root inside a booted system that exists for
//! this test alone: it writes units under /run/systemd/system and starts, stops and breaks them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "every function here belongs to a test"
)]

mod apart;
mod failures;
mod held;
mod jobs;
mod owed;
mod units;

use std::fs;
use std::path::Path;
use std::process::Command;

use rcpolicy::domain::{Job, JobFailure, JobOutcome, UnitFacts, UnitName, Verb, Wait};
use rcpolicy::init::systemd::Systemd;
use rcpolicy::init::{Depth, Init};

const UNITS: &str = "/run/systemd/system";

fn name(text: &str) -> UnitName {
    UnitName::parse(text).unwrap()
}

fn job(verb: Verb, unit: &str) -> Job {
    Job::new(verb, name(unit))
}

fn unit(file: &str, text: &str) {
    fs::create_dir_all(UNITS).unwrap();
    fs::write(Path::new(UNITS).join(file), text).unwrap();
}

/// Standard output and exit status of a command.
fn command(words: &str) -> (String, i32, String) {
    let mut words = words.split(' ');
    let output = Command::new(words.next().unwrap())
        .args(words)
        .output()
        .unwrap();
    (
        String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        output.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    )
}

fn reload() {
    assert_eq!(command("systemctl daemon-reload").1, 0);
}

fn sleeper(file: &str, more: &str) {
    let text =
        format!("[Unit]\nStartLimitIntervalSec=0\n{more}\n[Service]\nExecStart=/bin/sleep inf\n");
    unit(file, &text);
}

fn ask(init: &mut Systemd, unit: &str) -> UnitFacts {
    init.units(&[name(unit)], Depth::Relations)
        .unwrap()
        .remove(0)
}

fn run_one(init: &mut Systemd, verb: Verb, unit: &str) -> JobOutcome {
    init.run(&[job(verb, unit)], Wait::Done).unwrap().remove(0)
}

fn failure(outcome: JobOutcome) -> JobFailure {
    match outcome {
        JobOutcome::Failed(failure) => failure,
        other => panic!("it should have failed: {other:?}"),
    }
}
