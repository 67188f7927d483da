//! What else matters for an action on a unit: its triggers, the services those start, what falls
//! with them, what a target pulls in. Asks any init through its trait; decides nothing.

use std::collections::BTreeSet;

use super::{Depth, Init, InitError};
use crate::domain::{Action, Known, UnitFacts, UnitKind, UnitName};

/// Rounds of questions: service, triggers, what those start and what falls with them, and on.
const MOST_ROUNDS: usize = 16;
/// Units asked about; a unit with more around it than this is a network target, not a service.
const MOST_UNITS: usize = 512;

/// The facts of all units around `unit` that a decision on `action` looks at, each once and
/// without `unit` itself. Each round asks about all new units at once.
///
/// Where the bounds are reached, the units beyond them are given as unknown, so that nobody takes
/// what was not asked for a no.
///
/// # Errors
/// When the init could not be asked.
pub fn related(
    init: &mut dyn Init,
    unit: &UnitFacts,
    action: &Action,
) -> Result<Vec<UnitFacts>, InitError> {
    let mut search = Search {
        seen: BTreeSet::from([unit.asked.clone(), unit.id.clone()]),
        found: Vec::new(),
        falls: falls(action),
    };
    let mut next = search.around(unit, unit);
    for _ in 0..MOST_ROUNDS {
        if next.is_empty() {
            return Ok(search.found);
        }
        let room = MOST_UNITS.saturating_sub(search.found.len());
        let beyond = next.split_off(room.min(next.len()));
        search.give_up_on(&beyond);
        next = search.ask(init, unit, &next)?;
    }
    search.give_up_on(&next);
    Ok(search.found)
}

/// Whether the action takes the unit down, and with it what requires it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Falls {
    Yes,
    No,
}

fn falls(action: &Action) -> Falls {
    match action {
        Action::Stop | Action::ForceStop | Action::Restart | Action::TryRestart => Falls::Yes,
        // `force-reload` restarts what cannot reload; what other words do is not known.
        Action::ForceReload | Action::Other(_) => Falls::Yes,
        Action::Start | Action::Reload | Action::Status => Falls::No,
    }
}

#[derive(Debug)]
struct Search {
    seen: BTreeSet<UnitName>,
    found: Vec<UnitFacts>,
    falls: Falls,
}

impl Search {
    /// One round: asks about `names` and returns the units that come up new.
    fn ask(
        &mut self,
        init: &mut dyn Init,
        of: &UnitFacts,
        names: &[UnitName],
    ) -> Result<Vec<UnitName>, InitError> {
        let mut next = Vec::new();
        for facts in init.units(names, Depth::Relations)? {
            let is_new = facts.id == facts.asked || self.seen.insert(facts.id.clone());
            if is_new {
                next.extend(self.around(&facts, of));
                self.found.push(facts);
            }
        }
        Ok(next)
    }

    /// The names around `facts` that matter and were not seen yet. `of` is the unit of the action.
    fn around(&mut self, facts: &UnitFacts, of: &UnitFacts) -> Vec<UnitName> {
        let is_of = facts.id == of.id;
        let mut names = Vec::new();
        match facts.id.kind() {
            // Everything that can start it, also what can start a sibling of it.
            UnitKind::Service => names.extend(&facts.triggered_by),
            UnitKind::Socket | UnitKind::Path | UnitKind::Timer | UnitKind::Automount => {
                names.extend(&facts.triggers);
            }
            UnitKind::Target if is_of => names.extend(&facts.pulls_in),
            UnitKind::Target | UnitKind::Other => {}
        }
        // What falls with something that is up; what is down takes nobody along.
        if self.falls == Falls::Yes && !facts.is_down() {
            names.extend(&facts.required_by);
        }
        names
            .into_iter()
            .filter(|name| self.seen.insert((*name).clone()))
            .cloned()
            .collect()
    }

    fn give_up_on(&mut self, names: &[UnitName]) {
        let why = format!("more than {MOST_UNITS} units are around it");
        self.found
            .extend(names.iter().map(|name| UnitFacts::unknown(name, &why)));
    }
}

