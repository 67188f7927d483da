//! Under what a way is taken: alternatives, each a row of assumptions. Where two ways come together
//! again, what they assumed differently falls away.

use std::rc::Rc;

/// An assumption by its number, and what it was taken for.
pub(super) type Literal = (u32, bool);

/// Alternatives, of which one holds; none has more than it needs. Ways share them until one of them changes its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition(Rc<Vec<Row>>);

/// How many alternatives are kept; of more the longest are forgotten.
const MOST: usize = 8;

impl Default for Condition {
    fn default() -> Self {
        Self(Rc::new(vec![Row::default()]))
    }
}

impl Condition {
    /// Both what it was, and this.
    pub(super) fn and(&mut self, literal: Literal) {
        let opposite = (literal.0, !literal.1);
        let rows = Rc::make_mut(&mut self.0);
        let known = |row: &Row| row.has(literal) || row.has(opposite);
        if !rows.iter().any(known) {
            // No two of them become one by what both get.
            rows.iter_mut().for_each(|row| row.push(literal));
            return;
        }
        if rows.iter().any(|row| !row.has(opposite)) {
            rows.retain(|row| !row.has(opposite));
        }
        for row in rows.iter_mut() {
            if !row.has(literal) {
                row.push(literal);
            }
        }
        tidy(rows);
    }

    /// Either it or `other`.
    pub(super) fn or(&mut self, other: &Self) {
        if Rc::ptr_eq(&self.0, &other.0) || self == other {
            return;
        }
        let rows = Rc::make_mut(&mut self.0);
        rows.extend(other.0.iter().cloned());
        tidy(rows);
    }

    /// The alternative that assumes least.
    pub(super) fn least(&self) -> &[Literal] {
        let shortest = self.0.iter().min_by_key(|row| row.literals.len());
        shortest.map_or(&[], |row| row.literals.as_slice())
    }
}

/// An alternative: its assumptions in the order in which they were met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Row {
    literals: Vec<Literal>,
    marks: Marks,
}

impl Row {
    fn of(literals: Vec<Literal>) -> Self {
        let mut marks = Marks::default();
        literals.iter().for_each(|literal| marks.set(*literal));
        Self { literals, marks }
    }

    fn has(&self, literal: Literal) -> bool {
        self.marks.may_have(literal) && self.literals.contains(&literal)
    }

    fn push(&mut self, literal: Literal) {
        self.literals.push(literal);
        self.marks.set(literal);
    }
}

/// A mark for each of some assumptions. Several may have the same mark: what is not marked is not among them, what is
/// marked may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Marks([u64; 4]);

impl Marks {
    /// A mark's word, and its bit in it.
    fn place((number, held): Literal) -> (usize, u64) {
        let bit = number % 128 * 2 + u32::from(held);
        let word = usize::try_from(bit / 64).unwrap_or(0);
        (word, 1 << (bit % 64))
    }

