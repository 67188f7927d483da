//! systemd, over its private socket: no bus daemon, no library, no child process, no thread.
//! What only asks is asked again when the connection is lost; what acts is not, its loss is an
//! outcome. It observes and carries out; it decides nothing and prints nothing.

mod apart;
mod bus_files;
mod dial;
mod glimpse;
mod hold;
mod jobs;
mod limits;
mod listing;
mod manager;
mod names;
mod of_users;
mod processes;
mod progress;
mod queries;
mod seen;
mod sysv_links;
mod users;
mod waiting;

pub use self::manager::Before;
pub use self::users::RunningUser;

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use self::dial::Sockets;
use self::names::{MANAGER, MANAGER_PATH, SYSTEMD};
use self::seen::Moment;
use super::dbus::connection::body;
use super::dbus::link::Link;
use super::{Apart, Depth, Init, InitError, Onlooker};
use crate::domain::{
    ActiveState, InitKind, Job, JobFailure, JobOutcome, Known, Machine, Seen, SeenJob, UnitFacts,
    UnitName, Wait,
};

/// How long PID 1 may be away, or silent, unless the policy says otherwise.
const WAIT: Duration = Duration::from_secs(30);

/// How long it may take to read all definitions again: 19 s were seen on a large machine.
const RELOAD_LIMIT: Duration = Duration::from_secs(90);

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
    link: Link<Sockets>,
    /// Whether it may know the call for many jobs at once, as far as we know.
    takes_many: bool,
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
            link: Link::new(Sockets::default(), WAIT),
            takes_many: true,
        }
    }

    /// The same over the system bus alone, as a user without access to the private socket has it.
    pub fn over_bus(limit: Limit) -> Self {
        let sockets = Sockets {
            private: None,
            ..Sockets::default()
        };
        Self {
            limit,
            link: Link::new(sockets, WAIT),
            takes_many: true,
        }
    }

    /// The same, with so much patience: for so long PID 1 may be away or silent, counted from its
    /// last answer. Connecting is tried again meanwhile, and so is every question that changes
    /// nothing.
    #[must_use]
    pub fn waiting(mut self, wait: Duration) -> Self {
        self.set_wait(wait);
        self
    }

    /// See `waiting`.
    pub fn set_wait(&mut self, wait: Duration) {
        self.link.patience.set_wait(wait);
    }

    /// The same, with somebody who is told what is waited for.
    #[must_use]
    pub fn watched_by(mut self, onlooker: Rc<dyn Onlooker>) -> Self {
        self.link.set_onlooker(onlooker);
        self
    }

    /// Connects where there is no connection, or one that the other end has closed.
    ///
    /// # Errors
    /// When nobody, or somebody else, listens, or PID 1 does not answer in time.
    pub fn connect(&mut self) -> Result<(), InitError> {
        self.link.once(|link| link.connected().map(|_| ()))
    }

    /// Drops the connection; the next question makes a new one.
    pub fn disconnect(&mut self) {
        self.link.disconnect();
    }

    /// When the manager's user space began, in microseconds since the epoch: another value is
    /// another life, also after a soft-reboot, which keeps the boot id.
    ///
    /// # Errors
    /// When systemd could not be asked.
    pub fn userspace_timestamp(&mut self) -> Result<u64, InitError> {
        self.manager_property("UserspaceTimestamp")
    }

    /// The loaded units that `pattern` matches: `*`, `?` and `[...]` as in fnmatch(3).
    ///
    /// # Errors
    /// When systemd could not be asked, or refuses the pattern.
    pub fn matching(&mut self, pattern: &str) -> Result<Vec<UnitName>, InitError> {
        listing::matching(&mut self.link, &[pattern.to_owned()])
    }

    /// Whether `systemctl is-system-running` would say so: degraded, or no answer, is a no.
    pub fn is_fully_up(&mut self) -> bool {
        self.manager_property::<String>("SystemState")
            .is_ok_and(|word| word == "running")
    }

    /// Asks for jobs and waits as it is ordered.
    fn run_ordered(&mut self, order: &jobs::Order<'_>) -> Result<Vec<JobOutcome>, InitError> {
        // Outcomes are no sign that anything was answered: whoever hears an answer says so.
        let outcomes = jobs::run(&mut self.link, order);
        let lost =
            |outcome: &JobOutcome| matches!(outcome, JobOutcome::Failed(JobFailure::Lost(_)));
        if !outcomes.as_ref().is_ok_and(|all| !all.iter().any(lost)) {
            self.disconnect();
        }
        outcomes.map_err(nothing_asked)
    }

    /// Sends a signal to `whom` of a unit's processes: `main` or `all`. Never repeated by itself.
    fn send_signal(&mut self, unit: &UnitName, whom: &str, signal: i32) -> Result<(), InitError> {
        self.link.once(|link| {
            let arguments = (unit.as_str(), whom, signal);
            let call = link
                .connected()?
                .call(MANAGER_PATH, MANAGER, "KillUnit", &arguments)?;
            let answer = link.call_all(&[call])?.pop();
            answer.map_or(Ok(()), body::<()>)
        })
    }

    fn manager_property<T>(&mut self, name: &str) -> Result<T, InitError>
    where
        T: TryFrom<zbus::wire::OwnedVariant>,
    {
        let question = |link: &_| Ok(vec![queries::get_of_manager(link, name)?]);
        let answer = self.link.ask(question)?.pop();
        queries::value(answer.unwrap_or_else(|| Err(no_answer())))
    }

    /// Completes what each of `seen` says of its job by what the job does.
    fn look_at_jobs(&mut self, seen: &mut [Seen]) -> Result<(), InitError> {
        let mut jobs: Vec<&mut SeenJob> = seen
            .iter_mut()
            .filter_map(|seen| match &mut seen.job {
                Known::Is(job) => job.as_mut(),
                Known::Unknown(_) => None,
            })
            .collect();
        if jobs.is_empty() {
            return Ok(());
        }
        let ids: Vec<u32> = jobs.iter().map(|job| job.id).collect();
        let answers = self.link.ask(|link| {
            let questions = ids.iter().map(|id| seen::job_question(link, *id));
            questions.collect()
        })?;
        for (job, answer) in jobs.iter_mut().zip(answers) {
            // A job that has ended meanwhile is found to be gone by the next look.
            let word = queries::value::<String>(answer).unwrap_or_default();
            job.verb = seen::job_verb(&word);
        }
        Ok(())
    }
}

