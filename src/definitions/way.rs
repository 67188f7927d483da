//! What it means for each init to bring the definitions of its services up to date. Pure.

use std::path::{Path, PathBuf};

use crate::domain::InitKind;

/// Where the records of what is live are kept, below the machine's root.
const RECORDS: &str = "var/lib/rcpolicy/definitions";

/// How the definitions that packages brought become those that the init goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// The init reads them again when it is told to: `Init::reread`. systemd's daemon-reload and Upstart's
    /// ReloadConfiguration.
    Reread,
    /// The live ones are directories of their own, which are brought up to date one service at a time.
    Replace(Places),
    /// Nothing is to be done: each call reads the script that is there.
    Nothing,
}

/// Where stock and live definitions are, and what is kept about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// What packages bring: a directory with one for each service.
    pub stock: PathBuf,
    /// What the supervisors read: likewise.
    pub live: PathBuf,
    /// Our records.
    pub records: PathBuf,
    /// Whether some services may have definitions that are compiled besides.
    pub compiles: Compiles,
}

/// Whether an init may have definitions that a tool compiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compiles {
    /// s6, by s6-rc.
    ByS6Rc,
    /// No other.
    Nothing,
}

/// The directories that the policy names, where it does.
#[derive(Debug, Clone, Copy, Default)]
pub struct Told<'a> {
    /// `[definitions] stock`
    pub stock: Option<&'a Path>,
    /// `[definitions] live`
    pub live: Option<&'a Path>,
}

/// Whether anything was ever kept of definitions on the machine whose root is `root`.
pub fn is_anything_kept(root: &Path) -> bool {
    root.join(RECORDS).exists()
}

impl Way {
    /// The way of `init` on the machine whose root is `root`.
    pub fn of(init: InitKind, root: &Path, told: Told<'_>) -> Self {
        let replace = |stock: &str, live: &str, compiles| {
            let place = |told: Option<&Path>, default: &str| {
                let path = told.unwrap_or(Path::new(default));
                root.join(path.strip_prefix("/").unwrap_or(path))
            };
            Self::Replace(Places {
                stock: place(told.stock, stock),
                live: place(told.live, live),
                records: root.join(RECORDS).join(init.as_str()),
                compiles,
            })
        };
        match init {
            InitKind::Systemd | InitKind::Upstart | InitKind::Simulated => Self::Reread,
            // Debian's runit-services brings them there, and cpsv copies them.
            InitKind::Runit => replace("/usr/share/runit/sv", "/etc/sv", Compiles::Nothing),
            // No package of Debian brings any: the same places, as far as names go.
            InitKind::S6 => replace("/usr/share/s6/sv", "/etc/s6/sv", Compiles::ByS6Rc),
            InitKind::Sysv | InitKind::Openrc => Self::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_supervising_inits_have_live_definitions_of_their_own() {
        let of = |init| Way::of(init, Path::new("/"), Told::default());
        assert_eq!(of(InitKind::Systemd), Way::Reread);
        assert_eq!(of(InitKind::Upstart), Way::Reread);
        assert_eq!(of(InitKind::Sysv), Way::Nothing);
        assert_eq!(of(InitKind::Openrc), Way::Nothing);
        let Way::Replace(places) = of(InitKind::Runit) else {
            unreachable!();
        };
        assert_eq!(places.live, Path::new("/etc/sv"));
        assert_eq!(
            places.records,
            Path::new("/var/lib/rcpolicy/definitions/runit")
        );
    }

    #[test]
    fn what_the_policy_names_is_taken_below_the_root() {
        let told = Told {
            live: Some(Path::new("/service")),
            ..Told::default()
        };
        let Way::Replace(places) = Way::of(InitKind::S6, Path::new("/mnt"), told) else {
            unreachable!();
        };
        assert_eq!(places.stock, Path::new("/mnt/usr/share/s6/sv"));
        assert_eq!(places.live, Path::new("/mnt/service"));
    }
}
