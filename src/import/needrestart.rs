//! needrestart's `override_rc`, a Perl hash from regular expressions on unit names to whether a service is restarted. Only
//! what is written down literally is read; nothing of Perl is run.

use crate::policy::{Glob, Pattern};

use super::{Draft, ImportError, Imported, Lost, NOBODY, Played, Says, globs, sample};

const NAME: &str = "$nrconf{override_rc}";
const BECAUSE: &str = "needrestart's override_rc: not restarted by itself";

/// An entry: the expression, the value, the line.
struct Override {
    expression: String,
    restarts: bool,
    line: usize,
}

pub(super) fn read(text: &str) -> Result<Imported, ImportError> {
    let mut imported = Imported::default();
    let mut overrides = Vec::new();
    for (line, statement) in statements(text)? {
        match statement.strip_prefix(NAME) {
            Some(rest) => overrides.extend(assigned(rest, line)?),
            None if statement.contains("override_rc") => {
                let what = "this way to set override_rc is not understood";
                return Err(ImportError::at(line, what));
            }
            None if statement == "1" => {}
            None => {
                let first = statement.lines().next().unwrap_or_default();
                let text = format!("`{first}` is not about override_rc");
                imported.lost.push(Lost::at(line, text));
            }
        }
    }
    for one in &overrides {
        add(one, &mut imported);
    }
    play(&overrides, &mut imported);
    Ok(imported)
}

/// Perl's statements, without comments and the `;` at their ends, and the lines on which they begin.
fn statements(text: &str) -> Result<Vec<(usize, String)>, ImportError> {
    let mut cursor = Cursor::new(text);
    let mut statements = Vec::new();
    let mut statement = String::new();
    let mut began = 1;
    while let Some(next) = cursor.next() {
        match next {
            '#' => cursor.skip_line(),
            ';' => {
                let whole = std::mem::take(&mut statement);
                statements.push((began, whole.trim().to_owned()));
            }
            blank if blank.is_whitespace() && statement.is_empty() => {}
            other => {
                if statement.is_empty() {
                    began = cursor.line;
                }
                statement.push(other);
                if let Some(quoted) = cursor.quoted(&statement)? {
                    statement.push_str(&quoted);
                }
            }
        }
    }
    let rest = statement.trim().to_owned();
    if !rest.is_empty() {
        statements.push((began, rest));
    }
    statements.retain(|(_, statement)| !statement.is_empty());
    Ok(statements)
}

/// A text, and where one is in it.
struct Cursor<'t> {
    rest: std::iter::Peekable<std::str::Chars<'t>>,
    line: usize,
}

impl<'t> Cursor<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            rest: text.chars().peekable(),
            line: 1,
        }
    }

    fn next(&mut self) -> Option<char> {
        let next = self.rest.next()?;
        if next == '\n' {
            self.line += 1;
        }
        Some(next)
    }

    fn skip_line(&mut self) {
        while self.rest.peek().is_some_and(|next| *next != '\n') {
            self.next();
        }
    }

    /// What stands between quotes, the closing one included, where `before` has just opened them.
    fn quoted(&mut self, before: &str) -> Result<Option<String>, ImportError> {
        let Some(open) = before.chars().next_back() else {
            return Ok(None);
        };
        let stem = before
            .get(..before.len() - open.len_utf8())
            .unwrap_or_default();
        let word = stem
            .rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .next()
            .unwrap_or_default();
        let opens = match open {
            '"' | '\'' => true,
            '(' | '[' | '{' | '<' | '/' | '|' | '!' | ',' => {
                matches!(word, "q" | "qq" | "qr" | "qw" | "m")
            }
            _ => false,
        };
        match opens {
            true => self.until_closed(open).map(Some),
            false => Ok(None),
        }
    }

    fn until_closed(&mut self, open: char) -> Result<String, ImportError> {
        let close = match open {
            '(' => ')',
            '[' => ']',
            '{' => '}',
            '<' => '>',
            same => same,
        };
        let (began, mut depth, mut text) = (self.line, 1, String::new());
        while let Some(next) = self.next() {
            text.push(next);
            if next == '\\' {
                text.extend(self.next());
            } else if next == close {
                depth -= 1;
                if depth == 0 {
                    return Ok(text);
                }
            } else if next == open {
                depth += 1;
            }
        }
        Err(ImportError::at(began, "a quote is never closed"))
    }
}

/// The entries that a statement sets, behind the hash's name.
fn assigned(rest: &str, line: usize) -> Result<Vec<Override>, ImportError> {
    let refuse =
        |what: &str| ImportError::at(line, format!("{what}: only literal entries are understood"));
    let rest = rest.trim_start();
    let rest = rest.strip_prefix("->").unwrap_or(rest).trim_start();
    if let Some(hash) = rest.strip_prefix('=') {
        let inside = hash
            .trim()
            .strip_prefix('{')
            .and_then(|hash| hash.strip_suffix('}'))
            .ok_or_else(|| refuse("what is assigned is no plain hash"))?;
        return entries(inside, line);
    }
    let inside = rest.strip_prefix('{').ok_or_else(|| refuse("no key"))?;
    let (expression, after) =
        key(inside).ok_or_else(|| refuse("the key is no plain expression"))?;
    let after = after.trim_start().strip_prefix('}');
    let value = after.and_then(|after| after.trim_start().strip_prefix('='));
    let restarts = value
        .and_then(truth)
        .ok_or_else(|| refuse("the value is no number"))?;
    Ok(vec![Override {
        expression,
        restarts,
        line,
    }])
}

