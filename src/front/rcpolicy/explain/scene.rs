//! What an explanation is made from: the machine as it was found, and what is told on the way.

use std::path::Path;

use crate::domain::{InitKind, Request};
use crate::front::local::{GoingDown, Level};
use crate::front::perform::{Session, helper};
use crate::front::rcpolicy::Place;
use crate::observe::helper::Helper;
use crate::report::explain::Fact;

use super::asking::Permission;

/// The machine as `explain` finds it.
pub(super) struct Scene<'a> {
    pub(super) kind: InitKind,
    /// Whether systemd must not be touched: a chroot, or told to stay offline.
    pub(super) away: bool,
    pub(super) place: &'a Place,
    pub(super) permission: Permission,
    pub(super) session: Session,
    pub(super) told: Told,
}

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

impl Scene<'_> {
    pub(super) fn root(&self) -> &Path {
        &self.place.root
    }

    /// policy-rc.d of the machine in question.
    pub(super) fn helper(&self) -> Helper {
        let helper = helper(&self.session.policy);
        let path = self.place.path(&helper.path).display().to_string();
        Helper { path, ..helper }
    }
}

/// A maintainer script's request belongs to an upgrade that is under way since the note that it pays,
/// where there is one.
pub(super) fn begun_with(mut request: Request, noted: Option<u64>) -> Request {
    let began = &mut request.context.batch_started;
    if let (Some(since), Some(began)) = (noted, began) {
        *began = since.min(*began);
    }
    request
}
