//! A service's own `check`: up is what it says, as with `sv`. It is run beside everything else that is
//! waited for, never more than one at a time, and does not outlive the waiting.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Between a check that says no and the next. `sv` takes 420 ms.
const PAUSE: Duration = Duration::from_millis(200);

/// The check of one service.
#[derive(Debug)]
pub(super) struct Check {
    program: PathBuf,
    directory: PathBuf,
    running: Option<Child>,
    /// Not run again before this.
    next: Option<Instant>,
}

impl Check {
    /// The one that is `program`, run in the service directory.
    pub(super) fn new(program: PathBuf, directory: &Path) -> Self {
        Self {
            program,
            directory: directory.to_path_buf(),
            running: None,
            next: None,
        }
    }

    /// Begins it where none runs, and tells whether one has just said yes.
    pub(super) fn passes(&mut self, now: Instant) -> bool {
        if let Some(child) = &mut self.running {
            let said = match child.try_wait() {
                Ok(None) => return false,
                Ok(Some(status)) => status.success(),
                Err(_) => false,
            };
            self.running = None;
            self.next = now.checked_add(PAUSE);
            return said;
        }
        if self.next.is_none_or(|next| now >= next) {
            self.running = self.begin().ok();
            // One that cannot be run says no.
            self.next = now.checked_add(PAUSE);
        }
        false
    }

    fn begin(&self) -> std::io::Result<Child> {
        Command::new(&self.program)
            .arg0("./check")
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        let Some(child) = &mut self.running else {
            return;
        };
        if let Ok(group) = i32::try_from(child.id()) {
            // It has not been waited for, so its number is nobody else's.
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        let _ = child.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn check(text: &str) -> (tempfile::TempDir, Check) {
        let place = tempfile::tempdir().unwrap();
        let program = place.path().join("check");
        fs::write(&program, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let check = Check::new(program, place.path());
        (place, check)
    }

    /// Looks until the check that runs has ended.
    fn said(check: &mut Check) -> bool {
        loop {
            let said = check.passes(Instant::now());
            if said || check.running.is_none() {
                return said;
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn yes_is_only_what_ends_with_0_in_the_service_directory() {
        let (place, mut yes) = check("pwd >where");
        assert!(said(&mut yes));
        let where_it_ran = fs::read_to_string(place.path().join("where")).unwrap();
        let own = place.path().canonicalize().unwrap();
        assert_eq!(where_it_ran.trim(), own.to_str().unwrap());
        let (_place, mut no) = check("exit 1");
        assert!(!said(&mut no));
        let (_place, mut dead) = check("kill -9 $$");
        assert!(!said(&mut dead));
        let (gone, mut missing) = check("");
        drop(gone);
        assert!(!missing.passes(Instant::now()));
    }

    #[test]
    fn one_that_hangs_is_ended_with_all_that_it_started_when_nobody_waits_any_more() {
        let (place, mut hangs) = check("sleep 600 & echo $! >child.new; mv child.new child; wait");
        assert!(!hangs.passes(Instant::now()));
        let child = place.path().join("child");
        while !child.exists() {
            assert!(!hangs.passes(Instant::now()));
        }
        let child = fs::read_to_string(child).unwrap().trim().parse().unwrap();
        let process = crate::init::process::Process::of(child).unwrap();
        assert!(process.is_alive());
        drop(hangs);
        while process.is_alive() {
            std::thread::yield_now();
        }
    }
}
