//! The LSB header of an init script, from which insserv and update-rc.d order and link it.

use std::collections::BTreeSet;

use super::found::{Found, in_file, in_text};
use super::lsb_var;
use super::subject::View;
use super::table::Check;
use crate::audit::finding::Severity;
use crate::audit::shipped::InitScript;

/// No header.
pub(super) const MISSING: Check = Check {
    id: "lsb-header-missing",
    title: "an init script has no LSB header",
    severity: Severity::Warning,
    explanation: "Without `### BEGIN INIT INFO` nobody knows in which runlevels the service runs, nor after what: update-rc.d makes no \
                  links, and insserv puts it anywhere.",
    change: "add a header with Provides, Required-Start, Required-Stop, Default-Start, Default-Stop and Short-Description",
    lintian: &["init.d-script-missing-lsb-section"],
    find: |view| {
        each(view, |script, text| {
            let missing = Header::of(text).is_none();
            let spot = || in_file(view.package(), &script.path, "");
            let found = || Found::at(spot(), format!("`{}` has no LSB header", script.path));
            missing.then(found).into_iter().collect()
        })
    },
};

/// A header that is not read as it was meant.
pub(super) const MALFORMED: Check = Check {
    id: "lsb-header-malformed",
    title: "an LSB header is not of the form that insserv reads",
    severity: Severity::Warning,
    explanation: "Each line of the header is `# Keyword: value`, each keyword stands once, and `### END INIT INFO` closes it. What is \
                  written otherwise is left out, or read in another way by each tool.",
    change: "write the line in that form",
    lintian: &[
        "init.d-script-has-bad-lsb-line",
        "init.d-script-has-duplicate-lsb-keyword",
        "init.d-script-has-duplicate-lsb-section",
        "init.d-script-has-unknown-lsb-keyword",
        "init.d-script-has-unterminated-lsb-section",
    ],
    find: |view| {
        each(view, |script, text| {
            malformed(view.package().place(&script.path), text)
        })
    },
};

/// Fields that are not there.
pub(super) const FIELDS: Check = Check {
    id: "lsb-field-missing",
    title: "an LSB header lacks a field",
    severity: Severity::Note,
    explanation: "Tools take a missing field for an empty one: a service without Default-Start is never started with the machine, one \
                  without Required-Start may come before what it needs.",
    change: "add the field, with an empty value where that is meant",
    lintian: &[
        "init.d-script-missing-lsb-keyword",
        "init.d-script-missing-lsb-short-description",
    ],
    find: |view| {
        each(view, |script, text| {
            fields(view.package().place(&script.path), text)
        })
    },
};

/// Runlevels.
pub(super) const RUNLEVELS: Check = Check {
    id: "lsb-runlevels",
    title: "the runlevels of an init script make no sense",
    severity: Severity::Warning,
    explanation: "Services start in all of 2 to 5, or in S, and stop in all of 0, 1 and 6. Runlevels 0 and 6 start nothing, S stops nothing, \
                  and no level does both. A service that is left out of one level runs on, or stays down, when it is switched to.",
    change: "Default-Start: 2 3 4 5 and Default-Stop: 0 1 6",
    lintian: &[
        "init.d-script-has-bad-start-runlevel",
        "init.d-script-has-bad-stop-runlevel",
        "init-d-script-stops-in-s-runlevel",
        "init.d-script-has-conflicting-start-stop",
        "init.d-script-missing-start",
        "init.d-script-possible-missing-stop",
        "init.d-script-starts-in-stop-runlevel",
    ],
    find: |view| {
        each(view, |script, text| {
            runlevels(view.package().place(&script.path), text)
        })
    },
};

/// Facilities.
pub(super) const FACILITIES: Check = Check {
    id: "lsb-facilities",
    title: "the dependencies of an init script cannot be met as they are meant",
    severity: Severity::Warning,
    explanation: "insserv refuses a script that requires a virtual facility which nobody provides, and then update-rc.d fails. `$all` \
                  means behind everything else, which only one can be. A script that does not provide its own name \
                  cannot be required by others, and a facility with `$` is provided by /etc/insserv.conf.d alone.",
    change: "require $remote_fs, $local_fs, $network, $named, $syslog, $time or $portmap, or the script that is meant",
    lintian: &[
        "init.d-script-depends-on-all-virtual-facility",
        "init.d-script-depends-on-unknown-virtual-facility",
        "init.d-script-provides-virtual-facility",
        "init.d-script-does-not-provide-itself",
        "init.d-script-missing-dependency-on-local_fs",
    ],
    find: |view| {
        each(view, |script, text| {
            facilities(view.package().place(&script.path), &script.name, text)
        })
    },
};

