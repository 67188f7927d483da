//! A step of a plan, in words. Pure.

use crate::decide::Step;
use crate::domain::Wait;
use crate::observe::detect;
use crate::report::pending::what;

/// A step in words.
pub(super) fn step(step: &Step) -> String {
    match step {
        Step::Record(entry) => {
            format!("note on the ledger, for {}: {}", entry.service, what(entry))
        }
        Step::Hold(unit) => format!("keep D-Bus calls from starting {unit}"),
        Step::Release(unit) => format!("let D-Bus calls start {unit} again"),
        Step::Leave(entry) => format!(
            "keep of the note about {}, if all of this succeeded: {}",
            entry.service,
            what(entry)
        ),
        Step::Strike(service) => {
            format!("strike the note about {service}, if all of this succeeded")
        }
        Step::Jobs { jobs, wait } => {
            let list: Vec<String> = jobs
                .iter()
                .map(|job| format!("{} {}", job.verb, job.unit))
                .collect();
            let wait = match wait {
                Wait::Done => "wait until it is done",
                Wait::Queued => "do not wait for it",
            };
            match list.as_slice() {
                [one] => format!("{one}, and {wait}"),
                _ => format!(
                    "ask for all of these before the first is awaited: {}",
                    list.join(", ")
                ),
            }
        }
    }
}

/// The same where its jobs are init scripts, which are run one after the other.
pub(super) fn by_scripts(one: &Step) -> Vec<String> {
    match one {
        Step::Jobs { jobs, .. } => jobs
            .iter()
            .map(|job| {
                let path = detect::script_path(job.unit.service().as_str());
                format!("run `{path} {}`", job.verb)
            })
            .collect(),
        Step::Record(_) | Step::Hold(_) | Step::Release(_) | Step::Leave(_) | Step::Strike(_) => {
            vec![step(one)]
        }
    }
}
