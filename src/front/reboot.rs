//! What waits for the next boot is entered where Debian's other tools look for it: `reboot-required` and
//! `reboot-required.pkgs` in /run. Others write there too: nothing of theirs is changed.

use std::io::{Read, Write};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, fchmod};

use crate::act::{ActError, Report};
use crate::domain::Until;
use crate::files::{Directory, FileError, Missing, errno_of};
use crate::ledger::{Entry, Ledger};
use crate::report::Voice;

/// There while a reboot is required.
const FLAG: &str = "reboot-required";
/// What it says, as update-notifier writes it.
const TEXT: &[u8] = b"*** System restart required ***\n";
/// Which packages want it, one a line.
const PACKAGES: &str = "reboot-required.pkgs";
/// Largest list of packages that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// Enters what waits for the next boot once `result` came of a plan: its `records` come before all jobs, and are
/// written also where the init could not be asked for one. What goes wrong is added to the warnings, or said.
pub(super) fn announce_after(
    mut result: Result<Report, ActError>,
    records: &[Entry],
    ledger: Option<&Ledger>,
    voice: &Voice,
) -> Result<Report, ActError> {
    match &mut result {
        Ok(report) => report.warnings.extend(announce(records, ledger)),
        Err(ActError::Init(_)) => announce(records, ledger)
            .iter()
            .for_each(|untold| voice.warn(untold)),
        Err(ActError::Note(_) | ActError::NoLife | ActError::Unheld(_)) => {}
    }
    result
}

/// Enters those of `records` that wait for the next boot, beside `ledger`. Returns what went wrong: that
/// nobody is told does not undo the notes.
pub(super) fn announce(records: &[Entry], ledger: Option<&Ledger>) -> Vec<String> {
    let waits = |entry: &&Entry| {
        let owed = entry.owed.as_ref();
        owed.is_some_and(|owed| owed.until == Until::Reboot)
    };
    let waiting: Vec<&Entry> = records.iter().filter(waits).collect();
    let (Some(ledger), false) = (ledger, waiting.is_empty()) else {
        return Vec::new();
    };
    let packages: Vec<&str> = waiting
        .iter()
        .filter_map(|entry| entry.who.caller.package.as_deref())
        .collect();
    match enter(ledger, &packages) {
        Ok(()) => Vec::new(),
        Err(why) => vec![format!("nobody is told that a reboot is required: {why}")],
    }
}

fn enter(ledger: &Ledger, packages: &[&str]) -> Result<(), String> {
    let run = ledger.root().parent().unwrap_or(Path::new("/run"));
    // Keeps our own writers apart. The others' lock nothing; a line is one write.
    let _locked = ledger.lock().map_err(|error| error.to_string())?;
    let directory = Directory::open(run, Missing::Fail).map_err(|error| error.to_string())?;
    raise(&directory)
        .and_then(|()| list(&directory, packages))
        .map_err(|error| error.to_string())
}

/// Whatever stands there already says the same.
fn raise(directory: &Directory) -> Result<(), FileError> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL;
    match directory.open_file(FLAG, flags, 0o644) {
        Ok(mut file) => {
            let failed = |source| system("write", directory, FLAG, source);
            // A maintainer script's umask is anything.
            fchmod(&file, Mode::from_bits_truncate(0o644)).map_err(failed)?;
            file.write_all(TEXT).map_err(|e| failed(errno_of(&e)))
        }
        Err(error) if error.errno() == Some(Errno::EEXIST) => Ok(()),
        Err(error) => Err(error),
    }
}

fn list(directory: &Directory, packages: &[&str]) -> Result<(), FileError> {
    if packages.is_empty() {
        return Ok(());
    }
    let failed = |doing| move |error: std::io::Error| (doing, errno_of(&error));
    let wrap = |(doing, source)| system(doing, directory, PACKAGES, source);
    let new = directory.open_file(
        PACKAGES,
        OFlag::O_RDWR | OFlag::O_APPEND | OFlag::O_CREAT | OFlag::O_EXCL,
        0o644,
    );
    let mut file = match new {
        Ok(file) => {
            fchmod(&file, Mode::from_bits_truncate(0o644))
                .map_err(|source| wrap(("set the mode of", source)))?;
            file
        }
        Err(error) if error.errno() == Some(Errno::EEXIST) => {
            directory.open_file(PACKAGES, OFlag::O_RDWR | OFlag::O_APPEND, 0)?
        }
        Err(error) => return Err(error),
    };
    let mut text = Vec::new();
    let read = (&mut file).take(LARGEST).read_to_end(&mut text);
    read.map_err(failed("read")).map_err(wrap)?;
    let more = missing(&text, packages);
    file.write_all(&more).map_err(failed("write")).map_err(wrap)
}

