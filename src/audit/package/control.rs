//! The texts that say what a package is: control fields, scripts, the lists of its configuration and
//! of its triggers, a source package's changelog. Pure.

use std::collections::{BTreeMap, BTreeSet};

use deb822_fast::{Deb822, Paragraph};

use super::error::Reason;
use super::{Script, ScriptName, paths};

/// Control fields, by their names in lower case.
pub(super) type Fields = BTreeMap<String, String>;

/// The texts of a control archive, or of a directory `DEBIAN`.
#[derive(Debug, Default)]
pub(super) struct Texts {
    texts: BTreeMap<&'static str, String>,
}

impl Texts {
    /// The files that matter.
    pub(super) const NAMES: [&'static str; 7] = [
        "control",
        "conffiles",
        "triggers",
        "preinst",
        "postinst",
        "prerm",
        "postrm",
    ];

    /// The name as it is kept, where it is one that matters.
    pub(super) fn known(name: &str) -> Option<&'static str> {
        Self::NAMES.into_iter().find(|known| *known == name)
    }

    /// Takes in the file `name`; whether it was there already.
    pub(super) fn add(&mut self, name: &'static str, bytes: &[u8]) -> bool {
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.texts.insert(name, text).is_some()
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// The fields of `control`, shown as `shown`.
    pub(super) fn fields(&self, shown: &str) -> Result<Fields, Reason> {
        let Some(text) = self.get("control") else {
            return Err(wrong(shown, "it is missing"));
        };
        let mut all = paragraphs(text, shown)?;
        match (all.pop(), all.pop()) {
            (Some(only), None) => binary(only, shown, Version::Needed),
            (None, _) => Err(wrong(shown, "it is empty")),
            (Some(_), Some(_)) => Err(wrong(shown, "it describes more than one package")),
        }
    }

    /// The scripts, each shown by what `shown` makes of its name.
    pub(super) fn scripts(&self, shown: impl Fn(&str) -> String) -> BTreeMap<ScriptName, Script> {
        let all = ScriptName::ALL.into_iter().filter_map(|name| {
            let text = self.get(name.as_str())?;
            Some((name, script(name, shown(name.as_str()), text)))
        });
        all.collect()
    }

    /// The paths that dpkg treats as configuration.
    pub(super) fn conffiles(&self) -> BTreeSet<String> {
        let lines = self.get("conffiles").unwrap_or_default().lines();
        // A flag before a path marks one that is no longer there.
        let paths = lines
            .map(str::trim_end)
            .filter(|line| line.starts_with('/'));
        paths
            .map(|path| paths::merged(path).unwrap_or_else(|| path.to_owned()))
            .collect()
    }

    /// The lines of `triggers`.
    pub(super) fn triggers(&self) -> Vec<String> {
        significant(self.get("triggers").unwrap_or_default())
    }
}

/// Lines that are neither empty nor comments, without what surrounds them.
pub(super) fn significant(text: &str) -> Vec<String> {
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or(""));
    let lines = lines.map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// The script `name` with this text.
pub(super) fn script(name: ScriptName, shown: String, text: &str) -> Script {
    Script {
        name,
        shown,
        interpreter: interpreter(text),
        text: text.to_owned(),
    }
}

/// What runs it: the last part of what stands behind `#!`, or what `env` is told.
fn interpreter(text: &str) -> String {
    let first = text.lines().next().and_then(|line| line.strip_prefix("#!"));
    let mut words = first.unwrap_or_default().split_whitespace();
    let base = |word: &str| word.rsplit('/').next().unwrap_or(word).to_owned();
    let program = words.next().map(base).unwrap_or_default();
    if program != "env" {
        return program;
    }
    let told = words.find(|word| !word.starts_with('-') && !word.contains('='));
    told.map(base).unwrap_or_default()
}

/// Whether a package without a version is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Needed,
    /// A source package's is in its changelog.
    Elsewhere,
}

/// The paragraphs of a control file.
fn paragraphs(text: &str, shown: &str) -> Result<Vec<Fields>, Reason> {
    // deb822 knows no other line ends, and a control file written elsewhere has them.
    let text = text.replace("\r\n", "\n");
    let parsed: Deb822 = text.parse().map_err(|error: deb822_fast::Error| {
        let why = error.to_string().escape_debug().to_string();
        wrong(
            shown,
            &format!("it has no fields as deb822(5) has them: {why}"),
        )
    })?;
    let all: Vec<Paragraph> = parsed.into();
    Ok(all.into_iter().map(fields).collect())
}

fn fields(paragraph: Paragraph) -> Fields {
    let all = paragraph.into_iter();
    all.map(|(name, value)| {
        (
            name.trim_end().to_ascii_lowercase(),
            value.trim_end().to_owned(),
        )
    })
    .collect()
}

/// Checks what every binary package has.
fn binary(fields: Fields, shown: &str, version: Version) -> Result<Fields, Reason> {
    let name = fields.get("package").map_or("", String::as_str);
    let plain = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    if name.is_empty() || name.len() > 255 || !name.chars().all(plain) || !begins_well(name) {
        let why = format!(
            "`{}` is no name of a package: letters, digits and `+-.` are allowed in it",
            name.escape_debug()
        );
        return Err(wrong(shown, &why));
    }
    let number = fields.get("version").map_or("", String::as_str);
    let plain = |c: char| c.is_ascii_alphanumeric() || "+-.~:".contains(c);
    let bad = number.len() > 255 || !number.chars().all(plain);
    if bad || (number.is_empty() && version == Version::Needed) {
        let why = format!("`{}` is no version", number.escape_debug());
        return Err(wrong(shown, &why));
    }
    Ok(fields)
}

