//! Whether what jobs promise is there once they are done: only then a debt is struck.

use crate::domain::{Facts, Job, Manner, UnitFacts, UnitName, Verb};
use crate::init::{Depth, Init};

/// What is not as `jobs` promised, a line each; `before` is how it was.
pub(super) fn unkept(init: &mut dyn Init, jobs: &[&Job], before: &Facts) -> Vec<String> {
    let names: Vec<UnitName> = jobs.iter().map(|job| job.unit.clone()).collect();
    // A script's own word is its end: many a daemon cannot be seen yet when its script has ended.
    if names.is_empty() || before.init.manner() == Manner::Scripts {
        return Vec::new();
    }
    match init.units(&names, Depth::Relations) {
        Ok(after) => {
            let pairs = jobs.iter().zip(&after);
            let wrong = pairs.filter_map(|(job, after)| broken(job, before, after));
            wrong.collect()
        }
        Err(error) => {
            let names: Vec<&str> = names.iter().map(UnitName::as_str).collect();
            let names = names.join(" ");
            vec![format!("whether {names} is up again is not known: {error}")]
        }
    }
}

fn broken(job: &Job, before: &Facts, after: &UnitFacts) -> Option<String> {
    let unit = &job.unit;
    let renewed = before
        .of(unit)
        .is_none_or(|before| is_renewed(before, after));
    match job.verb {
        Verb::Start | Verb::Restart if !after.is_up() && !after.oneshot => {
            Some(format!("{unit} is not running after its {}", job.verb))
        }
        Verb::Restart if !renewed => Some(format!("{unit} still runs as before its restart")),
        Verb::Start
        | Verb::Restart
        | Verb::Stop
        | Verb::TryRestart
        | Verb::Reload
        | Verb::ReloadOrRestart => None,
    }
}

fn is_renewed(before: &UnitFacts, after: &UnitFacts) -> bool {
    after.invocation.is_empty() || before.invocation != after.invocation
}
