//! What starts services without systemd: init scripts with their LSB headers, OpenRC's, Upstart's jobs,
//! service directories of runit's and s6's.

use std::collections::BTreeMap;

use super::{InitScript, Native, Problem, Shipped};
use crate::audit::package::{Entry, Package};
use crate::domain::ServiceName;

const INIT_D: &str = "/etc/init.d/";
const UPSTART: &str = "/etc/init/";
const RUNIT: [&str; 2] = ["/etc/sv/", "/usr/share/runit/sv/"];
const S6: [&str; 2] = ["/etc/s6/sv/", "/usr/share/s6/sv/"];
/// What OpenRC's scripts have behind `#!`, in its versions.
const OPENRC: [&str; 2] = ["openrc-run", "runscript"];
const BEGIN: &str = "### BEGIN INIT INFO";
const END: &str = "### END INIT INFO";

/// Adds all that `package` has of this to `shipped`.
pub(super) fn collect(package: &Package, shipped: &mut Shipped) {
    for (path, name) in names(package, INIT_D, "") {
        init_script(package, path, name, shipped);
    }
    let jobs = names(package, UPSTART, ".conf");
    shipped.upstart.extend(jobs.map(native));
    for directory in RUNIT {
        let services = services(package, (directory, "/run"));
        shipped.runit.extend(services);
    }
    for directory in S6 {
        // What s6-rc compiles says which type it is of.
        let services = services(package, (directory, "/type"));
        shipped.s6.extend(services);
    }
}

/// The service directories in `directory`, each with the file that tells it.
fn services(
    package: &Package,
    (directory, file): (&'static str, &'static str),
) -> impl Iterator<Item = Native> {
    super::paths_in(package, directory).filter_map(move |path| {
        let at = path.strip_suffix(file)?;
        let name = at.strip_prefix(directory)?;
        // A logger's is part of its service.
        is_name(name).then(|| native((at, name)))
    })
}

fn native((path, name): (&str, &str)) -> Native {
    Native {
        path: path.to_owned(),
        name: name.to_owned(),
    }
}

/// The files and links directly in `directory` whose name without `suffix` is one of a service.
fn names<'p>(
    package: &'p Package,
    directory: &'static str,
    suffix: &'static str,
) -> impl Iterator<Item = (&'p str, &'p str)> {
    super::paths_in(package, directory).filter_map(move |path| {
        let name = path.strip_prefix(directory)?.strip_suffix(suffix)?;
        let entry = package.files.get(path)?;
        let is_file = matches!(entry, Entry::File { .. } | Entry::Link { .. });
        (is_file && is_name(name)).then_some((path, name))
    })
}

fn is_name(name: &str) -> bool {
    ServiceName::parse(name).is_ok()
}

fn init_script(package: &Package, path: &str, name: &str, shipped: &mut Shipped) {
    let text = package.text(path);
    let Some(first) = text.map(|text| text.lines().next().unwrap_or_default()) else {
        // A link to what is another package's.
        return shipped.init_scripts.push(InitScript {
            path: path.to_owned(),
            name: name.to_owned(),
            header: BTreeMap::new(),
        });
    };
    let Some(program) = first.strip_prefix("#!") else {
        // README, or a list of functions.
        return;
    };
    let program = program.split_whitespace().next().unwrap_or_default();
    let base = program.rsplit('/').next().unwrap_or_default();
    if OPENRC.contains(&base) {
        return shipped.openrc.push(native((path, name)));
    }
    let header = header(path, text.unwrap_or_default(), &mut shipped.problems);
    shipped.init_scripts.push(InitScript {
        path: path.to_owned(),
        name: name.to_owned(),
        header,
    });
}

/// The fields of the LSB header in `text`, by their names in lower case.
fn header(path: &str, text: &str, problems: &mut Vec<Problem>) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let mut lines = (1..).zip(text.lines().map(str::trim_end));
    let Some((begin, _)) = lines.find(|(_, line)| *line == BEGIN) else {
        return fields;
    };
    let mut problem = |line: u32, message: &str| {
        problems.push(Problem {
            path: path.to_owned(),
            line,
            message: message.to_owned(),
        });
    };
    let mut last = None;
    for (number, line) in lines {
        if line == END {
            return fields;
        }
        let Some(rest) = line.strip_prefix('#') else {
            problem(number, "a line of the LSB header does not begin with `#`");
            continue;
        };
        // As the standard has it: a tab, or two blanks, go on with the line before.
        let goes_on = rest.starts_with('\t') || rest.starts_with("  ");
        match (goes_on, rest.split_once(':'), last.take()) {
            (true, _, Some(key)) => {
                let value: &mut String = fields.entry(String::clone(&key)).or_default();
                value.push('\n');
                value.push_str(rest.trim());
                last = Some(key);
            }
            (_, Some((key, value)), _) if is_key(key.trim()) => {
                let key = key.trim().to_ascii_lowercase();
                if fields
                    .insert(key.clone(), value.trim().to_owned())
                    .is_some()
                {
                    problem(number, "a field of the LSB header is there twice");
                }
                last = Some(key);
            }
            (_, _, key) => last = key,
        }
    }
    problem(begin, "the LSB header has no end");
    fields
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "#!/bin/sh\n### BEGIN INIT INFO\n# Provides:          foo\n# Required-Start:    $local_fs bar\n\
        # Default-Start:     2 3 4 5\n# Description: one\n#\ttwo: x\n#  three\n### END INIT INFO\n# After: x\n";

    fn read(text: &str) -> (BTreeMap<String, String>, Vec<u32>) {
        let mut problems = Vec::new();
        let fields = header("foo", text, &mut problems);
        (
            fields,
            problems.iter().map(|problem| problem.line).collect(),
        )
    }

    #[test]
    fn a_header_is_read_with_lines_that_go_on() {
        let (fields, problems) = read(HEADER);
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            fields,
            [
                ("default-start", "2 3 4 5"),
                ("description", "one\ntwo: x\nthree"),
                ("provides", "foo"),
                ("required-start", "$local_fs bar"),
            ]
        );
        assert_eq!(problems, Vec::<u32>::new());
    }

    #[test]
    fn a_header_without_an_end_or_with_a_field_twice_is_a_problem() {
        assert_eq!(read("#!/bin/sh\n"), (BTreeMap::new(), vec![]));
        assert_eq!(read(&HEADER.replace(END, "# end")).1, [2]);
        assert_eq!(
            read(&HEADER.replace("# Default-Start", "# Provides")).1,
            [5]
        );
        assert_eq!(read(&HEADER.replace("#\ttwo", "two")).1, [7]);
    }
}
