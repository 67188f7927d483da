//! Real invocations: the lines of maintainer scripts in `invocations.tsv` (written by `collect`), each turned into the
//! concrete calls that its script makes. Pure: shell words, loops' variables and debhelper's placeholders, no shell.

use std::error::Error;

use crate::tool::Tool;

const TABLE: &str = include_str!("invocations.tsv");

/// What stands for a variable or a placeholder; every value makes a call of its own.
const VALUES: [(&str, &[&str]); 17] = [
    ("$_dh_action", &["start", "restart"]),
    ("$action", &["start", "restart"]),
    ("$act", &["start", "restart"]),
    ("${service}", &["ssh", "cron"]),
    ("$service", &["ssh", "cron"]),
    ("$script", &["ssh", "cron"]),
    ("$daemon", &["ssh"]),
    ("$unit", &["snapd.service", "snapd.socket"]),
    ("$1", &["start"]),
    ("$@", &["start"]),
    ("#INVOKE_RCD_PARAMS#", &["", "--skip-systemd-native "]),
    ("#SCRIPT#", &["foo"]),
    (
        "#UNITFILES#",
        &["'foo.service'", "'foo.service' 'foo.socket'"],
    ),
    ("#RESTART_ACTION#", &["restart", "try-restart"]),
    ("#ERROR_HANDLER#", &["true"]),
    ("#PACKAGE#", &["foo"]),
    ("#INITPARMS#", &[""]),
];

/// One call that a maintainer script makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invocation {
    /// `suite/package script:line`
    pub(crate) origin: String,
    pub(crate) tool: Tool,
    pub(crate) args: Vec<String>,
}

/// Every call of the table.
///
/// # Errors
/// Where a line is not understood: an invocation that is silently left out would be one that nobody tests.
pub(crate) fn all() -> Result<Vec<Invocation>, Box<dyn Error + Send + Sync>> {
    let mut found = Vec::new();
    for (number, row) in TABLE.lines().enumerate() {
        let columns: Vec<&str> = row.split('\t').collect();
        let &[package, script, line, command] = columns.as_slice() else {
            return Err(format!("invocations.tsv:{}: not four columns", number + 1).into());
        };
        if is_prose(command) {
            continue;
        }
        let origin = format!("{package} {script}:{line}");
        let calls = calls(command);
        if calls.is_empty() {
            return Err(format!(
                "invocations.tsv:{}: no call understood in `{command}`",
                number + 1
            )
            .into());
        }
        found.extend(calls.into_iter().map(|(tool, args)| Invocation {
            origin: origin.clone(),
            tool,
            args,
        }));
    }
    Ok(found)
}

/// A line that names a tool without calling it: a message, a diversion.
fn is_prose(command: &str) -> bool {
    ["echo \"", "\"diversion of", "--divert"]
        .iter()
        .any(|mark| command.starts_with(mark))
}

/// The calls that one line of shell makes.
fn calls(command: &str) -> Vec<(Tool, Vec<String>)> {
    let Some(start) = call_start(command) else {
        return Vec::new();
    };
    let (tool, rest) = match command.get(start..) {
        Some(rest) if rest.starts_with("invoke-rc.d") => {
            (Tool::InvokeRcD, rest.trim_start_matches("invoke-rc.d"))
        }
        Some(rest) => (
            Tool::DebSystemdInvoke,
            rest.trim_start_matches("deb-systemd-invoke"),
        ),
        None => return Vec::new(),
    };
    let mut variants = vec![rest.to_owned()];
    for (name, values) in VALUES {
        variants = variants
            .iter()
            .flat_map(|text| {
                let values: &[&str] = if text.contains(name) { values } else { &[""] };
                values
                    .iter()
                    .map(|value| text.replace(name, value))
                    .collect::<Vec<_>>()
            })
            .collect();
    }
    let mut calls: Vec<_> = variants.iter().map(|text| (tool, words(text))).collect();
    // `cmd="invoke-rc.d $service"`: the action comes with the use of the variable.
    if tool == Tool::InvokeRcD {
        for (_, args) in &mut calls {
            if args.iter().filter(|arg| !arg.starts_with("--")).count() == 1 {
                args.push("restart".to_owned());
            }
        }
    }
    calls
}

/// Where the tool's name begins a command.
fn call_start(command: &str) -> Option<usize> {
    ["invoke-rc.d ", "deb-systemd-invoke "]
        .iter()
        .filter_map(|name| command.match_indices(name).map(|(at, _)| at).next())
        .min()
}

/// The words up to the end of the simple command.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        if matches!(word, "||" | "&&" | "|" | "#" | "then" | ";" | ";;" | "\\")
            || word.starts_with(['>', '<', ')'])
            || word.starts_with("2>")
        {
            break;
        }
        let ends = word.ends_with(';')
            || word.ends_with('"') && !word.starts_with('"')
            || word.ends_with(')');
        let bare = word.trim_end_matches([';', ')']).replace(['\'', '"'], "");
        if !bare.is_empty() {
            words.push(bare);
        }
        if ends {
            break;
        }
    }
    words
}
