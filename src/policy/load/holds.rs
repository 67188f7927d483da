//! The holds on disk: one small file a service under /var/lib/rcpolicy/holds, so that they outlast a
//! reboot. Whoever writes one clears away those that have ended. Says nothing about what they mean.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::fcntl::OFlag;

use super::roots::Roots;
use crate::domain::ServiceName;
use crate::files::{Directory, FileError, FileLock, Missing};
use crate::policy::hold::{Hold, Holds};

/// Largest hold that is read, in bytes.
const LARGEST: u64 = 64 * 1024;
/// Keeps writers apart.
const LOCK: &str = ".lock";

/// Where the holds are kept.
#[derive(Debug, Clone)]
pub struct HoldStore {
    directory: PathBuf,
}

impl HoldStore {
    /// The holds of the machine that `roots` belong to.
    pub fn of(roots: &Roots) -> Self {
        Self {
            directory: roots.holds.clone(),
        }
    }

    /// What is held now. A machine without holds costs one failing open.
    pub(super) fn in_force(&self) -> Holds {
        let mut holds = Holds::default();
        let found = match self.open(Missing::Fail) {
            Ok(directory) => read_all(&directory, now(), &mut holds),
            Err(error) if error.is_missing() => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = found {
            holds.unreadable = Some(format!("cannot read what is held: {error}"));
        }
        holds
    }

    /// What is held at `now`, in seconds since the epoch.
    ///
    /// # Errors
    /// When the directory is there and cannot be read, or is not to be trusted.
    pub fn list(&self, now: u64) -> Result<Holds, FileError> {
        let mut holds = Holds::default();
        match self.open(Missing::Fail) {
            Ok(directory) => read_all(&directory, now, &mut holds)?,
            Err(error) if error.is_missing() => {}
            Err(error) => return Err(error),
        }
        Ok(holds)
    }

    /// Puts `hold` in place of any other on its service; `text` is how it is written. What has ended
    /// by `now` is cleared away.
    ///
    /// # Errors
    /// When it could not be written; what was held then is held as before.
    pub fn put(&self, hold: &Hold, text: &str, now: u64) -> Result<(), FileError> {
        let directory = self.make()?;
        let _lock = self.lock(&directory)?;
        clear_ended(&directory, now)?;
        directory.replace(&Hold::file_name(&hold.service), text.as_bytes())
    }

    /// Ends every hold on `service`, under whichever of its names it was made, and what cannot be read
    /// under that name; tells whether there was one in force at `now`.
    ///
    /// # Errors
    /// When one stays.
    pub fn lift(&self, service: &ServiceName, now: u64) -> Result<bool, FileError> {
        let directory = match self.open(Missing::Fail) {
            Ok(directory) => directory,
            Err(error) if error.is_missing() => return Ok(false),
            Err(error) => return Err(error),
        };
        let _lock = self.lock(&directory)?;
        clear_ended(&directory, now)?;
        let mut lifted = false;
        for name in names(&directory)? {
            let ours = match read_one(&directory, &name) {
                Ok(hold) => hold.names(service),
                Err(_) => name == Hold::file_name(service),
            };
            lifted |= ours && directory.remove(&name)?;
        }
        Ok(lifted)
    }

    /// Whatever the caller's umask is, nobody else can write to it nor above it.
    fn make(&self) -> Result<Directory, FileError> {
        if let Some(above) = self.directory.parent().filter(|above| !above.exists()) {
            let _made = Directory::open(above, Missing::Create)?;
        }
        self.open(Missing::Create)
    }

    fn open(&self, missing: Missing) -> Result<Directory, FileError> {
        Directory::open(&self.directory, missing)
    }

    fn lock(&self, directory: &Directory) -> Result<FileLock, FileError> {
        let file = directory.open_file(LOCK, OFlag::O_RDWR | OFlag::O_CREAT, 0o600)?;
        // Whoever has it writes one small file.
        FileLock::wait(file, &self.directory.join(LOCK))
    }
}

fn read_all(directory: &Directory, now: u64, holds: &mut Holds) -> Result<(), FileError> {
    for name in names(directory)? {
        let path = path(directory.path(), &name);
        match read_one(directory, &name) {
            // Lifted since the names were read.
            Err(Unread::File(error)) if error.is_missing() => {}
            found => holds.add(&name, path, found.map_err(|why| why.to_string()), now),
        }
    }
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error(transparent)]
    File(FileError),
    #[error(transparent)]
    Hold(crate::policy::hold::HoldError),
}

fn read_one(directory: &Directory, name: &str) -> Result<Hold, Unread> {
    let bytes = directory.read(name, LARGEST).map_err(Unread::File)?;
    Hold::decode(name, &bytes).map_err(Unread::Hold)
}