/// A line of a header.
struct Field<'t> {
    line: u32,
    name: String,
    value: &'t str,
}

/// A header, as insserv reads it.
struct Header<'t> {
    begin: u32,
    end: Option<u32>,
    fields: Vec<Field<'t>>,
    /// Lines that are none of its form.
    bad: Vec<u32>,
    /// Where another one begins.
    again: Option<u32>,
}

const BEGIN: &str = "### BEGIN INIT INFO";
const END: &str = "### END INIT INFO";

impl<'t> Header<'t> {
    /// The header of a text; `None` where there is none.
    fn of(text: &'t str) -> Option<Self> {
        let lines: Vec<(u32, &str)> = (1..).zip(text.lines()).collect();
        let mut begins = lines.iter().filter(|(_, line)| line.trim_end() == BEGIN);
        let begin = begins.next()?.0;
        let again = begins.next().map(|(line, _)| *line);
        let inside = lines.into_iter().skip_while(|(line, _)| *line <= begin);
        let mut header = Self {
            begin,
            end: None,
            fields: Vec::new(),
            bad: Vec::new(),
            again,
        };
        for (number, line) in inside {
            if line.trim_end() == END {
                header.end = Some(number);
                break;
            }
            if !line.starts_with('#') {
                break;
            }
            header.take(number, line);
        }
        Some(header)
    }

    fn take(&mut self, line: u32, text: &'t str) {
        let body = text.trim_start_matches('#');
        let field = body.strip_prefix(' ').and_then(|body| body.split_once(':'));
        let field = field.filter(|(name, _)| is_name(name));
        // Only a description goes on: behind a tab, or two blanks.
        let follows = self
            .fields
            .last()
            .is_some_and(|field| field.name == "description");
        match field {
            Some((name, value)) => self.fields.push(Field {
                line,
                name: name.to_ascii_lowercase(),
                value: value.trim(),
            }),
            None if body.trim().is_empty() => {}
            None if follows && (body.starts_with('\t') || body.starts_with("  ")) => {}
            None => self.bad.push(line),
        }
    }

    fn field(&self, name: &str) -> Option<&Field<'t>> {
        self.fields.iter().find(|field| field.name == name)
    }

    fn words(&self, name: &str) -> Vec<&'t str> {
        self.field(name)
            .map_or_else(Vec::new, |field| field.value.split_whitespace().collect())
    }

    /// The line of a field, or the header's first.
    fn line(&self, name: &str) -> u32 {
        self.field(name).map_or(self.begin, |field| field.line)
    }
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphabetic() || c == '-';
    !name.is_empty() && name.chars().all(fits)
}

/// What is found in each init script whose text is known.
fn each(view: &View<'_>, find: impl Fn(&InitScript, &str) -> Vec<Found>) -> Vec<Found> {
    let scripts = view.shipped().init_scripts.iter();
    let texts = scripts.filter_map(|script| Some((script, view.package().text(&script.path)?)));
    texts
        .flat_map(|(script, text)| find(script, text))
        .collect()
}

/// The fields that are known: LSB's, and those of Debian's tools.
const KNOWN: [&str; 13] = [
    "provides",
    "required-start",
    "required-stop",
    "should-start",
    "should-stop",
    "default-start",
    "default-stop",
    "short-description",
    "description",
    "x-start-before",
    "x-stop-after",
    "x-interactive",
    "x-manual",
];

fn malformed(path: &str, text: &str) -> Vec<Found> {
    let Some(header) = Header::of(text) else {
        return Vec::new();
    };
    let at = |line: u32, message: String| Found::at(in_text(path, text, line, ""), message);
    let mut found = Vec::new();
    if header.end.is_none() {
        found.push(at(header.begin, "the header is never closed".to_owned()));
    }
    if let Some(line) = header.again {
        found.push(at(line, "this is a second header".to_owned()));
    }
    for line in &header.bad {
        found.push(at(*line, "this is no `# Keyword: value`".to_owned()));
    }
    let mut seen = BTreeSet::new();
    for field in &header.fields {
        if !seen.insert(&field.name) {
            found.push(at(
                field.line,
                format!("`{}` stands here a second time", field.name),
            ));
        }
        let own = field.name.starts_with("x-");
        if !own && !KNOWN.contains(&field.name.as_str()) {
            found.push(
                at(
                    field.line,
                    format!("`{}` is no field that anybody reads", field.name),
                )
                .of_severity(Severity::Note),
            );
        }
    }
    found
}

