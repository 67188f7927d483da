//! Commands that have no others within them: calls, assignments, tests, builtins.

use std::fmt::Write as _;

use super::{PLAIN, TOOLS, VARIABLES, Writer};

impl Writer {
    pub(super) fn call(&mut self) {
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

    pub(super) fn word(&mut self) {
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
    pub(super) fn substituted_call(&mut self) -> String {
        if !self.calls {
            return "x".to_owned();
        }
        let word = self.chance.one(&["ok", "f1", "f2"]);
        format!("$(systemctl says {word})")
    }

    pub(super) fn assignment(&mut self) {
        let variable = self.chance.one(&VARIABLES);
        let _ = write!(self.text, "{variable}=");
        self.word();
    }

    pub(super) fn echo(&mut self) {
        self.put("echo ");
        self.word();
    }

    pub(super) fn test(&mut self) {
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

    pub(super) fn builtin(&mut self) {
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

    pub(super) fn chance_function_call(&mut self) {
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

    pub(super) fn document(&mut self) {
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

    pub(super) fn evaluated(&mut self) {
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

    pub(super) fn leaving(&mut self) {
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