    fn set(&mut self, literal: Literal) {
        let (word, bit) = Self::place(literal);
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    fn may_have(&self, literal: Literal) -> bool {
        let (word, bit) = Self::place(literal);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    /// How many of these marks are not among the others.
    fn beyond(&self, others: &Self) -> u32 {
        let words = self.0.iter().zip(&others.0);
        words.map(|(one, other)| (one & !other).count_ones()).sum()
    }
}

fn tidy(rows: &mut Vec<Row>) {
    // Each turn takes away a row or an assumption.
    while join_once(rows) {}
    rows.sort_by_key(|row| row.literals.len());
    rows.truncate(MOST);
}

fn join_once(rows: &mut Vec<Row>) -> bool {
    for first in 0..rows.len() {
        for second in 0..rows.len() {
            if first == second {
                continue;
            }
            let (Some(one), Some(other)) = (rows.get(first), rows.get(second)) else {
                continue;
            };
            if let Some(joined) = join(one, other) {
                if let Some(row) = rows.get_mut(first) {
                    *row = joined;
                }
                rows.remove(second);
                return true;
            }
        }
    }
    false
}

/// What two alternatives come to, where that is one: the shorter one where it is part of the other, and
/// what both have in common where they differ in the sense of one assumption alone.
fn join(one: &Row, other: &Row) -> Option<Row> {
    let beyond = one.marks.beyond(&other.marks);
    if beyond > 1 || (beyond == 1 && one.literals.len() != other.literals.len()) {
        return None;
    }
    let mut apart = one.literals.iter().filter(|literal| !other.has(**literal));
    let Some(only) = apart.next() else {
        return Some(one.clone());
    };
    if one.literals.len() != other.literals.len() || apart.next().is_some() {
        return None;
    }
    other.has((only.0, !only.1)).then(|| {
        let common = one.literals.iter().filter(|literal| *literal != only);
        Row::of(common.copied().collect())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is told of an alternative, without its marks.
    type Plain = Vec<Literal>;

    fn rows(condition: &Condition) -> Vec<Plain> {
        let rows = condition.0.iter();
        rows.map(|row| row.literals.clone()).collect()
    }

    /// One that is these alternatives.
    fn condition(rows: &[&[Literal]]) -> Condition {
        let mut all = rows.iter().map(|row| {
            let mut one = Condition::default();
            row.iter().for_each(|literal| one.and(*literal));
            one
        });
        let mut either = all.next().unwrap();
        all.for_each(|one| either.or(&one));
        either
    }

    #[test]
    fn what_was_assumed_differently_falls_away_where_two_ways_meet() {
        let met = condition(&[&[(1, true), (2, true)], &[(1, true), (2, false)]]);
        assert_eq!(rows(&met), [[(1, true)]]);
        let nothing = condition(&[&[(2, true)], &[(2, false)]]);
        assert_eq!(rows(&nothing), [[]]);
    }

    #[test]
    fn an_alternative_that_assumes_more_than_another_is_no_alternative() {
        let met = condition(&[&[(1, true), (2, true), (3, false)], &[(3, false)]]);
        assert_eq!(rows(&met), [[(3, false)]]);
    }

    #[test]
    fn an_assumption_rules_out_the_alternatives_that_assume_the_opposite() {
        let mut either = condition(&[&[(1, true)], &[(2, false), (3, true)]]);
        either.and((1, false));
        assert_eq!(rows(&either), [[(2, false), (3, true), (1, false)]]);
    }

    #[test]
    fn assumptions_of_the_same_mark_are_told_apart() {
        let mut both = condition(&[&[(1, true)]]);
        both.and((129, true));
        assert_eq!(rows(&both), [[(1, true), (129, true)]]);
        let either = condition(&[&[(1, true)], &[(129, true)]]);
        assert_eq!(rows(&either), [[(1, true)], [(129, true)]]);
    }

    /// The same without marks and short cuts.
    mod plainly {
        use super::super::{Literal, MOST};
        use super::Plain;

        pub(super) fn and(rows: &mut Vec<Plain>, literal: Literal) {
            let opposite = (literal.0, !literal.1);
            if rows.iter().any(|row| !row.contains(&opposite)) {
                rows.retain(|row| !row.contains(&opposite));
            }
            for row in rows.iter_mut().filter(|row| !row.contains(&literal)) {
                row.push(literal);
            }
            tidy(rows);
        }

        pub(super) fn tidy(rows: &mut Vec<Plain>) {
            while let Some((first, second, joined)) = pair(rows) {
                rows[first] = joined;
                rows.remove(second);
            }
            rows.sort_by_key(Vec::len);
            rows.truncate(MOST);
        }

        fn pair(rows: &[Plain]) -> Option<(usize, usize, Plain)> {
            let all = 0..rows.len();
            let mut pairs = all
                .clone()
                .flat_map(|first| all.clone().map(move |second| (first, second)));
            pairs.find_map(|(first, second)| {
                let joined = (first != second).then(|| join(&rows[first], &rows[second]))?;
                Some((first, second, joined?))
            })
        }

        fn join(one: &Plain, other: &Plain) -> Option<Plain> {
            let apart: Vec<Literal> = one
                .iter()
                .filter(|literal| !other.contains(literal))
                .copied()
                .collect();
            match apart.as_slice() {
                [] => Some(one.clone()),
                [only] if one.len() == other.len() && other.contains(&(only.0, !only.1)) => {
                    let common = one.iter().filter(|literal| *literal != only);
                    Some(common.copied().collect())
                }
                _ => None,
            }
        }
    }

    #[derive(Debug, Clone)]
    enum Change {
        And(Literal),
        Or(Vec<Literal>),
    }

    fn changes() -> impl Strategy<Value = Vec<Change>> {
        let literal = || (0_u32..6, any::<bool>());
        let far = (prop_oneof![0_u32..3, 126_u32..131], any::<bool>());
        let change = prop_oneof![
            literal().prop_map(Change::And),
            far.prop_map(Change::And),
            prop::collection::vec(literal(), 0..5).prop_map(Change::Or),
        ];
        prop::collection::vec(change, 0..24)
    }

    proptest! {
        #[test]
        fn marks_and_short_cuts_change_nothing(changes in changes()) {
            let (mut quick, mut plain) = (Condition::default(), vec![Plain::new()]);
            for change in changes {
                match change {
                    Change::And(literal) => {
                        quick.and(literal);
                        plainly::and(&mut plain, literal);
                    }
                    Change::Or(row) => {
                        let (mut other, mut others) = (Condition::default(), vec![Plain::new()]);
                        for literal in row {
                            other.and(literal);
                            plainly::and(&mut others, literal);
                        }
                        quick.or(&other);
                        if plain != others {
                            plain.extend(others);
                            plainly::tidy(&mut plain);
                        }
                    }
                }
                prop_assert_eq!(rows(&quick), plain.clone());
            }
        }
    }
}
