//! The words of the policy language, each table once: what parses reads them here, and so does the manual.
//! Closed sets that are words of the field have theirs in `domain`. Pure.

use super::super::settings::Mode;
use crate::domain::{Flag, InitKind, Machine, Phase, Scope, Until};

/// The keys of a `[[rule]]`.
pub const RULE: [&str; 11] = [
    "service", "action", "phase", "package", "init", "scope", "machine", "asked", "decide",
    "until", "because",
];
/// The keys of a `[group.NAME]`.
pub const GROUP: [&str; 1] = ["members"];
/// What `decide` can say in one word.
pub const DECISIONS: [&str; 8] = [
    "allow", "deny", "stop", "quiesce", "restart", "if-stale", "reload", "defer",
];
/// What `decide` says with actions of its own.
pub const FALLBACK: &str = "fallback";

/// The sections of settings.
pub(super) const INIT: &str = "init";
pub(super) const ACTION: &str = "action";
pub(super) const FLUSH: &str = "flush";
pub(super) const RCPOLICY: &str = "rcpolicy";
pub(super) const COMPAT: &str = "compat";
pub(super) const DEFINITIONS: &str = "definitions";
/// The one whose name is spelled like a file.
pub(super) const HELPER: &str = "policy-rc-d";

/// The sections of settings, and the keys of each.
pub const SETTINGS: [(&str, &[&str]); 7] = [
    (RCPOLICY, &["mode"]),
    (COMPAT, &["strict"]),
    (HELPER, &["limit", "max-output"]),
    (ACTION, &["limit"]),
    (INIT, &["wait"]),
    (FLUSH, &["settle", "tries", "window", "gate", "gate-limit"]),
    (DEFINITIONS, &["stock", "live"]),
];

pub(super) const PHASES: [Phase; 5] = [
    Phase::Install,
    Phase::Upgrade,
    Phase::Remove,
    Phase::Trigger,
    Phase::None,
];
pub(super) const SCOPES: [Scope; 2] = [Scope::System, Scope::User];
pub(super) const MACHINES: [Machine; 4] = [
    Machine::Starting,
    Machine::Running,
    Machine::Stopping,
    Machine::Chroot,
];
pub(super) const FLAGS: [Flag; 3] = [Flag::Quiesce, Flag::Defer, Flag::Force];
pub(super) const UNTILS: [(&str, Until); 3] = [
    ("batch", Until::Batch),
    ("flush", Until::Flush),
    ("reboot", Until::Reboot),
];
pub(super) const MODES: [Mode; 2] = [Mode::Enforce, Mode::Observe];

/// The tables at the top of a file.
pub(super) fn tables() -> impl Iterator<Item = &'static str> {
    let settings = SETTINGS.into_iter().map(|(section, _)| section);
    ["rule", "group"].into_iter().chain(settings)
}

/// The keys of a section of settings.
pub(super) fn keys_of(section: &str) -> &'static [&'static str] {
    let mut settings = SETTINGS.into_iter();
    settings
        .find(|(name, _)| *name == section)
        .map_or(&[], |(_, keys)| keys)
}

/// All words that a key of a rule can have, where they are a closed set.
pub fn words_of(key: &str) -> Vec<&'static str> {
    match key {
        "phase" => PHASES.map(Phase::as_str).to_vec(),
        "init" => InitKind::ALL.map(InitKind::as_str).to_vec(),
        "scope" => SCOPES.map(Scope::as_str).to_vec(),
        "machine" => MACHINES.map(Machine::as_str).to_vec(),
        "asked" => FLAGS.map(Flag::as_str).to_vec(),
        "until" => UNTILS.map(|(word, _)| word).to_vec(),
        "decide" => DECISIONS.to_vec(),
        _ => Vec::new(),
    }
}