/// `KEY => VALUE, ...`
fn entries(inside: &str, line: usize) -> Result<Vec<Override>, ImportError> {
    let mut found = Vec::new();
    let mut rest = inside;
    loop {
        let before = inside.len() - rest.len();
        let skipped = rest.len() - rest.trim_start_matches([',', ' ', '\n', '\t', '\r']).len();
        let above = inside.get(..before + skipped).unwrap_or_default();
        let line = line + above.matches('\n').count();
        rest = rest.get(skipped..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(found);
        }
        let refuse = |what: &str| {
            ImportError::at(line, format!("{what}: only literal entries are understood"))
        };
        let (expression, after) =
            key(rest).ok_or_else(|| refuse("the key is no plain expression"))?;
        let after = after.trim_start();
        let value = after
            .strip_prefix("=>")
            .or_else(|| after.strip_prefix(','))
            .ok_or_else(|| refuse("there is no `=>`"))?;
        let end = value.find([',', '\n']).unwrap_or(value.len());
        let restarts = value
            .get(..end)
            .and_then(truth)
            .ok_or_else(|| refuse("the value is no number"))?;
        found.push(Override {
            expression,
            restarts,
            line,
        });
        rest = value.get(end..).unwrap_or_default();
    }
}

/// A quoted expression at the beginning of `text`, and what stands behind it.
fn key(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start();
    let operator = ["qr", "qq", "q"]
        .into_iter()
        .find(|operator| text.starts_with(operator));
    let body = text.get(operator.map_or(0, str::len)..)?.trim_start();
    let open = body.chars().next()?;
    let plain_quote = matches!(open, '"' | '\'');
    if operator.is_none() && !plain_quote || open.is_alphanumeric() {
        return None;
    }
    let mut cursor = Cursor::new(body.get(open.len_utf8()..)?);
    let inside = cursor.until_closed(open).ok()?;
    let after = body.get(open.len_utf8() + inside.len()..)?;
    let mut expression = inside;
    expression.pop();
    // Perl would put something in place of these; at an end a `$` is an anchor.
    let interpolates = operator != Some("q") && open != '\'';
    let variable = |(at, _): (usize, &str)| {
        let next = expression
            .get(at + 1..)
            .and_then(|rest| rest.chars().next());
        next.is_some_and(|next| next.is_alphanumeric() || "_{".contains(next))
    };
    if interpolates
        && (expression.match_indices('$').any(variable)
            || expression.match_indices('@').any(variable))
    {
        return None;
    }
    let flagged = operator == Some("qr") && after.starts_with(|c: char| c.is_ascii_alphabetic());
    (!flagged).then_some((expression, after))
}

/// What Perl takes a literal for.
fn truth(text: &str) -> Option<bool> {
    let number: i64 = text.trim().parse().ok()?;
    Some(number != 0)
}

/// The patterns of services behind an expression on unit names.
///
/// # Errors
/// Why there are none.
fn patterns(expression: &str) -> Result<Vec<String>, String> {
    let mut patterns = Vec::new();
    for glob in globs::globs(expression)? {
        let inner = glob.trim_matches('*');
        if !inner.is_empty() && ".service".contains(inner) {
            return Err("it matches the ends of all units' names".to_owned());
        }
        // `foo.service$` is mostly meant as it looks, and the name goes on with nothing behind it.
        let stem = [".service*", ".service", "?service*", "?service"]
            .iter()
            .find_map(|end| glob.strip_suffix(end));
        let pattern = match stem {
            Some(stem) => format!("{stem}.service"),
            None => glob,
        };
        Pattern::parse(&pattern).map_err(|error| error.to_string())?;
        patterns.push(pattern);
    }
    Ok(patterns)
}

fn add(one: &Override, imported: &mut Imported) {
    let lost = |text: String| Lost::at(one.line, text);
    match patterns(&one.expression) {
        Err(why) => imported
            .lost
            .push(lost(format!("`{}`: {why}", one.expression))),
        // It is restarted, as is what nobody names.
        Ok(_) if one.restarts => {}
        Ok(services) => imported.rules.push(Draft {
            services: services
                .into_iter()
                .filter(|pattern| pattern != "*")
                .collect(),
            actions: vec!["restart".to_owned(), "try-restart".to_owned()],
            phases: vec!["upgrade", "trigger"],
            says: Says::Later,
            because: Some(BECAUSE.to_owned()),
            line: Some(one.line),
        }),
    }
}

/// needrestart looks at the entries in no order that one could rely on.
fn play(overrides: &[Override], imported: &mut Imported) {
    let known: Vec<(Vec<String>, bool)> = overrides
        .iter()
        .filter_map(|one| Some((patterns(&one.expression).ok()?, one.restarts)))
        .collect();
    let mut services: Vec<String> = known
        .iter()
        .flat_map(|(patterns, _)| patterns.iter().map(|pattern| sample(pattern)))
        .map(|name| name.trim_end_matches(".service").to_owned())
        .collect();
    services.push(NOBODY.to_owned());
    services.dedup();
    for service in services {
        let matches = |patterns: &[String]| {
            let stems = patterns
                .iter()
                .map(|pattern| pattern.trim_end_matches(".service"));
            let mut globs = stems.filter_map(|stem| Glob::parse(stem, |_| true).ok());
            globs.any(|glob| glob.matches(&service))
        };
        let said: Vec<bool> = known
            .iter()
            .filter(|(patterns, _)| matches(patterns))
            .map(|(_, restarts)| *restarts)
            .collect();
        if said.contains(&true) && said.contains(&false) {
            let text = format!(
                "entries for {service} contradict each other, and Perl's hashes have no order: it is put off"
            );
            imported.lost.push(Lost::of_all(text));
            continue;
        }
        let says = match said.contains(&false) {
            true => Says::Later,
            false => Says::Yes,
        };
        imported.played.push(Played {
            service,
            word: "restart".to_owned(),
            says,
        });
    }
}
