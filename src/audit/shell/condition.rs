//! Under what a way is taken: alternatives, each a row of assumptions. Where two ways come together
//! again, what they assumed differently falls away.

/// An assumption by its number, and what it was taken for.
pub(super) type Literal = (u32, bool);

/// Alternatives, of which one holds; none has more than it needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Condition(Vec<Vec<Literal>>);

/// How many alternatives are kept; of more the longest are forgotten.
const MOST: usize = 8;

impl Default for Condition {
    fn default() -> Self {
        Self(vec![Vec::new()])
    }
}

impl Condition {
    /// Both what it was, and this.
    pub(super) fn and(&mut self, literal: Literal) {
        let opposite = (literal.0, !literal.1);
        if self.0.iter().any(|row| !row.contains(&opposite)) {
            self.0.retain(|row| !row.contains(&opposite));
        }
        for row in &mut self.0 {
            if !row.contains(&literal) {
                row.push(literal);
            }
        }
        self.tidy();
    }

    /// Either it or `other`.
    pub(super) fn or(&mut self, other: &Self) {
        if self == other {
            return;
        }
        self.0.extend(other.0.iter().cloned());
        self.tidy();
    }

    /// The alternative that assumes least.
    pub(super) fn least(&self) -> &[Literal] {
        let shortest = self.0.iter().min_by_key(|row| row.len());
        shortest.map_or(&[], Vec::as_slice)
    }

    fn tidy(&mut self) {
        // Each turn takes away a row or a literal.
        while self.join_once() {}
        self.0.sort_by_key(Vec::len);
        self.0.truncate(MOST);
    }

    fn join_once(&mut self) -> bool {
        for first in 0..self.0.len() {
            for second in 0..self.0.len() {
                if first == second {
                    continue;
                }
                let (Some(one), Some(other)) = (self.0.get(first), self.0.get(second)) else {
                    continue;
                };
                if let Some(joined) = join(one, other) {
                    if let Some(row) = self.0.get_mut(first) {
                        *row = joined;
                    }
                    self.0.remove(second);
                    return true;
                }
            }
        }
        false
    }
}

/// What two alternatives come to, where that is one: the shorter one where it is part of the other, and
/// what both have in common where they differ in the sense of one assumption alone.
fn join(one: &[Literal], other: &[Literal]) -> Option<Vec<Literal>> {
    if one.iter().all(|literal| other.contains(literal)) {
        return Some(one.to_vec());
    }
    if one.len() != other.len() {
        return None;
    }
    let mut apart = one.iter().filter(|literal| !other.contains(literal));
    let (Some(only), None) = (apart.next(), apart.next()) else {
        return None;
    };
    other.contains(&(only.0, !only.1)).then(|| {
        let common = one.iter().filter(|literal| *literal != only);
        common.copied().collect()
    })
}
