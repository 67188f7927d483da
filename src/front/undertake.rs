//! What a session notes of its own work, so that nothing is lost when it is killed, when the init
//! stays away or when a job outlasts us: what it sets out to do, before it contacts an init, and what
//! it had to leave. `rcpolicy flush` looks what became of it, and does the rest.

use nix::unistd::geteuid;

use crate::act::Report;
use crate::domain::{Contact, JobFailure, Reason, Request, Scope, Source, UnitName};
use crate::init::InitError;
use crate::ledger::{Begun, Due, Entry, LedgerError, Owed, Task, Undertaken, Undertaking, Who};

use super::perform::{Case, Session};
use super::waiter;

/// What is known of an action whose end nobody saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    NotDone,
    GoesOn,
    Unknown,
}

/// What is left for a flush to do.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Remainder {
    unit: UnitName,
    due: Due,
    begun: Option<Begun>,
    because: String,
    fate: Fate,
}

impl Session {
    /// Notes down what `requests` ask for. `None` where nothing of it could be owed, where there is
    /// no running init, or nothing can be written: then it is done without.
    pub(super) fn undertake(&self, requests: &[Request]) -> Option<Undertaken> {
        let ledger = self.ledger.as_ref()?;
        let tasks: Vec<Task> = requests.iter().filter_map(task).collect();
        let first = requests.first().filter(|_| !tasks.is_empty())?;
        let undertaking = Undertaking {
            version: crate::ledger::VERSION,
            life: ledger.life().clone(),
            who: who(first),
            at: self.began,
            when: self.now,
            tasks,
        };
        let undertaken = match ledger.undertake(&undertaking) {
            Ok(undertaken) => undertaken,
            Err(error) => {
                // Of others than root the ledger takes nothing, and their calls fail anyway.
                if geteuid().is_root() {
                    let text = "what is asked for cannot be noted down first";
                    self.voice.warn(&format!("{text}: {error}"));
                }
                return None;
            }
        };
        if undertaken.has_neighbours() {
            self.adopt();
        }
        Some(undertaken)
    }

    /// What a killed process left comes before what is asked for now.
    fn adopt(&self) {
        let Some(ledger) = &self.ledger else { return };
        let adopted = match ledger.abandoned() {
            Ok(left) if left.is_empty() => return,
            Ok(_) => ledger.lock().and_then(|mut locked| locked.adopt()),
            Err(error) => Err(error),
        };
        match adopted {
            Ok(entries) => {
                for entry in &entries {
                    let service = &entry.service;
                    self.voice
                        .error(&format!("noted for {service}: {}", entry.because));
                }
                // What waits for more is never the waiter's to pay.
                let payable = entries.iter().any(Entry::waits_for_batch);
                if payable && let Err(why) = waiter::start_here(ledger) {
                    self.voice.warn(&why);
                }
            }
            Err(error) => self.voice.warn(&error.to_string()),
        }
    }

    /// Takes the note away: the end is known, told, or noted as an entry.
    pub(super) fn finish(&self, undertaken: Option<Undertaken>) {
        if let Some(Err(error)) = undertaken.map(Undertaken::end) {
            self.voice.warn(&error.to_string());
        }
    }

    /// The init stayed away for longer than we may wait: puts what was asked for on the ledger.
    /// `None` where it is no such error, or the requests change nothing: the stock tool may try.
    pub(super) fn put_off(&self, requests: &[Request], error: &InitError) -> Option<u8> {
        let tasks: Vec<Task> = requests.iter().filter_map(task).collect();
        let worth = error.is_away() && !tasks.is_empty();
        let first = requests.first().filter(|_| worth)?;
        for task in tasks {
            let remainder = Remainder {
                unit: task.unit,
                due: task.due,
                // Nothing was asked; when it would have been tells what was stopped before from what was since.
                begun: Some(Begun {
                    at: self.began,
                    contact: Contact::Unread,
                }),
                because: error.to_string(),
                fate: Fate::NotDone,
            };
            let line = self.leave(&remainder, first, "does it once the init answers");
            self.voice.warn(&line);
        }
        Some(1)
    }

    /// Notes down the jobs whose end is not known, and says so in the report.
    pub(super) fn leave_unsettled(&self, cases: &[Case], report: &mut Report) {
        let Some(first) = cases.first() else { return };
        let mut lines = Vec::new();
        for (job, failure) in report.failures() {
            let Some((contact, fate)) = how_far(failure) else {
                continue;
            };
            let of_job = |case: &&Case| case.facts.unit.id == job.unit;
            let request = &cases.iter().find(of_job).unwrap_or(first).request;
            let remainder = Remainder {
                unit: job.unit.clone(),
                due: Due::from(job.verb),
                begun: Some(Begun {
                    at: self.began,
                    contact,
                }),
                because: failure.to_string(),
                fate,
            };
            lines.push(self.leave(&remainder, request, "looks what became of it"));
        }
        report.warnings.extend(lines);
    }

