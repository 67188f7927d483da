//! When a flush may pay by itself: times of the week by the clock on the wall, such as `Sat 02:00-04:00`. Pure: how
//! far that clock is ahead of UTC at an instant is told by whoever asks.

use std::fmt;

use crate::domain::time;

const MINUTE: i64 = 60;
const DAY: i64 = 86_400;
const DAY_MINUTES: u16 = 24 * 60;
/// As they are written, from Monday on.
const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
/// Letters of a day's short name.
const SHORT: usize = 3;
/// 1970-01-01 was a Thursday.
const EPOCH_DAY: i64 = 3;
/// The word for all days.
const DAILY: &str = "daily";
/// So many days ahead every window has opened once more, whatever the clock does.
const AHEAD: i64 = 9;

/// How many seconds the clock on the wall is ahead of UTC at an instant, in seconds since the epoch.
pub type Offset<'a> = &'a dyn Fn(i64) -> i64;

/// A time of some days of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// On which days it opens, from Monday on.
    days: [bool; 7],
    /// When, in minutes from midnight.
    from: u16,
    /// For how long, in minutes: at least one, at most a day.
    length: u16,
}

/// Whether any of the windows is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// One is, or there are none to wait for.
    Open,
    /// None is.
    Shut {
        /// When the next one opens, in seconds since the epoch.
        opens: i64,
    },
}

impl Window {
    /// Reads `Sat 02:00-04:00`, `Mon-Fri 22:00-06:00`, `Sat,Sun 00:00-24:00` or `daily 03:00-03:30`; one whose end
    /// comes before its begin goes over midnight.
    ///
    /// # Errors
    /// What is wrong with it, for whoever wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let shown = text.escape_debug();
        let bad = || {
            format!(
                "`{shown}` is not a window: write `Sat 02:00-04:00`, `Mon-Fri 22:00-06:00` or `daily 03:00-03:30`"
            )
        };
        let mut words = text.split_whitespace();
        let (days, clock) = match (words.next(), words.next(), words.next()) {
            (Some(clock), None, None) => (DAILY, clock),
            (Some(days), Some(clock), None) => (days, clock),
            _ => return Err(bad()),
        };
        let (from, to) = clock.split_once('-').ok_or_else(bad)?;
        let (from, to) = (minutes(from).ok_or_else(bad)?, minutes(to).ok_or_else(bad)?);
        if from == to || from == DAY_MINUTES {
            return Err(format!(
                "`{shown}` never opens: a whole day is `00:00-24:00`"
            ));
        }
        let length = match to > from {
            true => to - from,
            false => to + DAY_MINUTES - from,
        };
        Ok(Self {
            days: days_of(days)?,
            from,
            length,
        })
    }

    /// From when to when it is open that opens on `day`, counted from the epoch. Of a time that comes twice the first
    /// is meant, and one that the clock leaps over is the moment of the leap; what is leapt over as a whole opens then.
    fn on(&self, day: i64, offset: Offset<'_>) -> Option<(i64, i64)> {
        let weekday = usize::try_from((day + EPOCH_DAY).rem_euclid(7)).ok()?;
        self.days.get(weekday).filter(|opens| **opens)?;
        let length = i64::from(self.length) * MINUTE;
        let wall = day * DAY + i64::from(self.from) * MINUTE;
        let begin = first_instant(wall, offset);
        let end = first_instant(wall + length, offset);
        Some((begin, if end > begin { end } else { begin + length }))
    }
}

/// Whether one of `windows` is open `now`, in seconds since the epoch.
pub fn opening(windows: &[Window], now: i64, offset: Offset<'_>) -> Opening {
    let today = (now + offset(now)).div_euclid(DAY);
    let mut next: Option<i64> = None;
    // One may have opened the day before.
    for day in today - 2..=today + AHEAD {
        for (begin, end) in windows.iter().filter_map(|window| window.on(day, offset)) {
            if (begin..end).contains(&now) {
                return Opening::Open;
            }
            if begin > now {
                next = Some(next.map_or(begin, |next| next.min(begin)));
            }
        }
    }
    next.map_or(Opening::Open, |opens| Opening::Shut { opens })
}

