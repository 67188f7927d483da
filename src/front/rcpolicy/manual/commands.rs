//! The pages of `rcpolicy` and its commands, out of the tables by which clap reads command lines. Pure.

use clap::builder::{PossibleValue, StyledStr};
use clap::{Arg, Command};

use super::roff::{Edition, Page, Section};

/// What the page of the program says before its commands.
const ABOUT: [&str; 3] = [
    "Debian's maintainer scripts start, stop and restart services through `invoke-rc.d` and `deb-systemd-invoke`. \
     rcpolicy stands in the place of both: it observes the machine, decides by the rules in `/etc/rcpolicy/policy.d`, \
     carries the action out, and can say why. This program is for those who look after the machine, and for those \
     who make packages.",
    "What is put off, and what an upgrade took down and nobody brought back yet, is owed to the machine: \
     `rcpolicy pending` shows it, and `rcpolicy flush` does it.",
    "`rcpolicy bypass on` hands every call to the stock tools, which lie beside the diverted ones as \
     `/usr/sbin/invoke-rc.d.distrib` and `/usr/bin/deb-systemd-invoke.distrib`.",
];

/// The files that a person may want to look into.
const FILES: [(&str, &str); 9] = [
    (
        "/etc/rcpolicy/policy.d/*.toml",
        "Your policy, see `rcpolicy.toml(5)`.",
    ),
    (
        "/run/rcpolicy/policy.d/*.toml",
        "Your policy until the next boot.",
    ),
    (
        "/usr/lib/rcpolicy/policy.d/*.toml",
        "The policies of packages, and the shipped one.",
    ),
    ("/etc/rcpolicy/bypass", "There while the bypass is on."),
    (
        "/run/rcpolicy/ledger/",
        "What is owed to the machine, one file a service.",
    ),
    (
        "/var/lib/rcpolicy/holds/",
        "What is held, one file a service.",
    ),
    (
        "/var/lib/rcpolicy/last-good/",
        "The last policy that read well.",
    ),
    (
        "/var/log/rcpolicy/decisions.jsonl",
        "Every decision, one line of JSON; the journal has it too.",
    ),
    (
        "/usr/share/doc/rcpolicy/",
        "The guides for administrators and packagers, and policies as examples.",
    ),
];

/// The page of the program, and one for each of its commands that is not hidden.
pub(super) fn pages(root: &Command, edition: Edition<'_>) -> Vec<Page> {
    let commands = root.get_subcommands().filter(|one| is_shown(one));
    let mut pages = vec![program(root, edition)];
    pages.extend(commands.map(|command| page(root, command, edition)));
    pages
}

/// Whether a command is for people; clap's own `help` is told of with the options.
pub(super) fn is_shown(command: &Command) -> bool {
    !command.is_hide_set() && command.get_name() != "help"
}

fn program(root: &Command, edition: Edition<'_>) -> Page {
    let name = root.get_name();
    let about = plain(root.get_about());
    let mut page = Page::new(name, Section::Administration, edition, &begun_small(&about));
    page.heading("Synopsis");
    page.verbatim(&usage(root));
    page.heading("Description");
    for text in ABOUT {
        page.paragraph(text);
    }
    page.heading("Commands");
    page.paragraph("Each has a page of its own, and `--help` tells the same in short.");
    for command in root.get_subcommands().filter(|one| is_shown(one)) {
        let called = command.get_name();
        page.item(&format!("{name}-{called}(8)"), &said(command));
    }
    page.heading("Options");
    let shown = root.get_arguments().filter(|one| !one.is_hide_set());
    shown.for_each(|argument| one(&mut page, argument));
    ends(&mut page, root);
    page.heading("Files");
    for (path, text) in FILES {
        page.item(path, text);
    }
    see_also(
        &mut page,
        "`rcpolicy.toml(5)`, `rcpolicy-invoke-rc.d(8)`, `rcpolicy-deb-systemd-invoke(8)`, \
         `rcpolicy-policy-rc.d(8)`, `invoke-rc.d(8)`, `deb-systemd-invoke(1p)`",
    );
    page
}

