//! What the drop-ins' programs have in common: from the process's arguments to its exit status.

use std::ffi::OsString;
use std::process::ExitCode;

use super::called::Called;

/// Runs a front end with this process's arguments; `name` is what it is called where nobody says.
pub fn main(name: &str, run: fn(&str, &[OsString]) -> u8) -> ExitCode {
    let Called { program, arguments } = Called::parse(std::env::args_os(), name);
    ExitCode::from(run(&program, &arguments))
}
