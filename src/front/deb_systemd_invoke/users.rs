//! `--user`: the same action in every running user's manager, all of them at once, each judged by what its own manager
//! says of its own units. policy-rc.d is asked once for each unit, and not about as many as a manager likes to name.
//! Nothing of it is noted on the ledger, which is the machine's: what cannot be done now is not put off, and a stop takes
//! down what was named and no more.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::Call;
use super::asking::Asking;
use super::once::{Once, Said};
use crate::act::{ActError, Report};
use crate::decide::also_asked;
use crate::domain::{Action, Facts, HelperAnswer, InitKind, Known, Request, Verdict, Wait};
use crate::front::crowd::{AreYouThere, Crowd, Event, Limits};
use crate::front::inquiry::{Heard, Stuck};
use crate::front::perform::{Case, Session};
use crate::init::InitError;
use crate::init::systemd::{Limit, RunningUser, Systemd};
use crate::observe::helper::HelperError;
use crate::policy::ActionLimit;
use crate::report::systemctl;

/// How long a user's manager may be silent, in each of the two turns that it has.
const SILENCE: Duration = Duration::from_millis(2400);
/// How long one answer of its may take, and how long it may be away (re-executing itself): less, so that the reason
/// reaches us.
const ANSWER: Duration = Duration::from_millis(2000);
/// How long dpkg waits for a job where the policy says nothing: a manager tells its units' limits, and may say anything.
const JOBS: Duration = Duration::from_secs(30);
/// Beyond the limit of a job.
const GRACE: Duration = Duration::from_secs(2);
/// So often policy-rc.d is asked at most because of what a manager says that one named unit triggers. A message of the
/// longest kind names 10,000.
const MOST_ASKED: usize = 32;

/// Why nothing is done in a user's manager that did answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
enum LeftOut {
    /// policy-rc.d would have to be asked about everything that it makes up.
    #[error(
        "policy-rc.d would be asked {count} times about what {unit} triggers, more than {MOST_ASKED}"
    )]
    Crowded {
        /// The unit that was named.
        unit: String,
        /// What policy-rc.d would be asked.
        count: usize,
    },
    /// policy-rc.d gave no answer about a unit that this manager names.
    #[error("{0}")]
    Helper(#[from] HelperError),
}

/// What one user's thread brought.
enum Brought {
    /// What the manager says of each unit.
    Facts(Result<Vec<Facts>, InitError>),
    /// What came of the jobs.
    Report(Vec<Case>, Result<Report, ActError>),
}

/// A unit, and what policy-rc.d said of it.
#[derive(Debug, Clone)]
struct Asked {
    request: Request,
    helper: HelperAnswer,
}

/// One call for all users.
struct Everywhere<'a> {
    call: &'a Call,
    users: Vec<RunningUser>,
    session: Arc<Session>,
    asked: Vec<Asked>,
    heard: Heard,
    limit: Limit,
    crowd: Crowd<Brought>,
    /// What policy-rc.d said of units that managers named.
    said: Said,
    ending: u8,
}

impl Call {
    /// Does the action for every running user; the exit status.
    pub(super) fn act_for_users(&mut self) -> Result<u8, Stuck> {
        if !self.is_native() {
            let action = &self.action;
            let why = "only start, stop, restart, try-restart, reload, daemon-reload and daemon-reexec are";
            self.voice.warn(&format!(
                "`{action}` is not done for users' managers: {why}"
            ));
            return Ok(1);
        }
        let requests: Vec<Request> = self.units.iter().map(|unit| self.request(unit)).collect();
        let mut asker = Asking::new(&self.session, &self.voice);
        let heard = self.session.hear(&requests, &mut asker)?;
        if let Heard::NoneAllowed = heard {
            return Ok(self.none_allowed(&asker));
        }
        let asked = self.allowed(requests, &heard);
        if asked.is_empty() {
            return Ok(0);
        }
        let users = self.systemd.running_users()?;
        Ok(Everywhere::new(self, users, asked, heard).go())
    }

    /// What no policy forbids whatever a manager says; the rest is announced here, once.
    fn allowed(&self, requests: Vec<Request>, heard: &Heard) -> Vec<Asked> {
        let mut allowed = Vec::new();
        for (index, request) in requests.into_iter().enumerate() {
            let (kind, machine) = (InitKind::Systemd, Known::default());
            let mut facts = self.session.unseen(&request, kind, machine);
            let helper = heard.at(index);
            facts.helper = helper.clone();
            let case = self.session.decide(request.clone(), facts, None);
            match case.decision.verdict {
                Verdict::Deny => drop(self.announce(case)),
                _ => allowed.push(Asked { request, helper }),
            }
        }
        allowed
    }
}

