//! Whether this system's init may be touched at all: exactly as systemctl tells it.
//! The reader is thin; the judgement is a pure function. Nothing is contacted.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use nix::sys::statfs::{PROC_SUPER_MAGIC, statfs};

/// What a file is: device and inode.
pub type Identity = (u64, u64);

/// What systemctl looks at, as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// SYSTEMD_OFFLINE.
    pub offline: Option<String>,
    /// SYSTEMD_IN_CHROOT, which systemctl knows from 257 on.
    pub in_chroot: Option<String>,
    /// SYSTEMD_IGNORE_CHROOT.
    pub ignore_chroot: Option<String>,
    /// What our root and PID 1's are.
    pub roots: Roots,
}

/// What our root and PID 1's are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Roots {
    /// Both could be read.
    Read {
        /// `/`
        ours: Identity,
        /// `/proc/1/root`
        init: Identity,
    },
    /// `/proc/1/root` is not there, and /proc is not mounted.
    NoProc,
    /// Neither could be told: no permission, or a /proc that is none.
    Hidden,
}

/// Whether the init may be touched.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It is ours.
    Online,
    /// We are in a chroot, or were told to stay away.
    Offline,
}

/// Looks, and judges.
pub fn reach() -> Reach {
    judge(&look())
}

/// What systemctl's `running_in_chroot_or_offline` makes of it.
pub fn judge(seen: &Seen) -> Reach {
    if let Some(offline) = boolean(seen.offline.as_deref()) {
        return reach_of(offline);
    }
    if let Some(chroot) = boolean(seen.in_chroot.as_deref()) {
        return reach_of(chroot);
    }
    if boolean(seen.ignore_chroot.as_deref()) == Some(true) {
        return Reach::Online;
    }
    match seen.roots {
        Roots::Read { ours, init } => reach_of(ours != init),
        Roots::NoProc => Reach::Offline,
        // original: what cannot be told is assumed not to be a chroot
        Roots::Hidden => Reach::Online,
    }
}

fn reach_of(away: bool) -> Reach {
    match away {
        true => Reach::Offline,
        false => Reach::Online,
    }
}

/// systemd's boolean words; anything else, and nothing, is no answer.
fn boolean(text: Option<&str>) -> Option<bool> {
    match text?.to_ascii_lowercase().as_str() {
        "1" | "yes" | "y" | "true" | "t" | "on" => Some(true),
        "0" | "no" | "n" | "false" | "f" | "off" => Some(false),
        _ => None,
    }
}

fn look() -> Seen {
    Seen {
        offline: variable("SYSTEMD_OFFLINE"),
        in_chroot: variable("SYSTEMD_IN_CHROOT"),
        ignore_chroot: variable("SYSTEMD_IGNORE_CHROOT"),
        roots: roots(),
    }
}

fn variable(name: &str) -> Option<String> {
    let value = std::env::var_os(name);
    value
        .as_deref()
        .map(OsStr::to_string_lossy)
        .map(String::from)
}

fn roots() -> Roots {
    match (identity("/"), identity("/proc/1/root")) {
        (Ok(ours), Ok(init)) => Roots::Read { ours, init },
        (Ok(_), Err(error)) if error.kind() == io::ErrorKind::NotFound => without_init_root(),
        (Ok(_) | Err(_), Err(_)) | (Err(_), Ok(_)) => Roots::Hidden,
    }
}

fn identity(path: &str) -> io::Result<Identity> {
    fs::metadata(path).map(|status| (status.dev(), status.ino()))
}

fn without_init_root() -> Roots {
    match statfs("/proc/") {
        Ok(status) if status.filesystem_type() == PROC_SUPER_MAGIC => Roots::Hidden,
        Ok(_) | Err(nix::errno::Errno::ENOENT) => Roots::NoProc,
        Err(_) => Roots::Hidden,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAME: Roots = Roots::Read {
        ours: (1, 2),
        init: (1, 2),
    };
    const OTHER: Roots = Roots::Read {
        ours: (1, 2),
        init: (1, 3),
    };

    fn judged(offline: &str, in_chroot: &str, ignore: &str, roots: Roots) -> Reach {
        let given = |text: &str| (text != "-").then(|| text.to_owned());
        judge(&Seen {
            offline: given(offline),
            in_chroot: given(in_chroot),
            ignore_chroot: given(ignore),
            roots,
        })
    }

    #[test]
    fn the_judgement_is_systemctls() {
        use Reach::{Offline, Online};
        let cases = [
            ("-", "-", "-", SAME, Online),
            ("-", "-", "-", OTHER, Offline),
            ("-", "-", "-", Roots::NoProc, Offline),
            ("-", "-", "-", Roots::Hidden, Online),
            ("1", "-", "-", SAME, Offline),
            ("YES", "-", "1", SAME, Offline),
            ("0", "-", "-", OTHER, Online),
            ("off", "-", "-", Roots::NoProc, Online),
            ("maybe", "-", "-", OTHER, Offline),
            ("", "-", "-", OTHER, Offline),
            ("maybe", "-", "-", SAME, Online),
            ("-", "-", "1", OTHER, Online),
            ("-", "-", "t", Roots::NoProc, Online),
            ("-", "-", "0", OTHER, Offline),
            ("-", "-", "whatever", OTHER, Offline),
            ("-", "1", "1", SAME, Offline),
            ("-", "no", "-", OTHER, Online),
            ("no", "1", "-", OTHER, Online),
        ];
        for (offline, in_chroot, ignore, roots, expected) in cases {
            let told = judged(offline, in_chroot, ignore, roots);
            assert_eq!(told, expected, "{offline} {in_chroot} {ignore} {roots:?}");
        }
    }

    #[test]
    fn another_device_with_the_same_inode_is_another_root() {
        let roots = Roots::Read {
            ours: (1, 2),
            init: (9, 2),
        };
        assert_eq!(judged("-", "-", "-", roots), Reach::Offline);
    }
}