fn begins_well(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// The fields of a source package's binary packages, in their order.
pub(super) fn binaries(text: &str, shown: &str) -> Result<Vec<Fields>, Reason> {
    let mut all = paragraphs(text, shown)?.into_iter();
    let Some(source) = all.next().filter(|first| first.contains_key("source")) else {
        return Err(wrong(shown, "its first paragraph has no field `Source`"));
    };
    let mut found = Vec::new();
    for mut fields in all {
        if let Some(name) = source.get("source") {
            fields.insert("source".to_owned(), name.clone());
        }
        found.push(binary(fields, shown, Version::Elsewhere)?);
    }
    match found.is_empty() {
        true => Err(wrong(shown, "it describes no binary package")),
        false => Ok(found),
    }
}

/// The version that a changelog begins with; empty where it does not say.
pub(super) fn changelog_version(text: &str) -> String {
    let first = text.lines().find(|line| !line.trim().is_empty());
    let inside = first.and_then(|line| line.split_once(" ("));
    let version = inside.and_then(|(_, rest)| rest.split_once(')'));
    version.map_or("", |(version, _)| version.trim()).to_owned()
}

fn wrong(file: &str, why: &str) -> Reason {
    Reason::Control {
        file: file.to_owned(),
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(all: &[(&'static str, &str)]) -> Texts {
        let mut texts = Texts::default();
        for (name, text) in all {
            assert!(!texts.add(name, text.as_bytes()));
        }
        texts
    }

    #[test]
    fn fields_are_read_with_their_continuation_lines() {
        let text = "Package: foo\nVersion: 1:2-3~x\nDepends: a,\n b\nDescription: x\n .\n y\n\n";
        let fields = texts(&[("control", text)]).fields("control").unwrap();
        assert_eq!(fields["package"], "foo");
        assert_eq!(fields["version"], "1:2-3~x");
        assert_eq!(fields["depends"], "a,\nb");
    }

    #[test]
    fn what_is_no_control_file_says_where_and_why() {
        let cases = [
            ("", "it is empty"),
            ("Package foo\n", "deb822(5)"),
            (" x\n", "deb822(5)"),
            ("Version: 1\n", "`` is no name"),
            ("Package: ../foo\nVersion: 1\n", "`../foo` is no name"),
            ("Package: foo\n", "`` is no version"),
            ("Package: foo\nVersion: 1 2\n", "`1 2` is no version"),
            (
                "Package: foo\nVersion: 1\n\nPackage: b\nVersion: 1\n",
                "more than one",
            ),
        ];
        for (text, expected) in cases {
            let error = texts(&[("control", text)]).fields("x.deb: control");
            let error = error.unwrap_err().to_string();
            assert!(
                error.contains(expected) && error.starts_with("x.deb: control: "),
                "{error}"
            );
        }
        let error = texts(&[]).fields("DEBIAN/control").unwrap_err().to_string();
        assert_eq!(error, "DEBIAN/control: it is missing");
    }

    #[test]
    fn an_interpreter_is_named_without_its_directory() {
        for (line, expected) in [
            ("#!/bin/sh -e", "sh"),
            ("#! /usr/bin/perl", "perl"),
            ("#!/usr/bin/env -S LANG=C bash -e", "bash"),
            ("#!/usr/bin/env", ""),
            ("echo", ""),
            ("", ""),
        ] {
            assert_eq!(interpreter(&format!("{line}\nexit\n")), expected, "{line}");
        }
    }

    #[test]
    fn lists_are_read_without_comments_and_flags() {
        let texts = texts(&[
            (
                "conffiles",
                "/etc/foo\nremove-on-upgrade /etc/old\n/lib/x \n\n",
            ),
            ("triggers", "# why\n\ninterest-noawait /usr/share/x # too\n"),
            ("prerm", "#!/bin/sh\nexit 0\n"),
        ]);
        let conffiles: Vec<String> = texts.conffiles().into_iter().collect();
        assert_eq!(conffiles, ["/etc/foo", "/usr/lib/x"]);
        assert_eq!(texts.triggers(), ["interest-noawait /usr/share/x"]);
        let scripts = texts.scripts(|name| format!("x.deb: {name}"));
        assert_eq!(scripts.len(), 1);
        assert_eq!(scripts[&ScriptName::Prerm].shown, "x.deb: prerm");
    }

    #[test]
    fn a_source_package_has_one_or_more_binary_packages() {
        let text = "# c\nSource: s\n\nPackage: a\nArchitecture: any\n\nPackage: b\n";
        let all = binaries(text, "debian/control").unwrap();
        let names: Vec<_> = all
            .iter()
            .map(|fields| fields["package"].as_str())
            .collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(all[1]["source"], "s");
        for (text, expected) in [
            ("Package: a\n", "no field `Source`"),
            ("", "no field `Source`"),
            ("Source: s\n", "no binary package"),
            ("Source: s\n\nPackage: a b\n", "is no name"),
        ] {
            let error = binaries(text, "debian/control").unwrap_err().to_string();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_changelog_begins_with_the_version() {
        let text = "\nacpid (1:2.0.34-1) unstable; urgency=medium\n\n  * (x)\n";
        assert_eq!(changelog_version(text), "1:2.0.34-1");
        assert_eq!(changelog_version("no version"), "");
        assert_eq!(changelog_version(""), "");
    }
}
