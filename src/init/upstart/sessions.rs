//! Users' Session Inits, found by the files that they write below their runtime directories. Those
//! belong to the users, who may put anything there: nothing is opened through a link, nothing read
//! that is not a small file of that user's, and no address is taken but the one that the file's own
//! name and owner allow. Upstart truncates the file when it re-executes itself: an unfinished one
//! is as good as a whole one.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use thiserror::Error;

use super::address::Address;
use crate::domain::order;
use crate::init::process::Process;

/// Below a user's runtime directory.
const BELOW: [&str; 2] = ["upstart", "sessions"];
/// What a session file's name ends with.
const SUFFIX: &str = ".session";
/// What it begins with.
const VARIABLE: &str = "UPSTART_SESSION=unix:abstract=";
/// No session file is as long as this, in bytes.
const LONGEST: u64 = 1024;
/// No user has as many.
const MOST: usize = 64;

/// Why sessions could not be looked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SessionError {
    /// The system refused.
    #[error("cannot read `{}`: {}", path.display(), source.desc())]
    Unreadable {
        /// Which directory.
        path: PathBuf,
        /// What the system said.
        source: Errno,
    },
    /// It is not the user's own.
    #[error("refusing `{}`: it belongs to user {owner}", path.display())]
    Foreign {
        /// Which directory.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
}

/// One Session Init.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Session {
    /// Its user.
    pub uid: u32,
    /// Its process id, which a re-exec does not change.
    pub pid: u32,
}

impl Session {
    /// Where it listens.
    pub fn address(self) -> Address {
        Address::session(self.uid, self.pid)
    }
}

/// The Session Inits of all users with a directory in `runtime`, `/run/user`; and what kept us from
/// looking at some of them. Without such a directory there are none.
pub fn sessions(runtime: &Path) -> (Vec<Session>, Vec<SessionError>) {
    let (mut found, mut troubles) = (Vec::new(), Vec::new());
    let names = match opened(open(runtime, DIRECTORY, Mode::empty()), runtime) {
        Ok(Some(directory)) => names(directory, usize::MAX),
        Ok(None) => Vec::new(),
        Err(error) => return (found, vec![error]),
    };
    for uid in names.iter().filter_map(|name| number(name)) {
        match of_directory(&runtime.join(uid.to_string()), uid) {
            Ok(sessions) => found.extend(sessions),
            Err(error) => troubles.push(error),
        }
    }
    order::sort(&mut found);
    (found, troubles)
}

/// The Session Inits of the user `uid`, whose runtime directory is `directory`.
///
/// # Errors
/// When the directory or one below it cannot be read, or is not the user's.
pub fn of_directory(directory: &Path, uid: u32) -> Result<Vec<Session>, SessionError> {
    let mut path = directory.to_path_buf();
    let Some(mut place) = owned(open(directory, DIRECTORY, Mode::empty()), &path, uid)? else {
        return Ok(Vec::new());
    };
    for name in BELOW {
        path.push(name);
        match owned(openat(&place, name, DIRECTORY, Mode::empty()), &path, uid)? {
            Some(below) => place = below,
            None => return Ok(Vec::new()),
        }
    }
    let unreadable = |source| SessionError::Unreadable {
        path: path.clone(),
        source,
    };
    let listed = place.try_clone().map_err(|_| unreadable(Errno::EMFILE))?;
    let session = |name: &String| {
        let pid = number(name.strip_suffix(SUFFIX)?)?;
        let session = Session { uid, pid };
        let content = content(&place, name, uid)?;
        // A file that outlived its init is nobody's.
        (may_be(&content, session) && runs(session)).then_some(session)
    };
    Ok(names(listed, MOST).iter().filter_map(session).collect())
}

const DIRECTORY: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_CLOEXEC);

/// A FIFO must not hold us up.
const FILE: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_NONBLOCK)
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_CLOEXEC);

fn opened(result: nix::Result<OwnedFd>, path: &Path) -> Result<Option<OwnedFd>, SessionError> {
    match result {
        Ok(directory) => Ok(Some(directory)),
        Err(Errno::ENOENT) => Ok(None),
        Err(source) => Err(SessionError::Unreadable {
            path: path.to_path_buf(),
            source,
        }),
    }
}

fn owned(
    result: nix::Result<OwnedFd>,
    path: &Path,
    uid: u32,
) -> Result<Option<OwnedFd>, SessionError> {
    let Some(directory) = opened(result, path)? else {
        return Ok(None);
    };
    match fstat(&directory) {
        Ok(status) if status.st_uid == uid => Ok(Some(directory)),
        Ok(status) => Err(SessionError::Foreign {
            path: path.to_path_buf(),
            owner: status.st_uid,
        }),
        Err(source) => Err(SessionError::Unreadable {
            path: path.to_path_buf(),
            source,
        }),
    }
}

/// At most `most` names, in order. What cannot be read is not there.
fn names(directory: OwnedFd, most: usize) -> Vec<String> {
    let Ok(mut directory) = Dir::from_fd(directory) else {
        return Vec::new();
    };
    let entries = directory.iter().flatten();
    let text = entries.filter_map(|entry| entry.file_name().to_str().map(str::to_owned).ok());
    let mut names: Vec<String> = text
        .filter(|name| !matches!(name.as_str(), "." | ".."))
        .take(most)
        .collect();
    order::sort(&mut names);
    names
}

/// A number as it is written by whoever means one: no sign, no leading zero.
fn number(text: &str) -> Option<u32> {
    let number = text.parse::<u32>().ok()?;
    (number.to_string() == text).then_some(number)
}

