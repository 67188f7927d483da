//! Telling the user what we wait for: one line when it begins and one when it is over.

use std::time::Duration;

use crate::domain::Job;
use crate::init::Onlooker;
use crate::report::Voice;

/// Says it with the program's voice.
#[derive(Debug, Clone)]
pub(super) struct Spoken(pub(super) Voice);

impl Onlooker for Spoken {
    fn away(&self, init: &'static str, why: &str, limit: Duration) {
        let limit = limit.as_secs();
        self.0.error(&format!(
            "{init} does not answer ({why}), waiting for up to {limit} s"
        ));
    }

    fn back(&self, init: &'static str, after: Duration) {
        let after = after.as_secs_f32();
        self.0
            .error(&format!("{init} answers again after {after:.1} s"));
    }

    fn working(&self, jobs: &[&Job], since: Duration) {
        let since = since.as_secs();
        let jobs: Vec<String> = jobs
            .iter()
            .map(|job| format!("{} of {}", job.verb, job.unit))
            .collect();
        let jobs = jobs.join(", ");
        self.0
            .error(&format!("still waiting for {jobs} ({since} s so far)"));
    }
}
