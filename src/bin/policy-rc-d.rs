//! The policy for other tools that ask `policy-rc.d`.

use std::process::ExitCode;

use rcpolicy::front::{policy_rc_d, program};

fn main() -> ExitCode {
    program::main("policy-rc.d", policy_rc_d::run)
}
