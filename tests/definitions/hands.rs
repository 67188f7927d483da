//! What others do to the service, its supervisor and its scanner.

use std::path::Path;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::world::{By, World};

impl World {
    fn live(&self) -> std::path::PathBuf {
        self.top.join("live/foo")
    }

    fn tell(&self, runits: [&str; 2], s6s: [&str; 2]) {
        let [program, word] = match self.by {
            By::Runit => runits,
            By::S6 => s6s,
        };
        let told = Command::new(program).arg(word).arg(self.live()).output();
        assert!(told.unwrap().status.success());
    }

    /// The admin takes it down, where it is down too. Its supervisor has read that when it has written again: both
    /// programs return before, where it is down already.
    #[cfg(feature = "failpoints")]
    pub(crate) fn told_down(&self) {
        use std::os::unix::fs::MetadataExt;
        let written = || {
            let status = std::fs::metadata(self.live().join("supervise/status")).unwrap();
            (status.ino(), status.ctime(), status.ctime_nsec())
        };
        let before = written();
        self.tell(["sv", "down"], ["s6-svc", "-d"]);
        self.wait_for("it is read", || written() != before);
    }

    /// The admin starts it for once.
    pub(crate) fn told_once(&self) {
        self.tell(["sv", "once"], ["s6-svc", "-o"]);
        self.wait_for("it is started for once", || self.pid() != 0);
    }

    /// The admin has it up again.
    #[cfg(feature = "failpoints")]
    pub(crate) fn bring_up(&self) {
        self.tell(["sv", "up"], ["s6-svc", "-u"]);
        self.is_up();
    }

    /// Nothing of it runs, nor is about to.
    pub(crate) fn is_down(&self) -> bool {
        self.seen().active.is_and(|state| state.is_down())
    }

    /// Whether the update that is under way has noted how it left the service.
    #[cfg(feature = "failpoints")]
    pub(crate) fn is_left_noted(&self) -> bool {
        let record = std::fs::read_to_string(self.top.join("records/foo.json"));
        record.is_ok_and(|record| record.contains("\"left\":"))
    }

    /// The link goes, and nobody tells the scanner.
    pub(crate) fn unlink_alone(&self) {
        std::fs::remove_file(self.top.join("scan/foo")).unwrap();
    }

    /// Its supervisor is killed, and leaves its process behind, whose number this is.
    pub(crate) fn kill_supervisor(&self) -> u32 {
        let pid = self.pid();
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let fields = stat.rsplit_once(')').unwrap().1;
        let parent = fields.split_whitespace().nth(1).unwrap();
        let name = std::fs::read_to_string(format!("/proc/{parent}/comm")).unwrap();
        assert!(["runsv", "s6-supervise"].contains(&name.trim()), "{name}");
        kill(Pid::from_raw(parent.parse().unwrap()), Signal::SIGKILL).unwrap();
        let gone = || !Path::new("/proc").join(parent).exists() || is_zombie(parent);
        self.wait_for("its supervisor is gone", gone);
        pid
    }

    /// The machine goes down, with all that runs.
    #[cfg(feature = "failpoints")]
    pub(crate) fn shut_down(&mut self) {
        let scanner = self.scanner.take();
        let pid = i32::try_from(scanner.as_ref().unwrap().id()).unwrap();
        kill(Pid::from_raw(pid), self.by.ends()).unwrap();
        let _ = scanner.unwrap().wait();
        self.wait_for("nothing supervises it", || {
            let load = self.seen().load;
            load.is_and(|load| *load == rcpolicy::domain::LoadState::NotFound)
        });
    }

    /// Nobody starts a supervisor from here on.
    pub(crate) fn freeze_scanner(&self) {
        self.signal_scanner(Signal::SIGSTOP);
    }

    /// It goes on.
    pub(crate) fn thaw_scanner(&self) {
        self.signal_scanner(Signal::SIGCONT);
    }

    fn signal_scanner(&self, signal: Signal) {
        let pid = i32::try_from(self.scanner.as_ref().unwrap().id()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }
}

/// Its parent, which is stopped, has not collected it.
fn is_zombie(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')')
        .is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
}
