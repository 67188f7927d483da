//! What a service can be owed, and how two such debts become one.
//! Pure. INVARIANT: paying `a.then(b)` leaves a service in the state that paying `a`, then `b` does.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::domain::{Action, Verb};

/// An action whose effect nobody knows cannot wait: it could not be merged with what comes after.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the action `{0}` cannot be deferred")]
pub struct NotDeferrable(pub Action);

/// An action that is owed to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Due {
    /// Reread the configuration, if it runs.
    Reload,
    /// Restart, if it runs.
    TryRestart,
    /// Start, if it does not run.
    Start,
    /// Start, or reread the configuration if it runs (restart where it cannot).
    ForceReload,
    /// Run, and nothing of what runs now.
    Restart,
    /// Not run.
    Stop,
    /// Not run, by force.
    ForceStop,
}

impl Due {
    /// The action that pays it.
    pub fn action(self) -> Action {
        match self {
            Self::Reload => Action::Reload,
            Self::TryRestart => Action::TryRestart,
            Self::Start => Action::Start,
            Self::ForceReload => Action::ForceReload,
            Self::Restart => Action::Restart,
            Self::Stop => Action::Stop,
            Self::ForceStop => Action::ForceStop,
        }
    }

    /// The job that it is of an init that takes jobs. A kill is none: that it is down is what counts.
    pub fn verb(self) -> Verb {
        match self {
            Self::Reload => Verb::Reload,
            Self::TryRestart => Verb::TryRestart,
            Self::Start => Verb::Start,
            Self::ForceReload => Verb::ReloadOrRestart,
            Self::Restart => Verb::Restart,
            Self::Stop | Self::ForceStop => Verb::Stop,
        }
    }

    /// Whether nothing of it is left once `done` was carried out, whatever the service did before.
    pub fn is_paid_by(self, done: Self) -> bool {
        match done {
            // Nothing of what was owed matters any more.
            Self::Stop | Self::ForceStop | Self::Restart => true,
            Self::Reload => self == Self::Reload,
            Self::TryRestart => matches!(self, Self::Reload | Self::TryRestart),
            Self::Start => self == Self::Start,
            Self::ForceReload => matches!(self, Self::Reload | Self::Start | Self::ForceReload),
        }
    }

    /// What is owed when this was owed first and `later` came after it.
    #[must_use]
    pub fn then(self, later: Self) -> Self {
        match (self, later) {
            // What was owed before does not matter any more.
            (_, Self::Stop | Self::ForceStop | Self::Restart) => later,
            (Self::Restart, Self::Start | Self::Reload | Self::TryRestart | Self::ForceReload) => {
                Self::Restart
            }
            // Down, and then up: nothing of what ran before runs on.
            (Self::Stop | Self::ForceStop, Self::Start | Self::ForceReload) => Self::Restart,
            // These do nothing to what is down.
            (Self::Stop | Self::ForceStop, Self::Reload | Self::TryRestart) => self,
            (Self::Reload, Self::Reload) => Self::Reload,
            (Self::Start, Self::Start) => Self::Start,
            (Self::Reload | Self::TryRestart, Self::TryRestart)
            | (Self::TryRestart, Self::Reload) => Self::TryRestart,
            (Self::TryRestart, Self::Start | Self::ForceReload)
            | (Self::Start | Self::ForceReload, Self::TryRestart) => Self::Restart,
            (Self::Start | Self::Reload | Self::ForceReload, Self::ForceReload)
            | (Self::ForceReload, Self::Start | Self::Reload)
            | (Self::Start, Self::Reload)
            | (Self::Reload, Self::Start) => Self::ForceReload,
        }
    }
}

impl From<Verb> for Due {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Start => Self::Start,
            Verb::Stop => Self::Stop,
            Verb::Restart => Self::Restart,
            Verb::TryRestart => Self::TryRestart,
            Verb::Reload => Self::Reload,
            Verb::ReloadOrRestart => Self::ForceReload,
        }
    }
}

impl TryFrom<&Action> for Due {
    type Error = NotDeferrable;