/// Whether what is known of `unit` says that it is up, or says nothing at all.
pub fn may_be_up(unit: &UnitFacts) -> bool {
    match &unit.active {
        Known::Is(state) => !state.is_down(),
        Known::Unknown(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ActiveState, InitKind, Job, JobOutcome, LoadState, Machine, Wait};

    /// An init that knows a few units and counts the rounds.
    #[derive(Default)]
    struct Small {
        units: Vec<UnitFacts>,
        rounds: usize,
    }

    fn name(text: &str) -> UnitName {
        UnitName::parse(text).unwrap()
    }

    impl Small {
        fn with(mut self, unit: &str, change: impl FnOnce(&mut UnitFacts)) -> Self {
            let mut facts = UnitFacts::unknown(&name(unit), "not asked");
            facts.load = Known::Is(LoadState::Loaded);
            facts.active = Known::Is(ActiveState::Active);
            change(&mut facts);
            self.units.push(facts);
            self
        }

        fn around(&mut self, unit: &str, action: Action) -> Vec<String> {
            let unit = self
                .units(&[name(unit)], Depth::Relations)
                .unwrap()
                .remove(0);
            self.rounds = 0;
            let mut names: Vec<String> = related(self, &unit, &action)
                .unwrap()
                .iter()
                .map(|unit| unit.id.to_string())
                .collect();
            names.sort();
            names
        }
    }

    impl Init for Small {
        fn kind(&self) -> InitKind {
            InitKind::Simulated
        }
        fn machine(&mut self) -> Known<Machine> {
            Known::Is(Machine::Running)
        }
        fn units(&mut self, names: &[UnitName], _: Depth) -> Result<Vec<UnitFacts>, InitError> {
            self.rounds += 1;
            let of = |wanted: &UnitName| {
                let known = self.units.iter().find(|unit| unit.asked == *wanted);
                known
                    .cloned()
                    .unwrap_or_else(|| UnitFacts::unknown(wanted, "not there"))
            };
            Ok(names.iter().map(of).collect())
        }
        fn run(&mut self, _: &[Job], _: Wait) -> Result<Vec<JobOutcome>, InitError> {
            Ok(Vec::new())
        }
        fn kill(&mut self, _: &UnitName) -> Result<(), InitError> {
            Ok(())
        }
        fn hold(&mut self, _: &UnitName) -> Result<(), InitError> {
            Ok(())
        }
        fn release(&mut self, _: &UnitName) -> Result<(), InitError> {
            Ok(())
        }
    }

    fn names(list: &[&str]) -> Vec<UnitName> {
        list.iter().map(|text| name(text)).collect()
    }

    fn rpcbind() -> Small {
        Small::default()
            .with("rpcbind.service", |unit| {
                unit.triggered_by = names(&["rpcbind.socket", "rpcbind.path"]);
            })
            .with("rpcbind.path", |unit| {
                unit.triggers = names(&["rpcbind.service"])
            })
            .with("rpcbind.socket", |unit| {
                unit.triggers = names(&["rpcbind.service"]);
                unit.required_by = names(&["rpc-statd.service"]);
            })
            .with("rpc-statd.service", |unit| {
                unit.required_by = names(&["nfs.service"])
            })
            .with("nfs.service", |unit| {
                unit.active = Known::Is(ActiveState::Inactive);
                unit.required_by = names(&["far.service"]);
            })
    }

    #[test]
    fn a_stop_looks_at_triggers_and_at_what_falls_with_them_but_not_past_what_is_down() {
        let around = rpcbind().around("rpcbind", Action::Stop);
        let expected = [
            "nfs.service",
            "rpc-statd.service",
            "rpcbind.path",
            "rpcbind.socket",
        ];
        assert_eq!(around, expected);
    }

    #[test]
    fn a_start_looks_at_triggers_alone() {
        let around = rpcbind().around("rpcbind", Action::Start);
        assert_eq!(around, ["rpcbind.path", "rpcbind.socket"]);
    }

    #[test]
    fn a_trigger_leads_to_its_services_and_to_their_other_triggers() {
        let around = rpcbind().around("rpcbind.path", Action::Start);
        assert_eq!(around, ["rpcbind.service", "rpcbind.socket"]);
    }

    #[test]
    fn services_that_share_a_socket_come_along() {
        let mut init = Small::default()
            .with("a.service", |unit| unit.triggered_by = names(&["s.socket"]))
            .with("b.service", |unit| unit.triggered_by = names(&["s.socket"]))
            .with("s.socket", |unit| {
                unit.triggers = names(&["a.service", "b.service"])
            });
        assert_eq!(init.around("a", Action::Stop), ["b.service", "s.socket"]);
        assert_eq!(init.rounds, 2);
    }

    #[test]
    fn a_target_leads_to_what_it_pulls_in_but_other_targets_do_not() {
        let mut init = Small::default()
            .with("x.target", |unit| {
                unit.pulls_in = names(&["a.service", "y.target"])
            })
            .with("a.service", |_| {})
            .with("y.target", |unit| unit.pulls_in = names(&["far.service"]));
        assert_eq!(
            init.around("x.target", Action::Stop),
            ["a.service", "y.target"]
        );
    }

    #[test]
    fn an_alias_of_a_unit_already_seen_is_not_given_twice() {
        let mut init = Small::default()
            .with("a.service", |unit| {
                unit.triggered_by = names(&["s.socket", "old.socket"])
            })
            .with("s.socket", |_| {})
            .with("old.socket", |unit| unit.id = name("s.socket"));
        assert_eq!(init.around("a", Action::Stop), ["s.socket"]);
    }

    #[test]
    fn rings_end_and_what_lies_beyond_the_bounds_is_unknown() {
        let mut ring = Small::default()
            .with("a.service", |unit| unit.required_by = names(&["b.service"]))
            .with("b.service", |unit| unit.required_by = names(&["a.service"]));
        assert_eq!(ring.around("a", Action::Stop), ["b.service"]);
        let many: Vec<UnitName> = (0..600).map(|n| name(&format!("n{n}"))).collect();
        let mut wide = Small::default().with("a.service", |unit| unit.required_by = many);
        let unit = wide.units[0].clone();
        let found = related(&mut wide, &unit, &Action::Stop).unwrap();
        assert_eq!(found.len(), 600);
        assert!(found.iter().all(may_be_up));
    }
}
