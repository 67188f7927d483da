//! What stands in a script and is never reached, or waits for what never comes: branches for words that dpkg
//! does not pass, and a comparison with a status that is never returned.

use std::collections::BTreeSet;

use super::event::base;
use super::found::{Found, in_script};
use super::subject::View;
use super::table::Check;
use crate::audit::call::{Place, Side};
use crate::audit::finding::Severity;
use crate::audit::package::{Script, ScriptName};
use crate::audit::shell::{Branch, Outline, Simple};

/// A branch that is never entered.
pub(super) const DEAD: Check = Check {
    id: "branch-never-run",
    title: "a branch acts on services for a word that dpkg never passes",
    severity: Severity::Warning,
    explanation: "dpkg passes certain words to each script: `triggered` to the postinst and to no other, `upgrade` to preinst, prerm and \
                  postrm and never to the postinst. What stands in this branch is never done: the service is not \
                  started, stopped or restarted on the occasion that its author had in mind.",
    change: "move it to the script that dpkg calls with that word, or remove it",
    lintian: &[],
    find: |view| each(view, dead),
};

/// Status 100.
pub(super) const HUNDRED: Check = Check {
    id: "status-100-expected",
    title: "a script waits for status 100 of invoke-rc.d, which is never returned",
    severity: Severity::Warning,
    explanation: "invoke-rc.d's manual has 100 for a service that is not known. The tool returns 0 then under sysvinit, and under systemd \
                  what systemctl returns: 5 for a stop. A script that lets 0 and 100 pass takes that 5 for a \
                  failure, and stops an upgrade or an installation where there is nothing to stop.",
    change: "take 5 as well, or ask whether the service is there before it is stopped",
    lintian: &[],
    find: |view| each(view, hundred),
};

/// A place, what is to be said of it, and another that explains it.
type Said = (Place, String, Option<Place>);

fn each(view: &View<'_>, find: fn(&Script, &Outline) -> Vec<Said>) -> Vec<Found> {
    let outlines = view
        .scripts
        .iter()
        .filter_map(|one| Some((one.script, one.outline.as_ref()?)));
    let found = outlines.flat_map(|(script, outline)| find(script, outline));
    found
        .map(|(place, message, other)| {
            let found = Found::at(in_script(view.package(), place, ""), message);
            match other {
                Some(other) => found.and(in_script(view.package(), other, "never done")),
                None => found,
            }
        })
        .collect()
}

/// The first words that dpkg passes to a script.
fn passed(script: ScriptName) -> &'static [&'static str] {
    match script {
        ScriptName::Preinst => &["install", "upgrade", "abort-upgrade"],
        ScriptName::Postinst => &[
            "configure",
            "abort-upgrade",
            "abort-remove",
            "abort-deconfigure",
            "triggered",
        ],
        ScriptName::Prerm => &["remove", "upgrade", "failed-upgrade", "deconfigure"],
        ScriptName::Postrm => &[
            "remove",
            "purge",
            "upgrade",
            "failed-upgrade",
            "abort-install",
            "abort-upgrade",
            "disappear",
        ],
    }
}

fn dead(script: &Script, outline: &Outline) -> Vec<Said> {
    let words = passed(script.name);
    let never = outline.branches.iter().filter(|branch| {
        // No word at all is left where two conditions exclude each other: that is none of dpkg's doing.
        !branch.words.is_empty()
            && !branch
                .words
                .iter()
                .any(|word| words.iter().any(|one| fits(word, one)))
    });
    never
        .filter_map(|branch| {
            let act = outline
                .simples
                .iter()
                .find(|simple| is_in(simple, branch) && acts(simple))?;
            let words: Vec<&str> = branch.words.iter().map(String::as_str).collect();
            let message = format!(
                "dpkg never passes `{}` to a {}",
                words.join("`, `"),
                script.name.as_str()
            );
            let asked = place(script, branch.asked);
            Some((asked, message, Some(place(script, (act.start, act.end)))))
        })
        .collect()
}

/// Whether a pattern may mean a word.
fn fits(pattern: &str, word: &str) -> bool {
    let glob = pattern.contains(['*', '?', '[', '$']);
    // Where only the beginning is known, that has to be the same.
    let known = pattern
        .split(['*', '?', '[', '$'])
        .next()
        .unwrap_or_default();
    if glob {
        word.starts_with(known)
    } else {
        pattern == word
    }
}

fn is_in(simple: &Simple, branch: &Branch) -> bool {
    branch.body.0 <= simple.start && simple.end <= branch.body.1
}

/// Whether a command acts on a service.
fn acts(simple: &Simple) -> bool {
    let Some(first) = simple.words.iter().find(|word| !word.contains('=')) else {
        return false;
    };
    let tools = [
        "invoke-rc.d",
        "deb-systemd-invoke",
        "service",
        "systemctl",
        "start-stop-daemon",
        "update-rc.d",
    ];
    let reload = simple
        .words
        .iter()
        .any(|word| word == "daemon-reload" || word == "is-active");
    (tools.contains(&base(first)) && !reload) || first.starts_with("/etc/init.d/")
}

fn place(script: &Script, (start, end): (usize, usize)) -> Place {
    let before = script.text.get(..start).unwrap_or_default();
    let line = before.matches('\n').count().saturating_add(1);
    Place {
        side: Side::New,
        script: script.name,
        start,
        end,
        line: u32::try_from(line).unwrap_or(u32::MAX),
    }
}

/// How many commands may stand between the call and what takes its status.
const NEAR: usize = 3;

fn hundred(script: &Script, outline: &Outline) -> Vec<Said> {
    let mut found = Vec::new();
    let mut called: Option<usize> = None;
    let mut holding: BTreeSet<String> = BTreeSet::new();
    for (at, simple) in outline.simples.iter().enumerate() {
        if simple
            .words
            .iter()
            .any(|word| base(&plain(word)) == "invoke-rc.d")
        {
            called = Some(at);
        }
        let near = called.is_some_and(|called| at.saturating_sub(called) <= NEAR);
        for word in &simple.words {
            if let Some(name) = word.strip_suffix("=$?").filter(|_| near) {
                holding.insert(format!("${name}"));
            }
        }
        if compares(simple, &holding, near) {
            let message = "invoke-rc.d never returns 100".to_owned();
            found.push((place(script, (simple.start, simple.end)), message, None));
        }
    }
    found
}

fn compares(simple: &Simple, holding: &BTreeSet<String>, near: bool) -> bool {
    let words: Vec<String> = simple.words.iter().map(|word| plain(word)).collect();
    let is_test = words
        .first()
        .is_some_and(|first| ["[", "test", "case"].contains(&first.as_str()));
    let status = words
        .iter()
        .any(|word| holding.contains(word) || (near && word == "$?"));
    is_test && status && words.iter().any(|word| word == "100")
}

fn plain(word: &str) -> String {
    word.chars()
        .filter(|c| !matches!(c, '"' | '\'' | '{' | '}'))
        .collect()
}
