use std::fs;

use proptest::prelude::*;

use super::*;
use crate::audit::show::sample;

fn audited(package: &str, version: &str, from: &str) -> Audited {
    let mut audited = sample::acpid();
    audited.input = sample::input(&format!("{package}_{version}.deb"));
    audited.package = package.to_owned();
    audited.version = version.to_owned();
    audited.from = from.to_owned();
    audited
}

fn json(line: Line) -> String {
    line.to_json().unwrap()
}

fn package(package: &str, version: &str) -> String {
    json(Line::Package(Box::new(audited(package, version, "0"))))
}

/// What comes of these files, or the error.
fn merged(files: &[&str]) -> Result<Vec<Line>, String> {
    let top = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for (number, text) in files.iter().enumerate() {
        let path = top.path().join(format!("{number}.jsonl"));
        fs::write(&path, text).unwrap();
        paths.push(path);
    }
    let mut lines = Vec::new();
    let take = |line| {
        lines.push(line);
        Go::On
    };
    let merged = Merged::of(&paths).and_then(|merged| merged.each(take));
    let here = format!("{}/", top.path().display());
    merged.map_err(|error| error.to_string().replace(&here, ""))?;
    Ok(lines)
}

fn names(lines: &[Line]) -> Vec<String> {
    let name = |line: &Line| match line {
        Line::Package(audited) => format!("{} {}", audited.package, audited.version),
        Line::Unreadable(unreadable) => format!("unreadable {}", unreadable.input.path),
    };
    lines.iter().map(name).collect()
}

#[test]
fn files_come_out_sorted_and_the_same_upgrade_once() {
    let one = format!("{}\n{}\n", package("b", "1.10"), package("a", "1"));
    let other = format!("{}\n\n{}\n", package("b", "1.9"), package("a", "1"));
    let lines = merged(&[&one, "", &other]).unwrap();
    assert_eq!(names(&lines), ["a 1", "b 1.9", "b 1.10"]);
}

#[test]
fn what_either_found_of_an_upgrade_is_found() {
    let mut one = audited("a", "1", "0");
    let mut other = one.clone();
    let both = one.findings.clone();
    one.findings.remove(0);
    other.findings.pop();
    let text = |audited: Audited| format!("{}\n", json(Line::Package(Box::new(audited))));
    let lines = merged(&[&text(one), &text(other)]).unwrap();
    let Line::Package(together) = &lines[0] else {
        panic!("{lines:?}");
    };
    assert_eq!(together.findings, both);
}

#[test]
fn upgrades_from_different_versions_are_different() {
    let from = |from| {
        format!(
            "{}\n",
            json(Line::Package(Box::new(audited("a", "2", from))))
        )
    };
    let lines = merged(&[&from("1.0"), &from("1.5")]).unwrap();
    assert_eq!(names(&lines), ["a 2", "a 2"]);
}

#[test]
fn what_another_run_could_read_is_not_missing() {
    let failed = json(Line::Unreadable(sample::unreadable("a_1.deb")));
    let other = json(Line::Unreadable(sample::unreadable("z.deb")));
    let texts = [
        format!("{failed}\n{other}\n{other}\n"),
        format!("{}\n", package("a", "1")),
    ];
    let lines = merged(&[&texts[0], &texts[1]]).unwrap();
    assert_eq!(names(&lines), ["a 1", "unreadable z.deb"]);
}

#[test]
fn a_line_that_is_none_is_named_and_nothing_is_told() {
    let good = package("a", "1");
    let cut = &good[..good.len() - 5];
    for (text, expected) in [
        (
            format!("{good}\n{cut}"),
            "0.jsonl:2: the last line is not whole",
        ),
        (format!("{cut}\n{good}\n"), "0.jsonl:1: control character"),
        (format!("{good}\nhello\n"), "0.jsonl:2: expected value"),
        (
            format!("{good}\n{{}}\n"),
            "0.jsonl:2: missing field `format`",
        ),
        (
            good.replace("rcpolicy-audit/1", "rcpolicy-audit/9"),
            "0.jsonl:1: the last line is not whole",
        ),
        (
            format!("{}\n", good.replace("rcpolicy-audit/1", "rcpolicy-audit/9")),
            "0.jsonl:1: its format is `rcpolicy-audit/9`",
        ),
    ] {
        let error = merged(&[&text]).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn a_last_line_that_only_lacks_its_end_is_whole() {
    assert_eq!(names(&merged(&[&package("a", "1")]).unwrap()), ["a 1"]);
}

#[test]
fn a_field_of_a_later_version_is_passed_over() {
    let text = package("a", "1").replacen('{', "{\"colour\":\"blue\",", 1);
    assert_eq!(names(&merged(&[&text]).unwrap()), ["a 1"]);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Merged::of(&["/nowhere.jsonl".into()])
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("cannot read `/nowhere.jsonl`"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn in_whatever_order_and_files_lines_come_the_result_is_the_same(
        picked in proptest::collection::vec((0..3_u8, 0..3_u8, 0..4_usize), 0..12),
        seed in any::<u64>(),
    ) {
        let line = |(name, version, findings): &(u8, u8, usize)| {
            let mut one = audited(&format!("p{name}"), &format!("1.{version}"), "0");
            one.findings.truncate(*findings);
            format!("{}\n", json(Line::Package(Box::new(one))))
        };
        let straight: String = picked.iter().map(line).collect();
        let mut shuffled = picked.clone();
        shuffled.sort_by_key(|(a, b, c)| seed.wrapping_mul(u64::from(*a) * 7 + u64::from(*b) * 3 + *c as u64 + 1));
        let (left, right) = shuffled.split_at(shuffled.len() / 2);
        let left: String = left.iter().map(line).collect();
        let right: String = right.iter().map(line).collect();
        prop_assert_eq!(merged(&[&straight]), merged(&[&right, &left]));
    }
}
