//! Times as they stand in the log, in messages and as people write them. All are UTC where no offset
//! is given.
//! Pure; counted in microseconds since the epoch.

use thiserror::Error;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// A text that is no time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not a time: write 2026-11-21T03:00:00Z, 2026-11-21, `2026-11-21 03:00` (UTC), or a span of time: 90s, 30m, 2h, 3d, 1w"
)]
pub struct TimeError(pub String);

/// RFC 3339 in UTC, to the microsecond.
pub fn rfc3339(microseconds: i64) -> String {
    let (days, rest) = (microseconds.div_euclid(DAY), microseconds.rem_euclid(DAY));
    let (year, month, day) = civil_from_days(days);
    let (seconds, micros) = (rest / SECOND, rest % SECOND);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

/// A time to come as people read it, to the minute; `seconds` count from the epoch.
pub fn minute(seconds: u64) -> String {
    let micros = i64::try_from(seconds)
        .ok()
        .and_then(|s| s.checked_mul(SECOND));
    let text = rfc3339(micros.unwrap_or(i64::MAX));
    let (date, clock) = text.split_once('T').unwrap_or((&text, ""));
    format!("{date} {} UTC", clock.get(..5).unwrap_or(clock))
}

/// A time as an admin writes it; `now` is what ages count from.
///
/// # Errors
/// When it is none of the known forms, or no such day exists.
pub fn parse(text: &str, now: i64) -> Result<i64, TimeError> {
    read(text, |span| now.checked_sub(span))
}

/// A time to come as an admin writes it: a span counts from `now` on.
///
/// # Errors
/// As [`parse`].
pub fn parse_ahead(text: &str, now: i64) -> Result<i64, TimeError> {
    read(text, |span| now.checked_add(span))
}

fn read(text: &str, counted: impl Fn(i64) -> Option<i64>) -> Result<i64, TimeError> {
    let trimmed = text.trim();
    span(trimmed)
        .and_then(counted)
        .or_else(|| absolute(trimmed))
        .ok_or_else(|| TimeError(text.to_owned()))
}

/// `2h`, `3d`
fn span(text: &str) -> Option<i64> {
    let unit = text.chars().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return None,
    };
    let count: u32 = text.strip_suffix(unit)?.parse().ok()?;
    i64::from(count).checked_mul(seconds * SECOND)
}

fn absolute(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', 't', ' ']).unwrap_or((text, "00:00"));
    let (clock, offset) = split_offset(time)?;
    Some(days(date)? * DAY + clock_time(clock)? - offset)
}

/// `03:00:00+01:00` into the time of day and the offset.
fn split_offset(time: &str) -> Option<(&str, i64)> {
    if let Some(clock) = time.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(at) = time.find(['+', '-']) else {
        return Some((time, 0));
    };
    let (clock, offset) = time.split_at_checked(at)?;
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let total = number(hours, 2, 0..=23)? * 60 + number(minutes, 2, 0..=59)?;
    Some((clock, sign * total * 60 * SECOND))
}

fn clock_time(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let hour = number(parts.next()?, 2, 0..=23)?;
    let minute = number(parts.next()?, 2, 0..=59)?;
    let (second, micros) = match parts.next() {
        None => (0, 0),
        Some(text) => seconds(text)?,
    };
    let rest = parts.next().is_none();
    rest.then_some(((hour * 60 + minute) * 60 + second) * SECOND + micros)
}

/// `59.25`
fn seconds(text: &str) -> Option<(i64, i64)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
    let micros = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    // 60: a leap second.
    digits.then_some((number(whole, 2, 0..=60)?, micros))
}

fn days(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-');
    let year = number(parts.next()?, 4, 1970..=9999)?;
    let month = number(parts.next()?, 2, 1..=12)?;
    let day = number(parts.next()?, 2, 1..=31)?;
    let days = days_from_civil(year, month, day);
    (civil_from_days(days) == (year, month, day)).then_some(days)
}

