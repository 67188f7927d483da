use std::collections::BTreeSet;

use clap::{CommandFactory, Parser};

use super::super::Arguments;
use super::*;
use crate::policy::{Origin, Policy, Settings, Tier, parse, words};

fn page(name: &str) -> String {
    let mut pages = pages(0).into_iter();
    pages
        .find(|page| page.file().ends_with(name))
        .unwrap_or_else(|| panic!("there is no page {name}"))
        .finish()
}

/// The command lines in a help text: indented, without what explains them, and without what a shell does.
fn examples(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("  "));
    lines
        .filter_map(|line| line.split(" > ").next())
        .filter_map(|line| line.split(" | ").last())
        .filter(|line| line.starts_with("rcpolicy "))
        .map(|line| {
            let end = line.find("  ").unwrap_or(line.len());
            line[..end].to_owned()
        })
        .collect()
}

/// The words of a line with single quotes.
fn words_of(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (number, part) in line.split('\'').enumerate() {
        if number % 2 == 1 {
            words.last_mut().unwrap().push_str(part);
            continue;
        }
        for (number, piece) in part.split(' ').enumerate() {
            if number > 0 {
                words.push(String::new());
            }
            words.last_mut().unwrap().push_str(piece);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn every_command_has_examples_that_its_parser_takes() {
    let mut root = Arguments::command();
    root.build();
    let all = root.get_subcommands().filter(|one| is_shown(one));
    for command in all.chain([&root]) {
        let name = command.get_name();
        let help = command.get_after_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        assert!(help.contains("Examples:"), "{name} has no examples");
        let found = examples(&help);
        assert!(!found.is_empty(), "{name} has no examples");
        for line in found {
            if let Err(error) = Arguments::try_parse_from(words_of(&line)) {
                panic!("{line}: {error}");
            }
        }
    }
}

#[test]
fn every_command_has_a_page_with_all_its_options() {
    let mut root = Arguments::command();
    root.build();
    for command in root.get_subcommands().filter(|one| is_shown(one)) {
        let text = page(&format!("rcpolicy-{}.8", command.get_name()));
        let shown = command.get_arguments().filter(|one| !one.is_hide_set());
        for argument in shown.filter(|one| one.get_id() != "help") {
            let word = match argument.get_long() {
                Some(long) => format!("\\-\\-{}", long.replace('-', "\\-")),
                None => argument.get_value_names().unwrap()[0].replace('-', "\\-"),
            };
            assert!(text.contains(&word), "{}: {word}", command.get_name());
        }
    }
}

#[test]
fn a_page_has_no_hidden_option_and_no_hidden_command() {
    assert!(!page("rcpolicy-flush.8").contains("settled"));
    assert!(!page("rcpolicy.8").contains("rcpolicy\\-manual"));
}

#[test]
fn every_word_of_the_policy_language_is_explained_and_no_other() {
    let said = |table: &[(&'static str, &str)]| -> BTreeSet<&str> {
        table.iter().map(|(word, _)| *word).collect()
    };
    assert_eq!(said(&policy::RULE), BTreeSet::from(words::RULE));
    let decisions = words::DECISIONS.into_iter().chain([words::FALLBACK]);
    assert_eq!(said(&policy::DECISIONS), decisions.collect());
    let known = words::SETTINGS.into_iter();
    let known = known.flat_map(|(section, keys)| keys.iter().map(move |key| (section, *key)));
    let explained: BTreeSet<(&str, &str)> = policy::SETTINGS
        .iter()
        .map(|(section, key, ..)| (*section, *key))
        .collect();
    assert_eq!(explained, known.collect());
}

#[test]
fn what_the_manual_calls_a_default_is_the_default() {
    let mut text = String::new();
    for (section, key, _, default) in policy::SETTINGS {
        if let Some(default) = default {
            text.push_str(&format!("{section}.{key} = {default}\n"));
        }
    }
    let parsed = parse("manual", Tier::Admin, &text);
    assert_eq!(parsed.problems, []);
    let policy = Policy::new(Origin::Current, vec![parsed.file], Vec::new());
    assert_eq!(*policy.settings(), Settings::default());
}

#[test]
fn the_example_of_the_manual_is_a_policy() {
    let parsed = parse("manual", Tier::Admin, policy::EXAMPLE);
    assert_eq!(parsed.problems, []);
    assert_eq!(parsed.file.rules.len(), 2);
}

#[test]
fn all_pages_have_their_day_and_names_of_their_own() {
    let files: Vec<String> = pages(0).iter().map(Page::file).collect();
    let apart: BTreeSet<&String> = files.iter().collect();
    assert_eq!(apart.len(), files.len());
    // those are init-system-helpers'
    assert!(!files.iter().any(|file| file == "man8/invoke-rc.d.8"));
    for page in pages(1_795_230_103) {
        let text = page.finish();
        let first = text.lines().next().unwrap();
        assert!(
            first.starts_with(".TH ") && first.contains(" 2026-11-21 "),
            "{first}"
        );
    }
}

#[test]
fn completions_offer_what_people_may_use_and_nothing_else() {
    for shell in SHELLS {
        let (file, text) = completion(shell);
        let text = String::from_utf8(text).unwrap();
        assert!(file.starts_with("completions/"), "{file}");
        assert!(text.contains("restart-bus"), "{file}");
        for hidden in ["manual", "settled", "become-user"] {
            assert!(!text.contains(hidden), "{file} offers {hidden}");
        }
    }
}
