//! Paying many debts in one transaction: one plan of all, every job asked for before the first is
//! awaited; then each is verified, and struck or kept, for itself. One that fails fails no other.

use std::collections::BTreeSet;

use crate::act::{ActError, Asking, Bounds, Report, carry_out_within};
use crate::decide::{Part, Plan, plan, plan_all};
use crate::domain::{Contact, Job, JobFailure, JobOutcome, Manner, UnitName, Verb, Wait};
use crate::failpoint::{Point, reach};
use crate::front::perform::{self, Case};
use crate::front::spoken::Spoken;
use crate::init::Init;
use crate::ledger::{Begun, Due, Entry, Owed, merge};

use super::foreseen::Foreseen;
use super::payer::{Paid, Payer};
use super::promise::unkept;

/// One debt of several that are paid together.
pub(super) struct Member {
    /// As it is noted.
    pub(super) entry: Entry,
    /// What was decided about it.
    pub(super) case: Case,
    /// What it would come to alone: which units are its own, and what is left of its note.
    own: Plan,
}

impl Member {
    pub(super) fn new(payer: &Payer<'_>, entry: Entry, case: Case) -> Self {
        let own = plan(&case.decided(), &payer.session.policy);
        Self { entry, case, own }
    }

    /// Whether it is paid because of its group alone.
    pub(super) fn goes_along(&self) -> bool {
        self.case.part == Part::Along
    }

    /// Whether nobody should have to wait for it: it runs until it is done, and that may take long.
    pub(super) fn is_slow(&self) -> bool {
        let alone = self.own.stops.is_empty() && self.own.after.is_empty();
        let restarts = |job: &Job| matches!(job.verb, Verb::Restart | Verb::TryRestart);
        let only = matches!(self.own.main.as_slice(), [job] if restarts(job));
        self.case.facts.unit.oneshot && alone && only
    }

    /// Whether a job for `unit` is this debt's; `claimed` are those that are somebody's by name.
    fn concerns(&self, unit: &UnitName, claimed: &BTreeSet<UnitName>) -> bool {
        let names = jobs(&self.own).any(|job| job.unit == *unit);
        names || !claimed.contains(unit) && self.case.facts.of(unit).is_some()
    }
}

fn jobs(plan: &Plan) -> impl Iterator<Item = &Job> {
    plan.stops.iter().chain(&plan.main).chain(&plan.after)
}

