//! How the waiter waits: it looks now and then, and tells from what it saw since when all has been quiet,
//! and how soon to look again. Time comes in as microseconds of one clock.

use std::time::Duration;

/// Between two looks while something goes on, and at most while the quiet time runs.
const NEAR: Duration = Duration::from_secs(1);
/// The least: a quiet time of nothing is looked for no more often.
const LEAST: Duration = Duration::from_millis(50);
/// After a flush that left something it is tried again after this long, then after twice as long...
const FIRST_RETRY: Duration = Duration::from_secs(2);
/// ...and so on up to this.
const LAST_RETRY: Duration = Duration::from_secs(30);

/// What changes whenever packages or notes do: the times of some files, in an order of the looker's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trace(pub Vec<Option<(u64, u64)>>);

/// What one look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// When, in microseconds.
    pub at: u64,
    /// Whether package operations go on.
    pub busy: bool,
    /// The times of what packages and notes are kept in.
    pub trace: Trace,
    /// Whether anything is noted at all.
    pub owed: bool,
}

/// What comes next.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Look again after this long.
    Pause(Duration),
    /// The batch is over.
    Flush,
    /// There is nothing to wait for any more.
    End,
}

/// A wait for a batch's end.
#[derive(Debug, Clone, Default)]
pub struct Vigil {
    settle: Duration,
    /// What the last look saw, and since when it is so and quiet.
    quiet: Option<(Trace, u64)>,
    /// After a flush that left something: when it is tried again although nothing changed.
    retry: Option<(u64, Duration)>,
}

impl Vigil {
    /// A wait for `settle` of quiet.
    pub fn new(settle: Duration) -> Self {
        Self {
            settle,
            ..Self::default()
        }
    }

    /// Takes in a look. What packages or notes changed begins the quiet time anew.
    pub fn look(&mut self, look: Look) -> Next {
        if !look.owed {
            return Next::End;
        }
        if look.busy {
            (self.quiet, self.retry) = (None, None);
            return Next::Pause(self.near(self.settle));
        }
        let since = match &self.quiet {
            Some((seen, since)) if *seen == look.trace => *since,
            Some(_) | None => {
                // What was left may have what it waits for.
                if self.quiet.is_some() {
                    self.retry = None;
                }
                look.at
            }
        };
        self.quiet = Some((look.trace, since));
        let settled = since.saturating_add(micros(self.settle));
        let due = self.retry.map_or(settled, |(at, _)| settled.max(at));
        match Duration::from_micros(due.saturating_sub(look.at)) {
            Duration::ZERO => Next::Flush,
            left => Next::Pause(self.near(left)),
        }
    }

    /// A flush was made, or was not allowed yet, and left something that may be paid later. `look` was taken after it: what the
    /// flush itself struck is no news.
    pub fn left(&mut self, look: &Look) {
        let pause = match self.retry {
            Some((_, last)) => LAST_RETRY.min(last * 2),
            None => FIRST_RETRY,
        };
        self.retry = Some((look.at.saturating_add(micros(pause)), pause));
        let since = self.quiet.take().map_or(look.at, |(_, since)| since);
        self.quiet = Some((look.trace.clone(), since));
    }

    /// Short enough to see what comes and goes, long enough to cost nothing.
    fn near(&self, left: Duration) -> Duration {
        let most = match self.retry {
            Some((_, pause)) => pause.max(NEAR),
            None => NEAR,
        };
        left.clamp(LEAST, most)
    }
}

fn micros(span: Duration) -> u64 {
    span.as_micros().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    /// A look at a second; the word says what it found: busy, a version of the files, or nothing owed.
    fn look(at: u64, word: &str) -> Look {
        Look {
            at: at * SECOND,
            busy: word == "busy",
            trace: Trace(vec![
                word.strip_prefix('v').map(|v| (v.parse().unwrap(), 0)),
            ]),
            owed: word != "none",
        }
    }

    /// What came of a look each second, a letter each: flush, end, or a pause.
    fn played(settle: u64, words: &str) -> String {
        let mut vigil = Vigil::new(Duration::from_secs(settle));
        let words = words.split(' ').enumerate();
        let letters = words.map(|(at, word)| match vigil.look(look(at as u64, word)) {
            Next::Flush => 'F',
            Next::End => 'E',
            Next::Pause(_) => '.',
        });
        letters.collect()
    }

    #[test]
    fn a_flush_comes_after_the_quiet_time_and_every_change_begins_it_anew() {
        for (settle, words, expected) in [
            (2, "busy busy v1 v1 v1", "....F"),
            (2, "v1 v1 busy v1 v1 v1", ".....F"),
            // A run that came and went between two looks has changed the files.
            (2, "v1 v1 v2 v2 v2", "....F"),
            (0, "v1", "F"),
            (0, "busy v1", ".F"),
            (2, "busy none", ".E"),
            (2, "v1 none", ".E"),
        ] {
            assert_eq!(played(settle, words), expected, "{settle} {words}");
        }
    }

    #[test]
    fn ten_runs_in_a_row_are_one_batch() {
        let words = ["busy", "v"].repeat(10).join(" 3 ");
        let mut vigil = Vigil::new(Duration::from_secs(10));
        let mut version = 0;
        for (at, word) in words.split(' ').enumerate() {
            version += u64::from(word == "busy");
            let word = if word == "busy" {
                word.to_owned()
            } else {
                format!("v{version}")
            };
            let next = vigil.look(look(at as u64, &word));
            assert!(matches!(next, Next::Pause(_)), "{at}: {next:?}");
        }
        let last = look(200, &format!("v{version}"));
        assert_eq!(vigil.look(last), Next::Flush);
    }

    #[test]
    fn what_was_left_is_tried_again_ever_more_rarely_and_at_once_when_something_changed() {
        let mut vigil = Vigil::new(Duration::ZERO);
        let mut at = 0;
        let mut flushed = Vec::new();
        assert_eq!(vigil.look(look(at, "v1")), Next::Flush);
        vigil.left(&look(at, "v1"));
        while at < 120 {
            match vigil.look(look(at, "v1")) {
                Next::Flush => {
                    flushed.push(at);
                    vigil.left(&look(at, "v1"));
                }
                Next::Pause(pause) => at += pause.as_secs().max(1),
                Next::End => panic!("something is owed"),
            }
        }
        assert_eq!(flushed, [2, 6, 14, 30, 60, 90]);
        assert_eq!(vigil.look(look(121, "v2")), Next::Flush);
    }

    #[test]
    fn a_pause_is_never_so_long_that_a_change_goes_unseen_for_more_than_half_a_minute() {
        for settle in [0, 1, 10, 3600] {
            let mut vigil = Vigil::new(Duration::from_secs(settle));
            for (at, word) in ["busy", "v1", "v1", "busy", "v2"].iter().enumerate() {
                if let Next::Pause(pause) = vigil.look(look(at as u64, word)) {
                    assert!(pause >= LEAST && pause <= LAST_RETRY, "{settle} {pause:?}");
                }
            }
        }
    }
}
