//! Groups and settings: every table of a policy file that is not a rule. Pure.

use std::path::{Component, Path, PathBuf};

use toml::de::DeTable;

use super::super::problem::Lines;
use super::super::rule::{Group, Pattern, Tier};
use super::super::settings::{ActionLimit, HelperLimit, Mode, SettingsPart};
use super::super::window::Window;
use super::reader::{Key, Reader, Value, word};
use super::units::{duration, positive_duration, size};
use super::words::{self, MODES};

/// What has failed so often will not succeed by itself.
const MOST_TRIES: u32 = 100;

/// Reads `[group.NAME]` tables.
pub(super) fn groups(
    reader: &mut Reader,
    key: &Key<'_>,
    value: &Value<'_>,
    lines: &Lines<'_>,
    into: &mut Vec<Group>,
) {
    let Some(table) = reader.table(value) else {
        return;
    };
    if table.is_empty() {
        reader.wrong(key.span(), "a group needs a name: `[group.NAME]`");
    }
    for (name, value) in table {
        into.extend(group(reader, name, value, lines));
    }
}

fn group(
    reader: &mut Reader,
    name: &Key<'_>,
    value: &Value<'_>,
    lines: &Lines<'_>,
) -> Option<Group> {
    let table = reader.table(value)?;
    let mut members = Vec::new();
    if !table.contains_key("members") {
        reader.wrong(name.span(), "this group has no `members`");
    }
    for (key, value) in table {
        match key.get_ref().as_ref() {
            "members" => members = reader.list(value, Pattern::parse),
            _ => reader.unknown(key, "key", words::GROUP.into_iter()),
        }
    }
    (!members.is_empty()).then(|| Group {
        name: name.get_ref().to_string(),
        members,
        line: lines.line(name.span().start + reader.offset),
    })
}

/// What a section of settings gives, with a name for each place they can go to.
fn keys<'v, 't>(
    reader: &mut Reader,
    value: &'v Value<'t>,
    section: &str,
) -> Vec<(&'v str, &'v Key<'t>, &'v Value<'t>)> {
    let Some(table): Option<&DeTable<'t>> = reader.table(value) else {
        return Vec::new();
    };
    let known = words::keys_of(section);
    let mut found = Vec::new();
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        if known.contains(&name) {
            found.push((name, key, value));
        } else {
            reader.unknown(key, "key", known.iter().copied());
        }
    }
    found
}

/// What `make` makes of the text in `value`.
fn made<T>(
    reader: &mut Reader,
    value: &Value<'_>,
    make: impl Fn(&str) -> Result<T, String>,
) -> Option<T> {
    match make(reader.text(value)?) {
        Ok(made) => Some(made),
        Err(message) => {
            reader.wrong(value.span(), message);
            None
        }
    }
}

/// Whether a setting that only the admin may change stands in a package's file.
fn is_misplaced(reader: &mut Reader, key: &Key<'_>, name: &str) -> bool {
    let misplaced = reader.tier == Tier::Vendor;
    if misplaced {
        let message = format!("`{name}` is the admin's: it is only read from /etc and /run");
        reader.wrong(key.span(), message);
    }
    misplaced
}

/// `[init]`
pub(super) fn init(reader: &mut Reader, value: &Value<'_>, into: &mut SettingsPart) {
    for (_, _, value) in keys(reader, value, words::INIT) {
        into.init_wait = made(reader, value, duration);
    }
}

/// `[action]`
pub(super) fn action(reader: &mut Reader, value: &Value<'_>, into: &mut SettingsPart) {
    for (_, _, value) in keys(reader, value, words::ACTION) {
        into.action_limit = made(reader, value, |text| match text {
            "unit" => Ok(ActionLimit::Unit),
            time => positive_duration(time).map(ActionLimit::After),
        });
    }
}

/// `[flush]`
pub(super) fn flush(reader: &mut Reader, value: &Value<'_>, into: &mut SettingsPart) {
    for (name, key, value) in keys(reader, value, words::FLUSH) {
        match name {
            "gate" => {
                let command = gate(reader, value);
                if !is_misplaced(reader, key, name) {
                    into.flush_gate = command;
                }
            }
            "gate-limit" => {
                let limit = made(reader, value, positive_duration);
                if !is_misplaced(reader, key, name) {
                    into.flush_gate_limit = limit;
                }
            }
            "tries" => into.flush_tries = reader.count(value, MOST_TRIES),
            "window" => {
                let windows = reader.list(value, Window::parse);
                if !is_misplaced(reader, key, name) {
                    into.flush_windows = Some(windows);
                }
            }
            _ => into.flush_settle = made(reader, value, duration),
        }
    }
}

/// A program's path from the root, and its first arguments.
fn gate(reader: &mut Reader, value: &Value<'_>) -> Option<Vec<String>> {
    let command = reader.list(value, |word| match word.contains('\0') {
        true => Err("no program can be given a NUL".to_owned()),
        false => Ok(word.to_owned()),
    });
    let program = command.first()?;
    match absolute(program) {
        Ok(_) => Some(command),
        Err(_) => {
            let shown = program.escape_debug();
            let message = format!("`{shown}` is no program's path from the root on");
            reader.wrong(value.span(), message);
            None
        }
    }
}

/// `[rcpolicy]`
pub(super) fn rcpolicy(reader: &mut Reader, value: &Value<'_>, into: &mut SettingsPart) {
    for (name, key, value) in keys(reader, value, words::RCPOLICY) {
        let mode = made(reader, value, |text| {
            word(text, "mode", &MODES, Mode::as_str)
        });
        if !is_misplaced(reader, key, name) {
            into.mode = mode;
        }
    }
}

/// `[compat]`
pub(super) fn compat(reader: &mut Reader, value: &Value<'_>, into: &mut SettingsPart) {
    for (name, key, value) in keys(reader, value, words::COMPAT) {
        let strict = reader.flag(value);
        if !is_misplaced(reader, key, name) {
            into.strict = strict;
        }
    }
}

/// `[policy-rc-d]`
pub(super) fn helper(reader: &mut Reader, value: &Value<'_>, into: &mut SettingsPart) {
    for (name, _, value) in keys(reader, value, words::HELPER) {
        match name {
            "limit" => {
                into.helper_limit = made(reader, value, |text| match text {
                    "none" => Ok(HelperLimit::Endless),
                    time => positive_duration(time).map(HelperLimit::After),
                });
            }
            _ => into.helper_max_output = made(reader, value, size),
        }
    }
}

/// `[definitions]`
pub(super) fn definitions(reader: &mut Reader, value: &Value<'_>, into: &mut SettingsPart) {
    for (name, key, value) in keys(reader, value, words::DEFINITIONS) {
        let place = made(reader, value, absolute);
        if is_misplaced(reader, key, name) {
            continue;
        }
        match name {
            "stock" => into.definitions_stock = place,
            _ => into.definitions_live = place,
        }
    }
}

/// A directory's path, from the root.
fn absolute(text: &str) -> Result<PathBuf, String> {
    let path = Path::new(text);
    let climbs = path.components().any(|part| part == Component::ParentDir);
    match path.is_absolute() && !climbs && path.parent().is_some() {
        true => Ok(path.to_path_buf()),
        false => Err(format!("`{text}` is no directory's path from the root on")),
    }
}
