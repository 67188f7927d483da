//! `--user`: the same action in every running user's manager, all of them at once, each judged by what its own manager
//! says of its own units. policy-rc.d is asked once for each unit. Nothing of it is noted on the ledger, which is the
//! machine's: what cannot be done now is not put off, and a stop takes down what was named and no more.

use std::sync::Arc;
use std::time::Duration;

use super::Call;
use super::asking::Asking;
use crate::act::{ActError, Report};
use crate::domain::{Action, Facts, HelperAnswer, InitKind, Known, Request, Verdict, Wait};
use crate::front::crowd::{AreYouThere, Crowd, Event, Limits};
use crate::front::inquiry::{Heard, Stuck};
use crate::front::perform::{Case, Session};
use crate::init::InitError;
use crate::init::systemd::{Limit, RunningUser, Systemd};
use crate::policy::ActionLimit;
use crate::report::systemctl;

/// How long a user's manager may be silent, in each of the two turns that it has.
const SILENCE: Duration = Duration::from_millis(2400);
/// How long one answer of its may take, and how long it may be away (re-executing itself): less, so that the reason
/// reaches us.
const ANSWER: Duration = Duration::from_millis(2000);
/// How long a job may take where the policy says nothing: a manager tells its units' limits, and may say anything.
const JOBS: Duration = Duration::from_secs(100);
/// Beyond the limit of a job.
const GRACE: Duration = Duration::from_secs(2);

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
        Everywhere::new(self, users, asked, heard).go()
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
            ending: 0,
        }
    }

    fn go(mut self) -> Result<u8, Stuck> {
        for (member, user) in self.users.clone().into_iter().enumerate() {
            self.observe(member, user);
        }
        while let Some((member, event)) = self.crowd.next() {
            let Some(user) = self.users.get(member).copied() else {
                continue;
            };
            match event {
                Event::Done(Brought::Facts(Err(error))) => self.left_out(user, &error.to_string()),
                Event::Done(Brought::Facts(Ok(facts))) => {
                    let cases = self.judge(facts)?;
                    self.act(member, user, cases);
                }
                Event::Done(Brought::Report(cases, result)) => self.tell(user, cases, result),
                Event::Silent => self.unheard(user),
                Event::Overdue => self.overdue(user),
            }
        }
        Ok(self.ending)
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
    fn judge(&self, facts: Vec<Facts>) -> Result<Vec<Case>, Stuck> {
        let mut asker = Asking::new(&self.session, &self.call.voice);
        let mut cases = Vec::new();
        for (asked, mut facts) in self.asked.iter().zip(facts) {
            // What does not run for this user has nothing to reload there.
            if asked.request.action == Action::Reload && !facts.unit.is_up() {
                continue;
            }
            facts.helper = asked.helper.clone();
            let (request, heard) = (asked.request.clone(), &self.heard);
            let seen = (facts, None);
            let case = self
                .session
                .consider_seen(request, seen, heard, &mut asker)?;
            cases.extend(self.call.announce(case));
        }
        Ok(cases)
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
        let most = match self.limit {
            Limit::Unit => JOBS,
            Limit::Fixed(limit) => limit.saturating_add(GRACE),
        };
        let limits = Limits {
            silence: SILENCE,
            most,
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
