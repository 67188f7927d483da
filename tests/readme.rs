//! The README is true: its policy file reads without a problem, its table is what `simulate` prints, the files and
//! commands it names are there.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test cannot do ends it"
)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use rcpolicy::policy::{Tier, parse};
use rcpolicy::report::capabilities;

const README: &str = include_str!("../README.md");

fn rcpolicy(arguments: &[&str]) -> String {
    let ran = Command::new(env!("CARGO_BIN_EXE_rcpolicy"))
        .args(arguments)
        .env_clear()
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    String::from_utf8(ran.stdout).unwrap()
}

/// What stands between backticks, on one line.
fn quoted() -> Vec<&'static str> {
    README
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .collect()
}

#[test]
fn the_policy_file_of_the_readme_reads_without_a_problem() {
    let (_, after) = README.split_once("```toml\n").unwrap();
    let (policy, _) = after.split_once("```").unwrap();
    let parsed = parse("README.md", Tier::Admin, policy);
    assert_eq!(parsed.problems, []);
    assert_eq!(parsed.file.rules.len(), 1);
}

#[test]
fn the_table_of_the_readme_is_what_simulate_prints() {
    let printed = rcpolicy(&["simulate"]);
    let table: Vec<&str> = printed.lines().rev().take(6).collect();
    for line in table {
        let shown = line.trim_end();
        let found = README.lines().any(|line| line.trim_end() == shown);
        assert!(found, "not in the README: {line}");
    }
}

/// What stands around the table of what each init can do.
const BEFORE_TABLE: &str = "<!-- capabilities -->\n";
const AFTER_TABLE: &str = "<!-- end of capabilities -->\n";

#[test]
fn the_table_of_what_each_init_can_do_is_the_codes() {
    let (before, rest) = README.split_once(BEFORE_TABLE).unwrap();
    let (shown, after) = rest.split_once(AFTER_TABLE).unwrap();
    let table = capabilities::table();
    if shown != table && std::env::var_os("RCPOLICY_UPDATE_README").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
        let text = format!("{before}{BEFORE_TABLE}{table}{AFTER_TABLE}{after}");
        return std::fs::write(path, text).unwrap();
    }
    assert_eq!(shown, table);
}

#[test]
fn every_file_of_ours_that_the_readme_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ours = ["tests/", "src/", "policy/", "docs/", "LICENSE"];
    let named: Vec<&str> = quoted()
        .into_iter()
        .filter(|text| ours.iter().any(|start| text.starts_with(start)))
        .collect();
    assert!(named.len() > 10, "{named:?}");
    for path in named {
        assert!(root.join(path).exists(), "{path} is not there");
    }
}

#[test]
fn the_readme_lists_every_command_and_no_other() {
    let help = rcpolicy(&["--help"]);
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let (list, _) = list.split_once("\n\n").unwrap();
    let known: Vec<&str> = list
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|word| *word != "help")
        .collect();
    let mut listed: Vec<&str> = README
        .lines()
        .filter_map(|line| line.strip_prefix("| `rcpolicy "))
        .map(|line| line.split([' ', '`']).next().unwrap())
        .collect();
    listed.dedup();
    for command in &known {
        assert!(listed.contains(command), "{command} is not in the README");
    }
    for command in &listed {
        assert!(known.contains(command), "there is no `rcpolicy {command}`");
    }
}

/// What stands around the table of defects.
const BEFORE_DEFECTS: &str = "<!-- defects -->\n";
const AFTER_DEFECTS: &str = "<!-- end of defects -->\n";

#[test]
fn the_table_of_defects_names_checks_that_there_are() {
    let (_, after) = README.split_once(BEFORE_DEFECTS).unwrap();
    let (table, _) = after.split_once(AFTER_DEFECTS).unwrap();
    let listed = rcpolicy(&["audit", "--list"]);
    let known = |id: &str| {
        listed
            .lines()
            .any(|line| line.split_whitespace().next() == Some(id))
    };
    let ids: Vec<&str> = table
        .lines()
        .filter_map(|line| line.split('`').nth(1))
        .collect();
    assert!(ids.len() > 10, "{ids:?}");
    for id in ids {
        assert!(known(id), "{id} is no check");
    }
}

/// A line of `rcpolicy audit --json`, as far as the table is made of it.
fn audited(package: &str, findings: &str) -> String {
    format!(
        "{{\"kind\":\"package\",\"input\":{{\"path\":\"/x/sid/{package}.deb\"}},\"package\":\"{package}\",\"findings\":[{findings}]}}\n"
    )
}

fn found(check: &str, severity: &str, allowed: &str) -> String {
    format!("{{\"check\":\"{check}\",\"severity\":\"{severity}\",\"allowed\":{allowed}}}")
}

#[test]
fn a_package_counts_once_for_a_defect_at_its_worst() {
    let both = [
        found("a-a", "warning", "null"),
        found("a-a", "error", "null"),
    ]
    .join(",");
    let others = [
        found("a-a", "warning", "null"),
        found("b-b", "note", "null"),
    ]
    .join(",");
    let silenced = found("b-b", "error", "\"why\"");
    let lines = audited("foo", &both) + &audited("bar", &others) + &audited("baz", &silenced);
    let defects = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/defects");
    let mut counting = Command::new("perl")
        .arg(defects)
        .arg("--without-notes")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    counting
        .stdin
        .take()
        .unwrap()
        .write_all(lines.as_bytes())
        .unwrap();
    let printed = String::from_utf8(counting.wait_with_output().unwrap().stdout).unwrap();
    let rows: Vec<&str> = printed.lines().collect();
    let expected = [
        "| Severity | Check | sid (3) |",
        "|---|---|--:|",
        "| error | `a-a` | 1 |",
        "| warning | `a-a` | 1 |",
    ];
    assert_eq!(rows, expected);
}
