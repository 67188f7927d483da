//! The policy for other tools that ask `policy-rc.d`.

use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let program = arguments
        .next()
        .map(|name| name.to_string_lossy().into_owned());
    let rest: Vec<OsString> = arguments.collect();
    let program = program.unwrap_or_else(|| "policy-rc.d".to_owned());
    ExitCode::from(rcpolicy::front::policy_rc_d::run(&program, &rest))
}
