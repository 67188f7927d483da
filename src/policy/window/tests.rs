//! Windows: what is written, and when they are open, on days too that are longer or shorter than others.

use proptest::prelude::*;

use super::*;

/// 2026-11-21 00:00, a Saturday, in UTC.
const SATURDAY: i64 = 1_795_219_200;
const HOUR: i64 = 3_600;

fn window(text: &str) -> Window {
    Window::parse(text).unwrap()
}

/// A clock that is `before` ahead until `at`, and `after` from then on.
fn changed(at: i64, before: i64, after: i64) -> impl Fn(i64) -> i64 {
    move |instant| if instant < at { before } else { after }
}

#[test]
fn windows_are_read_in_each_of_their_forms_and_shown_in_one() {
    for (text, shown) in [
        ("Sat 02:00-04:00", "Sat 02:00-04:00"),
        ("  saturday   02:00-04:00 ", "Sat 02:00-04:00"),
        ("Mon-Fri 22:00-06:00", "Mon,Tue,Wed,Thu,Fri 22:00-06:00"),
        ("Fri-Mon 01:00-02:00", "Mon,Fri,Sat,Sun 01:00-02:00"),
        ("Sat,Sun 00:00-24:00", "Sat,Sun 00:00-24:00"),
        ("Sat,Sat 00:00-00:01", "Sat 00:00-00:01"),
        ("daily 23:30-00:30", "daily 23:30-00:30"),
        ("03:00-03:30", "daily 03:00-03:30"),
        ("Sun 22:00-00:00", "Sun 22:00-24:00"),
    ] {
        assert_eq!(window(text).to_string(), shown, "{text}");
        assert_eq!(window(shown), window(text), "{text}");
    }
}