/// A connection that was lost before anything was asked on it leaves no doubt.
fn nothing_asked(error: InitError) -> InitError {
    match error {
        InitError::Lost { init, why } => InitError::Unreachable { init, why },
        other => other,
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

    fn machine(&mut self) -> Known<Machine> {
        match self.manager_property::<String>("SystemState") {
            Ok(word) => machine(&word),
            Err(error) => Known::Unknown(error.to_string()),
        }
    }

    fn userspace(&mut self) -> Known<u64> {
        self.userspace_timestamp().into()
    }

    fn userspace_since(&mut self) -> Known<u64> {
        self.manager_property("UserspaceTimestampMonotonic").into()
    }

    fn units(&mut self, names: &[UnitName], depth: Depth) -> Result<Vec<UnitFacts>, InitError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let answers = self
            .link
            .ask(|link| queries::questions(link, names, depth))?;
        let found = queries::units(names, depth, answers);
        Ok(match &self.link.dialer().user {
            Some(_) => of_users::without_scripts(found),
            None => found,
        })
    }

    fn glimpse(&self, name: &UnitName) -> Option<UnitFacts> {
        let own = self.link.dialer().user.is_none();
        own.then(|| glimpse::glimpse(Path::new("/"), name))?
    }

    fn services(&mut self, beginnings: &[String]) -> Result<Vec<UnitName>, InitError> {
        listing::services(&mut self.link, beginnings)
    }

    fn active(&mut self, unit: &UnitName) -> Result<Known<ActiveState>, InitError> {
        let question = |link: &_| Ok(vec![queries::get(link, unit, queries::ACTIVE)?]);
        let answer = self.link.ask(question)?.pop();
        Ok(queries::active_state(queries::value(
            answer.unwrap_or_else(|| Err(no_answer())),
        )))
    }

    fn seen(&mut self, units: &[UnitName]) -> Result<Vec<Seen>, InitError> {
        if units.is_empty() {
            return Ok(Vec::new());
        }
        let mut answers = self
            .link
            .ask(|link| {
                let questions = |unit| seen::questions(link, unit, Moment::After);
                let all: Result<Vec<_>, _> = units.iter().map(questions).collect();
                Ok(all?.concat())
            })?
            .into_iter();
        let mut seen: Vec<Seen> = units
            .iter()
            .map(|unit| {
                let count = seen::properties(unit.kind(), Moment::After).count();
                let own = answers.by_ref().take(count).collect();
                seen::seen(unit, Moment::After, own)
            })
            .collect();
        self.look_at_jobs(&mut seen)?;
        Ok(seen)
    }

    fn run(&mut self, jobs: &[Job], wait: Wait) -> Result<Vec<JobOutcome>, InitError> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        self.run_ordered(&jobs::Order {
            jobs,
            wait,
            limit: self.limit,
            calls: jobs::Calls::Each,
        })
    }

    fn run_as_one(&mut self, jobs: &[Job], wait: Wait) -> Result<Vec<JobOutcome>, InitError> {
        let Some(together) = jobs::Calls::as_one(jobs).filter(|_| self.takes_many) else {
            return self.run(jobs, wait);
        };
        let outcomes = self.run_ordered(&jobs::Order {
            jobs,
            wait,
            limit: self.limit,
            calls: together,
        })?;
        let refused = |outcome: &JobOutcome| {
            matches!(outcome, JobOutcome::Failed(JobFailure::Refused { .. }))
        };
        if !outcomes.iter().all(refused) {
            return Ok(outcomes);
        }
        // Before 262 there is no such call; from then on one job that cannot be is enough to have all
        // of them refused.
        self.takes_many = !outcomes.iter().any(jobs::is_unknown_call);
        self.run(jobs, wait)
    }

    fn limit_of(&mut self, jobs: &[Job]) -> Result<Option<Duration>, InitError> {
        match self.limit {
            Limit::Fixed(limit) => Ok(Some(limit)),
            Limit::Unit => limits::own(&mut self.link, &jobs.iter().collect::<Vec<_>>()),
        }
    }

    fn waiting_for_us(&mut self, jobs: &[SeenJob]) -> Result<Vec<u32>, InitError> {
        let paths: Vec<String> = jobs.iter().map(|job| seen::job_path(job.id)).collect();
        let found = waiting::for_us(&mut self.link, &paths)?;
        let pairs = jobs.iter().zip(&paths);
        let waiting = pairs.filter(|(_, path)| found.contains(path));
        Ok(waiting.map(|(job, _)| job.id).collect())
    }

    fn run_apart(&mut self, name: &UnitName, command: &[&str]) -> Result<Apart, InitError> {
        self.start_apart(name, command)
    }

    fn reread(&mut self) -> Result<(), InitError> {
        self.reload(RELOAD_LIMIT)
    }

    fn kill(&mut self, unit: &UnitName) -> Result<(), InitError> {
        const SIGKILL: i32 = 9;
        self.send_signal(unit, "all", SIGKILL)
    }

    fn hold(&mut self, unit: &UnitName) -> Result<(), InitError> {
        hold::hold(&mut self.link, unit)
    }

    fn release(&mut self, unit: &UnitName) -> Result<(), InitError> {
        hold::release(&mut self.link, unit)
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
