//! What the drop-ins' programs have in common: from the process's arguments to its exit status.

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs a front end with this process's arguments; `name` is what it is called where nobody says.
pub fn main(name: &str, run: fn(&str, &[OsString]) -> u8) -> ExitCode {
    let mut arguments = std::env::args_os();
    let called = arguments.next();
    let program = called.map_or_else(
        || name.to_owned(),
        |name| name.to_string_lossy().into_owned(),
    );
    let rest: Vec<OsString> = arguments.collect();
    ExitCode::from(run(&program, &rest))
}
