//! What a report reads off the model: how a unit stood over time, and how connections ended. It reads the record
//! and the connections, and no more.

use crate::domain::{ActiveState, UnitName};

use super::clock::Micros;
use super::connection::{Connection, Outcome};
use super::record::{Happened, Moment};
use super::unit::Image;

/// How a unit stood for some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// From then on.
    pub from: Micros,
    /// Until then.
    pub to: Micros,
    /// Its state.
    pub active: ActiveState,
    /// What its process maps; `None` where it has none.
    pub image: Option<Image>,
    /// What is on disk.
    pub files: Image,
}

impl Standing {
    /// Microseconds.
    pub fn length(&self) -> Micros {
        self.to.saturating_sub(self.from)
    }

    /// Whether its process maps something else than is on disk.
    pub fn is_apart(&self) -> bool {
        self.image.is_some_and(|image| image != self.files)
    }

    /// How `unit` stood, without gaps, for as long as this: it stood so before all of `moments`.
    pub fn over<'a>(self, moments: impl Iterator<Item = &'a Moment>, unit: &UnitName) -> Vec<Self> {
        let to = self.to;
        let mut all = Vec::new();
        let mut now = self;
        for moment in moments.take_while(|moment| moment.at < to) {
            let Some(next) = now.then(&moment.what, unit) else {
                continue;
            };
            now.to = moment.at.max(self.from);
            all.push(now);
            now = Self {
                from: now.to,
                ..next
            };
        }
        now.to = to;
        all.push(now);
        all.retain(|standing| standing.length() > 0);
        all
    }

    /// How it stands after this; `None` where it is nothing of `of`'s.
    fn then(mut self, what: &Happened, of: &UnitName) -> Option<Self> {
        match what {
            Happened::State {
                unit,
                active,
                image,
            } if unit == of => {
                (self.active, self.image) = (*active, *image);
                // What was not there comes with its files.
                if self.files == Image::GONE {
                    self.files = image.unwrap_or(self.files);
                }
            }
            Happened::Files { unit, files } if unit == of => self.files = *files,
            Happened::State { .. }
            | Happened::Files { .. }
            | Happened::Activated { .. }
            | Happened::Suppressed { .. }
            | Happened::JobEnded { .. }
            | Happened::LostDescriptors { .. }
            | Happened::Mark(_) => return None,
        }
        Some(self)
    }
}

/// How connections ended, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answers {
    /// All that were opened.
    pub opened: usize,
    /// Those that were answered.
    pub served: usize,
    /// Those that were refused, or closed without an answer.
    pub refused: usize,
    /// Those answered by a process that maps something else than was on disk.
    pub by_other_version: usize,
    /// Microseconds that the slowest answer took.
    pub longest_wait: Micros,
}

impl Answers {
    /// Counts.
    pub fn of<'a>(connections: impl Iterator<Item = &'a Connection>) -> Self {
        let mut answers = Self::default();
        for connection in connections {
            answers.opened += 1;
            answers.longest_wait = answers.longest_wait.max(connection.waited());
            match connection.outcome {
                Outcome::Served { by, files } => {
                    answers.served += 1;
                    answers.by_other_version += usize::from(by != files);
                }
                Outcome::Refused => answers.refused += 1,
                Outcome::Waiting => {}
            }
        }
        answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: Standing = Standing {
        from: 10,
        to: 100,
        active: ActiveState::Inactive,
        image: None,
        files: Image::Whole(1),
    };

    fn unit(name: &str) -> UnitName {
        UnitName::parse(name).unwrap()
    }

    fn files(at: Micros, name: &str, version: u32) -> Moment {
        let (unit, files) = (unit(name), Image::Whole(version));
        let what = Happened::Files { unit, files };
        Moment { at, what }
    }

    fn up(at: Micros, version: u32) -> Moment {
        let what = Happened::State {
            unit: unit("a.service"),
            active: ActiveState::Active,
            image: Some(Image::Whole(version)),
        };
        Moment { at, what }
    }

    #[test]
    fn what_stood_before_the_first_moment_goes_on_without_a_gap_to_the_end() {
        let moments = [
            up(5, 1),
            files(40, "a.service", 2),
            files(50, "b.service", 3),
            up(70, 2),
            up(100, 1),
        ];
        let all = BEFORE.over(moments.iter(), &unit("a.service"));
        let seen: Vec<_> = all
            .iter()
            .map(|one| (one.from, one.to, one.is_apart()))
            .collect();
        assert_eq!(seen, [(10, 40, false), (40, 70, true), (70, 100, false)]);
    }

    #[test]
    fn what_was_not_there_comes_with_its_files() {
        let gone = Standing {
            files: Image::GONE,
            ..BEFORE
        };
        let moments = [up(20, 2)];
        let all = gone.over(moments.iter(), &unit("a.service"));
        assert!(all.iter().all(|one| !one.is_apart()), "{all:?}");
    }

    #[test]
    fn nobody_who_waits_is_counted_as_answered() {
        let mut answers: Vec<Connection> = (0..3)
            .map(|at| Connection::new(unit("a.socket"), at))
            .collect();
        let (by, files) = (Image::Whole(1), Image::Whole(2));
        answers[0].end(30, Outcome::Served { by, files });
        answers[1].end(90, Outcome::Refused);
        let expected = Answers {
            opened: 3,
            served: 1,
            refused: 1,
            by_other_version: 1,
            longest_wait: 30,
        };
        assert_eq!(Answers::of(answers.iter()), expected);
    }
}
