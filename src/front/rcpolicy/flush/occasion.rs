//! On what occasion a flush pays, which debts are due then, and what it leaves. Pure.

use crate::decide::{Payment, payment};
use crate::domain::{Action, ServiceName, Until};
use crate::front::rcpolicy::Ending;
use crate::ledger::Entry;

/// Why a flush is.
#[derive(Debug, Clone, Copy)]
pub(in crate::front::rcpolicy) enum Occasion<'a> {
    /// Somebody asks for it: all that does not wait for the next boot, or all that is owed to these.
    ByHand(&'a [ServiceName]),
    /// Of what a flush of all pays by hand these, which somebody else leaves to us.
    Among(&'a [ServiceName]),
    /// The package operations are over: what waits for that, stops that were held, and what a stop
    /// took down and nobody brought back.
    BatchEnd,
    /// The same, but for these services, which somebody else pays.
    Without(&'a Occasion<'a>, &'a [ServiceName]),
    /// Of the same only what brings up what is down, or was begun: that waits for no window.
    OnlyDown(&'a Occasion<'a>),
}

impl Occasion<'_> {
    /// Whether all of `entry` is paid now.
    pub(in crate::front::rcpolicy) fn pays(&self, entry: &Entry) -> bool {
        let until = entry.owed.as_ref().map(|owed| owed.until);
        let is_time = until != Some(Until::Reboot) || entry.is_half_turned();
        match self {
            Self::ByHand([]) => is_time,
            Self::ByHand(services) => services.contains(&entry.service),
            Self::Among(services) => is_time && services.contains(&entry.service),
            Self::BatchEnd => entry.waits_for_batch() || entry.is_half_turned(),
            Self::Without(occasion, others) => {
                occasion.pays(entry) && !others.contains(&entry.service)
            }
            Self::OnlyDown(occasion) => occasion.pays(entry) && brings_up(entry),
        }
    }

    /// Whether what went down comes back now, although the rest of `entry` waits for longer.
    pub(super) fn heals(&self, entry: &Entry) -> bool {
        let fallen = entry.fallen();
        let comes_back = fallen.is_some_and(|part| payment(&part) == Payment::Act(Action::Start));
        comes_back && !self.pays(entry) && self.covers(&entry.service)
    }

    /// Whether what belongs to `service` itself is looked after now, whatever is owed to it.
    pub(super) fn covers(&self, service: &ServiceName) -> bool {
        match self {
            Self::ByHand([]) | Self::BatchEnd => true,
            Self::ByHand(services) | Self::Among(services) => services.contains(service),
            Self::Without(occasion, others) => {
                occasion.covers(service) && !others.contains(service)
            }
            Self::OnlyDown(occasion) => occasion.covers(service),
        }
    }

    /// Whether no service is left out of what is looked after.
    pub(super) fn is_of_all(&self) -> bool {
        match self {
            Self::ByHand(services) => services.is_empty(),
            Self::Among(_) => false,
            Self::BatchEnd | Self::Without(..) => true,
            Self::OnlyDown(occasion) => occasion.is_of_all(),
        }
    }

    /// Whether nothing is begun that can wait.
    pub(in crate::front::rcpolicy) fn is_only_down(&self) -> bool {
        match self {
            Self::ByHand(_) | Self::Among(_) | Self::BatchEnd => false,
            Self::Without(occasion, _) => occasion.is_only_down(),
            Self::OnlyDown(_) => true,
        }
    }

    /// The services that somebody named.
    pub(in crate::front::rcpolicy) fn named(&self) -> &[ServiceName] {
        match self {
            Self::ByHand(services) => services,
            Self::Among(_) | Self::BatchEnd => &[],
            Self::Without(occasion, _) | Self::OnlyDown(occasion) => occasion.named(),
        }
    }

    /// Whether nobody stands by.
    pub(in crate::front::rcpolicy) fn is_batch_end(&self) -> bool {
        match self {
            Self::ByHand(_) | Self::Among(_) => false,
            Self::BatchEnd => true,
            Self::Without(occasion, _) | Self::OnlyDown(occasion) => occasion.is_batch_end(),
        }
    }
}

/// Whether paying `entry` starts what is down, or brings to its end what was begun and may have left it so.
fn brings_up(entry: &Entry) -> bool {
    entry.is_begun() || payment(entry) == Payment::Act(Action::Start)
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
