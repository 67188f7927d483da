//! The page of the policy language. Which words there are is read off the tables that parse them; here stands
//! what each means, and a test holds that none is left out. Pure.

use super::roff::{Edition, Page, Section};
use crate::policy::words;

const ABOUT: [&str; 5] = [
    "A policy is any number of files `*.toml` in three directories, in the syntax of TOML. The first rule that matches \
     a request decides it: first those of `/etc/rcpolicy/policy.d`, then those of `/run/rcpolicy/policy.d`, then those \
     of `/usr/lib/rcpolicy/policy.d`, in each in the order of the files' names. A file takes the place of those that \
     have the same name in a later directory.",
    "The first two directories are the administrator's. In the third are the files of packages, `50-NAME.toml`, and \
     what rcpolicy ships, `90-default.toml`; these say how something is done, and never whether: `allow`, `deny` and \
     `fallback` are errors there.",
    "Files and directories must belong to root, and nobody else may write to them. A key that nobody knows is an \
     error. `rcpolicy check` shows every mistake with file, line and column.",
    "Where a file of the administrator's is broken, the last policy that read well applies, whose copy is in \
     `/var/lib/rcpolicy/last-good`; where there is none, services go on running through their upgrades, and all else \
     is as with the stock tools. A broken file of a package's is left out. The machine's package operations go on \
     either way, with a message.",
    "What `policy-rc.d` denies is denied, whatever stands here. A hold (see `rcpolicy-hold(8)`) comes before all rules.",
];

/// What the keys of a rule mean.
pub(super) const RULE: [(&str, &str); 11] = [
    (
        "service",
        "Services by name or by glob: `*`, `?` and `[..]`. A name is the service's own, without `.service` or `.sh`; \
         `foo@*` are all instances of a template, and `foo.socket` is the socket alone.",
    ),
    (
        "action",
        "Actions: `start`, `stop`, `restart`, `try-restart`, `reload`, `force-reload`, or any word that an init script \
         knows.",
    ),
    (
        "phase",
        "What dpkg is doing with the package whose maintainer script asks; `none` where no maintainer script does.",
    ),
    (
        "package",
        "The package whose maintainer script asks, by name or by glob.",
    ),
    ("init", "The init that runs the machine."),
    (
        "scope",
        "The system's services, or those of users' managers.",
    ),
    ("machine", "What the machine is doing."),
    (
        "asked",
        "Flags that the caller gave: `--quiesce`, `--defer`, `--force`. One of them is enough.",
    ),
    (
        "decide",
        "What is to be done, see `Decisions`. The one key that no rule is without.",
    ),
    (
        "until",
        "How long `defer` lasts: until the package operations that are under way are over (`batch`, which is meant \
         where nothing is said), until `rcpolicy flush`, or until the next boot.",
    ),
    (
        "because",
        "Why, in your words. It is shown wherever the rule decides.",
    ),
];

/// What the decisions mean.
pub(super) const DECISIONS: [(&str, &str); 9] = [
    (
        "allow",
        "It is done, even where the service is disabled or was stopped by the administrator.",
    ),
    (
        "deny",
        "It is not done, with `--force` neither. A deny of `start` holds for whatever would bring the service up.",
    ),
    (
        "stop",
        "The service is stopped, and what can start it by itself: sockets, paths, timers, its bus name. They come back \
         with the next start.",
    ),
    (
        "quiesce",
        "The service alone is stopped. Its socket goes on listening, and the start to come restarts what a client woke.",
    ),
    (
        "restart",
        "An upgrade's stop is held, and its start becomes one restart.",
    ),
    (
        "if-stale",
        "It is restarted only where it still runs files that were replaced, or its unit or configuration changed.",
    ),
    ("reload", "Likewise it is reloaded, where it can be."),
    (
        "defer",
        "Not now. It is noted down and done later, see `until`.",
    ),
    (
        "fallback",
        "`decide = { fallback = [\"reload\", \"restart\"] }`: these actions in turn, until one succeeds.",
    ),
];

