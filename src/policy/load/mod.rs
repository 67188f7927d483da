//! From the directories to the policy that applies. Never fails and never waits: what is wrong becomes a
//! problem, and a broken file of the admin's brings back the last policy that read well.

mod files;
mod holds;
mod last_good;
mod roots;
mod trusted;

use std::path::Path;

use super::lint;
use super::merge::{Origin, Policy, PolicyFile};
use super::problem::{Problem, Severity};
use super::rule::Tier;
use super::schema;
use files::{Hidden, PolicyText};
use trusted::Trust;

pub use holds::HoldStore;
pub use roots::{Keep, Roots};

/// Loads the policy that applies now.
pub fn load(roots: &Roots) -> Policy {
    rules(roots).with_holds(HoldStore::of(roots).in_force())
}

/// The policy of the files.
fn rules(roots: &Roots) -> Policy {
    let mut hidden = Hidden::default();
    let (texts, mut problems) = admins(roots, &mut hidden);
    let files = parse_all(&texts, &mut problems);
    let broken = problems.iter().any(Problem::is_error);
    let (origin, files) = if broken {
        match last_good::read(roots) {
            Ok(kept) => restored(roots, &kept, &mut hidden, &mut problems),
            Err(error) => nothing_kept(roots, &error.to_string(), &mut problems),
        }
    } else {
        problems.extend(keep(roots, &texts));
        (Origin::Current, files)
    };
    if origin == Origin::None {
        return Policy::new(origin, Vec::new(), problems);
    }
    let packages = vendors(roots, &mut hidden, &mut problems);
    Policy::new(
        origin,
        files.into_iter().chain(packages).collect(),
        problems,
    )
}

/// All problems of all files that apply, and what looks like a mistake in them.
pub fn check(roots: &Roots) -> Vec<Problem> {
    let mut hidden = Hidden::default();
    let (texts, mut problems) = admins(roots, &mut hidden);
    let mut files = parse_all(&texts, &mut problems);
    let (texts, found) = files::read(roots, Tier::Vendor, &mut hidden);
    problems.extend(found);
    files.extend(parse_all(&texts, &mut problems));
    problems.extend(lint::lint(&files));
    problems
}

/// All problems of the files in one directory, judged as those of `tier`. It and they must belong to root or `owner`;
/// the directories above are not looked at.
pub fn check_directory(directory: &Path, tier: Tier, owner: u32) -> Vec<Problem> {
    let (files, mut problems) = read_directory(directory, tier, owner);
    problems.extend(lint::lint(&files));
    problems
}

/// The files of one directory as those of `tier`, in their order of precedence, and what is wrong with them; who they
/// must belong to is as for `check_directory`.
pub fn read_directory(directory: &Path, tier: Tier, owner: u32) -> (Vec<PolicyFile>, Vec<Problem>) {
    if let Err(error) = std::fs::read_dir(directory) {
        let path = directory.display().to_string();
        let text = format!("cannot read it: {error}");
        return (
            Vec::new(),
            vec![Problem::whole(Severity::Error, path, text)],
        );
    }
    // Where it lies now does not matter: it is meant for another place.
    let real = std::fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
    let base = real.parent().unwrap_or(&real);
    let trust = Trust { owner, base };
    let hidden = &mut Hidden::default();
    let (texts, mut problems) = files::read_directory(directory, tier, &trust, hidden);
    let files = parse_all(&texts, &mut problems);
    (files, problems)
}

/// The texts of the admin's files.
fn admins(roots: &Roots, hidden: &mut Hidden) -> (Vec<PolicyText>, Vec<Problem>) {
    let (mut texts, mut problems) = files::read(roots, Tier::Admin, hidden);
    let (more, found) = files::read(roots, Tier::Runtime, hidden);
    texts.extend(more);
    problems.extend(found);
    (texts, problems)
}

fn parse_all(texts: &[PolicyText], problems: &mut Vec<Problem>) -> Vec<PolicyFile> {
    let mut files = Vec::with_capacity(texts.len());
    for text in texts {
        let parsed = schema::parse(&text.path, text.tier, &text.text);
        problems.extend(parsed.problems);
        files.push(parsed.file);
    }
    files
}

/// The packages' files that can be used; of the others, a warning.
fn vendors(roots: &Roots, hidden: &mut Hidden, problems: &mut Vec<Problem>) -> Vec<PolicyFile> {
    let (texts, mut found) = files::read(roots, Tier::Vendor, hidden);
    let mut files = Vec::with_capacity(texts.len());
    for text in &texts {
        let parsed = schema::parse(&text.path, text.tier, &text.text);
        if !parsed.is_broken() {
            files.push(parsed.file);
        }
        found.extend(parsed.problems);
    }
    problems.extend(found.into_iter().map(|problem| Problem {
        severity: Severity::Warning,
        message: format!("{} (this file is skipped)", problem.message),
        ..problem
    }));
    files
}

/// The admin's files as they were kept, in place of those that are there.
fn restored(
    roots: &Roots,
    kept: &[PolicyText],
    hidden: &mut Hidden,
    problems: &mut Vec<Problem>,
) -> (Origin, Vec<PolicyFile>) {
    let mut found = Vec::new();
    let files = parse_all(kept, &mut found);
    if let Some(problem) = found.iter().find(|p| p.is_error()) {
        return nothing_kept(roots, &problem.to_string(), problems);
    }
    *hidden = Hidden::of(kept);
    let message = "the policy that is kept here, the last that read well, applies instead";
    problems.push(note(roots, message));
    (Origin::LastGood, files)
}

fn nothing_kept(
    roots: &Roots,
    why: &str,
    problems: &mut Vec<Problem>,
) -> (Origin, Vec<PolicyFile>) {
    let message = format!(
        "no earlier policy to go by ({why}): in upgrades services are neither stopped nor started, the rest is as with the stock tools"
    );
    problems.push(note(roots, &message));
    (Origin::None, Vec::new())
}

/// Keeps what read well. That it could not be kept is worth a warning and nothing more.
fn keep(roots: &Roots, texts: &[PolicyText]) -> Option<Problem> {
    match roots.keep {
        Keep::No => None,
        Keep::Yes => {
            let error = last_good::keep(roots, texts).err()?;
            Some(note(roots, &error.to_string()))
        }
    }
}

fn note(roots: &Roots, message: &str) -> Problem {
    let path = last_good::path(roots).display().to_string();
    Problem::whole(Severity::Warning, path, message)
}

#[cfg(test)]
mod tests;
