//! What `rcpolicy audit --sarif` writes is SARIF 2.1.0: judged by the format's own schema, which
//! RCPOLICY_SARIF_SCHEMA names, with Python's jsonschema.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what a test cannot do ends it"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use rcpolicy::audit::audited::{Audited, Input, Line, Unreadable};
use rcpolicy::audit::finding::{Finding, Severity, Spot};

const JUDGE: &str = "
import json, sys, jsonschema
schema, document = (json.load(open(path)) for path in sys.argv[1:])
jsonschema.Draft7Validator.check_schema(schema)
for error in jsonschema.Draft7Validator(schema).iter_errors(document):
    print('/'.join(map(str, error.absolute_path)), error.message[:200])
";

/// What the schema has to say against a document; empty where it is one.
fn judged(document: &Path) -> String {
    let schema = std::env::var_os("RCPOLICY_SARIF_SCHEMA")
        .expect("RCPOLICY_SARIF_SCHEMA is set by tests/run");
    // Debian's own, which has the module.
    let ran = Command::new("/usr/bin/python3")
        .args(["-c", JUDGE])
        .arg(schema)
        .arg(document)
        .output()
        .unwrap();
    let texts = [ran.stdout, ran.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(ran.status.success(), "{texts:?}");
    texts.concat()
}

fn finding(severity: Severity, text: &str) -> Finding {
    let spot = Spot {
        file: format!("{text}: prerm"),
        line: 0,
        column: 0,
        width: 0,
        text: text.to_owned(),
        label: text.to_owned(),
    };
    Finding {
        check: text.to_owned(),
        severity,
        package: text.to_owned(),
        version: text.to_owned(),
        message: text.to_owned(),
        spots: vec![
            spot.clone(),
            Spot {
                line: u32::MAX,
                column: u32::MAX,
                width: u32::MAX,
                ..spot
            },
        ],
        suggestion: text.to_owned(),
        assumed: vec![text.to_owned()],
        allowed: None,
    }
}

/// A package of which every text is this.
fn package(text: &str) -> Line {
    let mut findings: Vec<Finding> = [Severity::Error, Severity::Warning, Severity::Note]
        .into_iter()
        .map(|severity| finding(severity, text))
        .collect();
    findings.push(Finding {
        allowed: Some(text.to_owned()),
        ..finding(Severity::Error, text)
    });
    findings.push(Finding {
        spots: Vec::new(),
        ..finding(Severity::Note, text)
    });
    Line::Package(Box::new(Audited {
        input: Input {
            path: text.to_owned(),
            from: None,
        },
        package: text.to_owned(),
        version: text.to_owned(),
        architecture: text.to_owned(),
        from: text.to_owned(),
        services: vec![text.to_owned()],
        findings,
        unread: vec![text.to_owned()],
        timelines: Vec::new(),
    }))
}

fn sarif(lines: &[Line]) -> tempfile::TempDir {
    let top = tempfile::tempdir().unwrap();
    let text: String = lines
        .iter()
        .map(|line| line.to_json().unwrap() + "\n")
        .collect();
    fs::write(top.path().join("all.jsonl"), text).unwrap();
    let ran = Command::new(env!("CARGO_BIN_EXE_rcpolicy"))
        .args(["audit", "--merge", "all.jsonl", "--sarif"])
        .current_dir(top.path())
        .output()
        .unwrap();
    fs::write(top.path().join("all.sarif"), ran.stdout).unwrap();
    top
}

#[test]
fn what_is_written_is_sarif_whatever_packages_say() {
    let broken = Line::Unreadable(Unreadable {
        input: Input {
            path: "x".to_owned(),
            from: None,
        },
        error: "it is\u{1b} cut off".to_owned(),
    });
    let texts = [
        "acpid",
        "",
        " ",
        "a b/../c:?#%",
        "\u{1b}[2J\u{0}\u{202e}\"'<&>",
        "é\u{fffd}漢",
        "//",
        ".",
    ];
    let mut lines: Vec<Line> = texts.map(package).to_vec();
    lines.push(broken);
    for some in [&lines[..], &lines[..1], &[]] {
        let top = sarif(some);
        assert_eq!(judged(&top.path().join("all.sarif")), "");
    }
}

#[test]
fn the_judge_finds_what_is_wrong() {
    let top = sarif(&[package("acpid")]);
    let path = top.path().join("all.sarif");
    let text = fs::read_to_string(&path).unwrap();
    for (right, wrong) in [
        ("\"startLine\":1", "\"startLine\":0"),
        ("\"level\":\"note\"", "\"level\":\"bad\""),
    ] {
        assert!(text.contains(right), "{right}");
        fs::write(&path, text.replace(right, wrong)).unwrap();
        assert_ne!(judged(&path), "");
    }
}
