//! On what occasion a flush pays, which debts are due then, and what it leaves. Pure.

use crate::domain::{ServiceName, Until};
use crate::front::rcpolicy::Ending;
use crate::ledger::Entry;

/// Why a flush is.
#[derive(Debug, Clone, Copy)]
pub(in crate::front::rcpolicy) enum Occasion<'a> {
    /// Somebody asks for it: all that does not wait for the next boot, or all that is owed to these.
    ByHand(&'a [ServiceName]),
    /// The package operations are over: what waits for that, stops that were held, and what a stop
    /// took down and nobody brought back.
    BatchEnd,
    /// The same, but for these services, which somebody else pays.
    Without(&'a Occasion<'a>, &'a [ServiceName]),
}

impl Occasion<'_> {
    /// Whether `entry` is paid now.
    pub(super) fn pays(&self, entry: &Entry) -> bool {
        let until = entry.owed.as_ref().map(|owed| owed.until);
        match self {
            Self::ByHand([]) => until != Some(Until::Reboot),
            Self::ByHand(services) => services.contains(&entry.service),
            Self::BatchEnd => entry.waits_for_batch(),
            Self::Without(occasion, others) => {
                occasion.pays(entry) && !others.contains(&entry.service)
            }
        }
    }

    /// Whether what belongs to `service` itself is looked after now, whatever is owed to it.
    pub(super) fn covers(&self, service: &ServiceName) -> bool {
        match self {
            Self::ByHand([]) | Self::BatchEnd => true,
            Self::ByHand(services) => services.contains(service),
            Self::Without(occasion, others) => {
                occasion.covers(service) && !others.contains(service)
            }
        }
    }

    /// The services that somebody named.
    pub(super) fn named(&self) -> &[ServiceName] {
        match self {
            Self::ByHand(services) => services,
            Self::BatchEnd => &[],
            Self::Without(occasion, _) => occasion.named(),
        }
    }

    /// Whether nobody stands by.
    pub(in crate::front::rcpolicy) fn is_batch_end(&self) -> bool {
        match self {
            Self::ByHand(_) => false,
            Self::BatchEnd => true,
            Self::Without(occasion, _) => occasion.is_batch_end(),
        }
    }
}

/// Whether it is worth while to try again later, without anybody's doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::front::rcpolicy) enum Again {
    /// Something waits for dpkg, is still under way, or failed and may be tried again.
    Later,
    /// All is paid, or only a person can change what it waits for.
    No,
}

/// What a flush has left.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::front::rcpolicy) struct Left {
    /// How it ended.
    pub(in crate::front::rcpolicy) ending: Ending,
    /// Whether a waiter has something left to do.
    pub(in crate::front::rcpolicy) again: Again,
}

impl Left {
    /// Nothing was left.
    pub(in crate::front::rcpolicy) const NOTHING: Self = Self {
        ending: Ending::Done,
        again: Again::No,
    };

    /// What another step has left as well.
    pub(in crate::front::rcpolicy) fn join(&mut self, other: Self) {
        if other.ending != Ending::Done {
            self.keep(other.again);
        }
    }

    /// Something is still owed.
    pub(in crate::front::rcpolicy) fn keep(&mut self, again: Again) {
        self.ending = Ending::No;
        if again == Again::Later {
            self.again = again;
        }
    }
}
