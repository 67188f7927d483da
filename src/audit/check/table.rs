//! One check: its words, and the function that finds what it is about. The table itself is in the parent.

use super::found::Found;
use super::subject::View;
use crate::audit::finding::{Finding, Severity};

/// One thing that an audit looks for.
#[derive(Clone, Copy)]
pub struct Check {
    /// What it is called: `stopped-not-started`. Never changed, for it stands in comments that silence it.
    pub id: &'static str,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// How bad it is; single findings may be less so.
    pub severity: Severity,
    /// Why that is wrong, and what comes of it.
    pub explanation: &'static str,
    /// What to do about it.
    pub change: &'static str,
    /// lintian's tags that it stands for.
    pub lintian: &'static [&'static str],
    /// What finds it.
    pub(super) find: fn(&View<'_>) -> Vec<Found>,
}

impl Check {
    /// Its findings.
    pub(super) fn run(&self, view: &View<'_>) -> Vec<Finding> {
        self.named(view, (self.find)(view))
    }

    /// Findings of this check.
    pub(super) fn named(&self, view: &View<'_>, found: Vec<Found>) -> Vec<Finding> {
        let package = view.package();
        let found = found.into_iter();
        found
            .map(|found| Finding {
                check: self.id.to_owned(),
                severity: found.severity.unwrap_or(self.severity),
                package: package.name.clone(),
                version: package.version.clone(),
                message: found.message,
                spots: found.spots,
                suggestion: self.change.to_owned(),
                assumed: found.assumed,
                allowed: None,
            })
            .collect()
    }
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Check")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
