//! The machine on which dpkg works, as far as it is described: what a script may ask about it at the moment
//! when it runs. It is an ordinary Debian system with the package's services as they are shipped; of
//! what other packages bring nothing is known, but for what every system has.

use super::notes::{Notes, Said};
use super::order::Stage;
use super::{Pair, Way};
use crate::audit::call::{Side, Tool, Word, asked};
use crate::audit::package::{Entry, Package, ScriptName};
use crate::audit::shell::{Answer, World};
use crate::audit::shipped::Shipped;
use crate::domain::{InitKind, Manner};

/// Programs that are there on any system on which scripts ask for them: those of Essential packages, and of
/// what debhelper's snippets depend on.
const PROGRAMS: [&str; 24] = [
    "/usr/sbin/invoke-rc.d",
    "/usr/sbin/update-rc.d",
    "/usr/sbin/service",
    "/usr/sbin/start-stop-daemon",
    "/usr/bin/deb-systemd-invoke",
    "/usr/bin/deb-systemd-helper",
    "/usr/bin/dpkg",
    "/usr/bin/dpkg-query",
    "/usr/bin/dpkg-divert",
    "/usr/bin/dpkg-trigger",
    "/usr/bin/dpkg-statoverride",
    "/usr/bin/dpkg-maintscript-helper",
    "/usr/bin/update-alternatives",
    "/usr/bin/sh",
    "/usr/bin/bash",
    "/usr/bin/perl",
    "/usr/bin/grep",
    "/usr/bin/sed",
    "/usr/bin/find",
    "/usr/bin/getent",
    "/usr/sbin/ldconfig",
    "/usr/sbin/useradd",
    "/usr/bin/debconf-communicate",
    "/usr/share/debconf/confmodule",
];

/// Directories that are there on any system.
const DIRECTORIES: [&str; 22] = [
    "/",
    "/etc",
    "/etc/init.d",
    "/etc/default",
    "/etc/cron.d",
    "/etc/ssl",
    "/dev",
    "/home",
    "/proc",
    "/root",
    "/run",
    "/sys",
    "/tmp",
    "/usr",
    "/usr/bin",
    "/usr/sbin",
    "/usr/lib",
    "/usr/share",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/log",
];

/// Variables that a caller of dpkg may have set, or not; all others are taken to be unset.
const SET_BY_CALLERS: [&str; 20] = [
    "PATH",
    "HOME",
    "TERM",
    "LANG",
    "LANGUAGE",
    "USER",
    "LOGNAME",
    "SHELL",
    "PWD",
    "TMPDIR",
    "DISPLAY",
    "DPKG_FORCE",
    "DPKG_RUNNING_VERSION",
    "DPKG_FRONTEND_LOCKED",
    "SUDO_USER",
    "SUDO_UID",
    "container",
    "http_proxy",
    "https_proxy",
    "SSH_CONNECTION",
];

/// The machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scene {
    /// The init that runs.
    pub init: InitKind,
}

impl Scene {
    /// A machine on which this init runs.
    pub fn new(init: InitKind) -> Self {
        Self { init }
    }

    fn has_systemd(&self) -> bool {
        self.init.manner() == Manner::Units
    }
}

/// The machine while one script runs.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    pub(super) scene: &'a Scene,
    pub(super) pair: Pair<'a>,
    pub(super) side: Side,
    pub(super) script: ScriptName,
    pub(super) way: Way,
    pub(super) stage: Stage,
    /// What deb-systemd-helper remembers; several where it is not known which.
    pub(super) notes: &'a [Notes],
    /// The services of the package whose script it is.
    pub(super) shipped: &'a Shipped,
}

/// Whether a call asks deb-systemd-helper: its answer hangs on the calls before.
pub(super) fn asks_helper((tool, words): Said<'_>) -> bool {
    tool == Tool::DebSystemdHelper && asked(tool, words).is_query()
}

