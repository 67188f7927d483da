//! Perl's regular expressions as globs, as far as globs can say the same. One expression may need several. Pure.

use std::iter::Peekable;
use std::str::Chars;

/// How many globs one expression may come to.
const MOST: usize = 64;

/// The globs that match what `expression` matches somewhere in a name.
///
/// # Errors
/// Why globs cannot say it.
pub(super) fn globs(expression: &str) -> Result<Vec<String>, String> {
    let mut reader = Reader {
        rest: expression.chars().peekable(),
    };
    let found = reader.alternatives()?;
    if reader.rest.next().is_some() {
        return Err("a `)` has no `(`".to_owned());
    }
    let mut globs: Vec<String> = Vec::new();
    for glob in found.into_iter().map(unanchored) {
        let glob = glob?;
        if !globs.contains(&glob) {
            globs.push(glob);
        }
    }
    match globs.iter().any(|glob| glob == "*") {
        true => Ok(vec!["*".to_owned()]),
        false => Ok(globs),
    }
}

/// Begin and end of a name, while a glob is put together: no name has these.
const BEGIN: char = '\u{1}';
const END: char = '\u{2}';

/// What is not tied to the beginning or the end may have anything there.
fn unanchored(text: String) -> Result<String, String> {
    let (begins, inner) = match text.strip_prefix(BEGIN) {
        Some(inner) => ("", inner.trim_start_matches(BEGIN)),
        None => ("*", text.as_str()),
    };
    let (ends, inner) = match inner.strip_suffix(END) {
        Some(inner) => ("", inner.trim_end_matches(END)),
        None => ("*", inner),
    };
    if inner.contains([BEGIN, END]) {
        return Err("an anchor stands in the middle".to_owned());
    }
    let mut glob = format!("{begins}{inner}{ends}");
    while glob.contains("**") {
        glob = glob.replace("**", "*");
    }
    Ok(glob)
}

struct Reader<'t> {
    rest: Peekable<Chars<'t>>,
}

impl Reader<'_> {
    /// `a|b`
    fn alternatives(&mut self) -> Result<Vec<String>, String> {
        let mut all = self.sequence()?;
        while self.rest.next_if_eq(&'|').is_some() {
            all.extend(self.sequence()?);
        }
        bounded(all)
    }

    fn sequence(&mut self) -> Result<Vec<String>, String> {
        let mut all = vec![String::new()];
        while let Some(next) = self.rest.peek() {
            if matches!(next, '|' | ')') {
                break;
            }
            let one = self.repeated()?;
            let joined = all
                .iter()
                .flat_map(|before| one.iter().map(move |after| format!("{before}{after}")));
            all = bounded(joined.collect())?;
        }
        Ok(all)
    }

    /// An atom and what says how often it stands there.
    fn repeated(&mut self) -> Result<Vec<String>, String> {
        let mut atom = self.atom()?;
        let Some(count) = self.rest.next_if(|c| "*+?{".contains(*c)) else {
            return Ok(atom);
        };
        if matches!(self.rest.peek(), Some('?' | '+')) {
            // How much is taken first changes nothing of what matches.
            self.rest.next();
        }
        match (count, atom.as_slice()) {
            ('*', [any]) if any == "?" => Ok(vec!["*".to_owned()]),
            ('+', [any]) if any == "?" => Ok(vec!["?*".to_owned()]),
            ('?', _) => {
                atom.push(String::new());
                Ok(atom)
            }
            (other, _) => Err(format!("globs cannot say `{other}` of anything but `.`")),
        }
    }

    fn atom(&mut self) -> Result<Vec<String>, String> {
        let Some(next) = self.rest.next() else {
            return Err("it ends too early".to_owned());
        };
        let one = |text: &str| Ok(vec![text.to_owned()]);
        match next {
            '.' => one("?"),
            '^' => one(&BEGIN.to_string()),
            '$' => one(&END.to_string()),
            '(' => self.group(),
            '[' => self.class().map(|class| vec![class]),
            '\\' => self.escaped().map(|text| vec![text]),
            '*' | '+' | '?' | '{' | '}' => Err(format!("`{next}` has nothing before it")),
            literal => one(&literal.to_string()),
        }
    }

    fn group(&mut self) -> Result<Vec<String>, String> {
        if self.rest.next_if_eq(&'?').is_some() && self.rest.next() != Some(':') {
            return Err("only `(?:` is understood of what begins with `(?`".to_owned());
        }
        let inside = self.alternatives()?;
        match self.rest.next() {
            Some(')') => Ok(inside),
            _ => Err("a `(` is never closed".to_owned()),
        }
    }

    fn class(&mut self) -> Result<String, String> {
        let mut class = String::from("[");
        if self.rest.next_if_eq(&'^').is_some() {
            class.push('!');
        }
        loop {
            match self.rest.next() {
                Some(']') if class.trim_start_matches(['[', '!']).is_empty() => {
                    return Err("a `]` within `[...]`".to_owned());
                }
                Some(']') => break,
                Some('\\') => class.push_str(self.escaped()?.trim_matches(['[', ']'])),
                Some('[' | '!') | None => return Err("a `[...]` that is not plain".to_owned()),
                Some(member) => class.push(member),
            }
        }
        class.push(']');
        Ok(class)
    }

    fn escaped(&mut self) -> Result<String, String> {
        match self.rest.next() {
            Some('d') => Ok("[0-9]".to_owned()),
            Some('w') => Ok("[A-Za-z0-9_]".to_owned()),
            Some('A') => Ok(BEGIN.to_string()),
            Some('z' | 'Z') => Ok(END.to_string()),
            Some(literal) if !literal.is_ascii_alphanumeric() && !"*?[]".contains(literal) => {
                Ok(literal.to_string())
            }
            Some(other) => Err(format!("`\\{other}` is not understood")),
            None => Err("it ends with a backslash".to_owned()),
        }
    }
}

fn bounded(all: Vec<String>) -> Result<Vec<String>, String> {
    match all.len() > MOST {
        true => Err("it stands for too many names".to_owned()),
        false => Ok(all),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_becomes_globs() {
        for (expression, expected) in [
            ("ssh", "*ssh*"),
            ("^ssh$", "ssh"),
            ("^dbus", "dbus*"),
            ("^(ssh|cron)$", "ssh cron"),
            ("^ssh$|^cron$", "ssh cron"),
            ("^postgresql(@.*)?$", "postgresql@* postgresql"),
            ("^gdm3?$", "gdm3 gdm"),
            (
                r"^actions\.runner\..+\.service$",
                "actions.runner.?*.service",
            ),
            ("^a.c$", "a?c"),
            (".*", "*"),
            ("", "*"),
            ("^x[0-9]$", "x[0-9]"),
            ("^x[^a]$", "x[!a]"),
            (r"^x\d$", "x[0-9]"),
            ("^(?:a|b)c", "ac* bc*"),
        ] {
            let found = globs(expression).unwrap().join(" ");
            assert_eq!(found, expected, "{expression}");
        }
    }

    #[test]
    fn what_globs_cannot_say_is_refused() {
        for expression in [
            "a+",
            "a*",
            "(a|b)*",
            "a{2}",
            "(?i)a",
            "(?!a)",
            r"\bssh",
            r"\1",
            "(a",
            "a)",
            "[",
            "[]a]",
            "a^b",
            "a$b",
            "*",
            r"a\",
            "[[:alpha:]]",
            "(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)",
        ] {
            assert!(
                globs(expression).is_err(),
                "{expression}: {:?}",
                globs(expression)
            );
        }
    }
}