fn number(text: &str, digits: usize, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
    let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    let value = text.parse().ok()?;
    (plain && range.contains(&value)).then_some(value)
}

/// Days in 400 years of the Gregorian calendar.
const DAYS_OF_ERA: i64 = 146_097;
/// From 0000-03-01 to 1970-01-01.
const EPOCH_SHIFT: i64 = 719_468;

/// Year, month and day of a day counted from the epoch. Years are counted from March, so that a
/// leap day is a year's last day.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + EPOCH_SHIFT;
    let (era, day_of_era) = (
        shifted.div_euclid(DAYS_OF_ERA),
        shifted.rem_euclid(DAYS_OF_ERA),
    );
    let leaps = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leaps) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// The reverse of [`civil_from_days`].
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = (month + 9) % 12;
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    era * DAYS_OF_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year
        - EPOCH_SHIFT
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_times_are_written_as_everybody_writes_them() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000000Z"),
            (1_795_230_103, "2026-11-21T03:01:43.000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000Z"),
        ] {
            assert_eq!(rfc3339(seconds * SECOND), text);
        }
    }

    #[test]
    fn every_form_of_a_time_is_understood() {
        let now = 1_795_230_103 * SECOND;
        let midnight = now - (3 * 3600 + 60 + 43) * SECOND;
        for (text, time) in [
            ("2026-11-21T03:01:43Z", now),
            ("2026-11-21T03:01:43.5Z", now + SECOND / 2),
            ("2026-11-21T04:01:43+01:00", now),
            ("2026-11-20 22:01:43-05:00", now),
            ("2026-11-21 03:01:43", now),
            ("2026-11-21 03:01", now - 43 * SECOND),
            ("2026-11-21", midnight),
            ("2h", now - 7200 * SECOND),
            ("3d", now - 3 * DAY),
            (" 90s ", now - 90 * SECOND),
        ] {
            assert_eq!(parse(text, now), Ok(time), "{text}");
        }
    }

    #[test]
    fn a_time_to_come_is_told_to_the_minute_and_its_span_counts_forward() {
        let now = 1_795_230_103;
        let ahead =
            |text| parse_ahead(text, now * SECOND).map(|time| minute((time / SECOND) as u64));
        assert_eq!(ahead("2h"), Ok("2026-11-21 05:01 UTC".to_owned()));
        assert_eq!(
            ahead("2026-11-22 08:00+01:00"),
            Ok("2026-11-22 07:00 UTC".to_owned())
        );
        assert!(ahead("soon").is_err());
        assert!(minute(u64::MAX).ends_with(" UTC"));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "h",
            "-2h",
            "2x",
            "2026-02-30",
            "2026-13-01",
            "2026-11-21 24:00",
            "2026-11-21 3:00",
            "2026-11-21T03:00:00.Z",
            "21.11.2026",
            "2026-11-21 03:00:00:00",
            "yesterday",
            "ä",
            "2026-11-21 ä+",
        ] {
            assert!(parse(text, 0).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(micros in 0..4_000_000_000_i64 * SECOND) {
            prop_assert_eq!(parse(&rfc3339(micros), 0), Ok(micros));
        }

        #[test]
        fn no_text_makes_parsing_panic(text in ".*") {
            let _ = parse(&text, 0);
        }
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let seeds = [
            "2026-11-21T03:00:00.25Z",
            "2026-11-21 03:00+01:00",
            "2026-11-21",
            "90s",
            "4294967295w",
        ];
        crate::testing::mutations::mutated_text(
            &seeds,
            &["T", "Z", "-", ":", ".", "+01:00", "2", "60"],
            |text| {
                for now in [0, 1_795_230_103_000_000, i64::MAX] {
                    for found in [parse(text, now), parse_ahead(text, now)]
                        .into_iter()
                        .flatten()
                    {
                        let _ = rfc3339(found);
                    }
                }
            },
        );
    }
}
