//! Holding a service back from D-Bus activation: a drop-in under /run that lets systemd refuse
//! whoever asks for the service by name, at once and with an error. Written whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::dial::Sockets;
use super::names::{MANAGER, MANAGER_PATH};
use super::queries;
use crate::domain::UnitName;
use crate::files::may_grow_to;
use crate::init::InitError;
use crate::init::dbus::connection::body;
use crate::init::dbus::link::Link;

/// Where units of this boot lie.
pub(super) const RUNTIME_UNITS: &str = "/run/systemd/system";
/// Sorts behind what admins and packages usually ship.
const FILE: &str = "90-rcpolicy-hold.conf";
const TEXT: &str = "# Written by rcpolicy while the package of this service is being replaced.\n\
                    [Unit]\nRefuseManualStart=yes\n";
/// A reload rereads every unit; systemctl gives it this long as well.
const RELOAD: Duration = Duration::from_secs(180);

/// Puts the hold in place and in effect.
pub(super) fn hold(link: &mut Link<Sockets>, unit: &UnitName) -> Result<(), InitError> {
    write(Path::new(RUNTIME_UNITS), unit).map_err(|error| not_written(unit, &error))?;
    settle(link, unit, true)
}

/// Takes the hold away, also from what systemd has in memory.
pub(super) fn release(link: &mut Link<Sockets>, unit: &UnitName) -> Result<(), InitError> {
    match remove(Path::new(RUNTIME_UNITS), unit) {
        Ok(Removed::Nothing) => Ok(()),
        Ok(Removed::File) => settle(link, unit, false),
        Err(error) => Err(not_written(unit, &error)),
    }
}

/// Reloads the manager where it still goes by what was there before. A unit that is not in memory
/// is read with its drop-ins when it is next asked for, and needs none.
fn settle(link: &mut Link<Sockets>, unit: &UnitName, held: bool) -> Result<(), InitError> {
    link.repeat(|link| settle_once(link, unit, held))
}

/// May be done twice: a reload more than is needed does no harm, and a re-exec does what it does.
fn settle_once(link: &mut Link<Sockets>, unit: &UnitName, held: bool) -> Result<(), InitError> {
    let mut answers = link
        .ask(|link| {
            let stale = queries::get(link, unit, queries::NEED_RELOAD)?;
            Ok(vec![
                stale,
                queries::get(link, unit, queries::REFUSES_START)?,
            ])
        })?
        .into_iter();
    let stale = answers.next().map(queries::value::<bool>);
    let refuses = answers.next().map(queries::value::<bool>);
    let settled = matches!((stale, refuses), (Some(Ok(false)), Some(Ok(now))) if now == held);
    if settled {
        return Ok(());
    }
    let reload = link
        .connected()?
        .call(MANAGER_PATH, MANAGER, "Reload", &())?;
    let answer = link.call_all_within(&[reload], RELOAD)?.pop();
    answer.map_or(Ok(()), body::<()>)
}

fn not_written(unit: &UnitName, error: &io::Error) -> InitError {
    InitError::Refused {
        name: "org.freedesktop.DBus.Error.Failed".to_owned(),
        message: format!("cannot change the hold of `{unit}`: {error}"),
    }
}

fn directory(units: &Path, unit: &UnitName) -> PathBuf {
    units.join(format!("{unit}.d"))
}

fn write(units: &Path, unit: &UnitName) -> io::Result<()> {
    let directory = directory(units, unit);
    fs::create_dir_all(&directory)?;
    let temporary = directory.join(format!(".{FILE}.{}", std::process::id()));
    let written = write_new(&temporary).and_then(|()| fs::rename(&temporary, directory.join(FILE)));
    if written.is_err() {
        // Best effort: what counts is the first error; systemd reads only `*.conf`.
        let _ = fs::remove_file(&temporary);
        let _ = fs::remove_dir(&directory);
    }
    written
}

fn write_new(path: &Path) -> io::Result<()> {
    may_grow_to(TEXT.len() as u64)?;
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(path)?;
    // /run is memory: a sync would promise nothing that a crash keeps.
    file.write_all(TEXT.as_bytes())
}

/// What there was to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Removed {
    Nothing,
    File,
}

fn remove(units: &Path, unit: &UnitName) -> io::Result<Removed> {
    let directory = directory(units, unit);
    let removed = match fs::remove_file(directory.join(FILE)) {
        Ok(()) => Removed::File,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Removed::Nothing,
        Err(error) => return Err(error),
    };
    if removed == Removed::File {
        // Others' drop-ins keep the directory.
        let _ = fs::remove_dir(&directory);
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foo() -> UnitName {
        UnitName::parse("foo").unwrap()
    }

    #[test]
    fn a_hold_is_one_whole_file_and_leaves_nothing_behind_when_released() {
        let units = tempfile::tempdir().unwrap();
        write(units.path(), &foo()).unwrap();
        write(units.path(), &foo()).unwrap();
        let directory = units.path().join("foo.service.d");
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(directory.join(FILE)).unwrap(), TEXT);
        assert_eq!(remove(units.path(), &foo()).unwrap(), Removed::File);
        assert!(!directory.exists());
        assert_eq!(remove(units.path(), &foo()).unwrap(), Removed::Nothing);
    }

    #[test]
    fn others_drop_ins_stay_when_a_hold_is_released() {
        let units = tempfile::tempdir().unwrap();
        write(units.path(), &foo()).unwrap();
        let theirs = units.path().join("foo.service.d/10-admin.conf");
        fs::write(&theirs, "[Unit]\n").unwrap();
        remove(units.path(), &foo()).unwrap();
        assert!(theirs.exists());
    }

    #[test]
    fn a_hold_that_cannot_be_written_is_an_error_and_leaves_no_directory() {
        let units = tempfile::tempdir().unwrap();
        let file = units.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(write(&file, &foo()).is_err());
        let directory = units.path().join("foo.service.d");
        fs::create_dir_all(directory.join(FILE)).unwrap();
        assert!(write(units.path(), &foo()).is_err());
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
    }
}