#[test]
fn what_is_no_window_is_refused_with_what_to_write() {
    for (text, expected) in [
        ("", "is not a window"),
        ("Sat", "is not a window"),
        ("Sat 2:00-4:00", "is not a window"),
        ("Sat 02:00", "is not a window"),
        ("Sat 02:00 - 04:00", "is not a window"),
        ("Sat 02:00-25:00", "is not a window"),
        ("Sat 02:60-04:00", "is not a window"),
        ("Sat 02:00-24:01", "is not a window"),
        ("Sat 24:00-04:00", "never opens"),
        ("Sat 02:00-02:00", "never opens"),
        ("Caturday 02:00-04:00", "`Caturday` is no day of the week"),
        ("Sat, 02:00-04:00", "`` is no day of the week"),
        ("Mon-Frei 02:00-04:00", "`Frei` is no day of the week"),
        ("\u{1b}[2J 02:00-04:00", "`\\u{1b}[2J` is no day"),
    ] {
        let error = Window::parse(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn a_window_is_open_from_its_first_second_to_its_last_and_tells_when_it_opens_next() {
    let utc = |_| 0;
    let berlin = |_| HOUR;
    let night = [window("Fri 22:00-02:00"), window("Sat 05:00-06:00")];
    let shut = |hours: i64| Opening::Shut {
        opens: SATURDAY + hours * HOUR,
    };
    for (at, offset, expected) in [
        (-2 * HOUR - 1, &utc as Offset<'_>, shut(-2)),
        (-2 * HOUR, &utc, Opening::Open),
        (0, &utc, Opening::Open),
        (2 * HOUR - 1, &utc, Opening::Open),
        (2 * HOUR, &utc, shut(5)),
        (6 * HOUR, &utc, shut(7 * 24 - 2)),
        (HOUR - 1, &berlin, Opening::Open),
        (HOUR, &berlin, shut(4)),
    ] {
        assert_eq!(opening(&night, SATURDAY + at, offset), expected, "{at}");
    }
    assert_eq!(opening(&[], SATURDAY, &utc), Opening::Open);
}

#[test]
fn days_on_which_the_clock_is_changed_have_their_windows_too() {
    // 2026-03-29 and 2026-10-25, both Sundays, 01:00 UTC: where Berlin's clock is changed.
    let (spring, autumn) = (1_774_746_000, 1_792_890_000);
    let to_summer = changed(spring, HOUR, 2 * HOUR);
    let to_winter = changed(autumn, 2 * HOUR, HOUR);
    let on = |text: &str, at: i64, offset: Offset<'_>| {
        let (begin, end) = window(text).on(at.div_euclid(DAY), offset).unwrap();
        (begin - at, end - at)
    };
    for (text, expected) in [
        ("Sun 01:00-04:00", (-HOUR, HOUR)),
        ("Sun 01:00-02:30", (-HOUR, 0)),
        ("Sun 02:30-04:00", (0, HOUR)),
        // Leapt over as a whole.
        ("Sun 02:15-02:45", (0, HOUR / 2)),
        ("Sun 03:00-04:00", (0, HOUR)),
    ] {
        assert_eq!(on(text, spring, &to_summer), expected, "{text}");
    }
    for (text, expected) in [
        ("Sun 01:00-04:00", (-2 * HOUR, 2 * HOUR)),
        ("Sun 01:00-02:30", (-2 * HOUR, -HOUR / 2)),
        ("Sun 02:30-04:00", (-HOUR / 2, 2 * HOUR)),
        ("Sun 02:15-02:45", (-3 * HOUR / 4, -HOUR / 4)),
        ("Sun 03:00-04:00", (HOUR, 2 * HOUR)),
    ] {
        assert_eq!(on(text, autumn, &to_winter), expected, "{text}");
    }
}

#[test]
fn an_instant_is_shown_as_the_wall_has_it() {
    assert_eq!(
        on_the_wall(SATURDAY - HOUR, &|_| HOUR),
        "Sat 2026-11-21 00:00"
    );
    assert_eq!(
        on_the_wall(SATURDAY, &|_| -5 * HOUR),
        "Fri 2026-11-20 19:00"
    );
}

prop_compose! {
    fn any_window()(
        days in prop::array::uniform7(any::<bool>()),
        day in 0..7_usize,
        from in 0..DAY_MINUTES,
        length in 1..=DAY_MINUTES,
    ) -> Window {
        let mut days = days;
        days[day] = true;
        // A whole day begins with the day: one minute after midnight until then cannot be written.
        let from = if length == DAY_MINUTES { 0 } else { from };
        Window { days, from, length }
    }
}

prop_compose! {
    /// Quarters of hours: how far ahead a clock is, when it is changed, and by how much.
    fn any_clock()(
        base in -48..=56_i64,
        change in prop::sample::select(vec![-4, -2, 2, 4]),
        at in 0..60 * 96_i64,
    ) -> (i64, i64, i64) {
        (SATURDAY + at * HOUR / 4, base * HOUR / 4, (base + change) * HOUR / 4)
    }
}

proptest! {
    #[test]
    fn what_is_shown_is_read_again(window in any_window()) {
        prop_assert_eq!(Window::parse(&window.to_string()), Ok(window));
    }

    #[test]
    fn no_text_makes_parsing_panic(text in ".*") {
        let _ = Window::parse(&text);
    }

    #[test]
    fn by_a_clock_that_stays_a_window_is_open_when_the_wall_says_so(
        window in any_window(), base in -48..=56_i64, now in SATURDAY..SATURDAY + 60 * DAY,
    ) {
        let ahead = base * HOUR / 4;
        let wall = now + ahead;
        let opened_on = |back: i64| {
            let day = wall.div_euclid(DAY) - back;
            let weekday = (day + EPOCH_DAY).rem_euclid(7) as usize;
            let begin = day * DAY + i64::from(window.from) * MINUTE;
            window.days[weekday] && (begin..begin + i64::from(window.length) * MINUTE).contains(&wall)
        };
        let expected = opened_on(0) || opened_on(1);
        let found = opening(std::slice::from_ref(&window), now, &|_| ahead);
        prop_assert_eq!(found == Opening::Open, expected);
    }

    #[test]
    fn whatever_the_clock_does_a_shut_window_opens_within_eight_days_and_not_before_it_says(
        window in any_window(), (at, before, after) in any_clock(), now in SATURDAY..SATURDAY + 60 * DAY,
    ) {
        let clock = changed(at, before, after);
        let windows = [window];
        if let Opening::Shut { opens } = opening(&windows, now, &clock) {
            prop_assert!(opens > now && opens <= now + 8 * DAY, "{opens}");
            prop_assert_eq!(opening(&windows, opens, &clock), Opening::Open);
            let between = now + (opens - now) / 2;
            prop_assert_eq!(opening(&windows, between, &clock), Opening::Shut { opens });
            prop_assert_eq!(opening(&windows, opens - 1, &clock), Opening::Shut { opens });
        }
    }

    #[test]
    fn no_opening_is_empty_and_none_is_longer_than_written_by_more_than_the_change(
        window in any_window(), (at, before, after) in any_clock(), day in 0..60_i64,
    ) {
        let clock = changed(at, before, after);
        if let Some((begin, end)) = window.on(SATURDAY / DAY + day, &clock) {
            let written = i64::from(window.length) * MINUTE;
            prop_assert!(end > begin);
            prop_assert!((end - begin - written).abs() <= HOUR, "{} for {written}", end - begin);
        }
    }
}

#[test]
fn no_mutation_ends_in_a_panic() {
    let seeds = [
        "Sat 02:00-04:00",
        "Mon-Fri 23:30-00:30",
        "Sat,Sun 00:00-24:00",
        "daily 03:00-03:30",
    ];
    crate::testing::mutations::mutated_text(
        &seeds,
        &["-", ",", ":", " ", "Mon", "24:00"],
        |text| {
            if let Err(why) = Window::parse(text) {
                assert!(!why.contains('\n'), "{why:?}");
            }
        },
    );
}
