use std::collections::BTreeSet;

use super::*;
use crate::audit::audited::Audited;
use crate::audit::finding::Spot;
use crate::audit::show::sample;

fn document(packages: &[Audited], unreadable: &[Unreadable]) -> Value {
    let mut text = Sarif::open(&sample::ABOUTS);
    let mut sarif = Sarif::default();
    for audited in packages {
        text.push_str(&sarif.package(audited));
    }
    for one in unreadable {
        sarif.unreadable(one);
    }
    text.push_str(&sarif.close());
    serde_json::from_str(&text).unwrap()
}

fn results(document: &Value) -> &Vec<Value> {
    document["runs"][0]["results"].as_array().unwrap()
}

fn fingerprints(audited: &Audited) -> Vec<String> {
    let document = document(std::slice::from_ref(audited), &[]);
    let of = |result: &Value| {
        let value = &result["partialFingerprints"]["rcpolicyFinding/v1"];
        value.as_str().unwrap().to_owned()
    };
    results(&document).iter().map(of).collect()
}

#[test]
fn a_document_has_rules_results_places_and_suppressions() {
    let document = document(&[sample::acpid()], &[sample::unreadable("x.deb")]);
    insta::assert_snapshot!(
        serde_json::to_string_pretty(&document)
            .unwrap()
            .replace(env!("CARGO_PKG_VERSION"), "VERSION")
    );
}

#[test]
fn an_audit_that_found_nothing_is_a_success_without_results() {
    let document = document(&[], &[]);
    assert_eq!(results(&document).len(), 0);
    assert_eq!(
        document["runs"][0]["invocations"][0]["executionSuccessful"],
        true
    );
}

#[test]
fn several_packages_are_one_list() {
    let document = document(&[sample::acpid(), sample::acpid(), sample::hostile()], &[]);
    assert_eq!(results(&document).len(), 3 + 3 + 2);
}

#[test]
fn a_finding_is_recognised_when_lines_are_added_above_it_or_it_is_indented() {
    let before = sample::acpid();
    let mut after = before.clone();
    for spot in after
        .findings
        .iter_mut()
        .flat_map(|finding| &mut finding.spots)
    {
        spot.line += 7;
        spot.column += 4;
        spot.text = format!("    {}", spot.text);
    }
    after.version = "1:2.0.35-1".to_owned();
    assert_eq!(fingerprints(&before), fingerprints(&after));
}

#[test]
fn equal_lines_are_told_apart_by_their_order_and_others_by_their_text() {
    let mut audited = sample::acpid();
    let mut again: Vec<_> = audited.findings.clone();
    for Spot { line, .. } in again.iter_mut().flat_map(|finding| &mut finding.spots) {
        *line += 1;
    }
    audited.findings.extend(again);
    let all = fingerprints(&audited);
    let different: BTreeSet<&String> = all.iter().collect();
    assert_eq!((all.len(), different.len()), (6, 6));
}

#[test]
fn what_a_package_says_is_no_address_and_no_control_character() {
    let mut sarif = Sarif::default();
    let text = sarif.package(&sample::hostile());
    let steering = text.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(steering, None, "{text:?}");
    for escape in ["\\u001b", "\\u0000", "\\r", "\u{202e}", "\u{2028}"] {
        assert!(!text.contains(escape), "{escape:?} in {text}");
    }
    let document = document(&[sample::hostile()], &[]);
    let result = &results(&document)[0];
    let uri = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert!(uri.as_str().unwrap().starts_with("%1B%5B2J"), "{uri}");
}

#[test]
fn a_line_and_a_column_are_never_zero() {
    let document = document(&[sample::hostile()], &[]);
    let related = &results(&document)[0]["relatedLocations"][0]["physicalLocation"]["region"];
    assert_eq!(related["startLine"], 1);
    assert!(related["endColumn"].as_u64() >= related["startColumn"].as_u64());
}
