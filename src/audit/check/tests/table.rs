//! The table itself.

use std::collections::BTreeSet;

use crate::audit::check::{TABLE, explain};

#[test]
fn every_check_has_an_identifier_of_its_own_that_a_comment_can_name() {
    let ids: BTreeSet<&str> = TABLE.iter().map(|check| check.id).collect();
    assert_eq!(ids.len(), TABLE.len());
    for id in ids {
        let fits = id
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        assert!(fits, "{id}");
        assert_eq!(explain(id).map(|check| check.id), Some(id));
    }
    assert!(explain("no-such-check").is_none());
}

#[test]
fn every_check_says_what_is_wrong_why_and_what_to_do() {
    for check in TABLE {
        for text in [check.title, check.explanation, check.change] {
            assert!(text.len() > 15, "{}", check.id);
            assert!(!text.contains("  "), "{}: {text}", check.id);
        }
        assert!(check.explanation.ends_with('.'), "{}", check.id);
        assert!(
            !check.title.ends_with('.') && !check.change.ends_with('.'),
            "{}",
            check.id
        );
    }
}

#[test]
fn every_tag_of_lintian_is_named_once() {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for tag in TABLE.iter().flat_map(|check| check.lintian) {
        // systemctl is called for two purposes.
        assert!(
            seen.insert(tag) || *tag == "maintainer-script-calls-systemctl",
            "{tag}"
        );
    }
}