fn page(root: &Command, command: &Command, edition: Edition<'_>) -> Page {
    let name = format!("{}-{}", root.get_name(), command.get_name());
    let about = begun_small(&plain(command.get_about()));
    let first = about.split(". ").next().unwrap_or_default();
    let first = first.trim_end_matches('.');
    let mut page = Page::new(&name, Section::Administration, edition, first);
    page.heading("Synopsis");
    let nested: Vec<&Command> = command.get_subcommands().filter(|c| is_shown(c)).collect();
    match nested.is_empty() {
        true => page.verbatim(&usage(command)),
        false => page.verbatim(&nested.iter().map(|c| usage(c)).collect::<String>()),
    }
    page.heading("Description");
    page.paragraph(&said(command));
    arguments(&mut page, command, "Options");
    for command in nested {
        page.heading(command.get_name());
        page.paragraph(&said(command));
        arguments(&mut page, command, "");
    }
    ends(&mut page, command);
    see_also(&mut page, "`rcpolicy(8)`, `rcpolicy.toml(5)`");
    page
}

/// How a command is called, a line for each way.
fn usage(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let lines = usage.lines().map(|line| {
        let line = line.trim();
        line.strip_prefix("Usage:").unwrap_or(line).trim()
    });
    lines.map(|line| format!("{line}\n")).collect()
}

/// The arguments below a heading, if there are any; below the last one where it has no title. `--help`, which
/// every command has, stands in the program's page alone.
fn arguments(page: &mut Page, command: &Command, title: &str) {
    let shown = command.get_arguments().filter(|one| !one.is_hide_set());
    let own = shown.filter(|one| one.get_id() != "help");
    for (number, argument) in own.enumerate() {
        if number == 0 && !title.is_empty() {
            page.heading(title);
        }
        one(page, argument);
    }
}

fn one(page: &mut Page, argument: &Arg) {
    let help = argument.get_long_help().or(argument.get_help());
    let mut text = ended(&plain(help));
    let takes_value = argument.get_action().takes_values();
    let defaults = argument.get_default_values().iter();
    for default in defaults.filter(|_| takes_value) {
        text.push_str(&format!(" By default `{}`.", default.to_string_lossy()));
    }
    page.item(&term(argument), &text);
    let values = argument.get_possible_values().into_iter();
    let shown = values.filter(|value| takes_value && !value.is_hide_set());
    let shown: Vec<PossibleValue> = shown.collect();
    if !shown.is_empty() {
        page.descend();
        for value in shown {
            page.item(value.get_name(), &ended(&plain(value.get_help())));
        }
        page.ascend();
    }
}

/// An argument as it is written: `-h, --help`, `--from OLD`, `PACKAGE...`.
fn term(argument: &Arg) -> String {
    let written = argument.to_string().replace(['<', '>'], "");
    match (argument.get_short(), argument.is_positional()) {
        (Some(short), false) => format!("-{short}, {written}"),
        (_, true) => written.trim_matches(['[', ']']).replace("]...", "..."),
        (None, false) => written,
    }
}

/// What stands at the end of a command's help: titles, and lines that are laid out below them.
fn ends(page: &mut Page, command: &Command) {
    let text = plain(command.get_after_help());
    let mut lines = String::new();
    for line in text.lines().chain(["end:"]) {
        let title = line.strip_suffix(':').filter(|_| !line.starts_with(' '));
        match title {
            None => lines.extend([line.strip_prefix("  ").unwrap_or(line), "\n"]),
            Some(title) => {
                if !lines.trim().is_empty() {
                    page.verbatim(lines.trim_end());
                }
                lines.clear();
                if title != "end" {
                    page.heading(title);
                }
            }
        }
    }
}

fn see_also(page: &mut Page, pages: &str) {
    page.heading("See also");
    page.paragraph(pages);
}

/// What a command does, whole.
fn said(command: &Command) -> String {
    ended(&plain(command.get_long_about().or(command.get_about())))
}

fn plain(text: Option<&StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}

/// clap takes the last full stop off.
fn ended(text: &str) -> String {
    match text.is_empty() || text.ends_with(['.', ')', ':']) {
        true => text.to_owned(),
        false => format!("{text}."),
    }
}

/// As it stands in the middle of a line.
fn begun_small(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}
