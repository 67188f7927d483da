//! systemd, over its private socket: no bus daemon, no library, no child process, no thread.
//! zbus packs and unpacks the messages; sending, waiting and time limits are done here, because
//! a zbus connection that outlives one call runs on a helper thread and knows no time limits.
//! It observes and carries out; it decides nothing and prints nothing.

mod bus_files;
mod dial;
mod hold;
mod jobs;
mod names;
mod queries;
mod sysv_links;

use std::time::Duration;

use self::dial::{Sockets, dial};
use self::names::{MANAGER, MANAGER_PATH, SYSTEMD};
use super::dbus::connection::{Connection, body};
use super::dbus::stream::Deadline;
use super::{Depth, Init, InitError};
use crate::domain::{
    Capabilities, InitKind, Job, JobFailure, JobOutcome, Known, Machine, UnitFacts, UnitName, Wait,
};

/// How long PID 1 may take for one answer: as long as systemctl waits, and a little more, since a
/// reload of a large machine keeps it from answering.
const ANSWER: Duration = Duration::from_secs(30);

/// How long nobody may listen.
const WAIT: Duration = Duration::from_secs(30);
/// Between two attempts to reach somebody.
const PAUSE: Duration = Duration::from_millis(50);

/// How long jobs may take before they are left to themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The units' own limits of start and stop, and 10 s; none where theirs is `infinity`.
    Unit,
    /// This long.
    Fixed(Duration),
}

/// The system's systemd. The connection is made by the first question and kept.
#[derive(Debug)]
pub struct Systemd {
    /// How long jobs may take.
    pub limit: Limit,
    /// How long one answer may take.
    pub answer: Duration,
    /// How long nobody may listen, as while PID 1 re-executes itself: so long connecting is tried
    /// again, and questions that change nothing are asked again.
    pub wait: Duration,
    sockets: Sockets,
    link: Option<Connection>,
}

impl Default for Systemd {
    fn default() -> Self {
        Self::new(Limit::Unit)
    }
}

impl Systemd {
    /// Contacts nobody yet.
    pub fn new(limit: Limit) -> Self {
        Self {
            limit,
            answer: ANSWER,
            wait: WAIT,
            sockets: Sockets::default(),
            link: None,
        }
    }

    /// The same over the system bus alone, as a user without access to the private socket has it.
    pub fn over_bus(limit: Limit) -> Self {
        let sockets = Sockets {
            private: std::path::PathBuf::from("/run/dbus/no-private-socket"),
            ..Sockets::default()
        };
        Self {
            sockets,
            ..Self::new(limit)
        }
    }

    /// Connects where there is no connection, or one that the other end has closed.
    ///
    /// # Errors
    /// When nobody, or somebody else, listens, or PID 1 does not answer in time.
    pub fn connect(&mut self) -> Result<(), InitError> {
        self.linked().map(|_| ())
    }

    /// Drops the connection; the next question makes a new one. For recovering from a loss.
    pub fn disconnect(&mut self) {
        self.link = None;
    }

    /// When the manager's user space began, in microseconds since the epoch: another value is
    /// another life, also after a soft-reboot, which keeps the boot id.
    ///
    /// # Errors
    /// When systemd could not be asked.
    pub fn userspace_timestamp(&mut self) -> Result<u64, InitError> {
        self.manager_property("UserspaceTimestamp")
    }

    /// Whether `systemctl is-system-running` would say so: degraded, or no answer, is a no.
    pub fn is_fully_up(&mut self) -> bool {
        self.manager_property::<String>("SystemState")
            .is_ok_and(|word| word == "running")
    }

    fn linked(&mut self) -> Result<&mut Connection, InitError> {
        // Nothing is under way between two questions: a closed connection (PID 1 was re-executed)
        // can be made anew without any doubt about what was asked.
        let kept = self.link.take().and_then(Connection::if_open);
        let usable = match kept {
            Some(link) => link,
            None => self.dial_patiently()?,
        };
        Ok(self.link.insert(usable))
    }

    fn dial_patiently(&self) -> Result<Connection, InitError> {
        let deadline = Deadline::after(self.wait);
        loop {
            match dial(&self.sockets, self.answer) {
                Err(InitError::Unreachable { .. } | InitError::Lost { .. })
                    if !deadline.passed() =>
                {
                    std::thread::sleep(PAUSE);
                }
                result => return result,
            }
        }
    }

