//! The file in which a script notes down whom it has started: enough to tell that the service runs, and
//! never that it does not.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use crate::observe::process::Process;

/// How much later than its process was started a file may seem to have been written too early: the kernel
/// tells the start in hundredths of a second.
const SLACK: Duration = Duration::from_secs(1);

/// Whether a file of root's in `directory` names a process for `service` that was there before the file and
/// lives: a number that was given to another process since is none.
pub(super) fn names_a_live_one(directory: &Path, service: &str) -> bool {
    let file = format!("{service}.pid");
    let paths = [directory.join(&file), directory.join(service).join(&file)];
    paths.iter().any(|path| is_live(path))
}

fn is_live(path: &Path) -> bool {
    let Ok(written) = fs::symlink_metadata(path) else {
        return false;
    };
    let number = || fs::read_to_string(path).ok()?.trim().parse::<u32>().ok();
    let trusted = written.is_file() && written.uid() == nix::unistd::geteuid().as_raw();
    let Some(pid) = trusted.then(number).flatten() else {
        return false;
    };
    let Some(started) = Process::of(pid).and_then(Process::since_epoch) else {
        return false;
    };
    let written = Duration::from_secs(u64::try_from(written.mtime()).unwrap_or(0));
    started <= written + SLACK
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn written(text: &str, since: Duration) -> (tempfile::TempDir, std::path::PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("foo.pid");
        fs::write(&path, text).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - since).unwrap();
        (directory, path)
    }

    #[test]
    fn a_process_that_lives_and_was_there_when_its_file_was_written_is_the_service() {
        let own = std::process::id().to_string();
        let (directory, path) = written(&format!("{own}\n"), Duration::ZERO);
        assert!(names_a_live_one(directory.path(), "foo"));
        assert!(!names_a_live_one(directory.path(), "bar"));
        let below = directory.path().join("bar");
        fs::create_dir(&below).unwrap();
        fs::rename(path, below.join("bar.pid")).unwrap();
        assert!(names_a_live_one(directory.path(), "bar"));
    }

    #[test]
    fn a_number_that_another_process_has_got_since_and_what_is_no_number_tell_nothing() {
        let own = std::process::id().to_string();
        let year = Duration::from_secs(365 * 24 * 3600);
        for (text, since) in [
            (own.as_str(), year),
            ("4194305", Duration::ZERO),
            ("", Duration::ZERO),
            ("-1", Duration::ZERO),
            ("x", Duration::ZERO),
        ] {
            let (directory, _) = written(text, since);
            assert!(!names_a_live_one(directory.path(), "foo"), "{text}");
        }
    }

    #[test]
    fn a_link_and_a_process_that_has_ended_and_is_not_collected_yet_tell_nothing() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let stat = format!("/proc/{}/stat", child.id());
        while !fs::read_to_string(&stat).unwrap().contains(") Z ") {
            std::thread::yield_now();
        }
        let (directory, path) = written(&child.id().to_string(), Duration::ZERO);
        assert!(!names_a_live_one(directory.path(), "foo"));
        child.wait().unwrap();
        let real = directory.path().join("real");
        fs::write(&real, std::process::id().to_string()).unwrap();
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(&real, &path).unwrap();
        assert!(!names_a_live_one(directory.path(), "foo"));
    }
}