impl<'a> Everywhere<'a> {
    fn new(call: &'a Call, users: Vec<RunningUser>, asked: Vec<Asked>, heard: Heard) -> Self {
        let session = Arc::new(call.session.without_notes());
        let limit = match session.policy.settings().action_limit {
            ActionLimit::Unit => Limit::Unit,
            ActionLimit::After(limit) => Limit::Fixed(limit),
        };
        let all = users.clone();
        let are_you_there: AreYouThere = Arc::new(move |member| {
            let user = all.get(member);
            user.is_some_and(|user| manager_of(*user, limit).answers_within(ANSWER).is_ok())
        });
        Self {
            call,
            users,
            session,
            asked,
            heard,
            limit,
            crowd: Crowd::new(Some(are_you_there)),
            said: Said::new(),
            ending: 0,
        }
    }

    fn go(mut self) -> u8 {
        for (member, user) in self.users.clone().into_iter().enumerate() {
            self.observe(member, user);
        }
        while let Some((member, event)) = self.crowd.next() {
            let Some(user) = self.users.get(member).copied() else {
                continue;
            };
            match event {
                Event::Done(Brought::Facts(Err(error))) => self.left_out(user, &error.to_string()),
                Event::Done(Brought::Facts(Ok(facts))) => match self.judge(facts) {
                    Ok(cases) => self.act(member, user, cases),
                    Err(why) => self.left_out(user, &why.to_string()),
                },
                Event::Done(Brought::Report(cases, result)) => self.tell(user, cases, result),
                Event::Silent => self.unheard(user),
                Event::Overdue => self.overdue(user),
            }
        }
        self.ending
    }

    fn observe(&mut self, member: usize, user: RunningUser) {
        let (session, limit) = (Arc::clone(&self.session), self.limit);
        let requests: Vec<Request> = self.asked.iter().map(|one| one.request.clone()).collect();
        let limits = Limits {
            silence: SILENCE,
            most: SILENCE,
        };
        self.crowd.send(member, limits, move || {
            let mut manager = manager_of(user, limit);
            let observed = requests.iter().map(|request| {
                let (facts, _) = session.observe(&mut manager, request, None)?;
                Ok(facts)
            });
            let facts = observed.collect();
            Brought::Facts(facts)
        });
    }

    /// Decides about each unit by what this user's manager says of it.
    fn judge(&mut self, facts: Vec<Facts>) -> Result<Vec<Case>, LeftOut> {
        let mut asker = Asking::new(&self.session, &self.call.voice);
        let mut asker = Once {
            asker: &mut asker,
            said: &mut self.said,
        };
        let mut cases = Vec::new();
        for (asked, mut facts) in self.asked.iter().zip(facts) {
            // What does not run for this user has nothing to reload there.
            if asked.request.action == Action::Reload && !facts.unit.is_up() {
                continue;
            }
            is_bearable(&asked.request, &facts)?;
            facts.helper = asked.helper.clone();
            let (request, heard) = (asked.request.clone(), &self.heard);
            let seen = (facts, None);
            let case = self
                .session
                .consider_seen(request, seen, heard, &mut asker)?;
            cases.push(case);
        }
        let announced = cases.into_iter().map(|case| self.call.announce(case));
        Ok(announced.flatten().collect())
    }

    fn act(&mut self, member: usize, user: RunningUser, mut cases: Vec<Case>) {
        let nothing = |case: &Case| case.decision.verdict == Verdict::Nothing;
        if cases.iter().all(nothing) {
            cases
                .iter()
                .for_each(|case| self.session.log(case, Some(0)));
            return;
        }
        let session = Arc::clone(&self.session);
        let limits = Limits {
            silence: SILENCE,
            most: most_for_jobs(self.limit),
        };
        let limit = self.limit;
        self.crowd.send(member, limits, move || {
            // Not the connection of before: one belongs to one thread.
            let mut manager = manager_of(user, limit);
            let result = session.act(&mut manager, &mut cases, Wait::Done);
            Brought::Report(cases, result)
        });
    }

    fn tell(&mut self, user: RunningUser, cases: Vec<Case>, result: Result<Report, ActError>) {
        let uid = user.uid;
        let ending = match &result {
            Ok(report) => self.tell_of(user, report),
            Err(ActError::Init(error)) => {
                self.left_out(user, &error.to_string());
                0
            }
            Err(error) => {
                let line = self.call.line();
                self.call
                    .voice
                    .warn(&format!("{line} for user {uid}: {error}"));
                1
            }
        };
        for case in &cases {
            self.session.log(case, Some(ending));
        }
        self.ends(ending);
    }

