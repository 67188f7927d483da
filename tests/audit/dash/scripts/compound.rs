//! Commands that are made of others: conditions, chains, loops, functions, pipes.

use std::fmt::Write as _;

use super::{VARIABLES, Writer};

impl Writer {
    pub(super) fn conditional(&mut self) {
        self.put("if ");
        self.condition();
        self.put("; then\n");
        self.body();
        if self.chance.below(3) == 0 {
            self.put("\nelif ");
            self.condition();
            self.put("; then ");
            self.body();
        }
        if self.chance.below(2) == 0 {
            self.put("\nelse ");
            self.body();
        }
        self.put("\nfi");
    }

    pub(super) fn condition(&mut self) {
        match self.chance.below(4) {
            0 => self.call(),
            1 => self.chain(),
            _ => self.test(),
        }
    }

    pub(super) fn chain(&mut self) {
        self.piece();
        for _ in 0..=self.chance.below(2) {
            let join = self.chance.one(&[" && ", " || ", " ||\n", " &&\n "]);
            self.put(join);
            self.piece();
        }
    }

    pub(super) fn piece(&mut self) {
        match self.chance.below(6) {
            0 => self.test(),
            1 => self.put("true"),
            2 => self.put("false"),
            3 if self.depth < 4 => self.command_in_chain(),
            _ => self.call(),
        }
    }

    pub(super) fn command_in_chain(&mut self) {
        self.depth += 1;
        match self.chance.below(4) {
            0 => self.group("{ ", "; }"),
            1 => self.group("( ", " )"),
            2 => self.chance_function_call(),
            _ => self.negated(),
        }
        self.depth -= 1;
    }

    pub(super) fn negated(&mut self) {
        self.put("! ");
        match self.chance.below(3) {
            0 => self.test(),
            1 => self.group("{ ", "; }"),
            _ => self.call(),
        }
    }

    pub(super) fn case(&mut self) {
        self.put("case ");
        self.word();
        self.put(" in\n");
        for _ in 0..=self.chance.below(3) {
            let pattern = self.chance.one(&[
                "x",
                "foo*",
                "?",
                "*.service|y",
                "[0-9]",
                "\"foo bar\"",
                "(x*",
                "$a",
                "[!a-f]*",
                "*\\ *",
                "''",
                "-*",
            ]);
            self.put(pattern);
            self.put(") ");
            if self.chance.below(5) > 0 {
                self.body();
                self.put(" ");
            }
            self.put(";;\n");
        }
        if self.chance.below(2) == 0 {
            self.put("*) ");
            self.body();
            self.put("\n");
        }
        self.put("esac");
    }

    pub(super) fn counted(&mut self) {
        let variable = self.chance.one(&VARIABLES);
        let _ = write!(self.text, "for {variable} in");
        if self.chance.below(6) == 0 {
            // Over the parameters.
            self.text.truncate(self.text.len() - 3);
        } else {
            for _ in 0..self.chance.below(4) {
                self.put(" ");
                self.word();
            }
        }
        self.put("; do ");
        self.loops += 1;
        self.body();
        self.loops -= 1;
        self.put("; done");
    }

    pub(super) fn repeated(&mut self) {
        let name = format!("i{}", self.depth);
        let (word, operator) = match self.chance.below(2) {
            0 => ("while", "-lt"),
            _ => ("until", "-ge"),
        };
        let limit = self.chance.below(4);
        let _ = write!(
            self.text,
            "{name}=0\n{word} [ ${name} {operator} {limit} ]; do {name}=$((${name} + 1)); "
        );
        self.loops += 1;
        self.body();
        self.loops -= 1;
        self.put("; done");
    }

    pub(super) fn group(&mut self, open: &str, close: &str) {
        // What leaves a loop within a shell of its own does not leave it.
        let loops = self.loops;
        if open.starts_with('(') {
            self.loops = 0;
        }
        self.put(open);
        self.body();
        self.put(close);
        self.loops = loops;
        let redirect = self
            .chance
            .one(&["", "", "", " >/dev/null", " 2>/dev/null"]);
        self.put(redirect);
    }

    pub(super) fn function(&mut self) {
        let number = self.names;
        self.names += 1;
        let name = format!("f{number}x");
        let _ = writeln!(self.text, "{name}() {{");
        let loops = std::mem::take(&mut self.loops);
        if self.chance.below(2) == 0 {
            let variable = self.chance.one(&VARIABLES);
            let _ = writeln!(self.text, "local {variable}=in");
        }
        self.body();
        if self.chance.below(3) == 0 {
            let status = self.chance.one(&["", " 0", " 2", " $?"]);
            let _ = write!(self.text, "\nreturn{status}");
        }
        self.put("\n}");
        self.loops = loops;
        self.functions.push(number);
        if self.chance.below(4) > 0 {
            self.put("\n");
            self.chance_function_call();
        }
    }

    pub(super) fn pipe(&mut self) {
        let calls = std::mem::replace(&mut self.calls, false);
        match self.chance.below(4) {
            0 => self.put("echo one two"),
            1 => self.put("printf 'x y\\nz\\n'"),
            2 => self.put("{ echo first; false; }"),
            _ => self.echo(),
        }
        self.calls = calls;
        self.put(" | ");
        let loops = std::mem::take(&mut self.loops);
        match self.chance.below(3) {
            0 => {
                self.put("while read a b; do ");
                self.body();
                self.put("; done");
            }
            1 => self.call(),
            _ => self.group("{ read c; ", "; }"),
        }
        self.loops = loops;
    }
}