/// An instant as the clock on the wall shows it: `Sat 2026-11-28 02:00`.
pub fn on_the_wall(at: i64, offset: Offset<'_>) -> String {
    let wall = at.saturating_add(offset(at));
    let weekday = usize::try_from((wall.div_euclid(DAY) + EPOCH_DAY).rem_euclid(7)).unwrap_or(0);
    let text = time::rfc3339(wall.saturating_mul(1_000_000));
    let (date, clock) = text.split_once('T').unwrap_or((&text, ""));
    let clock = clock.get(..5).unwrap_or(clock);
    format!("{} {date} {clock}", short(weekday))
}

/// When the clock on the wall first shows `wall`, counted in seconds as if it were UTC.
fn first_instant(wall: i64, offset: Offset<'_>) -> i64 {
    // No clock is a day off, and none is changed twice within two days.
    let (before, after) = (offset(wall - DAY), offset(wall + DAY));
    let shows = |ahead: i64| (offset(wall - ahead) == ahead).then_some(wall - ahead);
    match (shows(before), shows(after)) {
        (Some(one), Some(other)) => one.min(other),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => leap(wall, before, offset),
    }
}

/// The moment near `wall` at which the clock leaps, which was ahead by `before` until then.
fn leap(wall: i64, before: i64, offset: Offset<'_>) -> i64 {
    let (mut earlier, mut later) = (wall - DAY, wall + DAY);
    while later - earlier > 1 {
        let middle = earlier + (later - earlier) / 2;
        match offset(middle) == before {
            true => earlier = middle,
            false => later = middle,
        }
    }
    later
}

/// `02:30` in minutes; `24:00` is the end of a day.
fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str, most: u16| {
        let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        let value: u16 = text.parse().ok()?;
        (plain && value <= most).then_some(value)
    };
    let sum = number(hours, 24)? * 60 + number(minutes, 59)?;
    (sum <= DAY_MINUTES).then_some(sum)
}

/// `daily`, `Sat`, `Mon-Fri`, `Sat,Sun`
fn days_of(text: &str) -> Result<[bool; 7], String> {
    if text.eq_ignore_ascii_case(DAILY) {
        return Ok([true; 7]);
    }
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = match part.split_once('-') {
            Some((first, last)) => (weekday(first)?, weekday(last)?),
            None => (weekday(part)?, weekday(part)?),
        };
        // Fri-Mon goes over the week's end.
        let count = (last + 7 - first) % 7;
        for day in (first..=first + count).map(|day| day % 7) {
            days.iter_mut().skip(day).take(1).for_each(|it| *it = true);
        }
    }
    Ok(days)
}

fn weekday(text: &str) -> Result<usize, String> {
    let is_it = |name: &&str| {
        let abbreviated = name.get(..SHORT).unwrap_or(name);
        text.eq_ignore_ascii_case(name) || text.eq_ignore_ascii_case(abbreviated)
    };
    DAYS.iter().position(is_it).ok_or_else(|| {
        format!(
            "`{}` is no day of the week: write Mon, Tue, Wed, Thu, Fri, Sat, Sun, or daily",
            text.escape_debug()
        )
    })
}

fn short(weekday: usize) -> &'static str {
    let name = DAYS.get(weekday).copied().unwrap_or_default();
    name.get(..SHORT).unwrap_or(name)
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.days.iter().enumerate().filter(|(_, opens)| **opens);
        let names: Vec<&str> = days.map(|(day, _)| short(day)).collect();
        match names.len() {
            7 => write!(f, "{DAILY}")?,
            _ => write!(f, "{}", names.join(","))?,
        }
        let clock = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let to = match self.from + self.length {
            end if end > DAY_MINUTES => end - DAY_MINUTES,
            end => end,
        };
        write!(f, " {}-{}", clock(self.from), clock(to))
    }
}

#[cfg(test)]
mod tests;
