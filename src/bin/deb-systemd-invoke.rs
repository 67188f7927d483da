//! The drop-in for `deb-systemd-invoke`.

use std::process::ExitCode;

use rcpolicy::front::{deb_systemd_invoke, program};

fn main() -> ExitCode {
    program::main("deb-systemd-invoke", deb_systemd_invoke::run)
}
