//! What a reader sees of a play.

use super::super::show::{json, svg, text};
use super::*;

#[test]
fn a_package_without_services_says_so() {
    let play = Story::of(Vec::new()).stops(&[]).starts(&[]).play();
    assert!(!play.has_services());
    let mut out = Vec::new();
    text(&play, PLAIN, &mut out).unwrap();
    assert!(
        String::from_utf8(out)
            .unwrap()
            .contains("nothing that systemd knows")
    );
    assert!(svg(&play).contains("nothing that this init knows"));
}

#[test]
fn the_same_play_prints_the_same_json_and_another_seed_does_not() {
    let mut story = Story::socket_service().stops(&STOP).starts(&START);
    let one = json(&story.play()).unwrap();
    assert_eq!(one, json(&story.play()).unwrap());
    let value: serde_json::Value = serde_json::from_str(&one).unwrap();
    assert_eq!(value["format"], "rcpolicy-simulation");
    assert_eq!(value["version"], 1);
    assert_eq!(
        value["ways"][0]["calls"][0]["argv"][0],
        "deb-systemd-invoke"
    );
    assert_eq!(value["ways"][0]["differences"][0]["unit"], "foo.service");
    story.setting.seed = 2;
    assert_ne!(one, json(&story.play()).unwrap());
}

#[test]
fn what_a_package_says_is_never_markup_and_never_moves_a_cursor() {
    let mut story = Story::service().stops(&STOP).starts(&[]);
    story.package.name = "<script>\u{1b}[2J&\u{202e}".to_owned();
    let Step::Run { paths, .. } = &mut story.steps[0] else {
        panic!("a script");
    };
    let words = &mut std::rc::Rc::make_mut(paths)[0].calls[0].words;
    words.push(Word::Unknown("\"$(</etc/x)\"\n'\u{7}".to_owned()));
    let play = story.play();
    let drawn = svg(&play);
    assert!(!drawn.contains("<script") && !drawn.contains('\u{1b}'));
    assert!(!drawn.contains('\u{7}') && !drawn.contains('\u{202e}'));
    let mut out = Vec::new();
    text(&play, PLAIN, &mut out).unwrap();
    let shown = String::from_utf8(out).unwrap();
    assert!(
        !shown.contains('\u{1b}') && !shown.contains('\u{7}'),
        "{shown}"
    );
}

#[test]
fn lines_fit_a_terminal_and_ascii_is_ascii() {
    let play = Story::socket_service().stops(&STOP).starts(&START).play();
    let mut out = Vec::new();
    text(&play, PLAIN, &mut out).unwrap();
    let shown = String::from_utf8(out).unwrap();
    assert!(shown.is_ascii(), "{shown}");
    let longest = shown.lines().map(str::len).max().unwrap();
    assert!(longest <= 80, "{longest}: {shown}");
}

#[test]
fn a_socket_service_is_told_in_words() {
    let play = Story::socket_service().stops(&STOP).starts(&START).play();
    let mut out = Vec::new();
    text(&play, PLAIN, &mut out).unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}