/// The lines that `text` is to be followed by.
fn missing(text: &[u8], packages: &[&str]) -> Vec<u8> {
    let mut more = Vec::new();
    let mut known: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    for package in packages {
        if !known.contains(&package.as_bytes()) {
            known.push(package.as_bytes());
            more.extend_from_slice(package.as_bytes());
            more.push(b'\n');
        }
    }
    let cut = text.last().is_some_and(|last| *last != b'\n');
    if cut && !more.is_empty() {
        more.insert(0, b'\n');
    }
    more
}

fn system(doing: &'static str, directory: &Directory, name: &str, source: Errno) -> FileError {
    FileError::System {
        doing,
        path: directory.path().join(name),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::domain::Caller;
    use crate::ledger::{Due, Owed, Who};
    use crate::testing::{life, name};

    fn entry(package: Option<&str>, until: Until) -> Entry {
        let who = Who {
            caller: Caller {
                package: package.map(str::to_owned),
                ..Caller::default()
            },
            ..Who::default()
        };
        let mut entry = Entry::new(name("foo"), life(), who, 0, "x");
        entry.owed = Some(Owed {
            due: Due::Restart,
            until,
            reasons: Vec::new(),
            at: None,
            begun: None,
        });
        entry
    }

    struct Machine(tempfile::TempDir);

    impl Machine {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn announce(&self, entries: &[Entry]) -> Vec<String> {
            let ledger = Ledger::open(&self.0.path().join("rcpolicy"), life());
            announce(entries, Some(&ledger))
        }

        fn read(&self, file: &str) -> Option<String> {
            fs::read_to_string(self.0.path().join(file)).ok()
        }
    }

    #[test]
    fn a_package_is_entered_once_and_what_others_entered_stays() {
        let machine = Machine::new();
        fs::write(machine.0.path().join(PACKAGES), "linux-image-x\nlibc6").unwrap();
        let entries = ["dbus", "libc6", "dbus"].map(|p| entry(Some(p), Until::Reboot));
        for _ in 0..2 {
            assert_eq!(machine.announce(&entries), Vec::<String>::new());
        }
        let packages = "linux-image-x\nlibc6\ndbus\n";
        assert_eq!(machine.read(PACKAGES).as_deref(), Some(packages));
        let text = std::str::from_utf8(TEXT).unwrap();
        assert_eq!(machine.read(FLAG).as_deref(), Some(text));
        let mode = fs::metadata(machine.0.path().join(FLAG))
            .unwrap()
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o644);
    }

    #[test]
    fn what_is_noted_is_entered_also_where_the_init_goes_away_before_the_first_job() {
        let away = ActError::Init(crate::init::InitError::Unreachable {
            init: "systemd",
            why: "x".to_owned(),
        });
        for (result, entered) in [
            (Ok(Report::default()), true),
            (Err(away), true),
            (Err(ActError::NoLife), false),
        ] {
            let machine = Machine::new();
            let ledger = Ledger::open(&machine.0.path().join("rcpolicy"), life());
            let entries = [entry(Some("dbus"), Until::Reboot)];
            let failed = result.is_err();
            let voice = Voice::new("x");
            let after = announce_after(result, &entries, Some(&ledger), &voice);
            assert_eq!(after.is_err(), failed);
            assert_eq!(machine.read(FLAG).is_some(), entered, "{after:?}");
        }
    }

    #[test]
    fn an_empty_flag_of_somebody_elses_is_left_as_it_is() {
        let machine = Machine::new();
        fs::write(machine.0.path().join(FLAG), "").unwrap();
        assert_eq!(
            machine.announce(&[entry(None, Until::Reboot)]),
            Vec::<String>::new()
        );
        assert_eq!(machine.read(FLAG).as_deref(), Some(""));
        assert_eq!(machine.read(PACKAGES), None);
    }

    #[test]
    fn what_waits_for_a_batch_or_a_flush_requires_no_reboot() {
        let machine = Machine::new();
        let entries = [Until::Batch, Until::Flush].map(|until| entry(Some("foo"), until));
        assert_eq!(machine.announce(&entries), Vec::<String>::new());
        assert_eq!(fs::read_dir(machine.0.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_link_is_not_followed_and_what_could_not_be_entered_is_said() {
        let machine = Machine::new();
        let victim = machine.0.path().join("victim");
        for file in [FLAG, PACKAGES] {
            let link = machine.0.path().join(file);
            symlink(&victim, &link).unwrap();
            let said = machine.announce(&[entry(Some("foo"), Until::Reboot)]);
            let expected = file == PACKAGES;
            assert_eq!(!said.is_empty(), expected, "{file}: {said:?}");
            assert!(!victim.exists());
            fs::remove_file(link).unwrap();
            let _ = fs::remove_file(machine.0.path().join(PACKAGES));
        }
    }
}
