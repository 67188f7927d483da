//! What s6-supervise writes to `supervise/status`, and what it comes to. Pure.
//!
//! Seen with Debian's packages: 35 bytes from 2.11 (bookworm) and from 2.15 (sid), 43 from 2.13 (trixie),
//! which has the process group between the process and how it ended. Both begin with two TAI64N labels
//! and a process number of eight bytes, and end with a wait status of two bytes and one of flags.

use crate::domain::{ActiveState, SeenJob, Verb};
use crate::init::supervise::tai::{self, Stamp};

/// Length with and without the process group, in bytes.
const LENGTHS: [usize; 2] = [35, 43];
/// No status is longer, in bytes; one more than that is read, so that a longer one is told.
pub(super) const LONGEST: u64 = 44;
/// skalibs counts the leap seconds up to now, which other descendants of daemontools do not.
const LEAP_SECONDS: u64 = 27;

const PAUSED: u8 = 1;
const FINISHING: u8 = 2;
const WANTED_UP: u8 = 4;
const READY: u8 = 8;

/// A service as its supervisor sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Status {
    /// When `run` was last started, or last ended; before the first start, when the supervisor was.
    pub(super) stamp: Stamp,
    /// What there is of it.
    pub(super) stage: Stage,
    /// Whether it is to be up, or up again.
    pub(super) wanted: Wanted,
    /// How `run` last ended.
    pub(super) ended: Ended,
}

/// How far a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing of it runs.
    Down,
    /// `run` does, as this process.
    Up {
        /// Its number.
        pid: u32,
        /// Whether it said so; one that never says so is never ready.
        ready: bool,
        /// Whether it was sent SIGSTOP.
        paused: bool,
    },
    /// `run` has ended, and `finish` runs.
    Finishing {
        /// The number of `finish`'s process.
        pid: u32,
    },
}

/// What its supervisor is to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Start it whenever it is down.
    Up,
    /// Leave it down, once it is.
    Down,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// With this exit status; 0 also where it never ran.
    Exited(u8),
    /// By this signal.
    Killed(u8),
}

/// Signals by which nobody stops a service. Any other end may be the answer to one that was asked to go.
const CRASHES: [u8; 7] = [4, 5, 6, 7, 8, 11, 31];

impl Status {
    /// What `bytes` say; `None` for what is none of the known formats.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        if !LENGTHS.contains(&bytes.len()) {
            return None;
        }
        let (stamp, rest) = bytes.split_first_chunk::<{ tai::LENGTH }>()?;
        // When it became ready last, up or down, is in the second.
        let (_, rest) = rest.split_first_chunk::<{ tai::LENGTH }>()?;
        let (pid, rest) = rest.split_first_chunk::<8>()?;
        let pid = u32::try_from(u64::from_be_bytes(*pid)).ok()?;
        let (_, [high, low, flags]) = rest.split_last_chunk::<3>()?;
        let is = |flag: u8| flags & flag != 0;
        let stage = match (pid, is(FINISHING)) {
            (0, _) => Stage::Down,
            (pid, true) => Stage::Finishing { pid },
            (pid, false) => Stage::Up {
                pid,
                ready: is(READY),
                paused: is(PAUSED),
            },
        };
        let wanted = if is(WANTED_UP) {
            Wanted::Up
        } else {
            Wanted::Down
        };
        Some(Self {
            stamp: moment(*stamp)?,
            stage,
            wanted,
            ended: Ended::of(*high, *low),
        })
    }

    /// What it does. One that runs and is not wanted is on its way down, or was started for once, which
    /// nothing tells apart: nobody shall start again what somebody is stopping.
    pub(super) fn active(&self, notifies: Notifies) -> ActiveState {
        match (self.stage, self.wanted) {
            (Stage::Up { ready: false, .. }, Wanted::Up) if notifies == Notifies::Yes => {
                ActiveState::Activating
            }
            (Stage::Up { .. }, Wanted::Up) => ActiveState::Active,
            // It is started again as soon as `finish` has ended, or a second has passed.
            (Stage::Finishing { .. } | Stage::Down, Wanted::Up) => ActiveState::Activating,
            (Stage::Up { .. } | Stage::Finishing { .. }, Wanted::Down) => ActiveState::Deactivating,
            (Stage::Down, Wanted::Down) if self.ended.is_crash() => ActiveState::Failed,
            (Stage::Down, Wanted::Down) => ActiveState::Inactive,
        }
    }

    /// What its supervisor is doing with it, or about to do.
    pub(super) fn job(&self, notifies: Notifies) -> Option<SeenJob> {
        let verb = match self.active(notifies) {
            ActiveState::Activating => Verb::Start,
            ActiveState::Deactivating => Verb::Stop,
            ActiveState::Active
            | ActiveState::Reloading
            | ActiveState::Inactive
            | ActiveState::Failed
            | ActiveState::Maintenance => return None,
        };
        let verb = Some(verb);
        Some(SeenJob { id: 0, verb })
    }

    /// The process of `run`, 0 if there is none.
    pub(super) fn main_pid(&self) -> u32 {
        match self.stage {
            Stage::Up { pid, .. } => pid,
            Stage::Down | Stage::Finishing { .. } => 0,
        }
    }

    /// Tells one start from the next; empty where it does not run. What it was before is no matter then:
    /// that it went down is not a start.
    pub(super) fn invocation(&self) -> String {
        match self.stage {
            Stage::Up { pid, .. } => format!("{}:{pid}", self.stamp),
            Stage::Down | Stage::Finishing { .. } => String::new(),
        }
    }

    /// Whether it is in another run than `before` showed it in.
    pub(super) fn is_another_run(&self, before: &Self) -> bool {
        self.main_pid() != 0 && self.invocation() != before.invocation()
    }
}