fn fields(path: &str, text: &str) -> Vec<Found> {
    const NEEDED: [&str; 6] = [
        "provides",
        "required-start",
        "required-stop",
        "default-start",
        "default-stop",
        "short-description",
    ];
    let Some(header) = Header::of(text) else {
        return Vec::new();
    };
    let missing = NEEDED
        .into_iter()
        .filter(|name| header.field(name).is_none());
    missing
        .map(|name| {
            Found::at(
                in_text(path, text, header.begin, ""),
                format!("the header has no `{name}`"),
            )
        })
        .collect()
}

fn runlevels(path: &str, text: &str) -> Vec<Found> {
    let Some(header) = Header::of(text) else {
        return Vec::new();
    };
    let (start, stop) = (header.words("default-start"), header.words("default-stop"));
    let wrong = wrong_levels(&start, &stop).into_iter();
    wrong
        .map(|(field, message)| Found::at(in_text(path, text, header.line(field), ""), message))
        .collect()
}

/// What is wrong with the runlevels of a script, each with the field that it stands in.
fn wrong_levels(start: &[&str], stop: &[&str]) -> Vec<(&'static str, &'static str)> {
    let known = ["S", "0", "1", "2", "3", "4", "5", "6"];
    let count =
        |of: &[&str], levels: &[&str]| levels.iter().filter(|level| of.contains(level)).count();
    let normal = count(start, &["2", "3", "4", "5"]);
    let ends = count(stop, &["0", "1", "6"]);
    let early = start.contains(&"S") || start.is_empty();
    let (start_is, stop_is) = ("default-start", "default-stop");
    let cases = [
        (
            start.iter().chain(stop).any(|level| !known.contains(level)),
            start_is,
            "there are runlevels S and 0 to 6 only",
        ),
        (stop.contains(&"S"), stop_is, "nothing is stopped in S"),
        (
            count(start, &["0", "6"]) > 0,
            start_is,
            "nothing is started in 0 and 6",
        ),
        (
            start.iter().any(|level| stop.contains(level)),
            stop_is,
            "one runlevel both starts and stops it",
        ),
        (
            (1..4).contains(&normal),
            start_is,
            "it starts in some of 2 to 5, and not in all of them",
        ),
        (
            (1..3).contains(&ends) && !early,
            stop_is,
            "it stops in some of 0, 1 and 6, and not in all of them",
        ),
    ];
    let wrong = cases.into_iter().filter(|(wrong, ..)| *wrong);
    wrong.map(|(_, field, message)| (field, message)).collect()
}

/// Virtual facilities that insserv.conf or a package provides.
const VIRTUAL: [&str; 11] = [
    "$local_fs",
    "$network",
    "$named",
    "$portmap",
    "$remote_fs",
    "$syslog",
    "$time",
    "$mail-transport-agent",
    "$x-display-manager",
    "$all",
    "$null",
];

fn facilities(path: &str, script: &str, text: &str) -> Vec<Found> {
    let Some(header) = Header::of(text) else {
        return Vec::new();
    };
    let provided = not_provided(&header, script);
    let needed = [
        "required-start",
        "required-stop",
        "should-start",
        "should-stop",
    ]
    .into_iter();
    let needed = needed.flat_map(|field| {
        let names = header.words(field).into_iter();
        let told = names.filter_map(move |name| unmet(field, name));
        told.map(move |(severity, message)| (field, severity, message))
    });
    let local = lsb_var::lacking(text, |field| header.words(field));
    let all = provided.into_iter().chain(needed).chain(local);
    all.map(|(field, severity, message)| {
        let spot = in_text(path, text, header.line(field), "");
        Found::at(spot, message).of_severity(severity)
    })
    .collect()
}

/// What is wrong with the names that a script provides.
fn not_provided(header: &Header<'_>, script: &str) -> Vec<(&'static str, Severity, String)> {
    let provides = header.words("provides");
    let stem = script.strip_suffix(".sh").unwrap_or(script);
    let mut found = Vec::new();
    if let Some(facility) = provides.iter().find(|name| name.starts_with('$')) {
        let message = format!("a script cannot provide `{facility}`");
        found.push(("provides", Severity::Warning, message));
    }
    let own = provides.iter().any(|name| *name == script || *name == stem);
    if !provides.is_empty() && !own {
        let message = format!("it does not provide `{script}`");
        found.push(("provides", Severity::Note, message));
    }
    found
}

/// Why a name cannot be required, or is better not.
fn unmet(field: &str, name: &str) -> Option<(Severity, String)> {
    if name == "$all" {
        return Some((
            Severity::Note,
            "`$all` is for the very last script alone".to_owned(),
        ));
    }
    let unknown = name.starts_with('$') && !VIRTUAL.contains(&name);
    let message = format!("nobody provides `{name}`");
    (unknown && field.starts_with("required")).then_some((Severity::Warning, message))
}