    fn tell_of(&self, user: RunningUser, report: &Report) -> u8 {
        let (voice, uid) = (&self.call.voice, user.uid);
        for warning in &report.warnings {
            voice.warn(&format!("user {uid}: {warning}"));
        }
        for (job, failure) in report.failures() {
            for line in systemctl::lines(job.verb, &job.unit, failure) {
                voice.line(&line);
            }
            voice.warn(&format!(
                "{} of {} failed for user {uid}: {failure}",
                job.verb, job.unit
            ));
        }
        let outcomes = report.outcomes.iter();
        systemctl::exit_status_of(outcomes.map(|(job, outcome)| (job.verb, outcome)))
    }

    /// What stock cannot reach it passes over: no user's manager makes an upgrade fail by silence.
    fn left_out(&self, user: RunningUser, why: &str) {
        let (line, uid) = (self.call.line(), user.uid);
        self.call
            .voice
            .warn(&format!("{line} is not done for user {uid}: {why}"));
    }

    /// It may still do what it was asked for, if it was.
    fn unheard(&self, user: RunningUser) {
        let (line, uid) = (self.call.line(), user.uid);
        self.call.voice.warn(&format!(
            "{line} is not known to be done for user {uid}: it does not answer"
        ));
    }

    fn overdue(&mut self, user: RunningUser) {
        let (line, uid) = (self.call.line(), user.uid);
        self.call.voice.warn(&format!(
            "{line} for user {uid} takes too long and goes on by itself"
        ));
        self.ends(1);
    }

    fn ends(&mut self, ending: u8) {
        // original: stop for users succeeds whatever becomes of it
        if self.call.action != Action::Stop {
            self.ending = self.ending.max(ending);
        }
    }
}

fn manager_of(user: RunningUser, limit: Limit) -> Systemd {
    Systemd::of_user(user, limit).waiting(ANSWER)
}

fn most_for_jobs(limit: Limit) -> Duration {
    match limit {
        Limit::Unit => JOBS,
        Limit::Fixed(limit) => limit.saturating_add(GRACE),
    }
}

/// Whether what a manager says keeps dpkg busy for no longer than an honest one's word would.
fn is_bearable(request: &Request, facts: &Facts) -> Result<(), LeftOut> {
    match also_asked(request, facts, None).len() {
        0..=MOST_ASKED => Ok(()),
        count => Err(LeftOut::Crowded {
            unit: request.unit.to_string(),
            count,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Context, FrontEnd, Scope, UnitFacts, UnitName};

    fn naming(count: usize) -> (Request, Facts) {
        let named = UnitName::parse("foo.socket").unwrap();
        let mut unit = UnitFacts::unknown(&named, "no matter");
        let names = (0..count).map(|n| UnitName::parse(&format!("made-up-{n}")).unwrap());
        unit.triggers = names.collect();
        let request = Request {
            front: FrontEnd::DebSystemdInvoke,
            named: named.to_string(),
            unit: named,
            action: Action::Restart,
            flags: Vec::new(),
            scope: Scope::User,
            context: Context::default(),
        };
        let facts = Facts {
            now: 0,
            life: None,
            init: InitKind::Systemd,
            capabilities: InitKind::Systemd.capabilities(),
            machine: Known::default(),
            unit,
            related: Vec::new(),
            helper: HelperAnswer::Absent,
            helper_related: Vec::new(),
        };
        (request, facts)
    }

    #[test]
    fn a_manager_that_names_thousands_of_units_is_left_out_before_policy_rc_d_is_asked() {
        let (request, facts) = naming(10_000);
        let why = is_bearable(&request, &facts).unwrap_err().to_string();
        assert!(
            why.contains("asked 20000 times about what foo.socket triggers"),
            "{why}"
        );
        let (request, facts) = naming(3);
        assert_eq!(is_bearable(&request, &facts), Ok(()));
        assert!(!also_asked(&request, &facts, None).is_empty());
    }

    #[test]
    fn a_job_that_never_ends_holds_dpkg_up_for_half_a_minute_or_as_long_as_the_policy_says() {
        assert_eq!(most_for_jobs(Limit::Unit), Duration::from_secs(30));
        let said = Limit::Fixed(Duration::from_secs(300));
        assert_eq!(most_for_jobs(said), Duration::from_secs(302));
    }
}
