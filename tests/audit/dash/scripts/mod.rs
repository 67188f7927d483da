//! Scripts made by chance, of which everything is known: each is one that dash carries out on one way.

mod compound;
mod simple;

/// A row of numbers that is always the same for a seed.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// One of `count` numbers, from 0.
    fn below(&mut self, count: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % count
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        let index = self.below(u64::try_from(of.len()).unwrap());
        of[usize::try_from(index).unwrap()]
    }
}

/// Writes a script.
pub(crate) struct Writer {
    chance: Chance,
    text: String,
    depth: usize,
    loops: usize,
    /// The functions that are written already, by their numbers.
    functions: Vec<usize>,
    names: usize,
    /// Whether a call may be written: in all but the last part of a pipe its turn would be left to chance.
    calls: bool,
}

const TOOLS: [&str; 3] = ["systemctl", "service", "invoke-rc.d"];
const VARIABLES: [&str; 4] = ["a", "b", "c", "d"];
const PLAIN: [&str; 11] = [
    "x",
    "y",
    "foo",
    "foo.service",
    "0",
    "1",
    "2",
    "a=b",
    "-x",
    "x/y.z",
    "{}",
];

/// The script of a seed.
pub(crate) fn script(seed: u64) -> String {
    let mut writer = Writer {
        chance: Chance::new(seed),
        text: String::from("#!/bin/sh\n"),
        depth: 0,
        loops: 0,
        functions: Vec::new(),
        names: 0,
        calls: true,
    };
    // Each way into a script begins the same for all: some names are set, some are not.
    writer.text.push_str("a=x b='foo bar' c=\n");
    if writer.chance.below(3) > 0 {
        writer.text.push_str("set -e\n");
    }
    let count = 3 + writer.chance.below(5);
    for _ in 0..count {
        writer.command();
        writer.end();
    }
    writer.text
}

impl Writer {
    fn end(&mut self) {
        let end = self
            .chance
            .one(&["\n", "\n", "\n", ";\n", " # all's well\n", "\n\n"]);
        self.text.push_str(end);
    }

    fn put(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// One command, the deeper the simpler.
    fn command(&mut self) {
        self.depth += 1;
        let kinds = if self.depth > 4 { 10 } else { 30 };
        match self.chance.below(kinds) {
            0..=3 => self.call(),
            4 | 5 => self.assignment(),
            6 => self.test(),
            7 => self.builtin(),
            8 => self.chance_function_call(),
            9 => self.echo(),
            10..=12 => self.conditional(),
            13..=15 => self.chain(),
            16 => self.negated(),
            17 | 18 => self.case(),
            19 | 20 => self.counted(),
            21 => self.repeated(),
            22 => self.group("{ ", "; }"),
            23 => self.group("( ", " )"),
            24 | 25 => self.function(),
            26 => self.pipe(),
            27 => self.document(),
            28 => self.evaluated(),
            _ => self.leaving(),
        }
        self.depth -= 1;
    }

    /// Commands within a compound one.
    fn body(&mut self) {
        let count = 1 + self.chance.below(2);
        for number in 0..count {
            if number > 0 {
                let between = self.chance.one(&["; ", "\n"]);
                self.put(between);
            }
            self.command();
        }
    }
}
