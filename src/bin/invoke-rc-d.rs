//! The drop-in for `invoke-rc.d`.

use std::process::ExitCode;

use rcpolicy::front::called::Called;
use rcpolicy::front::invoke_rc_d;

fn main() -> ExitCode {
    let Called { program, arguments } = Called::parse(std::env::args_os(), "invoke-rc.d");
    ExitCode::from(invoke_rc_d::run(&program, &arguments))
}