/// What a small file of the user's holds.
fn content(directory: &impl AsFd, name: &str, uid: u32) -> Option<Vec<u8>> {
    let file = openat(directory, name, FILE, Mode::empty()).ok()?;
    let status: FileStat = fstat(&file).ok()?;
    let kind = SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits());
    if kind != SFlag::S_IFREG || status.st_uid != uid {
        return None;
    }
    let mut bytes = Vec::new();
    File::from(file)
        .take(LONGEST)
        .read_to_end(&mut bytes)
        .ok()?;
    Some(bytes)
}

/// Whether `content` is the file of `session`, or the beginning of it.
fn may_be(content: &[u8], session: Session) -> bool {
    let whole = format!("{VARIABLE}{}\n", session.address().name);
    whole.as_bytes().starts_with(content)
}

fn runs(session: Session) -> bool {
    use std::os::unix::fs::MetadataExt;
    let status = std::fs::metadata(format!("/proc/{}", session.pid));
    status.is_ok_and(|status| status.uid() == session.uid)
        && Process::of(session.pid).is_some_and(Process::is_alive)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn ours() -> Session {
        Session {
            uid: nix::unistd::getuid().as_raw(),
            pid: std::process::id(),
        }
    }

    /// A runtime directory in which our session's file holds `content`.
    fn runtime(content: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let runtime = tempfile::tempdir().unwrap();
        let below = runtime
            .path()
            .join(ours().uid.to_string())
            .join("upstart/sessions");
        fs::create_dir_all(&below).unwrap();
        let file = below.join(format!("{}{SUFFIX}", ours().pid));
        fs::write(&file, content).unwrap();
        (runtime, file)
    }

    fn whole() -> String {
        format!("{VARIABLE}{}\n", ours().address().name)
    }

    #[test]
    fn a_session_is_found_by_its_file_whole_or_cut_anywhere() {
        let whole = whole();
        for cut in 0..=whole.len() {
            let (runtime, _) = runtime(&whole.as_bytes()[..cut]);
            let (found, troubles) = sessions(runtime.path());
            assert_eq!((found, troubles), (vec![ours()], Vec::new()), "{cut}");
        }
    }

    #[test]
    fn an_address_that_is_not_its_own_is_not_taken() {
        let own = ours();
        let others = [
            format!("{VARIABLE}/com/ubuntu/upstart\n"),
            format!("{VARIABLE}/com/ubuntu/upstart-session/0/1\n"),
            format!(
                "{VARIABLE}/com/ubuntu/upstart-session/{}/{}1\n",
                own.uid, own.pid
            ),
            format!("{}more", whole()),
            "UPSTART_SESSION=unix:path=/run/systemd/private\n".to_owned(),
            "UPSTART_SESSION=tcp:host=example.org\n".to_owned(),
            "x".repeat(5000),
            "\0".to_owned(),
        ];
        for content in others {
            let (runtime, _) = runtime(content.as_bytes());
            assert_eq!(sessions(runtime.path()).0, [], "{content}");
        }
    }

    #[test]
    fn links_fifos_directories_and_odd_names_are_passed_over() {
        let (runtime, file) = runtime(whole().as_bytes());
        let place = file.parent().unwrap().to_path_buf();
        let elsewhere = runtime.path().join("elsewhere");
        fs::rename(&file, &elsewhere).unwrap();
        symlink(&elsewhere, &file).unwrap();
        let fifo = place.join("2.session");
        nix::unistd::mkfifo(&fifo, Mode::from_bits_truncate(0o600)).unwrap();
        fs::create_dir(place.join("3.session")).unwrap();
        for name in [
            "+1.session",
            "01.session",
            "x.session",
            "1",
            ".session",
            "99999999999.session",
        ] {
            fs::write(place.join(name), "").unwrap();
        }
        assert_eq!(sessions(runtime.path()), (Vec::new(), Vec::new()));
    }

    #[test]
    fn a_file_that_outlived_its_init_is_passed_over() {
        let (runtime, file) = runtime(b"");
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        fs::rename(
            &file,
            file.with_file_name(format!("{}{SUFFIX}", child.id())),
        )
        .unwrap();
        assert_eq!(sessions(runtime.path()).0, []);
    }

    #[test]
    fn a_linked_directory_is_refused_and_a_missing_one_is_no_session() {
        let (runtime, file) = runtime(whole().as_bytes());
        let upstart = file.parent().unwrap().parent().unwrap().to_path_buf();
        let moved = runtime.path().join("moved");
        fs::rename(&upstart, &moved).unwrap();
        assert_eq!(sessions(runtime.path()), (Vec::new(), Vec::new()));
        symlink(&moved, &upstart).unwrap();
        let (found, troubles) = sessions(runtime.path());
        assert!(found.is_empty() && troubles.len() == 1, "{troubles:?}");
        assert_eq!(
            sessions(&runtime.path().join("none")),
            (Vec::new(), Vec::new())
        );
    }

    #[test]
    fn a_directory_of_somebody_else_is_refused() {
        let (runtime, _) = runtime(whole().as_bytes());
        let own = runtime.path().join(ours().uid.to_string());
        let error = of_directory(&own, ours().uid + 1).unwrap_err();
        assert!(matches!(error, SessionError::Foreign { .. }), "{error}");
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let whole = whole();
        crate::testing::mutations::mutated_text(
            &[&whole, "1000", "42"],
            &["0", "/", "UPSTART_SESSION="],
            |text| {
                let _ = (number(text), may_be(text.as_bytes(), ours()));
            },
        );
    }
}
