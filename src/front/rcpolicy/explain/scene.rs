//! What an explanation is made from: the machine as it was found, and what is told on the way.

use std::path::Path;

use crate::domain::{InitKind, Request};
use crate::front::perform::{Session, helper};
use crate::front::rcpolicy::Place;
use crate::observe::helper::Helper;

use super::asking::Permission;
use super::told::Told;

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