impl Payer<'_> {
    /// Pays `members`, and says of each what became of it as soon as that is known.
    pub(super) fn together(
        &self,
        init: &mut dyn Init,
        mut members: Vec<Member>,
        mut tell: impl FnMut(&Member, Paid),
    ) {
        let mut plan = self.joint_plan(&mut members);
        let slow = take_slow(&mut plan, &members);
        let ledger = self.session.ledger_for(&mut plan, init);
        // Asked for first and awaited last: they run beside the others, and keep none of them.
        let queued = self
            .session
            .carry_out(&slow, Wait::Queued, init, ledger.as_ref());
        let spoken = Spoken(self.session.voice.clone());
        let bounds = Bounds {
            asking: Asking::AsOne,
            ..self.session.bounds(&spoken)
        };
        let report = carry_out_within(&plan, Wait::Done, init, ledger.as_ref(), &bounds);
        self.clock.set(init.clock());
        reach(Point::Done);
        let (late, prompt): (Vec<Member>, Vec<Member>) = members
            .into_iter()
            .partition(|member| !slow.is_empty() && member.is_slow());
        for (members, plan, result) in [(&prompt, &plan, &report), (&late, &slow, &queued)] {
            let done = Done {
                plan,
                result,
                claimed: claimed(members),
            };
            // Of scripts nothing is looked at but how they ended.
            let names: Vec<UnitName> = match init.kind().manner() {
                Manner::Scripts => Vec::new(),
                Manner::Units | Manner::Jobs | Manner::Services => {
                    done.claimed.iter().cloned().collect()
                }
            };
            let mut foreseen = Foreseen::of(init, &names);
            for member in members {
                tell(member, self.conclude(&mut foreseen, member, &done));
            }
        }
    }

    /// One plan of all. Their own notes are brought up to date at once, so that a flush that is cut
    /// off is not the cause of a second restart.
    fn joint_plan(&self, members: &mut [Member]) -> Plan {
        let decided: Vec<_> = members.iter().map(|member| member.case.decided()).collect();
        let mut plan = plan_all(&decided, &self.session.policy);
        // Each is struck for itself, and only where nothing was noted meanwhile.
        plan.strikes.clear();
        plan.leaves.clear();
        for member in members {
            let service = &member.entry.service;
            let own = |record: &&Entry| record.service == *service;
            let record = plan.records.iter().find(own).cloned();
            plan.records.retain(|record| record.service != *service);
            let begins = restarts(&plan, &member.case);
            member.entry = self.begin(&member.entry, record, begins);
            reach(Point::Beginning);
        }
        reach(Point::Begun);
        plan
    }

    /// Notes that `entry` is about to be paid, and what goes down for a moment on the way. Paying
    /// needs no room on a disk: where that cannot be noted it is paid all the same.
    pub(super) fn begin(&self, entry: &Entry, record: Option<Entry>, begins: Begins) -> Entry {
        let mut begun = record.map_or_else(|| entry.clone(), |record| noted_with(entry, record));
        begun.failed = entry.failed.clone();
        if begins == Begins::Restart {
            self.note_begun(&mut begun);
        }
        if begun == *entry {
            return begun;
        }
        let noted = self.session.ledger.as_ref().is_some_and(|ledger| {
            let paid = ledger
                .lock()
                .and_then(|mut locked| locked.pay(entry, Some(&begun)));
            paid.unwrap_or(false)
        });
        if noted { begun } else { entry.clone() }
    }

    pub(super) fn note_begun(&self, entry: &mut Entry) {
        let owed = entry.owed.take();
        let due = owed.as_ref().map_or(Due::Restart, |owed| owed.due);
        // A reload would not do for what was kept running.
        entry.kept_running = entry.kept_running && due == Due::ForceReload;
        entry.owed = Some(Owed {
            due,
            until: owed
                .as_ref()
                .map_or_else(|| entry.who.until(), |owed| owed.until),
            at: owed.as_ref().and_then(|owed| owed.at),
            reasons: owed.map_or_else(Vec::new, |owed| owed.reasons),
            begun: Some(Begun {
                at: self.clock.get(),
                contact: Contact::Sent,
            }),
        });
    }

    /// What became of one of several.
    fn conclude(&self, init: &mut dyn Init, member: &Member, done: &Done<'_>) -> Paid {
        let report = match done.result {
            Ok(report) => report,
            // Nothing was asked.
            Err(error) => {
                let why = error.to_string();
                self.log(&member.case, &why, Some(1));
                return Paid::Waits(why);
            }
        };
        if let Some((why, contact)) = done.outcomes(report, member).find_map(unsettled) {
            self.log(&member.case, &why, None);
            return self.goes_on(member, contact, why);
        }
        let mut wrong: Vec<String> = done.outcomes(report, member).filter_map(failed).collect();
        if !member.own.holds.is_empty() || !member.own.releases.is_empty() {
            wrong.extend(report.warnings.iter().cloned());
        }
        let jobs: Vec<&Job> = done.promises(member);
        if wrong.is_empty() {
            wrong = unkept(init, &jobs, &member.case.facts);
        }
        if wrong.is_empty() {
            return self.succeeded(member, &jobs);
        }
        let why = wrong.join("; ");
        self.log(&member.case, &why, Some(1));
        self.note_failure(&member.entry, why)
    }

    /// What was promised is there.
    fn succeeded(&self, member: &Member, jobs: &[&Job]) -> Paid {
        let done: Vec<String> = jobs.iter().map(|job| in_words(job)).collect();
        let service = &member.entry.service;
        let mut leaves = member.own.leaves.iter();
        let left = leaves.find(|left| left.service == *service).cloned();
        // A waiter comes to this again and again.
        let more = left.as_ref().is_some_and(|left| left.down.is_some());
        let nothing = done.is_empty() && more;
        let done = match done.as_slice() {
            [] => perform::why(&member.case.decision),
            done => member.case.with_age(done.join(", ")),
        };
        if !nothing {
            self.log(&member.case, &done, Some(0));
        }
        self.leave(&member.entry, left, &member.case.request.action, &done)
    }

    /// Nobody knows yet how it ends: the next look tells.
    fn goes_on(&self, member: &Member, contact: Contact, why: String) -> Paid {
        let _noted = self.change(&member.entry, |entry| {
            let owed = entry.owed.as_mut();
            if let Some(begun) = owed.and_then(|owed| owed.begun.as_mut()) {
                begun.contact = contact;
            }
        });
        Paid::Waits(why)
    }
}