impl World for Moment<'_> {
    fn file(&self, letter: char, path: &str) -> Option<bool> {
        if letter == 't' {
            return None;
        }
        self.look(letter, &merged(path), 8)
    }

    fn command(&self, words: &[Word]) -> Option<Answer> {
        let (first, rest) = words.split_first()?;
        let Word::Known(name) = first else {
            return None;
        };
        match name.rsplit('/').next()? {
            "command" | "which" => {
                let place = self.finds(rest)?;
                let status = u8::from(place.is_none());
                let output = place.map_or_else(String::new, |path| format!("{path}\n"));
                // `command -V` and `which -a` say more.
                let plain = !has(rest, "-V") && !has(rest, "-a");
                Some(Answer {
                    status,
                    output: plain.then_some(output),
                })
            }
            _ => Some(Answer {
                status: self.status(name, rest)?,
                output: None,
            }),
        }
    }

    fn after(
        &self,
        (tool, words): Said<'_>,
        made: &mut dyn Iterator<Item = (Tool, &[Word])>,
    ) -> Option<Answer> {
        if !asks_helper((tool, words)) {
            return self.command(words);
        }
        let status = self.remembered(words, made)?;
        let output = None;
        Some(Answer { status, output })
    }

    fn variable(&self, name: &str) -> Option<Option<String>> {
        let package = self.pair.side(self.side);
        let field = |key: &str| package.and_then(|package| package.fields.get(key)).cloned();
        match name {
            "DPKG_ROOT" => Some(Some(String::new())),
            "DPKG_ADMINDIR" => Some(Some("/var/lib/dpkg".to_owned())),
            "DPKG_MAINTSCRIPT_PACKAGE" => package.map(|package| Some(package.name.clone())),
            "DPKG_MAINTSCRIPT_NAME" => Some(Some(self.script.as_str().to_owned())),
            "DPKG_MAINTSCRIPT_ARCH" => field("architecture").map(Some),
            "DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT" => Some(Some("1".to_owned())),
            _ if SET_BY_CALLERS.contains(&name) => None,
            _ if [
                "DEBIAN_", "DEBCONF_", "DPKG_", "APT_", "LC_", "XDG_", "PERL_",
            ]
            .iter()
            .any(|prefix| name.starts_with(prefix)) =>
            {
                None
            }
            _ => Some(None),
        }
    }
}

impl Moment<'_> {
    /// A file test on a path of a merged system, over no more than `links` links.
    fn look(&self, letter: char, path: &str, links: u8) -> Option<bool> {
        if InitKind::ALL
            .iter()
            .any(|init| init.marks().contains(&path))
        {
            let runs = self.scene.init.marks().contains(&path);
            return Some(runs && !matches!(letter, 'L' | 'b' | 'c' | 'p'));
        }
        if path == "/usr/sbin/policy-rc.d" {
            return Some(false);
        }
        if path == "/usr/bin/systemctl" && self.scene.has_systemd() || PROGRAMS.contains(&path) {
            return Some(matches!(letter, 'e' | 'f' | 'r' | 's' | 'w' | 'x'));
        }
        match self.entry(path) {
            Some(Entry::Link { target }) => {
                if letter == 'L' {
                    return Some(true);
                }
                let links = links.checked_sub(1)?;
                self.look(letter, &merged(&absolute(path, target)), links)
            }
            Some(entry) => holds(letter, entry),
            None if DIRECTORIES.contains(&path) || self.is_above_files(path) => {
                Some(matches!(letter, 'd' | 'e' | 'r' | 's' | 'w' | 'x'))
            }
            // What one of the two packages has, and is not there now, is not there.
            None => self.is_known(path).then_some(false),
        }
    }

    /// What is at a path now.
    fn entry(&self, path: &str) -> Option<&Entry> {
        let (old, new) = (self.pair.old, self.pair.new);
        let sole = new.or(old);
        let conffile = |package: &&Package| package.conffiles.contains(path);
        match self.stage {
            Stage::Absent => None,
            Stage::Configuration => {
                let of = match self.way {
                    Way::Again => old.or(new),
                    _ => sole,
                };
                of.filter(conffile)?.files.get(path)
            }
            Stage::Old => old?.files.get(path),
            Stage::New => {
                let kept = old.filter(conffile).filter(|_| self.way == Way::Upgrade);
                let sole = sole?.files.get(path);
                sole.or_else(|| kept?.files.get(path))
            }
            Stage::Unpacked => match new.filter(conffile) {
                // A new configuration file stands beside its place until the package is configured.
                Some(_) => old.filter(conffile)?.files.get(path),
                // What the old version alone had is taken away behind its postrm.
                None => {
                    let there = new?.files.get(path);
                    there.or_else(|| old?.files.get(path))
                }
            },
        }
    }

    fn is_known(&self, path: &str) -> bool {
        let both = [self.pair.old, self.pair.new].into_iter().flatten();
        both.into_iter()
            .any(|package| package.files.contains_key(path))
    }

    /// Whether a package that is there has files below a path.
    fn is_above_files(&self, path: &str) -> bool {
        let package = match self.stage {
            Stage::Absent | Stage::Configuration => None,
            Stage::Old => self.pair.old,
            Stage::Unpacked | Stage::New => self.pair.new.or(self.pair.old),
        };
        let below = format!("{path}/");
        package.is_some_and(|package| {
            let mut behind = package.files.range(below.clone()..);
            behind
                .next()
                .is_some_and(|(first, _)| first.starts_with(&below))
        })
    }

    /// The exit status of a command.
    fn status(&self, name: &str, words: &[Word]) -> Option<u8> {
        let base = name.rsplit('/').next().unwrap_or(name);
        let word = |number: usize| plain(words, number);
        if name.starts_with("/etc/init.d/") {
            return (word(0) != Some("status")).then_some(0);
        }
        match base {
            "invoke-rc.d" | "service" => {
                (word(1) != Some("status") && !has(words, "--query")).then_some(0)
            }
            "systemctl" => (self.scene.has_systemd() && !asks(word(0)?)).then_some(0),
            "start-stop-daemon" => {
                (!has(words, "--test") && !has(words, "--status") && !has(words, "-t")).then_some(0)
            }
            "deb-systemd-helper"
            | "deb-systemd-invoke"
            | "update-rc.d"
            | "rc-service"
            | "sv"
            | "initctl"
            | "dpkg-trigger"
            | "dpkg-maintscript-helper"
            | "mkdir"
            | "chown"
            | "chmod"
            | "rm"
            | "ln"
            | "touch" => Some(0),
            "type" | "hash" => self.finds(words).map(|place| u8::from(place.is_none())),
            "ischroot" => Some(1),
            _ => None,
        }
    }

    /// The status of a question to deb-systemd-helper behind earlier calls; `None` where it may be either.
    fn remembered(&self, words: &[Word], made: &mut dyn Iterator<Item = Said<'_>>) -> Option<u8> {
        let changes =
            made.filter(|(tool, _)| matches!(tool, Tool::DebSystemdHelper | Tool::Systemctl));
        let mut changes: Vec<Said<'_>> = changes.collect();
        changes.reverse();
        let answers = self.notes.iter().map(|notes| {
            let mut notes = notes.clone();
            for change in &changes {
                notes.take(*change, self.shipped);
            }
            notes.answer(words)
        });
        let mut answers = answers.collect::<Option<Vec<u8>>>()?;
        answers.dedup();
        match answers.as_slice() {
            [status] => Some(*status),
            _ => None,
        }
    }

    /// Where a program is found in PATH, if it is; `None` where that is not known.
    fn finds(&self, words: &[Word]) -> Option<Option<String>> {
        let known = words.iter().find_map(|word| match word {
            Word::Known(text) if !text.starts_with('-') => Some(text.as_str()),
            Word::Known(_) | Word::Unknown(_) => None,
        })?;
        if known.contains('/') {
            let held = self.file('x', known)?;
            return Some(held.then(|| known.to_owned()));
        }
        let places = ["/usr/sbin", "/usr/bin"].map(|directory| format!("{directory}/{known}"));
        let held: Vec<Option<bool>> = places.iter().map(|at| self.look('x', at, 8)).collect();
        let mut both = places.into_iter().zip(&held);
        if let Some((at, _)) = both.find(|(_, held)| **held == Some(true)) {
            return Some(Some(at));
        }
        // It may come from another package, unless it is one of these.
        held.contains(&Some(false)).then_some(None)
    }
}

