//! The drop-in for `deb-systemd-invoke`.

use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let program = arguments
        .next()
        .map(|name| name.to_string_lossy().into_owned());
    let rest: Vec<OsString> = arguments.collect();
    let program = program.unwrap_or_else(|| "deb-systemd-invoke".to_owned());
    ExitCode::from(rcpolicy::front::deb_systemd_invoke::run(&program, &rest))
}