    /// Runs `work`, which only asks and changes nothing, again where the connection broke under it.
    fn read<T>(
        &mut self,
        mut work: impl FnMut(&mut Connection) -> Result<T, InitError>,
    ) -> Result<T, InitError> {
        let deadline = Deadline::after(self.wait);
        loop {
            match self.with_link(&mut work) {
                Err(InitError::Lost { .. }) if !deadline.passed() => std::thread::sleep(PAUSE),
                result => return result,
            }
        }
    }

    /// Runs `work` on the connection, and drops a connection that failed.
    fn with_link<T>(
        &mut self,
        work: impl FnOnce(&mut Connection) -> Result<T, InitError>,
    ) -> Result<T, InitError> {
        let result = work(self.linked()?);
        if let Err(InitError::Lost { .. } | InitError::Silent { .. }) = &result {
            self.disconnect();
        }
        result
    }

    fn manager_property<T>(&mut self, name: &str) -> Result<T, InitError>
    where
        T: TryFrom<zbus::wire::OwnedVariant>,
    {
        let limit = self.answer;
        self.read(|link| {
            let call = queries::get_of_manager(link, name)?;
            let answer = link.call_all(&[call], limit)?.pop();
            queries::value(answer.unwrap_or_else(|| Err(no_answer())))
        })
    }
}

fn no_answer() -> InitError {
    InitError::Lost {
        init: SYSTEMD,
        why: "no answer".to_owned(),
    }
}

fn machine(word: &str) -> Known<Machine> {
    match word {
        "initializing" | "starting" => Known::Is(Machine::Starting),
        "running" | "degraded" | "maintenance" => Known::Is(Machine::Running),
        "stopping" => Known::Is(Machine::Stopping),
        other => Known::Unknown(format!("systemd says `{other}`")),
    }
}

impl Init for Systemd {
    fn kind(&self) -> InitKind {
        InitKind::Systemd
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            activation: true,
            transactions: true,
        }
    }

    fn machine(&mut self) -> Known<Machine> {
        match self.manager_property::<String>("SystemState") {
            Ok(word) => machine(&word),
            Err(error) => Known::Unknown(error.to_string()),
        }
    }

    fn userspace(&mut self) -> Known<u64> {
        self.userspace_timestamp().into()
    }

    fn units(&mut self, names: &[UnitName], depth: Depth) -> Result<Vec<UnitFacts>, InitError> {
        let limit = self.answer;
        match names {
            [] => Ok(Vec::new()),
            names => self.read(|link| queries::units(link, names, depth, limit)),
        }
    }

    fn run(&mut self, jobs: &[Job], wait: Wait) -> Result<Vec<JobOutcome>, InitError> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let times = jobs::Times {
            jobs: self.limit,
            answer: self.answer,
        };
        let outcomes = self.with_link(|link| jobs::run(link, jobs, wait, times))?;
        let lost =
            |outcome: &JobOutcome| matches!(outcome, JobOutcome::Failed(JobFailure::Lost(_)));
        if outcomes.iter().any(lost) {
            self.disconnect();
        }
        Ok(outcomes)
    }

    fn kill(&mut self, unit: &UnitName) -> Result<(), InitError> {
        const SIGKILL: i32 = 9;
        let limit = self.answer;
        self.with_link(|link| {
            let arguments = (unit.as_str(), "all", SIGKILL);
            let call = link.call(MANAGER_PATH, MANAGER, "KillUnit", &arguments)?;
            let answer = link.call_all(&[call], limit)?.pop();
            answer.map_or(Ok(()), body::<()>)
        })
    }

    fn hold(&mut self, unit: &UnitName) -> Result<(), InitError> {
        let limit = self.answer;
        self.with_link(|link| hold::hold(link, unit, limit))
    }

    fn release(&mut self, unit: &UnitName) -> Result<(), InitError> {
        let limit = self.answer;
        self.with_link(|link| hold::release(link, unit, limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systemds_states_become_the_machines() {
        let cases = [
            ("initializing", Machine::Starting),
            ("starting", Machine::Starting),
            ("running", Machine::Running),
            ("degraded", Machine::Running),
            ("maintenance", Machine::Running),
            ("stopping", Machine::Stopping),
        ];
        for (word, expected) in cases {
            assert_eq!(machine(word), Known::Is(expected), "{word}");
        }
        assert!(machine("offline").is_unknown() && machine("").is_unknown());
    }
}
