//! The locks of dpkg and of what runs it, looked at and never taken. A lock is a record lock on a file:
//! the kernel names its holder.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use thiserror::Error;

/// Each lock, and what its holder is at. dpkg(1), apt's `apt-pkg/deb/debsystem.cc`, and
/// unattended-upgrades.
const LOCKS: [(&str, &str); 4] = [
    ("var/lib/dpkg/lock-frontend", "package operations go on"),
    ("var/lib/dpkg/lock", "dpkg is at work"),
    (
        "var/cache/apt/archives/lock",
        "apt is about to change packages",
    ),
    (
        "run/unattended-upgrades.lock",
        "unattended-upgrades is at work",
    ),
];

/// A lock could not be looked at.
#[derive(Debug, Error)]
#[error("cannot look at the lock `{}`: {source}", path.display())]
pub struct LockError {
    path: PathBuf,
    source: io::Error,
}

/// A lock that somebody holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The file.
    pub path: PathBuf,
    /// What its holder is at, in words.
    pub what: &'static str,
    /// The holder's process id; 0 where it is outside of our pid namespace.
    pub by: u32,
}

/// The locks that are held on the machine whose root directory is `root`. A missing file is no lock.
///
/// # Errors
/// When a file is there and cannot be looked at: whether it is locked is not known then.
pub fn held_under(root: &Path) -> Result<Vec<Held>, LockError> {
    let mut held = Vec::new();
    for (name, what) in LOCKS {
        let path = root.join(name);
        match holder(&path) {
            Ok(Some(by)) => held.push(Held { path, what, by }),
            Ok(None) => {}
            Err(source) => return Err(LockError { path, source }),
        }
    }
    Ok(held)
}

/// Who holds a write lock on the file. Closing it afterwards would drop a lock of our own process,
/// which takes none.
fn holder(path: &Path) -> io::Result<Option<u32>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    // Asks what would be in the way of a lock on the whole file; the kernel writes its answer here.
    let mut asked = libc::flock {
        l_type: lock_type(libc::F_WRLCK),
        l_whence: lock_type(libc::SEEK_SET),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(&file, FcntlArg::F_GETLK(&mut asked))
        .map_err(|errno: Errno| io::Error::from_raw_os_error(errno as i32))?;
    let free = asked.l_type == lock_type(libc::F_UNLCK);
    Ok((!free).then(|| u32::try_from(asked.l_pid).unwrap_or(0)))
}

/// The constants are wider than the field.
fn lock_type(word: libc::c_int) -> libc::c_short {
    libc::c_short::try_from(word).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    use super::*;

    fn machine() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, _) in LOCKS {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        root
    }

    #[test]
    fn another_process_s_lock_is_seen_with_its_holder_and_not_taken() {
        let root = machine();
        assert_eq!(held_under(root.path()).unwrap(), []);
        let lock = root.path().join(LOCKS[1].0);
        // Perl packs what fcntl takes, as dpkg's own lock is made.
        let script = "use Fcntl; open my $f, '+<', shift or die; \
            my $lock = pack('s s x4 q q l x4', F_WRLCK, 0, 0, 0, 0); \
            fcntl($f, F_SETLK, $lock) or die $!; \
            $| = 1; print qq(locked\\n); <STDIN>";
        let mut holder = Command::new("perl")
            .args(["-e", script])
            .arg(&lock)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut answers = BufReader::new(holder.stdout.take().unwrap());
        answers.read_line(&mut line).unwrap();
        assert_eq!(line, "locked\n");
        let held = held_under(root.path()).unwrap();
        assert_eq!(held.len(), 1, "{held:?}");
        assert_eq!((held[0].by, &held[0].path), (holder.id(), &lock));
        // Looking twice changes nothing.
        assert_eq!(held_under(root.path()).unwrap(), held);
        drop(holder.stdin.take());
        holder.wait().unwrap();
        assert_eq!(held_under(root.path()).unwrap(), []);
    }

    #[test]
    fn a_machine_without_dpkg_has_no_locks_and_what_cannot_be_looked_at_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(held_under(root.path()).unwrap(), []);
        let lock = root.path().join(LOCKS[0].0);
        std::fs::create_dir_all(lock.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&lock, &lock).unwrap();
        assert!(held_under(root.path()).is_err());
    }
}
