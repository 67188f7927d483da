//! A page of the manual in the macros of man(7), as groff and mandoc read them. It knows the format, and no
//! text of any page. What stands between backticks is set bold, with hyphens that can be copied. Pure.

/// What stands at the top and the bottom of every page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edition<'a> {
    /// A day, as `2026-11-21`.
    pub(super) date: &'a str,
    /// The program's version.
    pub(super) version: &'a str,
}

/// Who a page is for, as sections of the manual have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// 5: file formats.
    Formats,
    /// 8: what administrators call.
    Administration,
}

impl Section {
    /// Its number.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Formats => 5,
            Self::Administration => 8,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Formats => "File Formats Manual",
            Self::Administration => "System Manager's Manual",
        }
    }
}

/// A page that is being written.
#[derive(Debug)]
pub(super) struct Page {
    name: String,
    section: Section,
    text: String,
}

impl Page {
    /// A page with its title and the line by which whatis(1) finds it.
    pub(super) fn new(name: &str, section: Section, edition: Edition<'_>, about: &str) -> Self {
        let (number, title) = (section.number(), code(section.title()));
        let text = format!(
            ".TH {} {number} {} \"rcpolicy {}\" \"{title}\"\n",
            code(&name.to_uppercase()),
            edition.date,
            edition.version
        );
        let mut page = Self {
            name: name.to_owned(),
            section,
            text,
        };
        page.heading("Name");
        page.line(&format!("{} \\- {}", code(name), prose(about)));
        page
    }

    /// The file's name below the manual's directory, as `man8/rcpolicy.8`.
    pub(super) fn file(&self) -> String {
        let number = self.section.number();
        format!("man{number}/{}.{number}", self.name)
    }

    /// The page.
    pub(super) fn finish(self) -> String {
        self.text
    }

    /// Begins a section of the page.
    pub(super) fn heading(&mut self, title: &str) {
        self.line(&format!(".SH {}", prose(&title.to_uppercase())));
    }

    /// Begins a part of a section.
    pub(super) fn subheading(&mut self, title: &str) {
        self.line(&format!(".SS {}", prose(title)));
    }

    /// A paragraph.
    pub(super) fn paragraph(&mut self, text: &str) {
        // after a heading a paragraph has begun already
        if !self.is_after_heading() {
            self.line(".PP");
        }
        self.line(&prose(text));
    }

    /// A word or an option, and what it is.
    pub(super) fn item(&mut self, term: &str, text: &str) {
        self.line(".TP");
        self.line(&format!("\\fB{}\\fR", code(term)));
        self.line(&prose(text));
    }

    /// More of the item before.
    pub(super) fn more(&mut self, text: &str) {
        self.line(".IP");
        self.line(&prose(text));
    }

    /// Items below the item before; [`Page::ascend`] ends them.
    pub(super) fn descend(&mut self) {
        self.line(".RS");
    }

    /// Ends what [`Page::descend`] began.
    pub(super) fn ascend(&mut self) {
        self.line(".RE");
    }

    /// Lines as they are, such as commands and files.
    pub(super) fn verbatim(&mut self, text: &str) {
        if !self.is_after_heading() {
            self.line(".PP");
        }
        self.line(".nf");
        for line in text.lines() {
            self.line(&at_line_start(code(line)));
        }
        self.line(".fi");
    }

    fn is_after_heading(&self) -> bool {
        let last = self.text.lines().next_back().unwrap_or_default();
        last.starts_with(".SH") || last.starts_with(".SS")
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// Text to be filled: words in backticks bold.
fn prose(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut out = String::with_capacity(text.len());
    for (number, part) in text.split('`').enumerate() {
        match number % 2 {
            0 => out.push_str(&part.replace('\\', "\\e")),
            _ => out.extend(["\\fB", &code(part), "\\fR"]),
        }
    }
    at_line_start(out)
}

/// Text in which every character is meant as it is, to be typed.
fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\e"),
            '-' => out.push_str("\\-"),
            '\'' => out.push_str("\\(aq"),
            '"' => out.push_str("\\(dq"),
            '`' => out.push_str("\\(ga"),
            '^' => out.push_str("\\(ha"),
            '~' => out.push_str("\\(ti"),
            other => out.push(other),
        }
    }
    out
}

/// A dot or a quote that begins a line would make a request of it.
fn at_line_start(line: String) -> String {
    match line.starts_with(['.', '\'']) {
        true => format!("\\&{line}"),
        false => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_neither_a_request_nor_an_escape() {
        let table = [
            ("plain-text", "plain-text"),
            (".TH is no title", "\\&.TH is no title"),
            ("'quoted'", "\\&'quoted'"),
            ("a \\fB b", "a \\efB b"),
            ("say `--all` now", "say \\fB\\-\\-all\\fR now"),
            ("`.x` first", "\\fB.x\\fR first"),
            ("two\nlines  and blanks", "two lines and blanks"),
        ];
        for (text, expected) in table {
            assert_eq!(prose(text), expected);
        }
    }

    #[test]
    fn lines_as_they_are_keep_every_character() {
        let edition = Edition {
            date: "2026-11-21",
            version: "1",
        };
        let mut page = Page::new("x", Section::Formats, edition, "a page");
        page.heading("Example");
        page.verbatim(".a 'b' -c\n\n`d` \"e\" \\f");
        let text = page.finish();
        let expected =
            ".SH EXAMPLE\n.nf\n\\&.a \\(aqb\\(aq \\-c\n\n\\(gad\\(ga \\(dqe\\(dq \\ef\n.fi\n";
        assert!(text.ends_with(expected), "{text}");
    }
}
