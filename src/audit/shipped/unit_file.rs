//! The format of unit files, which D-Bus activation files share: sections, settings, comments, lines
//! that go on. It knows no setting. See systemd.syntax(7).

use super::{Directive, Problem};

/// The settings of the file at `path`, and what in it is none.
pub(super) fn parse(path: &str, text: &str) -> (Vec<Directive>, Vec<Problem>) {
    let mut reader = Reader {
        path,
        section: None,
        directives: Vec::new(),
        problems: Vec::new(),
    };
    let mut lines = (1..).zip(text.lines());
    while let Some((number, first)) = lines.next() {
        let line = first.trim();
        if line.is_empty() || is_comment(line) {
            continue;
        }
        let mut whole = line.to_owned();
        while let Some(begun) = whole.strip_suffix('\\') {
            whole = format!("{begun} ");
            // A comment in between does not end the line, nor is it part of it.
            let mut rest = lines.by_ref().map(|(_, line)| line.trim());
            let Some(next) = rest.find(|line| !is_comment(line)) else {
                break;
            };
            whole.push_str(next);
        }
        reader.line(number, whole.trim());
    }
    (reader.directives, reader.problems)
}

fn is_comment(line: &str) -> bool {
    line.starts_with(['#', ';'])
}

struct Reader<'p> {
    path: &'p str,
    section: Option<String>,
    directives: Vec<Directive>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn line(&mut self, number: u32, line: &str) {
        if let Some(section) = line.strip_prefix('[') {
            match section.strip_suffix(']') {
                Some(section) => self.section = Some(section.to_owned()),
                None => self.problem(number, "a section has no `]` at its end"),
            }
            return;
        }
        let Some((key, value)) = line.split_once('=') else {
            return self.problem(number, "it is neither a section nor a setting");
        };
        let Some(section) = &self.section else {
            return self.problem(number, "a setting stands before the first section");
        };
        self.directives.push(Directive {
            path: self.path.to_owned(),
            line: number,
            section: section.clone(),
            key: key.trim_end().to_owned(),
            value: value.trim_start().to_owned(),
        });
    }

    fn problem(&mut self, line: u32, message: &str) {
        self.problems.push(Problem {
            path: self.path.to_owned(),
            line,
            message: message.to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<String> {
        let (directives, problems) = parse("a.service", text);
        assert_eq!(problems, []);
        let shown = |d: &Directive| format!("{} [{}] {}={}", d.line, d.section, d.key, d.value);
        directives.iter().map(shown).collect()
    }

    #[test]
    fn settings_are_read_with_their_lines() {
        let text = "# c\n[Unit]\nDescription = a = b \n\n[Service]\r\n; c\r\nExecStart=/bin/a\r\n";
        assert_eq!(
            values(text),
            ["3 [Unit] Description=a = b", "7 [Service] ExecStart=/bin/a"]
        );
    }

    #[test]
    fn a_line_goes_on_behind_a_backslash_and_over_comments() {
        let text = "[Service]\nExecStart=/bin/a \\\n  one \\\n# not this \\\n; nor this\n  two\nType=simple\n";
        assert_eq!(
            values(text),
            [
                "2 [Service] ExecStart=/bin/a  one  two",
                "7 [Service] Type=simple"
            ]
        );
        assert_eq!(values("[A]\nb=c\\"), ["2 [A] b=c"]);
        assert_eq!(values("[A]\nb=c\\\n\nd=e\n"), ["2 [A] b=c", "4 [A] d=e"]);
    }

    #[test]
    fn what_is_no_setting_is_a_problem_with_its_line() {
        let (directives, problems) = parse("a", "x=1\n[Unit\n[Unit]\nhello\nAfter=b\n");
        let lines: Vec<u32> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!((lines, directives.len()), (vec![1, 2, 4], 1));
    }
}