    fn try_from(action: &Action) -> Result<Self, NotDeferrable> {
        match action {
            Action::Reload => Ok(Self::Reload),
            Action::TryRestart => Ok(Self::TryRestart),
            Action::Start => Ok(Self::Start),
            Action::ForceReload => Ok(Self::ForceReload),
            Action::Restart => Ok(Self::Restart),
            Action::Stop => Ok(Self::Stop),
            Action::ForceStop => Ok(Self::ForceStop),
            Action::Status | Action::Other(_) => Err(NotDeferrable(action.clone())),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(in crate::ledger) const ALL: [Due; 7] = [
        Due::Reload,
        Due::TryRestart,
        Due::Start,
        Due::ForceReload,
        Due::Restart,
        Due::Stop,
        Due::ForceStop,
    ];

    /// A service as its debts can change it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Model {
        Down,
        Up { new_code: bool, new_config: bool },
    }

    const FRESH: Model = Model::Up {
        new_code: true,
        new_config: true,
    };

    fn pay(state: Model, due: Due) -> Model {
        match (due, state) {
            (Due::Stop | Due::ForceStop, _) | (Due::Reload | Due::TryRestart, Model::Down) => {
                Model::Down
            }
            (Due::Restart, _)
            | (Due::TryRestart, Model::Up { .. })
            | (Due::Start | Due::ForceReload, Model::Down) => FRESH,
            (Due::Start, up @ Model::Up { .. }) => up,
            (Due::Reload | Due::ForceReload, Model::Up { new_code, .. }) => Model::Up {
                new_code,
                new_config: true,
            },
        }
    }

    fn states() -> Vec<Model> {
        let mut all = vec![Model::Down];
        for new_code in [false, true] {
            for new_config in [false, true] {
                all.push(Model::Up {
                    new_code,
                    new_config,
                });
            }
        }
        all
    }

    #[test]
    fn merging_every_triple_is_associative_and_every_pair_pays_alike() {
        for a in ALL {
            assert_eq!(a.then(a), a, "idempotent");
            for b in ALL {
                for state in states() {
                    assert_eq!(pay(state, a.then(b)), pay(pay(state, a), b));
                }
                for c in ALL {
                    assert_eq!(a.then(b).then(c), a.then(b.then(c)), "{a:?} {b:?} {c:?}");
                }
            }
        }
    }

    #[test]
    fn the_sums_that_the_design_names() {
        for (earlier, later, sum) in [
            (Due::Reload, Due::Restart, Due::Restart),
            (Due::Restart, Due::Reload, Due::Restart),
            (Due::Start, Due::Restart, Due::Restart),
            (Due::Restart, Due::Start, Due::Restart),
            (Due::Stop, Due::Start, Due::Restart),
            (Due::Restart, Due::Stop, Due::Stop),
            (Due::Reload, Due::Stop, Due::Stop),
            (Due::Start, Due::TryRestart, Due::Restart),
        ] {
            assert_eq!(earlier.then(later), sum, "{earlier:?} then {later:?}");
        }
    }

    #[test]
    fn what_an_action_pays_leaves_the_service_as_if_the_debt_had_been_paid_before_it() {
        for owed in ALL {
            for done in ALL.into_iter().filter(|done| owed.is_paid_by(*done)) {
                for state in states() {
                    let both = pay(pay(state, owed), done);
                    let stopped = state == Model::Down && both == Model::Down;
                    assert!(
                        pay(state, done) == both || stopped,
                        "{owed:?} {done:?} {state:?}"
                    );
                }
            }
        }
        assert!(!Due::Restart.is_paid_by(Due::Start) && !Due::Reload.is_paid_by(Due::Start));
        assert!(!Due::Restart.is_paid_by(Due::TryRestart));
    }

    #[test]
    fn an_action_that_nobody_understands_cannot_be_owed() {
        assert!(Due::try_from(&Action::Other("rotate".to_owned())).is_err());
        assert!(Due::try_from(&Action::Status).is_err());
        for due in ALL {
            assert_eq!(Due::try_from(&due.action()), Ok(due));
        }
    }

    proptest! {
        #[test]
        fn paying_the_sum_ends_where_paying_one_by_one_does(
            picks in prop::collection::vec(0..ALL.len(), 1..12),
            state in 0..5_usize,
        ) {
            let dues: Vec<Due> = picks.iter().map(|i| ALL[*i]).collect();
            let start = states()[state];
            let one_by_one = dues.iter().fold(start, |s, d| pay(s, *d));
            let sum = dues.iter().copied().reduce(Due::then).unwrap();
            prop_assert_eq!(pay(start, sum), one_by_one);
        }
    }
}