/// The moment of a label that counts leap seconds.
fn moment(mut label: [u8; tai::LENGTH]) -> Option<Stamp> {
    let (seconds, _) = label.split_first_chunk_mut::<8>()?;
    *seconds = u64::from_be_bytes(*seconds)
        .checked_sub(LEAP_SECONDS)?
        .to_be_bytes();
    Stamp::parse(&label)
}

/// Whether a service says when it is ready: it has a file `notification-fd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notifies {
    /// It does.
    Yes,
    /// Nobody is told: it is taken for ready once it was started.
    No,
}

impl Ended {
    fn of(high: u8, low: u8) -> Self {
        match low & 0x7f {
            0 => Self::Exited(high),
            signal => Self::Killed(signal),
        }
    }

    /// The same in the words of systemd's `Result`.
    pub(super) fn result(self) -> &'static str {
        match self {
            // SIGHUP, SIGINT, SIGPIPE, SIGTERM: a clean end of what was asked to go
            Self::Exited(0) | Self::Killed(1 | 2 | 13 | 15) => "success",
            Self::Exited(_) => "exit-code",
            Self::Killed(_) => "signal",
        }
    }

    fn is_crash(self) -> bool {
        matches!(self, Self::Killed(signal) if CRASHES.contains(&signal))
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exited(status) => write!(f, "exit status {status}"),
            Self::Killed(signal) => write!(f, "signal {signal}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(digit).collect()
    }

    fn status(hex: &str) -> Status {
        Status::parse(&bytes(hex)).unwrap()
    }

    /// As Debian's packages wrote them: bookworm's, trixie's, sid's.
    const UP: [(&str, u32); 3] = [
        (
            "400000006b0197a81a542eb2400000006b0197a81a2ea1fb00000000000066ef000004",
            26_351,
        ),
        (
            "400000006b0197b02307bad3400000006b0197b02300ac1e0000000000006b780000000000006b78000004",
            27_512,
        ),
        (
            "400000006b0197b82eb010f5400000006b0197b82e9b066c00000000000077d9000004",
            30_681,
        ),
    ];
    const READY: &str = "400000006b0197a81a415b2d400000006b0197a82c62cb4c00000000000066f000000c";
    const FINISHING: &str =
        "400000006b0197fe2b76496e400000006b0197fb17a87b540000000000000040000f06";
    const WAITING: &str = "400000006b0197fc17da2ebc400000006b0197fc17e47b0b000000000000000003000c";
    const FAILED_FOR_GOOD: &str =
        "400000006b0198040167373d400000006b01980401a9e5d800000000000000000000000000000000030008";
    const STOPPED: &str = "400000006b0197b003358036400000006b0197b00342793f0000000000000000000f08";
    const ONCE: &str = "400000006b0197fb1781d67d400000006b0197fb1761d480000000000000000e000000";
    const PAUSED: &str = "400000006b01980119e896cb400000006b01980119de73a0000000000000006f000005";
    /// sid's sets the flag for SIGSTOP where nothing runs yet.
    const NEVER_STARTED: &str =
        "400000006b01991501eab7fe400000006b01991501eab7fe0000000000000000000009";

    #[test]
    fn every_version_s_status_of_what_runs_is_read() {
        for (hex, pid) in UP {
            let status = status(hex);
            assert_eq!(status.main_pid(), pid);
            assert_eq!(status.active(Notifies::No), ActiveState::Active);
            assert_eq!(status.active(Notifies::Yes), ActiveState::Activating);
            assert!(status.job(Notifies::No).is_none());
            let verb = status.job(Notifies::Yes).unwrap().verb;
            assert_eq!(verb, Some(Verb::Start));
        }
    }

    #[test]
    fn stages_come_to_activity_and_work_in_progress() {
        use ActiveState::{Activating, Active, Deactivating, Inactive};
        for (hex, active, verb) in [
            (READY, Active, None),
            (PAUSED, Active, None),
            (FINISHING, Activating, Some(Verb::Start)),
            (WAITING, Activating, Some(Verb::Start)),
            (ONCE, Deactivating, Some(Verb::Stop)),
            (STOPPED, Inactive, None),
            (NEVER_STARTED, Inactive, None),
            // It may have been stopped, and have answered SIGTERM with that.
            (FAILED_FOR_GOOD, Inactive, None),
        ] {
            let status = status(hex);
            let notifies = match hex {
                READY => Notifies::Yes,
                _ => Notifies::No,
            };
            assert_eq!(status.active(notifies), active, "{hex}");
            let job = status.job(notifies).and_then(|job| job.verb);
            assert_eq!(job, verb, "{hex}");
        }
    }

    #[test]
    fn what_crashed_and_is_left_down_has_failed_and_what_was_killed_may_have_been_stopped() {
        for (signal, active) in [
            ("0b", ActiveState::Failed),
            // with a core
            ("8b", ActiveState::Failed),
            ("09", ActiveState::Inactive),
        ] {
            let hex = STOPPED.replace("000f08", &format!("00{signal}08"));
            assert_eq!(status(&hex).active(Notifies::No), active, "{signal}");
        }
    }

    #[test]
    fn how_it_ended_is_told_in_words() {
        for (hex, words, result) in [
            (STOPPED, "signal 15", "success"),
            (FAILED_FOR_GOOD, "exit status 3", "exit-code"),
            (NEVER_STARTED, "exit status 0", "success"),
        ] {
            let ended = status(hex).ended;
            assert_eq!(
                (ended.to_string().as_str(), ended.result()),
                (words, result)
            );
        }
    }

    #[test]
    fn a_start_is_told_from_the_next_and_going_down_is_no_start() {
        let (first, second) = (status(UP[0].0), status(READY));
        assert!(second.is_another_run(&first) && !first.is_another_run(&first));
        assert!(!status(STOPPED).is_another_run(&first));
        assert!(!status(FINISHING).is_another_run(&first));
        assert!(first.is_another_run(&status(STOPPED)));
    }

    #[test]
    fn a_stamp_counts_leap_seconds() {
        // 13:07:23 UTC on 21 November 2026, when it was stopped
        assert_eq!(status(STOPPED).stamp.epoch_seconds(), 1_795_266_443);
    }

    #[test]
    fn what_is_cut_off_or_goes_on_is_no_status() {
        let whole = bytes(UP[1].0);
        for length in 0..whole.len() {
            let parsed = Status::parse(&whole[..length]);
            // The one that is as long as another version's whole one may be taken for that.
            assert!(parsed.is_none() || length == 35, "{length} bytes");
        }
        let long = [whole.as_slice(), &[0]].concat();
        assert_eq!(Status::parse(&long), None);
        assert_eq!(Status::parse(&[0xff; 35]), None);
        assert_eq!(Status::parse(&[0; 43]), None);
        let mut pid = bytes(READY);
        pid[24] = 1;
        assert_eq!(Status::parse(&pid), None, "a process number beyond 32 bits");
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let mut seeds = vec![
            READY,
            FINISHING,
            WAITING,
            FAILED_FOR_GOOD,
            STOPPED,
            ONCE,
            PAUSED,
        ];
        seeds.extend(UP.map(|(hex, _)| hex));
        let seeds: Vec<Vec<u8>> = seeds.into_iter().map(bytes).collect();
        let seeds: Vec<&[u8]> = seeds.iter().map(Vec::as_slice).collect();
        crate::testing::mutations::mutated(&seeds, &[], |bytes| {
            if let Some(status) = Status::parse(bytes) {
                let _ = (status.active(Notifies::Yes), status.job(Notifies::No));
            }
        });
    }
}
