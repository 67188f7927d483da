//! What runsv writes about a service, 20 bytes, and what it comes to in the project's words. Pure.
//! The format is daemontools' 18 bytes and two more, and as old: when, process id, paused, what is
//! wanted, whether TERM was sent, and how far it is.

use crate::domain::{ActiveState, SeenJob, Verb};
use crate::init::supervise::tai::{self, Stamp};

/// Length in bytes. One more is read, so that a longer file is known for what it is not.
pub(super) const LENGTH: usize = 20;

/// What runsv does with the service when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// Starts it again.
    Up,
    /// Leaves it down: after `d`, and after `o`, while it still runs.
    Down,
    /// Ends itself: after `x`.
    Exit,
}

/// How far the service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing runs.
    Down,
    /// `run` does.
    Run,
    /// `run` has ended, `finish` runs or is about to.
    Finish,
}

/// A service at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Status {
    /// When `run` was started; when it had ended and nothing was left, where it is down.
    pub(super) since: Stamp,
    /// The process, 0 if none.
    pub(super) pid: u32,
    pub(super) want: Want,
    pub(super) phase: Phase,
    /// TERM was sent, and the process has not ended.
    pub(super) is_leaving: bool,
}

impl Status {
    /// `None` for what runsv does not write.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (since, rest) = bytes.split_at_checked(tai::LENGTH)?;
        let since = Stamp::parse(since)?;
        let (pid, rest) = rest.split_first_chunk::<4>()?;
        let pid = u32::from_le_bytes(*pid);
        let &[_paused, want, left, phase] = rest else {
            return None;
        };
        let want = match want {
            b'u' => Want::Up,
            b'd' => Want::Down,
            _ => Want::Exit,
        };
        let phase = match phase {
            0 if pid == 0 => Phase::Down,
            1 if pid != 0 => Phase::Run,
            2 => Phase::Finish,
            _ => return None,
        };
        Some(Self {
            since,
            pid,
            want,
            phase,
            is_leaving: left != 0,
        })
    }

    /// What it does. One that was started once runs although it is not wanted any more.
    pub(super) fn active(&self) -> ActiveState {
        match (self.phase, self.want) {
            (Phase::Run, Want::Up) => ActiveState::Active,
            (Phase::Run, Want::Down) if self.is_once() => ActiveState::Active,
            (Phase::Run | Phase::Finish, Want::Down | Want::Exit) => ActiveState::Deactivating,
            (Phase::Down | Phase::Finish, Want::Up) => ActiveState::Activating,
            (Phase::Down, Want::Down | Want::Exit) => ActiveState::Inactive,
        }
    }

    /// Whether it runs and stays down once it has ended, without having been told to end.
    pub(super) fn is_once(&self) -> bool {
        (self.phase, self.want) == (Phase::Run, Want::Down) && !self.is_leaving
    }

    /// What runsv is doing with it, as far as it was asked to.
    pub(super) fn job(&self) -> Option<SeenJob> {
        let verb = match self.active() {
            // Told to end, and to come again.
            ActiveState::Active if self.is_leaving => Verb::Restart,
            ActiveState::Activating => Verb::Start,
            ActiveState::Deactivating => Verb::Stop,
            ActiveState::Active
            | ActiveState::Reloading
            | ActiveState::Inactive
            | ActiveState::Failed
            | ActiveState::Maintenance => return None,
        };
        Some(SeenJob {
            id: 0,
            verb: Some(verb),
        })
    }

    /// The one run of the service that this is; `None` while `run` does not run.
    pub(super) fn run(&self) -> Option<Run> {
        (self.phase == Phase::Run).then_some(Run {
            pid: self.pid,
            since: self.since,
        })
    }
}

/// One run of a service, told from every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) pid: u32,
    pub(super) since: Stamp,
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.pid, self.since)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As runsv wrote it: up, wanted up, process 0x263e.
    pub(in crate::init::runit) const UP: [u8; LENGTH] = [
        0x40, 0, 0, 0, 0x6b, 0x01, 0x98, 0, 0x0c, 0x41, 0x13, 0xcc, 0x3e, 0x26, 0, 0, 0, b'u', 0, 1,
    ];

    /// The same with other last bytes: process id, wanted, left, phase.
    pub(in crate::init::runit) fn status(pid: u8, rest: [u8; 3]) -> Status {
        let mut bytes = UP;
        bytes[12..16].copy_from_slice(&[pid, 0, 0, 0]);
        bytes[17..].copy_from_slice(&rest);
        Status::parse(&bytes).unwrap()
    }

    #[test]
    fn what_runsv_wrote_is_read() {
        let up = Status::parse(&UP).unwrap();
        assert_eq!((up.pid, up.want, up.phase), (0x263e, Want::Up, Phase::Run));
        assert!(!up.is_leaving);
        assert_eq!(
            up.run().unwrap().to_string(),
            "9790:400000006b0198000c4113cc"
        );
    }

    #[test]
    fn what_is_cut_off_or_too_long_or_contradicts_itself_is_no_status() {
        for length in 0..LENGTH {
            assert_eq!(Status::parse(&UP[..length]), None, "{length} bytes");
        }
        let mut long = UP.to_vec();
        long.push(0);
        assert_eq!(Status::parse(&long), None);
        for (at, byte) in [(19, 0), (19, 3), (19, 0xff), (0, 0)] {
            let mut bytes = UP;
            bytes[at] = byte;
            assert_eq!(Status::parse(&bytes), None, "byte {at} is {byte}");
        }
        let mut nobody = UP;
        nobody[12..16].fill(0);
        assert_eq!(Status::parse(&nobody), None, "up, and no process");
    }

    proptest! {
        #[test]
        fn no_garbage_stops_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some(status) = Status::parse(&bytes) {
                let _ = (status.active(), status.job(), status.run());
            }
        }
    }

    #[test]
    fn phase_and_will_come_to_activity_and_work_in_progress() {
        use ActiveState::{Activating, Active, Deactivating, Inactive};
        let (up, down, exit) = (b'u', b'd', 0);
        let cases = [
            (7, [up, 0, 1], Active, None),
            (7, [up, 1, 1], Active, Some(Verb::Restart)),
            (7, [down, 0, 1], Active, None),
            (7, [down, 1, 1], Deactivating, Some(Verb::Stop)),
            (7, [exit, 0, 1], Deactivating, Some(Verb::Stop)),
            (7, [up, 0, 2], Activating, Some(Verb::Start)),
            (0, [up, 0, 2], Activating, Some(Verb::Start)),
            (0, [down, 0, 2], Deactivating, Some(Verb::Stop)),
            (7, [exit, 0, 2], Deactivating, Some(Verb::Stop)),
            (0, [up, 0, 0], Activating, Some(Verb::Start)),
            (0, [down, 0, 0], Inactive, None),
            (0, [exit, 0, 0], Inactive, None),
        ];
        for (pid, rest, active, verb) in cases {
            let status = status(pid, rest);
            assert_eq!(status.active(), active, "{rest:?}");
            let job = status.job().and_then(|job| job.verb);
            assert_eq!(job, verb, "{rest:?}");
        }
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        crate::testing::mutations::mutated(&[&UP], &[], |bytes| {
            if let Some(status) = Status::parse(bytes) {
                let _ = (
                    status.active(),
                    status.job(),
                    status.run().map(|run| run.to_string()),
                );
                let _ = status.since.epoch_micros();
            }
        });
    }
}
