use super::*;
use crate::audit::show::sample;

const PLAIN: Look = Look {
    color: Color::None,
    charset: Charset::Unicode,
};
const ASCII: Look = Look {
    charset: Charset::Ascii,
    ..PLAIN
};
const ANSI: Look = Look {
    color: Color::Ansi,
    ..PLAIN
};

#[test]
fn findings_are_shown_with_their_lines_the_worst_first() {
    insta::assert_snapshot!(package(&sample::acpid(), Allowed::Shown, PLAIN));
}

#[test]
fn a_terminal_that_has_only_ascii_gets_nothing_else() {
    let text = package(&sample::acpid(), Allowed::Counted, ASCII);
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!(text);
    assert!(package(&sample::hostile(), Allowed::Shown, ASCII).is_ascii());
}

#[test]
fn what_is_allowed_is_counted_and_shown_only_when_asked_for() {
    let audited = sample::acpid();
    assert!(!package(&audited, Allowed::Counted, PLAIN).contains("postinst"));
    assert_eq!(
        summary(1, 0, audited.counts()),
        "1 package: 1 error, 1 warning; 1 allowed"
    );
}

#[test]
fn what_a_package_says_steers_no_terminal() {
    for look in [PLAIN, ASCII, ANSI] {
        let text = package(&sample::hostile(), Allowed::Shown, look);
        let ours = strip_colours(&text, look);
        let steering = ours.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(steering, None, "{ours:?}");
        assert!(!ours.contains('\u{202e}') && !ours.contains('\u{2028}'));
        assert!(text.len() < 40_000, "{} bytes", text.len());
    }
}

/// Without the sequences that we colour with ourselves: `ESC [ digits ; m`.
fn strip_colours(text: &str, look: Look) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap().to_owned();
    for part in parts {
        assert_eq!(look.color, Color::Ansi);
        let (code, rest) = part.split_once('m').unwrap();
        assert!(
            code.chars().all(|c| c.is_ascii_digit() || c == ';'),
            "{code:?}"
        );
        plain.push_str(rest);
    }
    plain
}

#[test]
fn colours_change_nothing_but_the_colours() {
    let coloured = package(&sample::acpid(), Allowed::Shown, ANSI);
    assert!(coloured.contains('\u{1b}'));
    let plain = package(&sample::acpid(), Allowed::Shown, PLAIN);
    assert_eq!(strip_colours(&coloured, ANSI), plain);
}

#[test]
fn a_check_is_explained_in_lines_that_fit_and_examples_stay_as_they_are() {
    let explanation = format!(
        "{}\n\n    deb-systemd-invoke   stop\n\nAnd more.",
        "word ".repeat(40)
    );
    let about = About {
        explanation: &explanation,
        ..sample::ABOUTS[0]
    };
    let text = self::explanation(&about, PLAIN);
    assert!(
        text.lines().all(|line| line.chars().count() <= 79),
        "{text}"
    );
    assert!(
        text.contains("\n\n    deb-systemd-invoke   stop\n\nAnd more.\n"),
        "{text}"
    );
    insta::assert_snapshot!(self::explanation(&sample::ABOUTS[0], PLAIN));
}

#[test]
fn a_summary_says_what_there_is() {
    let none = Counts::default();
    assert_eq!(summary(0, 0, none), "0 packages: nothing found");
    assert_eq!(
        summary(
            3,
            2,
            Counts {
                errors: 2,
                notes: 1,
                ..none
            }
        ),
        "3 packages: 2 errors, 1 note; 2 could not be read"
    );
}
