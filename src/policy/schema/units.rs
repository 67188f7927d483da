//! Times and sizes as they stand in a policy file: `30s`, `1min 30s`, `64KiB`. Pure.

use std::time::Duration;

/// Units of time and their length in milliseconds, longest name first where one begins another.
const TIMES: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("min", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];
/// Units of size and their bytes.
const SIZES: [(&str, u64); 4] = [("KiB", 1024), ("MiB", 1024 * 1024), ("k", 1024), ("B", 1)];
/// Nothing waits longer than this, in milliseconds: 30 days.
const LONGEST: u64 = 30 * 86_400_000;
/// Nothing that is read is larger than this, in bytes.
const LARGEST: u64 = 64 * 1024 * 1024;

/// A time, such as `90s` or `1min 30s`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let shown = text.escape_debug();
    let milliseconds = sum(text, &TIMES)
        .ok_or_else(|| format!("`{shown}` is not a time: write `30s`, `500ms` or `1min 30s`"))?;
    if milliseconds > LONGEST {
        return Err(format!("`{shown}` is too long: at most `30d`"));
    }
    Ok(Duration::from_millis(milliseconds))
}

/// A time of which there must be some, such as `90s` or `1min 30s`.
///
/// # Errors
/// What is wrong with it, for whoever wrote it.
pub fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("no time at all would let nothing end".to_owned()),
        time => Ok(time),
    }
}

/// A size, such as `64KiB`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let shown = text.escape_debug();
    match sum(text, &SIZES) {
        None => Err(format!("`{shown}` is not a size: write `64KiB` or `1MiB`")),
        Some(0) => Err("a size of nothing would let nothing be read".to_owned()),
        Some(bytes) if bytes > LARGEST => Err(format!("`{shown}` is too large: at most `64MiB`")),
        Some(bytes) => Ok(bytes),
    }
}

/// The sum of numbers with units; `None` for anything else, also for what is too large to count.
fn sum(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let mut rest = text.trim();
    let mut total: u64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, after) = rest.split_at_checked(rest.find(|c: char| !c.is_ascii_digit())?)?;
        let after = after.trim_start();
        let end = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(end)?;
        let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(*factor)?)?;
        rest = after.trim_start();
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units_and_ends() {
        let cases = [
            ("30s", Some(30_000)),
            ("500ms", Some(500)),
            ("1min 30s", Some(90_000)),
            ("1h30min", Some(5_400_000)),
            ("0s", Some(0)),
            ("10 s", Some(10_000)),
            ("30", None),
            ("", None),
            ("s", None),
            ("-1s", None),
            ("1.5s", None),
            ("1m", None),
            ("99999999999999999999s", None),
            ("18446744073709551615d", None),
            ("31d", None),
            ("30s é", None),
        ];
        for (text, expected) in cases {
            let expected = expected.map(Duration::from_millis);
            assert_eq!(duration(text).ok(), expected, "{text}");
        }
        assert!(positive_duration("0s").is_err());
    }

    #[test]
    fn sizes_have_units_and_ends() {
        let cases = [
            ("64KiB", Some(65_536)),
            ("1MiB", Some(1_048_576)),
            ("10 B", Some(10)),
            ("10", None),
            ("0B", None),
            ("65MiB", None),
        ];
        for (text, expected) in cases {
            assert_eq!(size(text).ok(), expected, "{text}");
        }
    }
}
