//! What a script writes that runs beside others: kept in memory until it is its turn to be heard.
//!
//! Not read from a pipe or a terminal of ours: a flush that is killed would take those with it, and a script
//! that cannot write any more may end between its stop and its start. A daemon that goes on to write there
//! once its script is over gets an error for it, and no signal that ends it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use nix::fcntl::{FallocateFlags, FcntlArg, OFlag, SealFlag, fallocate, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::{FileStat, fstat, major, minor};

/// Most that is kept of what one script writes to one stream, in bytes.
const MOST: u64 = 64 * 1024;
/// The device that keeps nothing: Linux's numbers of /dev/null.
const NULL: (u64, u64) = (1, 3);

/// Where a script writes while it runs beside others.
#[derive(Debug)]
pub(super) struct Kept {
    said: File,
    complained: File,
}

/// What was written there.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// To its standard output, and where ours is one with our standard error, to both.
    pub(super) said: Vec<u8>,
    /// To its standard error.
    pub(super) complained: Vec<u8>,
    /// Whether that is not all.
    pub(super) is_cut: bool,
}

impl Kept {
    /// One stream or two, as ours are. What we could not hand on is not kept.
    ///
    /// # Errors
    /// When the system has no room for it.
    pub(super) fn like_ours() -> io::Result<Self> {
        Self::like(&fstat(io::stdout())?, &fstat(io::stderr())?)
    }

    fn like(out: &FileStat, err: &FileStat) -> io::Result<Self> {
        let said = like(out)?;
        let complained = match (out.st_dev, out.st_ino) == (err.st_dev, err.st_ino) {
            true => said.try_clone()?,
            false => like(err)?,
        };
        Ok(Self { said, complained })
    }

    /// What the script gets: its standard output and its standard error.
    ///
    /// # Errors
    /// When no more files can be open.
    pub(super) fn streams(&self) -> io::Result<(File, File)> {
        Ok((self.said.try_clone()?, self.complained.try_clone()?))
    }

    /// Gives back what a script has written beyond what is kept: it may never end.
    pub(super) fn trim(&self) {
        for file in [&self.said, &self.complained] {
            let beyond = length(file).saturating_sub(MOST);
            if let (Ok(from), Ok(length @ 1..)) = (i64::try_from(MOST), i64::try_from(beyond)) {
                let hole = FallocateFlags::FALLOC_FL_PUNCH_HOLE;
                // Where it cannot be given back it is when the script ends.
                let _ = fallocate(
                    file,
                    hole | FallocateFlags::FALLOC_FL_KEEP_SIZE,
                    from,
                    length,
                );
            }
        }
    }

    /// What was written, once the script is over. Nobody writes there from now on.
    pub(super) fn shown(self) -> Shown {
        let is_cut = length(&self.said).max(length(&self.complained)) > MOST;
        let said = closed(&self.said);
        Shown {
            said,
            // Where both are one, nothing is left.
            complained: closed(&self.complained),
            is_cut,
        }
    }
}

/// A file in memory; or none, where `ours` keeps nothing either.
fn like(ours: &FileStat) -> io::Result<File> {
    if (major(ours.st_rdev), minor(ours.st_rdev)) == NULL {
        return OpenOptions::new().read(true).write(true).open("/dev/null");
    }
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let file = memfd_create("rcpolicy", flags)?;
    // What opens it once more through /dev/stdout leaves no hole when others go on.
    fcntl(file.as_fd(), FcntlArg::F_SETFL(OFlag::O_APPEND))?;
    Ok(File::from(file))
}

fn length(file: &File) -> u64 {
    file.metadata().map_or(0, |status| status.len())
}

/// What stands in it, as far as that is kept; then nothing stands there, nor ever will.
fn closed(file: &File) -> Vec<u8> {
    // None of this can fail for a file of ours, and nothing hangs on it for /dev/null.
    let _ = fcntl(file.as_fd(), FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_GROW));
    let most = usize::try_from(length(file).min(MOST)).unwrap_or(0);
    let mut bytes = vec![0; most];
    let read = file.read_exact_at(&mut bytes, 0);
    let _ = file.set_len(0);
    read.map_or_else(|_| Vec::new(), |()| bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;

    fn like_files() -> Kept {
        let (one, other) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        Kept::like(&fstat(&one).unwrap(), &fstat(&other).unwrap()).unwrap()
    }

    fn run(kept: &Kept, text: &str) {
        let (out, err) = kept.streams().unwrap();
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", text]).stdin(Stdio::null());
        assert!(shell.stdout(out).stderr(err).status().unwrap().success());
    }

    #[test]
    fn what_was_said_and_what_was_complained_of_stay_apart_as_ours_are() {
        let kept = like_files();
        run(&kept, "echo said; echo odd >&2; echo more");
        let shown = kept.shown();
        assert_eq!(
            (shown.said, shown.complained),
            (b"said\nmore\n".to_vec(), b"odd\n".to_vec())
        );
        let one = fstat(tempfile::tempfile().unwrap()).unwrap();
        let kept = Kept::like(&one, &one).unwrap();
        run(&kept, "echo said; echo odd >&2; echo more");
        let shown = kept.shown();
        assert_eq!(
            (shown.said, shown.complained),
            (b"said\nodd\nmore\n".to_vec(), Vec::new())
        );
    }

    #[test]
    fn a_script_that_writes_without_end_costs_no_more_than_is_kept() {
        let kept = like_files();
        run(&kept, "head -c 3000000 /dev/zero | tr '\\0' x; echo end");
        let blocks = |kept: &Kept| fstat(&kept.said).unwrap().st_blocks * 512;
        assert!(blocks(&kept) > 2_000_000);
        kept.trim();
        // But for the page that it has begun.
        assert!(blocks(&kept) <= i64::try_from(MOST).unwrap() + 4096);
        run(&kept, "echo and so on");
        let shown = kept.shown();
        assert!(shown.is_cut);
        assert_eq!(shown.said, vec![b'x'; usize::try_from(MOST).unwrap()]);
    }

    #[test]
    fn a_daemon_that_goes_on_to_write_gets_an_error_and_fills_no_memory() {
        let kept = like_files();
        let (mut daemons, _) = kept.streams().unwrap();
        daemons.write_all(b"started\n").unwrap();
        assert_eq!(kept.shown().said, b"started\n");
        let error = daemons.write_all(b"a line of its log\n").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(daemons.metadata().unwrap().len(), 0);
    }

    #[test]
    fn what_opens_its_own_output_once_more_can_write_there_too() {
        let kept = like_files();
        run(&kept, "echo one >/dev/stderr; echo two >&2; echo three");
        let shown = kept.shown();
        assert_eq!(
            (shown.said, shown.complained),
            (b"three\n".to_vec(), b"one\ntwo\n".to_vec())
        );
    }

    #[test]
    fn where_ours_goes_nowhere_nothing_is_kept() {
        let null = fstat(File::open("/dev/null").unwrap()).unwrap();
        let kept = Kept::like(&null, &null).unwrap();
        run(&kept, "echo said; echo odd >&2");
        kept.trim();
        let shown = kept.shown();
        assert!(shown.said.is_empty() && shown.complained.is_empty() && !shown.is_cut);
    }
}
