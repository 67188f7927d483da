//! The random cover: a choice in every dimension of a case, from a fixed seed. Pure.

use crate::case::{Case, InitFile, Marker, Policy, Script};
use crate::cases::{ACTIONS, COVER, OPTIONS, SEED, call};
use crate::shapes::{link_shapes, runlevel_sources};

/// Everything with everything: a random choice in every dimension.
pub(crate) fn cover() -> Vec<Case> {
    let mut dice = Dice(SEED);
    let (shapes, sources) = (link_shapes(), runlevel_sources());
    let scripts = [
        Script::Exits(0),
        Script::Exits(1),
        Script::Knows(&["stop"]),
        Script::Missing,
        Script::NotExecutable,
        Script::Link,
    ];
    let policies = [
        Policy::Absent,
        Policy::Exits(0),
        Policy::Exits(1),
        Policy::Exits(100),
        Policy::Exits(101),
        Policy::Exits(104),
        Policy::Says(106, "stop start", "falling back"),
        Policy::Exits(77),
        Policy::NotExecutable,
        Policy::NoShebang(101),
    ];
    let mut cases = Vec::with_capacity(COVER);
    for number in 0..COVER {
        let options: Vec<&str> = OPTIONS.into_iter().filter(|_| dice.below(4) == 0).collect();
        let (shape, links) = dice.pick(&shapes).clone();
        let action: &str = dice.pick::<&str>(&ACTIONS);
        let mut case = Case::new(&format!("cover {number}"), &call(&options, action))
            .links(shape, &links)
            .runlevel(dice.pick(&sources).clone())
            .script(dice.pick(&scripts).clone())
            .policy(dice.pick(&policies).clone());
        if dice.below(5) == 0 {
            case = case.init(InitFile::Absent);
        }
        if dice.below(6) == 0 {
            case = case.marker(Marker::Openrc(Some(0)));
        }
        cases.push(case);
    }
    cases
}

/// A small generator of numbers: the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let value = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(value).unwrap_or(0) % limit.max(1)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let at = self.below(from.len());
        from.get(at)
            .unwrap_or_else(|| unreachable!("below() stays below"))
    }
}
