//! Which init runs here, told by the same files that the stock tools look at.

use std::path::Path;

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};

use super::{supervision, upstart};
use crate::domain::InitKind;

/// Made by systemd at boot; sd_booted(3) asks for it.
const SYSTEMD_RUNS: &str = "/run/systemd/system";
/// Made by OpenRC at boot.
const OPENRC_RUNS: &str = "/run/openrc/softlevel";
/// Where init scripts live.
pub const INIT_SCRIPTS: &str = "/etc/init.d";

/// The init, as invoke-rc.d tells it.
pub fn init() -> InitKind {
    init_under(Path::new("/"))
}

/// The same for the machine whose root directory is `root`.
pub fn init_under(root: &Path) -> InitKind {
    let below = |path: &str| root.join(path.trim_start_matches('/'));
    if below(SYSTEMD_RUNS).is_dir() {
        InitKind::Systemd
    } else if below(OPENRC_RUNS).is_file() {
        InitKind::Openrc
    } else if root == Path::new("/") {
        running()
    } else {
        InitKind::Sysv
    }
}

/// Of what leaves no mark on the disk a running process tells: never that of another root.
fn running() -> InitKind {
    match upstart::runs() {
        true => InitKind::Upstart,
        false => supervision::runs().unwrap_or(InitKind::Sysv),
    }
}

/// The init script of a name.
pub fn script_path(name: &str) -> String {
    format!("{INIT_SCRIPTS}/{name}")
}

/// Whether the shell's `test -x` holds: for root, any x bit, directories included. What a disk that fails does not
/// tell is taken for a yes: then running it fails, and says so, and nothing is passed over.
pub fn is_executable(path: &str) -> bool {
    match access(path, AccessFlags::X_OK) {
        Ok(()) => true,
        Err(error) => matches!(error, Errno::EIO | Errno::EINTR | Errno::ENOMEM),
    }
}
