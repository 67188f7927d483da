//! Whether what is put off may be paid by itself now: the policy's windows, by the machine's clock.

use crate::observe::zone::Zone;
use crate::policy::{self, Keep, Opening, Policy, Roots, on_the_wall};

use super::Place;

/// No window is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shut {
    /// When the next one opens, in seconds since the epoch.
    pub(super) opens: i64,
    /// The same as the clock on the wall will have it.
    pub(super) wall: String,
    /// Why the machine's time zone is not known, which it is meant by.
    pub(super) trouble: Option<String>,
}

impl Shut {
    /// As it is now in `place`; `None` where a window is open, or none is asked for.
    pub(super) fn observe(policy: &Policy, place: &Place) -> Option<Self> {
        let windows = &policy.settings().flush_windows;
        if windows.is_empty() {
            return None;
        }
        let (zone, trouble) = Zone::under(&place.root);
        let offset = |at: i64| zone.offset(at);
        match policy::opening(windows, place.now.div_euclid(1_000_000), &offset) {
            Opening::Open => None,
            Opening::Shut { opens } => Some(Self {
                opens,
                wall: on_the_wall(opens, &offset),
                trouble,
            }),
        }
    }

    /// The same by the policy that applies now.
    pub(super) fn now(place: &Place) -> Option<Self> {
        let policy = policy::load(&Roots::under(&place.root, Keep::No));
        Self::observe(&policy, place)
    }
}