/// What a setting means, what it can be, and what it is where no file says: as it would be written.
pub(super) const SETTINGS: [(&str, &str, &str, Option<&str>); 13] = [
    (
        "rcpolicy",
        "mode",
        "`enforce`, or `observe`: the stock tools act, and rcpolicy only writes down what it would have done. Only in \
         /etc and /run.",
        Some("\"enforce\""),
    ),
    (
        "compat",
        "strict",
        "Whether everything is done exactly as the stock tools do it; of rules only the administrator's apply. Only in \
         /etc and /run.",
        Some("false"),
    ),
    (
        "policy-rc-d",
        "limit",
        "How long policy-rc.d may run before it is killed: a time, or `none`, which is also what strict compatibility \
         means.",
        Some("\"60s\""),
    ),
    (
        "policy-rc-d",
        "max-output",
        "How much policy-rc.d may write before it is killed: a size.",
        Some("\"64KiB\""),
    ),
    (
        "action",
        "limit",
        "How long one action may take: `unit` for the unit's own limits and a little more (with Upstart 10min), or a \
         time.",
        Some("\"unit\""),
    ),
    (
        "init",
        "wait",
        "How long an init may be unreachable, for instance while it executes itself anew: a time.",
        Some("\"30s\""),
    ),
    (
        "flush",
        "settle",
        "How long package operations must have been over before what waits for that is done: a time.",
        Some("\"10s\""),
    ),
    (
        "flush",
        "tries",
        "How often the ends of package operations try what fails, from 1 to 100. `rcpolicy flush` always tries it.",
        Some("3"),
    ),
    (
        "flush",
        "window",
        "When that may be done by itself: a window or a list of windows such as `Sat 02:00-04:00`, `Mon-Fri 22:00-06:00` or \
         `daily 03:00-03:30`, by the machine's local time; by default at any time. Only in /etc and /run. What is down is \
         brought up at any time, and `rcpolicy flush` does not wait.",
        None,
    ),
    (
        "flush",
        "gate",
        "A program and its first arguments: it runs its last words when it is this machine's turn to flush, and for as long \
         as that takes, as `etcdctl lock NAME` does. Only in /etc and /run. What is down is brought up without it.",
        None,
    ),
    (
        "flush",
        "gate-limit",
        "How long the gate may take to let this machine in: a time. Only in /etc and /run.",
        Some("\"10min\""),
    ),
    (
        "definitions",
        "stock",
        "The directory into which packages bring the service definitions of runit and s6. Only in /etc and /run; by \
         default where the init has them by itself.",
        None,
    ),
    (
        "definitions",
        "live",
        "The directory from which the supervisors read them, likewise.",
        None,
    ),
];

/// A file as an administrator would write it.
pub(super) const EXAMPLE: &str = "\
# Databases are restarted by people.
[[rule]]
service = [\"postgresql@*\", \"mariadb\"]
action  = [\"restart\", \"try-restart\"]
phase   = \"upgrade\"
decide  = \"defer\"
until   = \"flush\"
because = \"the DBA restarts databases\"

# No client of the printing service is refused while it is upgraded.
[[rule]]
service = \"cups\"
action  = \"stop\"
phase   = \"upgrade\"
decide  = \"quiesce\"

[group.mail]
members = [\"postfix\", \"postfix@*\", \"opendkim\"]

[flush]
settle = \"30s\"
";

/// The page.
pub(super) fn page(edition: Edition<'_>) -> Page {
    let about = "what rcpolicy does with service actions in package upgrades";
    let mut page = Page::new("rcpolicy.toml", Section::Formats, edition, about);
    page.heading("Synopsis");
    page.verbatim(
        "/etc/rcpolicy/policy.d/*.toml\n/run/rcpolicy/policy.d/*.toml\n/usr/lib/rcpolicy/policy.d/*.toml",
    );
    page.heading("Description");
    ABOUT.iter().for_each(|text| page.paragraph(text));
    rules(&mut page);
    groups(&mut page);
    settings(&mut page);
    page.heading("Example");
    page.verbatim(EXAMPLE);
    page.paragraph("More are in `/usr/share/doc/rcpolicy/examples`.");
    page.heading("See also");
    page.paragraph(
        "`rcpolicy(8)`, `rcpolicy-check(8)`, `rcpolicy-explain(8)`, `rcpolicy-policy-rc.d(8)`",
    );
    page
}

fn rules(page: &mut Page) {
    page.heading("Rules");
    page.paragraph(
        "A rule begins with `[[rule]]`. All keys but `decide` are optional, and those that are given must all match. \
         What can be a list can be a single word as well.",
    );
    for key in words::RULE {
        page.item(key, said(&RULE, key));
        let known = words::words_of(key);
        if !known.is_empty() && key != "decide" {
            page.more(&format!("One of {}.", listed(&known)));
        }
    }
    page.heading("Decisions");
    for decision in words::DECISIONS.into_iter().chain([words::FALLBACK]) {
        page.item(decision, said(&DECISIONS, decision));
    }
}

fn groups(page: &mut Page) {
    page.heading("Groups");
    page.paragraph(
        "Services that go down together and come up together: when an upgrade stops or restarts one of them, all that \
         run are stopped before the first is started again, and they are started in the order of the list.",
    );
    page.item(
        "[group.NAME]",
        "The one key is `members`: names and globs as in a rule. `foo@` are all instances of a template.",
    );
}

fn settings(page: &mut Page) {
    page.heading("Settings");
    page.paragraph(
        "Each stands in a section of its own. The first file that gives one, in the order of the rules, is the one \
         that counts. A time is a number with `ms`, `s`, `min`, `h` or `d`, or several, as in `1min 30s`; a size one \
         with `B`, `KiB` or `MiB`.",
    );
    for (section, keys) in words::SETTINGS {
        page.subheading(&format!("[{section}]"));
        for key in keys {
            let (text, default) = setting(section, key);
            page.item(key, text);
            if let Some(default) = default {
                page.more(&format!("By default `{key} = {default}`."));
            }
        }
    }
}

/// What a word means; nothing where nobody wrote it down, which a test finds.
fn said(table: &[(&str, &'static str)], word: &str) -> &'static str {
    let mut table = table.iter();
    table
        .find(|(known, _)| *known == word)
        .map_or("", |(_, text)| text)
}

fn setting(section: &str, key: &str) -> (&'static str, Option<&'static str>) {
    let mut all = SETTINGS.into_iter();
    all.find(|(of, known, ..)| (*of, *known) == (section, key))
        .map_or(("", None), |(_, _, text, default)| (text, default))
}

fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}
