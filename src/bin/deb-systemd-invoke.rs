//! The drop-in for `deb-systemd-invoke`.

use std::process::ExitCode;

use rcpolicy::front::called::Called;
use rcpolicy::front::deb_systemd_invoke;

fn main() -> ExitCode {
    let Called { program, arguments } = Called::parse(std::env::args_os(), "deb-systemd-invoke");
    ExitCode::from(deb_systemd_invoke::run(&program, &arguments))
}