    /// Notes down `remainder`; what is to be said about it.
    fn leave(&self, remainder: &Remainder, request: &Request, flush: &str) -> String {
        let (unit, action) = (&remainder.unit, remainder.due.action());
        let because = &remainder.because;
        match self.note_remainder(remainder, request) {
            Ok(()) => {
                format!("{action} of {unit} is noted down: {because}; `rcpolicy flush` {flush}")
            }
            Err(why) => remainder.unnoted(&why),
        }
    }

    fn note_remainder(&self, remainder: &Remainder, request: &Request) -> Result<(), String> {
        let none = match request.scope {
            Scope::System => "no running init",
            Scope::User => "the ledger is for the system's services",
        };
        let ledger = self.ledger.as_ref().ok_or(none)?;
        let because = &remainder.because;
        let (unit, life) = (remainder.unit.clone(), ledger.life().clone());
        let who = who(request);
        let until = who.until();
        let mut entry = Entry::new(unit, life, who, self.now, because);
        entry.owed = Some(Owed {
            due: remainder.due,
            until,
            reasons: vec![Reason::new(Source::Ledger, because.clone())],
            at: Some(self.began),
            begun: remainder.begun,
        });
        let merged = ledger
            .lock()
            .and_then(|mut locked| locked.merge(entry).map(drop));
        merged.map_err(|error: LedgerError| error.to_string())
    }
}

impl Remainder {
    /// What is said where it cannot be noted down, and `why` not.
    fn unnoted(&self, why: &str) -> String {
        let (unit, action, because) = (&self.unit, self.due.action(), &self.because);
        let fate = match self.fate {
            Fate::NotDone => format!("{action} of {unit} is not done and cannot be noted down"),
            Fate::GoesOn => format!("{action} of {unit} goes on, and cannot be noted down"),
            Fate::Unknown => {
                format!("what became of {action} of {unit} is not known, and cannot be noted down")
            }
        };
        format!("{fate} ({why}): {because}")
    }
}

fn task(request: &Request) -> Option<Task> {
    let due = Due::try_from(&request.action).ok()?;
    Some(Task {
        unit: request.unit.clone(),
        due,
    })
}

fn who(request: &Request) -> Who {
    Who {
        caller: request.context.caller(),
        front: Some(request.front),
        pid: std::process::id(),
    }
}

/// How far a job came whose end is not known, and what is known of it; `None` where its end is.
fn how_far(failure: &JobFailure) -> Option<(Contact, Fate)> {
    match failure {
        JobFailure::TimedOut { .. } => Some((Contact::Taken, Fate::GoesOn)),
        JobFailure::Lost(loss) if loss.contact == Contact::Unread => {
            Some((Contact::Unread, Fate::NotDone))
        }
        JobFailure::Lost(loss) => Some((loss.contact, Fate::Unknown)),
        JobFailure::Refused { .. }
        | JobFailure::Ended { .. }
        | JobFailure::Exited { .. }
        | JobFailure::Replaced(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Loss;
    use crate::testing::name;

    fn said(failure: &JobFailure) -> String {
        let (contact, fate) = how_far(failure).unwrap();
        let remainder = Remainder {
            unit: name("foo"),
            due: Due::Restart,
            begun: Some(Begun { at: 1, contact }),
            because: "x".to_owned(),
            fate,
        };
        remainder.unnoted("no space")
    }

    fn lost(contact: Contact) -> JobFailure {
        JobFailure::Lost(Box::new(Loss {
            why: String::new(),
            contact,
            before: None,
        }))
    }

    #[test]
    fn only_of_what_was_never_read_it_is_said_that_it_is_not_done() {
        let done = said(&lost(Contact::Unread));
        let expected = "restart of foo.service is not done and cannot be noted down (no space): x";
        assert_eq!(done, expected);
        let runs = said(&JobFailure::TimedOut { seconds: 1 });
        assert!(runs.starts_with("restart of foo.service goes on"), "{runs}");
        for contact in [Contact::Sent, Contact::Pending, Contact::Taken] {
            let text = said(&lost(contact));
            let expected = "what became of restart of foo.service is not known";
            assert!(text.starts_with(expected), "{text}");
        }
    }
}