fn clear_ended(directory: &Directory, now: u64) -> Result<(), FileError> {
    for name in names(directory)? {
        if read_one(directory, &name).is_ok_and(|hold| hold.until <= now) {
            directory.remove(&name)?;
        }
    }
    Ok(())
}

fn names(directory: &Directory) -> Result<Vec<String>, FileError> {
    let names = directory.names()?.into_iter();
    Ok(names
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".json") && !name.starts_with('.'))
        .collect())
}

fn path(directory: &Path, name: &str) -> String {
    directory.join(name).display().to_string()
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use nix::sys::stat::Mode;

    use super::*;
    use crate::policy::load::Keep;

    fn store() -> (tempfile::TempDir, HoldStore) {
        let top = tempfile::tempdir().unwrap();
        let store = HoldStore::of(&Roots::under(top.path(), Keep::No));
        (top, store)
    }

    fn name(text: &str) -> ServiceName {
        ServiceName::parse(text).unwrap()
    }

    fn put(store: &HoldStore, service: &str, until: u64, now: u64) {
        let hold = Hold::new(name(service), now, until, "because");
        store.put(&hold, &hold.encode().unwrap(), now).unwrap();
    }

    fn held(store: &HoldStore, now: u64) -> Vec<String> {
        let holds = store.list(now).unwrap();
        let services = holds.held.iter().flat_map(|held| &held.services);
        services.map(ToString::to_string).collect()
    }

    #[test]
    fn where_nothing_was_ever_held_nothing_is_and_nothing_is_made() {
        let (top, store) = store();
        assert_eq!(store.in_force(), Holds::default());
        assert!(!store.lift(&name("ssh"), 0).unwrap());
        assert_eq!(fs::read_dir(top.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_hold_ends_by_itself_is_cleared_away_by_the_next_writer_and_can_be_lifted() {
        let (_top, store) = store();
        put(&store, "a", 20, 10);
        put(&store, "b", 40, 10);
        assert_eq!(held(&store, 19), ["a", "b"]);
        assert_eq!(held(&store, 20), ["b"]);
        put(&store, "b", 50, 30);
        assert_eq!(held(&store, 10), ["b"]);
        assert!(store.lift(&name("b"), 30).unwrap() && !store.lift(&name("b"), 30).unwrap());
        assert_eq!(held(&store, 10), Vec::<String>::new());
    }

    #[test]
    fn a_file_that_is_damaged_or_not_to_be_trusted_holds_its_service_until_it_is_lifted() {
        let (_top, store) = store();
        put(&store, "a", u64::MAX, 0);
        put(&store, "b", u64::MAX, 0);
        fs::write(store.directory.join("a.json"), "{").unwrap();
        let others = fs::Permissions::from_mode(0o666);
        fs::set_permissions(store.directory.join("b.json"), others).unwrap();
        symlink("/etc/passwd", store.directory.join("c.json")).unwrap();
        let readable = Mode::from_bits_truncate(0o600);
        nix::unistd::mkfifo(&store.directory.join("d.json"), readable).unwrap();
        let large = " ".repeat(LARGEST as usize + 1);
        fs::write(store.directory.join("e.json"), large).unwrap();
        let holds = store.in_force();
        for (service, why) in [
            ("a", "EOF"),
            ("b", "others"),
            ("c", "symbolic link"),
            ("d", "not a plain file"),
            ("e", "larger than"),
        ] {
            let held = holds.of(&name(service)).unwrap();
            assert!(held.because.contains(why), "{held:?}");
            assert!(store.lift(&name(service), 0).unwrap());
        }
        assert_eq!(store.in_force(), Holds::default());
    }

    #[test]
    fn a_directory_that_cannot_be_read_leaves_all_in_doubt() {
        let (top, store) = store();
        fs::create_dir_all(store.directory.parent().unwrap()).unwrap();
        symlink(top.path(), &store.directory).unwrap();
        assert!(store.in_force().unreadable.is_some());
        assert!(store.list(0).is_err());
        fs::remove_file(&store.directory).unwrap();
        fs::create_dir(&store.directory).unwrap();
        let others = fs::Permissions::from_mode(0o777);
        fs::set_permissions(&store.directory, others).unwrap();
        assert!(store.in_force().unreadable.is_some());
    }

    #[test]
    fn a_hold_that_cannot_be_written_leaves_the_one_before() {
        let (_top, store) = store();
        put(&store, "a", 20, 10);
        // No file of this size may be written: as on a full disk, the write fails in the middle.
        let hold = Hold::new(name("a"), 10, 99, "because");
        let in_the_way = store.directory.join(".a.json.tmp");
        fs::create_dir(&in_the_way).unwrap();
        assert!(store.put(&hold, &hold.encode().unwrap(), 10).is_err());
        assert_eq!(store.list(15).unwrap().held[0].until, Some(20));
    }
}
