//! What an explanation tells besides its verdict: facts, notes, and what the drop-in would say.

use crate::front::local::{GoingDown, Level};
use crate::report::explain::Fact;

/// What there is to say, in the order in which it was found out.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) facts: Vec<Fact>,
    pub(super) notes: Vec<String>,
    /// What the drop-in would say of links and of policy-rc.d's answer.
    pub(super) notices: Vec<String>,
    /// A question was left out for want of permission.
    pub(super) unasked: bool,
}

impl Told {
    /// Something that was seen.
    pub(super) fn seen(&mut self, of: &str, is: impl Into<String>) {
        self.facts.push(Fact::seen(of, is));
    }

    /// Something that is not known.
    pub(super) fn unknown(&mut self, of: &str, why: impl Into<String>) {
        self.facts.push(Fact::unknown(of, why));
    }

    /// Tells the runlevel, and returns it: empty where nobody could tell it.
    pub(super) fn level(&mut self, level: &Level) -> String {
        match &level.name {
            Some(name) => self.seen("runlevel", name),
            None => self.unknown("runlevel", "nobody could tell it"),
        }
        if level.going_down == GoingDown::Yes {
            let text = "the system is shutting down: policy-rc.d is not asked";
            self.notes.push(text.to_owned());
        }
        level.name.clone().unwrap_or_default()
    }
}
