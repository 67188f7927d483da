//! In what order a flush runs init scripts, and which of them side by side: as the machine's own boot does.
//!
//! Scripts whose start links have the same number need nothing of each other, for insserv gives what needs
//! another a higher one. That is looked up all the same: numbers may have been set by hand. For restarts and
//! stops it is as sound: what is needed for a stop is what was needed for the start, unless a header says
//! otherwise, and then that counts as a need too (`BootOrder`). A restart goes down and comes up in one go, so
//! what needs another is restarted after it, as one script after the other would be.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{BootOrder, StartPlace};

/// An init script that a flush is to run.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it may be run beside others at all.
    pub company: Company,
}

/// Whether a script may be run beside others, whatever it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    /// It may.
    Any,
    /// It may not: its group is stopped and started as one.
    None,
}

/// Where scripts stand at boot; what is not in it has no start link.
pub type Places = BTreeMap<String, StartPlace>;

/// The candidates, as their indices, in waves: each wave begins when the one before is over, and the scripts
/// of one may run side by side. Without an `order` of the machine's boot each is a wave of its own.
pub fn waves(
    candidates: &[Candidate<'_>],
    places: &Places,
    order: Option<&BootOrder>,
) -> Vec<Vec<usize>> {
    let none = BootOrder::default();
    let mut scripts = ranked(candidates, places, order.unwrap_or(&none));
    scripts.sort_by_key(|script| (script.rank, script.depth, script.name));
    let mut waves: Vec<Wave<'_>> = Vec::new();
    for script in &scripts {
        match waves.last_mut() {
            Some(wave) if wave.takes(script) => wave.take(script),
            Some(_) | None => waves.push(Wave::of(script)),
        }
    }
    waves.into_iter().map(|wave| wave.at).collect()
}

/// A candidate with what decides about its wave.
struct Script<'a> {
    at: usize,
    name: &'a str,
    /// Its own place, or that of the last candidate that it needs.
    rank: StartPlace,
    /// How many of those that it needs have the same rank.
    depth: usize,
    /// The candidates that it needs, directly or not.
    needs: BTreeSet<&'a str>,
    company: Company,
}

fn ranked<'a>(
    candidates: &[Candidate<'a>],
    places: &Places,
    order: &'a BootOrder,
) -> Vec<Script<'a>> {
    let names: BTreeSet<&str> = candidates.iter().map(|candidate| candidate.name).collect();
    let place = |name: &str| places.get(name).copied().unwrap_or(StartPlace::Unlinked);
    let script = |(at, candidate): (usize, &Candidate<'a>)| {
        let name = candidate.name;
        let mut needs = order.needs(name);
        needs.retain(|needed| names.contains(needed));
        let linked = matches!(place(name), StartPlace::Runlevel(_));
        let company = match linked && order.runs_beside_others(name) {
            true => candidate.company,
            false => Company::None,
        };
        let needed = needs.iter().map(|needed| place(needed));
        Script {
            at,
            name,
            rank: needed.fold(place(name), StartPlace::max),
            depth: 0,
            needs,
            company,
        }
    };
    let mut scripts: Vec<Script<'_>> = candidates.iter().enumerate().map(script).collect();
    let ranks: BTreeMap<&str, StartPlace> = scripts
        .iter()
        .map(|script| (script.name, script.rank))
        .collect();
    for script in &mut scripts {
        let same = |needed: &&&str| ranks.get(**needed) == Some(&script.rank);
        script.depth = script.needs.iter().filter(same).count();
    }
    scripts
}

struct Wave<'a> {
    at: Vec<usize>,
    names: BTreeSet<&'a str>,
    /// All that its scripts need.
    needs: BTreeSet<&'a str>,
    rank: StartPlace,
    company: Company,
}

impl<'a> Wave<'a> {
    fn of(script: &Script<'a>) -> Self {
        let mut wave = Self {
            at: Vec::new(),
            names: BTreeSet::new(),
            needs: BTreeSet::new(),
            rank: script.rank,
            company: script.company,
        };
        wave.take(script);
        wave
    }

    fn takes(&self, script: &Script<'a>) -> bool {
        let willing = self.company == Company::Any && script.company == Company::Any;
        let apart = !self.needs.contains(script.name) && self.names.is_disjoint(&script.needs);
        willing && apart && self.rank == script.rank
    }

