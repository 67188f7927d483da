//! What an explanation is made from: the machine as it was found, and what is said on the way.

use crate::domain::{HelperAnswer, InitKind};
use crate::front::perform::Session;
use crate::front::rcpolicy::Place;
use crate::report::explain::Fact;

/// What an answer that was not asked for is taken as.
pub(super) const NOT_ASKED: HelperAnswer = HelperAnswer::Absent;

/// The machine as `explain` finds it, and what it has to say on the way.
pub(super) struct Scene<'a> {
    pub(super) kind: InitKind,
    pub(super) away: bool,
    pub(super) place: &'a Place,
    pub(super) ask: bool,
    pub(super) session: Session,
    pub(super) notes: Vec<String>,
    pub(super) facts: Vec<Fact>,
}
