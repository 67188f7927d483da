//! What to do next where a command did not do what was asked: one line below the error, where there is something
//! that its reader can do. Pure.

use nix::errno::Errno;

use super::Failure;
use crate::files::FileError;
use crate::ledger::LedgerError;
use crate::report::log::LogError;

impl Failure {
    /// The line, without the program's name.
    pub(super) fn hint(&self) -> Option<String> {
        self.advice().map(|advice| format!("hint: {advice}"))
    }

    fn advice(&self) -> Option<String> {
        let advice = match self {
            Self::NeedsRoot(_) => "call it again with sudo, or from a shell of root's".to_owned(),
            Self::Ledger(error) => return of_ledger(error),
            Self::Log(LogError::File(error)) | Self::File(error) => return of_file(error),
            Self::Dpkg(_) => {
                "`dpkg --audit` tells what is wrong with dpkg's own files".to_owned()
            }
            Self::Hold(_) => "`rcpolicy hold` lists what is held, and names damaged files".to_owned(),
            Self::Unreachable(_) => {
                "`rcpolicy wait init` waits until it answers; `rcpolicy flush` then goes on".to_owned()
            }
            Self::NoReexec(_) | Self::NoClients(_) => {
                "a reboot brings all up to date; until then `rcpolicy pending` shows what waits for it"
                    .to_owned()
            }
            Self::NoManager(uid) => {
                format!("a manager runs while its user is logged in, or always after `loginctl enable-linger {uid}`")
            }
            Self::NoLife => "call it on the machine itself: nothing is owed in a chroot".to_owned(),
            Self::Past(_) => "write how long from now, such as `--until 2h`".to_owned(),
            Self::Page { .. } => "name a directory that you may write to".to_owned(),
            Self::Foreign => {
                "look into it (`rcpolicy doctor`), and take it away yourself if nobody needs it".to_owned()
            }
            Self::NoAnswerer(_) => "install rcpolicy's package again".to_owned(),
            Self::Import(_) => {
                "what is not understood can be taken out of a copy of the file, and written by hand".to_owned()
            }
            // these say themselves what is to be done, or nothing can be
            Self::Log(LogError::Io { .. } | LogError::Encode(_))
            | Self::Time(_)
            | Self::Json(_)
            | Self::Name(_)
            | Self::Template(_)
            | Self::Unheard(_)
            | Self::NoBus(_)
            | Self::SilentBus(..)
            | Self::NotUser(..)
            | Self::NobodyWaits(..)
            | Self::Play(_)
            | Self::Audit(_) => return None,
        };
        Some(advice)
    }
}

fn of_ledger(error: &LedgerError) -> Option<String> {
    match error {
        LedgerError::Unwritable(error) | LedgerError::File(error) => of_file(error),
        LedgerError::Newer { .. } => {
            Some("install the newer rcpolicy again, and call its `rcpolicy flush`".to_owned())
        }
        LedgerError::Damaged { path, .. } => Some(format!(
            "see what `{}` says, restart the service if need be, and remove the file",
            path.display()
        )),
        LedgerError::Busy { path, .. } => Some(format!(
            "`fuser -v {}` names the process; `rcpolicy wait flush` waits for it",
            path.display()
        )),
    }
}

fn of_file(error: &FileError) -> Option<String> {
    let path = match error {
        FileError::Untrusted { path, .. } => {
            let path = path.display();
            return Some(format!(
                "root must own `{path}`, nobody else may write to it, and it may be no link: see `ls -ld {path}`"
            ));
        }
        FileError::System { path, .. } | FileError::TooLarge { path, .. } => path.display(),
    };
    match error.errno()? {
        Errno::EACCES | Errno::EPERM => Some("call it as root".to_owned()),
        Errno::ENOSPC | Errno::EDQUOT => Some(format!("make room: `df -h {path}`")),
        Errno::EROFS => Some(format!(
            "`findmnt -T {path}` shows what is mounted read-only"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn system(source: Errno) -> FileError {
        FileError::System {
            doing: "write",
            path: PathBuf::from("/run/rcpolicy"),
            source,
        }
    }

    #[test]
    fn a_full_disk_a_missing_right_and_a_foreign_owner_are_told_apart() {
        let table = [
            (system(Errno::ENOSPC), "df -h /run/rcpolicy"),
            (system(Errno::EROFS), "findmnt"),
            (system(Errno::EACCES), "as root"),
            (
                FileError::Untrusted {
                    path: PathBuf::from("/run/rcpolicy"),
                    why: "it belongs to user 1000".to_owned(),
                },
                "ls -ld /run/rcpolicy",
            ),
        ];
        for (error, expected) in table {
            let hint = Failure::from(error).hint().unwrap();
            assert!(
                hint.starts_with("hint: ") && hint.contains(expected),
                "{hint}"
            );
        }
        assert_eq!(Failure::from(system(Errno::EIO)).hint(), None);
    }
}