    fn take(&mut self, script: &Script<'a>) {
        self.at.push(script.at);
        self.names.insert(script.name);
        self.needs.extend(&script.needs);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn places(text: &str) -> Places {
        let place = |word: &str| {
            let (name, number) = word.split_once('@')?;
            let place = match number.strip_prefix('S') {
                Some(number) => StartPlace::Boot(number.parse().unwrap()),
                None => StartPlace::Runlevel(number.parse().unwrap()),
            };
            Some((name.to_owned(), place))
        };
        text.split_whitespace().filter_map(place).collect()
    }

    /// The waves of `names`, as `a b | c`; one in capitals belongs to a group.
    fn told(names: &str, at: &str, order: Option<&str>) -> String {
        let order = order.map(|text| BootOrder::parse(text, "").unwrap());
        let candidates: Vec<Candidate<'_>> = names
            .split_whitespace()
            .map(|name| Candidate {
                name,
                company: match name.chars().all(char::is_uppercase) {
                    true => Company::None,
                    false => Company::Any,
                },
            })
            .collect();
        let waves = waves(&candidates, &places(at), order.as_ref());
        let name = |at: &usize| candidates[*at].name;
        let wave = |wave: &Vec<usize>| wave.iter().map(name).collect::<Vec<_>>().join(" ");
        waves.iter().map(wave).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn only_what_stands_at_the_same_place_and_needs_nothing_of_each_other_goes_side_by_side() {
        let order = "TARGETS = a b c d e E\nINTERACTIVE = d\nc: a\n";
        for (names, at, expected) in [
            ("b a", "a@1 b@1", "a b"),
            ("b a c", "a@1 b@1 c@2", "a b | c"),
            // Numbers that were set by hand.
            ("a b c", "a@1 b@1 c@1", "a b | c"),
            ("a b c", "a@3 b@1 c@1", "b | a | c"),
            // Asks somebody; belongs to a group; has no link; is not known to the boot; is one of the boot's.
            ("a b d", "a@1 b@1 d@1", "a b | d"),
            ("a b E e", "a@1 b@1 E@1 e@1", "E | a b e"),
            ("a b e", "a@1 b@1", "a b | e"),
            ("a b x", "a@1 b@1 x@1", "a b | x"),
            ("a b e", "a@1 b@1 e@S9", "e | a b"),
            ("a b c", "b@1 c@1", "b | a | c"),
        ] {
            assert_eq!(told(names, at, Some(order)), expected, "{names} at {at}");
        }
    }

    #[test]
    fn where_the_boot_runs_one_after_the_other_so_do_we() {
        let at = "a@2 b@1 c@1 d@S5";
        assert_eq!(told("a b c d e", at, None), "d | b | c | a | e");
    }

    #[test]
    fn what_one_needs_only_through_another_that_is_not_to_be_run_comes_before_it_all_the_same() {
        let order = "TARGETS = a m z\na: m\nm: z\n";
        assert_eq!(told("a z", "a@1 m@1 z@1", Some(order)), "z | a");
    }

    const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

    /// Needs that go from a later name to an earlier one, in whatever order the names stand.
    fn needs() -> impl Strategy<Value = (Vec<&'static str>, Vec<(usize, usize)>)> {
        let names = Just(NAMES.to_vec()).prop_shuffle();
        let pairs = prop::collection::vec((0..NAMES.len(), 0..NAMES.len()), 0..14);
        (names, pairs)
    }

    proptest! {
        #[test]
        fn no_script_ever_comes_beside_or_before_what_it_needs(
            (names, pairs) in needs(),
            numbers in prop::collection::vec(0..4_u8, NAMES.len()),
            picked in prop::collection::vec(any::<bool>(), NAMES.len()),
            stops: bool,
        ) {
            let mut lines = String::new();
            for (one, other) in &pairs {
                let (later, earlier) = (one.max(other), one.min(other));
                if later == earlier {
                    continue;
                }
                // As a stop, the other way round.
                let (later, earlier) = if stops { (earlier, later) } else { (later, earlier) };
                lines += &format!("{}: {}\n", names[*later], names[*earlier]);
            }
            let targets = format!("TARGETS = {}\n", NAMES.join(" "));
            let order = match stops {
                true => BootOrder::parse(&targets, &lines),
                false => BootOrder::parse(&(targets + &lines), ""),
            };
            let order = order.unwrap();
            let at: Places = NAMES.iter().zip(numbers)
                .filter(|(_, number)| *number > 0)
                .map(|(name, number)| ((*name).to_owned(), StartPlace::Runlevel(number)))
                .collect();
            let candidates: Vec<Candidate<'_>> = NAMES.iter().zip(picked)
                .filter(|(_, picked)| *picked)
                .map(|(name, _)| Candidate { name, company: Company::Any })
                .collect();
            let found = waves(&candidates, &at, Some(&order));
            let mut all: Vec<usize> = found.iter().flatten().copied().collect();
            let wave_of = |name: &str| found.iter().position(|wave| {
                wave.iter().any(|at| candidates[*at].name == name)
            });
            for (at, candidate) in candidates.iter().enumerate() {
                for needed in order.needs(candidate.name) {
                    if let Some(earlier) = wave_of(needed) {
                        prop_assert!(wave_of(candidate.name) > Some(earlier), "{} {needed}", candidate.name);
                    }
                }
                prop_assert!(all.contains(&at));
            }
            all.dedup();
            prop_assert_eq!(all.len(), candidates.len());
        }

        #[test]
        fn loops_and_nonsense_lose_no_script_and_run_none_twice(
            pairs in prop::collection::vec((0..NAMES.len(), 0..NAMES.len()), 0..30),
            numbers in prop::collection::vec(0..4_u8, NAMES.len()),
        ) {
            let mut text = format!("TARGETS = {}\n", NAMES.join(" "));
            for (one, other) in pairs {
                text += &format!("{}: {}\n", NAMES[one], NAMES[other]);
            }
            let order = BootOrder::parse(&text, "").unwrap();
            let at = NAMES.iter().zip(numbers)
                .map(|(name, number)| ((*name).to_owned(), StartPlace::Runlevel(number)))
                .collect();
            let candidates: Vec<Candidate<'_>> = NAMES.iter()
                .map(|name| Candidate { name, company: Company::Any })
                .collect();
            let found = waves(&candidates, &at, Some(&order));
            for wave in &found {
                for at in wave {
                    let needs = order.needs(candidates[*at].name);
                    let others = wave.iter().filter(|other| *other != at);
                    for other in others {
                        prop_assert!(!needs.contains(candidates[*other].name));
                    }
                }
            }
            let mut all: Vec<usize> = found.into_iter().flatten().collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..NAMES.len()).collect::<Vec<_>>());
        }
    }
}
