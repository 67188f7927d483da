//! Whether the admin has put rcpolicy aside, so that every call goes to the stock tool.
//! It survives a reboot. The flag is set and cleared by `rcpolicy bypass`, never here.

use nix::unistd::{AccessFlags, access};

/// The flag's directory.
pub const DIRECTORY: &str = "/etc/rcpolicy";
/// The flag's name in it.
pub const NAME: &str = "bypass";
const PATH: &str = "/etc/rcpolicy/bypass";

/// Whether the flag is set. One system call.
pub fn is_on() -> bool {
    access(PATH, AccessFlags::F_OK).is_ok()
}
