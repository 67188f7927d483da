//! `# rcpolicy: allow ID — why`, on a finding's line or on the line above it: the finding stays, with the
//! reason. A comment without a reason silences nothing, nor does one that names no check or fits no finding,
//! and each of these is a finding of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::explain;
use super::found::{Found, in_text};
use super::half::Half;
use super::subject::View;
use super::table::Check;
use crate::audit::finding::{Finding, Severity};

/// A comment that silences nothing.
pub(super) const UNUSED: Check = Check {
    id: "allow-unused",
    title: "a comment allows what is not found",
    severity: Severity::Note,
    explanation: "`# rcpolicy: allow ID — why` silences the finding ID on its own line and on the next one. This comment \
                  gives no reason, names no check, or stands where that check finds nothing. It is left over, or \
                  misspelled, and whoever reads it believes something that is not so.",
    change: "give the reason behind a dash, correct the identifier (rcpolicy audit --list has them all), or remove the comment",
    lintian: &[],
    find: |_| Vec::new(),
};

/// What stands in front of the identifier.
const MARK: &str = "rcpolicy: allow";

/// One comment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Allow {
    /// Its line, from 1.
    line: u32,
    /// The identifier.
    id: String,
    /// The reason; empty where none is given.
    why: String,
}

/// The comments of a text.
fn allows(text: &str) -> Vec<Allow> {
    let lines = text.lines().zip(1_u32..);
    lines
        .filter_map(|(line, number)| {
            let rest = behind_mark(line)?.strip_prefix([' ', '\t'])?.trim();
            let (id, why) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            Some(Allow {
                line: number,
                id: id.to_owned(),
                why: reason(why).to_owned(),
            })
        })
        .collect()
}

/// What stands behind the mark, where it begins a comment.
fn behind_mark(line: &str) -> Option<&str> {
    let at = line.find(MARK)?;
    let sign = line.get(..at)?.trim_end().ends_with(['#', ';']);
    line.get(at..)?.strip_prefix(MARK).filter(|_| sign)
}

/// A reason stands behind a dash: `—`, `–`, `--` or `-`.
fn reason(text: &str) -> &str {
    let text = text.trim_start();
    let behind = ["—", "–", "--", "-"]
        .iter()
        .find_map(|dash| text.strip_prefix(dash));
    behind.unwrap_or_default().trim()
}

/// The texts that comments may stand in, by the name that findings give them. Those in an older version's
/// are left out: nobody can mend these any more.
fn texts<'p>(half: Half<'p>) -> BTreeMap<String, &'p str> {
    let scripts = half.package.scripts.values();
    let scripts = scripts.map(|script| (script.shown.clone(), script.text.as_str()));
    let directives = half
        .shipped
        .units
        .values()
        .flat_map(|unit| &unit.directives);
    let paths = directives.map(|directive| &directive.path);
    let paths = paths.chain(half.shipped.init_scripts.iter().map(|script| &script.path));
    let paths = paths.chain(half.shipped.bus.iter().map(|bus| &bus.path));
    let paths: BTreeSet<&String> = paths.collect();
    let kept = paths.into_iter();
    let files = kept.filter_map(|path| {
        Some((
            half.package.place(path).to_owned(),
            half.package.text(path)?,
        ))
    });
    scripts.chain(files).collect()
}

/// Notes the reasons in the findings that comments silence, and adds one for each comment that is of no use.
pub(super) fn apply(view: &View<'_>, findings: &mut Vec<Finding>) {
    let mut useless = Vec::new();
    for (file, text) in texts(view.subject.new) {
        for allow in allows(text) {
            if !silence(findings, &file, &allow) {
                let spot = in_text(&file, text, allow.line, "");
                useless.push(Found::at(spot, complaint(&allow)));
            }
        }
    }
    findings.extend(UNUSED.named(view, useless));
}

fn silence(findings: &mut [Finding], file: &str, allow: &Allow) -> bool {
    let mut used = false;
    let lines = [allow.line, allow.line.saturating_add(1)];
    for finding in findings
        .iter_mut()
        .filter(|finding| finding.check == allow.id)
    {
        let mut spots = finding.spots.iter();
        let stands = spots.any(|spot| spot.file == file && lines.contains(&spot.line));
        if stands && !allow.why.is_empty() {
            finding.allowed = Some(allow.why.clone());
            used = true;
        }
    }
    used
}

fn complaint(allow: &Allow) -> String {
    if explain(&allow.id).is_none() {
        format!("`{}` is no check", allow.id)
    } else if allow.why.is_empty() {
        format!(
            "a reason is missing: `# rcpolicy: allow {} — why`",
            allow.id
        )
    } else {
        format!("`{}` is not found here", allow.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_read_with_any_dash_in_scripts_and_in_units() {
        let cases = [
            ("# rcpolicy: allow a-b — why not", "a-b", "why not"),
            ("foo # rcpolicy: allow a-b -- why # not", "a-b", "why # not"),
            ("; rcpolicy: allow a-b - why", "a-b", "why"),
            ("# rcpolicy: allow a-b", "a-b", ""),
            ("# rcpolicy: allow a-b why", "a-b", ""),
        ];
        for (line, id, why) in cases {
            let found = allows(&format!("x\n{line}\n"));
            let expected = Allow {
                line: 2,
                id: id.to_owned(),
                why: why.to_owned(),
            };
            assert_eq!(found, [expected], "{line}");
        }
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        for line in [
            "echo rcpolicy: allow a — b",
            "# rcpolicy: allowed a — b",
            "# allow a — b",
        ] {
            assert_eq!(allows(line), [], "{line}");
        }
    }
}
