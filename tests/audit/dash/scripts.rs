//! Scripts made by chance, of which everything is known: each is one that dash carries out on one way.

use std::fmt::Write as _;

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

    fn call(&mut self) {
        if !self.calls {
            return self.echo();
        }
        let tool = self.chance.one(&TOOLS);
        self.put(tool);
        for _ in 0..self.chance.below(3) {
            self.put(" ");
            self.word();
        }
        // What it ends with is the last word's digit.
        let status = self.chance.one(&["", "", "", " f1", " f3", " ok"]);
        self.put(status);
        let redirect = self.chance.one(&[
            "",
            "",
            " >/dev/null",
            " 2>&1",
            " >/dev/null 2>&1",
            " </dev/null",
        ]);
        self.put(redirect);
    }

    fn word(&mut self) {
        let variable = self.chance.one(&VARIABLES);
        let plain = self.chance.one(&PLAIN);
        let text = match self.chance.below(26) {
            0..=5 => plain.to_owned(),
            6 => format!("'{plain} $a'"),
            7 => format!("\"{plain}\""),
            8 | 9 => format!("\"${variable}\""),
            10 => format!("${variable}"),
            11 => format!("\"${{{variable}:-{plain}}}\""),
            12 => format!("${{{variable}-{plain}}}"),
            13 => format!("${{{variable}:+{plain}}}"),
            14 => format!("\"${{{variable}#f}}${{{variable}%r}}\""),
            15 => format!("\"${{{variable}##*o}}:${{{variable}%%o*}}\""),
            16 => format!("${{#{variable}}}"),
            17 => format!("$(echo {plain})"),
            18 => format!("\"$(printf '%s-%s' {plain} \"${variable}\")\""),
            19 => format!("`echo {plain} \\`echo y\\``"),
            20 => self
                .chance
                .one(&["\"$@\"", "$#", "\"$1\"", "$*", "\"$*\"", "${1:-none}"])
                .to_owned(),
            21 => format!("$((1 + 2 * {}))", self.chance.below(9)),
            22 => format!("{plain}\"{variable}\"'z'\\ w"),
            23 => self.substituted_call(),
            24 => format!("\"${{{variable}:-$(echo {plain})}}\""),
            _ => "$?".to_owned(),
        };
        self.put(&text);
    }

    /// `$(...)` around a call: what it says is known, too.
    fn substituted_call(&mut self) -> String {
        if !self.calls {
            return "x".to_owned();
        }
        let word = self.chance.one(&["ok", "f1", "f2"]);
        format!("$(systemctl says {word})")
    }

    fn assignment(&mut self) {
        let variable = self.chance.one(&VARIABLES);
        let _ = write!(self.text, "{variable}=");
        self.word();
    }

    fn echo(&mut self) {
        self.put("echo ");
        self.word();
    }

    fn test(&mut self) {
        let variable = self.chance.one(&VARIABLES);
        let number = self.chance.below(4);
        let text = match self.chance.below(14) {
            0 => format!("[ -n \"${variable}\" ]"),
            1 => format!("[ -z \"${variable}\" ]"),
            2 => format!("[ \"${variable}\" = x ]"),
            3 => format!("[ \"${variable}\" != x ]"),
            4 => format!("[ $# -gt {number} ]"),
            5 => format!("[ \"$#\" -eq {number} -o -z \"${variable}\" ]"),
            6 => format!("[ -n \"${variable}\" -a \"${variable}\" != y ]"),
            7 => format!("[ ! \"${variable}\" = x ]"),
            8 => format!("test -n \"${variable}\""),
            9 => format!("[ \"${{{variable}:-0}}\" -lt {number} ] 2>/dev/null"),
            10 => format!("[ ! -n \"${variable}\" ]"),
            11 => "[ ]".to_owned(),
            12 => format!("[ \"x${variable}\" = xx ]"),
            _ => format!("[ \\( -n \"${variable}\" \\) ]"),
        };
        self.put(&text);
    }

    fn builtin(&mut self) {
        let text = self.chance.one(&[
            "true",
            "false",
            ":",
            "set -e",
            "set +e",
            "set -- one 'two three'",
            "set --",
            "shift || :",
            "unset a",
            "export d=e",
            "unset b c",
            "set -u; set +u",
            "trap '' HUP",
            "a=5 true",
            "b=tmp systemctl temporary",
            "command true",
            "command systemctl by-command",
            "type set >/dev/null",
        ]);
        if !self.calls && text.contains("systemctl") {
            return self.echo();
        }
        self.put(text);
    }

    fn conditional(&mut self) {
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

    fn condition(&mut self) {
        match self.chance.below(4) {
            0 => self.call(),
            1 => self.chain(),
            _ => self.test(),
        }
    }

    fn chain(&mut self) {
        self.piece();
        for _ in 0..=self.chance.below(2) {
            let join = self.chance.one(&[" && ", " || ", " ||\n", " &&\n "]);
            self.put(join);
            self.piece();
        }
    }

    fn piece(&mut self) {
        match self.chance.below(6) {
            0 => self.test(),
            1 => self.put("true"),
            2 => self.put("false"),
            3 if self.depth < 4 => self.command_in_chain(),
            _ => self.call(),
        }
    }

    fn command_in_chain(&mut self) {
        self.depth += 1;
        match self.chance.below(4) {
            0 => self.group("{ ", "; }"),
            1 => self.group("( ", " )"),
            2 => self.chance_function_call(),
            _ => self.negated(),
        }
        self.depth -= 1;
    }

    fn negated(&mut self) {
        self.put("! ");
        match self.chance.below(3) {
            0 => self.test(),
            1 => self.group("{ ", "; }"),
            _ => self.call(),
        }
    }

    fn case(&mut self) {
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

    fn counted(&mut self) {
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

    fn repeated(&mut self) {
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

    fn group(&mut self, open: &str, close: &str) {
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

    fn function(&mut self) {
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

    fn chance_function_call(&mut self) {
        // What stands in a function was written before it, so that none calls itself.
        let Some(last) = self.functions.last() else {
            return self.call();
        };
        let _ = write!(self.text, "f{last}x");
        for _ in 0..self.chance.below(3) {
            self.put(" ");
            self.word();
        }
    }

    fn pipe(&mut self) {
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

    fn document(&mut self) {
        let quoted = self.chance.one(&["EOF", "'EOF'", "-EOF"]);
        let loops = self.loops;
        self.put("while read a b; do ");
        self.loops += 1;
        self.body();
        self.loops = loops;
        let _ = write!(self.text, "; done <<{quoted}\none $c\n");
        let line = self.chance.one(&[
            "two three four\n",
            "",
            "$(echo in a document)\n",
            "\\$a `echo y`\n",
        ]);
        self.put(line);
        self.put("EOF\n:");
    }

    fn evaluated(&mut self) {
        if !self.calls {
            return self.echo();
        }
        let text = self.chance.one(&[
            "eval 'systemctl by eval f1' || :",
            "eval \"a=\\$b\"",
            "eval \"set -- $a $c\"",
            "eval 'if [ -n \"$a\" ]; then systemctl evaluated; fi'",
            "sh -c 'systemctl in-a-shell \"$1\"' name word",
            "sh -ec 'false; systemctl never' || :",
            "env X=1 systemctl carried",
            "systemctl /dev/fd >&2",
            "exec 3>/dev/null",
        ]);
        self.put(text);
    }

    fn leaving(&mut self) {
        if self.loops > 0 && self.chance.below(3) > 0 {
            let text = self.chance.one(&[
                "break",
                "continue",
                "[ -z \"$a\" ] || break",
                "[ \"$#\" = 0 ] && continue",
            ]);
            return self.put(text);
        }
        match self.chance.below(8) {
            0 => self.put("exit 3"),
            1 => self.put("exit"),
            2 => self.put("exit $?"),
            3 => self.put("[ -n \"$a\" ] || exit 1"),
            _ => self.call(),
        }
    }
}