/// A word behind the options.
fn plain(words: &[Word], number: usize) -> Option<&str> {
    let known = words.iter().filter_map(|word| match word {
        Word::Known(text) => (!text.starts_with('-')).then_some(text.as_str()),
        Word::Unknown(_) => Some(""),
    });
    known.into_iter().nth(number)
}

fn has(words: &[Word], option: &str) -> bool {
    words
        .iter()
        .any(|word| matches!(word, Word::Known(text) if text == option))
}

/// Whether a verb of systemctl's only asks.
fn asks(verb: &str) -> bool {
    verb.starts_with("is-")
        || verb.starts_with("list-")
        || matches!(verb, "show" | "status" | "cat" | "")
}

/// What a file test says of what a package has.
fn holds(letter: char, entry: &Entry) -> Option<bool> {
    match (letter, entry) {
        ('e' | 'r' | 'w', _) => Some(true),
        ('f', Entry::File { .. }) => Some(true),
        ('s', Entry::File { size, .. }) => Some(*size > 0),
        ('x', Entry::File { mode, .. }) => Some(mode & 0o111 != 0),
        ('d' | 'L' | 'S' | 'p' | 'b' | 'c', Entry::File { .. }) => Some(false),
        ('d' | 's' | 'x', Entry::Directory) => Some(true),
        ('f' | 'L' | 'S' | 'p' | 'b' | 'c', Entry::Directory) => Some(false),
        _ => None,
    }
}

/// Where a link leads.
fn absolute(path: &str, target: &str) -> String {
    if target.starts_with('/') {
        return target.to_owned();
    }
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let mut parts: Vec<&str> = directory.split('/').collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    format!("/{}", parts.join("/").trim_start_matches('/'))
}

/// A path as a merged system has it, without doubled slashes.
fn merged(path: &str) -> String {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    let below = parts.first().is_some_and(|first| {
        matches!(
            *first,
            "bin" | "sbin" | "lib" | "lib32" | "lib64" | "libx32"
        )
    });
    let mut whole = String::from(if below { "/usr/" } else { "/" });
    whole.push_str(&parts.join("/"));
    if let Some(rest) = whole.strip_prefix("/var/run/") {
        return format!("/run/{rest}");
    }
    whole
}
