//! The drop-in for `invoke-rc.d`.

use std::process::ExitCode;

use rcpolicy::front::{invoke_rc_d, program};

fn main() -> ExitCode {
    program::main("invoke-rc.d", invoke_rc_d::run)
}