/// What was carried out, and what came of it.
struct Done<'a> {
    plan: &'a Plan,
    result: &'a Result<Report, ActError>,
    /// The units that somebody's own plan names.
    claimed: BTreeSet<UnitName>,
}

impl<'a> Done<'a> {
    /// How the jobs of `member` ended.
    fn outcomes<'r>(
        &'r self,
        report: &'r Report,
        member: &'r Member,
    ) -> impl Iterator<Item = &'r (Job, JobOutcome)> {
        let all = report.outcomes.iter();
        all.filter(|(job, _)| member.concerns(&job.unit, &self.claimed))
    }

    /// The jobs that bring about what is owed to `member`.
    fn promises(&self, member: &Member) -> Vec<&'a Job> {
        let stops = self.plan.stops.iter();
        let main = self.plan.main.iter().chain(&self.plan.after);
        let of_member = |job: &&Job| member.concerns(&job.unit, &self.claimed);
        let brought: Vec<&Job> = main.filter(of_member).collect();
        if brought.is_empty() {
            stops.filter(of_member).collect()
        } else {
            brought
        }
    }
}

/// The jobs of those that nobody should have to wait for, taken out of the rest.
fn take_slow(plan: &mut Plan, members: &[Member]) -> Plan {
    let mut slow = Plan::default();
    if members.iter().all(Member::is_slow) && members.len() == 1 {
        // Nobody else waits.
        return slow;
    }
    let is_slow = |job: &Job| {
        let mut members = members.iter().filter(|member| member.is_slow());
        members.any(|member| member.own.main.iter().any(|own| own == job))
    };
    slow.main = plan
        .main
        .iter()
        .filter(|job| is_slow(job))
        .cloned()
        .collect();
    plan.main.retain(|job| !slow.main.contains(job));
    slow
}

fn claimed(members: &[Member]) -> BTreeSet<UnitName> {
    let jobs = members.iter().flat_map(|member| jobs(&member.own));
    jobs.map(|job| job.unit.clone()).collect()
}

/// `entry` with what goes down on the way, which is nobody else's request.
fn noted_with(entry: &Entry, record: Entry) -> Entry {
    let record = Entry {
        owed: None,
        ..record
    };
    Entry {
        who: entry.who.clone(),
        when: entry.when,
        because: entry.because.clone(),
        ..merge(entry.clone(), record)
    }
}

/// What is going to happen to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begins {
    /// By one job, or by a stop and a start, nothing of what ran runs on.
    Restart,
    /// Anything else.
    Other,
}

/// Whether the service itself is restarted: by one job, or by a stop and a start.
pub(super) fn restarts(plan: &Plan, case: &Case) -> Begins {
    let unit = &case.facts.unit;
    let ours = |job: &&Job| job.unit == unit.id || job.unit == unit.asked;
    let stopped = plan.stops.iter().any(|job| ours(&job));
    let mut jobs = plan.main.iter().chain(&plan.after).filter(ours);
    let restarts = jobs.any(|job| match job.verb {
        Verb::Restart | Verb::TryRestart | Verb::ReloadOrRestart => true,
        Verb::Start => stopped,
        Verb::Stop | Verb::Reload => false,
    });
    if restarts {
        Begins::Restart
    } else {
        Begins::Other
    }
}

fn in_words(job: &Job) -> String {
    format!("{} of {} done", job.verb, job.unit)
}

fn failed((job, outcome): &(Job, JobOutcome)) -> Option<String> {
    match outcome {
        JobOutcome::Failed(failure) => {
            Some(format!("{} of {} failed: {failure}", job.verb, job.unit))
        }
        JobOutcome::Done | JobOutcome::Queued => None,
    }
}

/// Why the end of a job is not known, where it is not, and how far it came.
fn unsettled((job, outcome): &(Job, JobOutcome)) -> Option<(String, Contact)> {
    let what = format!("{} of {}", job.verb, job.unit);
    match outcome {
        JobOutcome::Queued => Some((format!("{what} is under way"), Contact::Taken)),
        JobOutcome::Failed(failure @ JobFailure::TimedOut { .. }) => {
            Some((format!("{what}: {failure}"), Contact::Taken))
        }
        JobOutcome::Failed(failure @ JobFailure::Lost(loss)) => {
            Some((format!("{what}: {failure}"), loss.contact))
        }
        JobOutcome::Done | JobOutcome::Failed(_) => None,
    }
}
