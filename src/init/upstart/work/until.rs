//! Waiting until a unit stands where it was asked to, by looking: after a signal, and every now and then.

use std::time::{Duration, Instant};

use super::Work;
use crate::domain::JobFailure;
use crate::init::dbus::connection::Incoming;
use crate::init::dbus::stream::Deadline;
use crate::init::upstart::failures::changed;
use crate::init::upstart::queries::Look;
use crate::init::upstart::request::{Heard, QUIET, of_instance};
use crate::init::upstart::state::{Goal, Instance, State, is_another};

/// Between two looks at an instance in transition, where no signal comes before.
const FIRST_LOOK: Duration = Duration::from_millis(10);
/// The longest pause between two looks.
const LATER_LOOKS: Duration = Duration::from_millis(500);

type Done = Result<(), JobFailure>;

impl Work<'_> {
    /// Looks until the unit is up. `answered` is what was heard until Upstart said that it was.
    pub(super) fn until_up(&mut self, answered: Option<Heard>) -> Done {
        let reached = self.until(|look| match look {
            Look::There(_, instance) if instance.is_up() => Some(Ok(())),
            Look::There(_, instance) if instance.goal == Some(Goal::Down) => Some(Err(changed())),
            Look::There(..) => None,
            // A task has ended, or the process has: Upstart calls neither a failure.
            Look::Absent(_) if answered.is_some_and(|heard| heard.ran) => Some(Ok(())),
            Look::Absent(_) | Look::NoJob | Look::Several(_) => Some(Err(changed())),
        });
        match reached {
            Err(failure @ JobFailure::Ended { .. }) => self.no_process_left().and(Err(failure)),
            other => other.map(drop),
        }
    }

    /// Looks until what was `first` is gone.
    pub(super) fn until_down(&mut self, first: &Instance) -> Done {
        let last = self.until(|look| match look {
            Look::Absent(_) | Look::NoJob | Look::Several(_) => Some(Ok(())),
            Look::There(_, now) if now.goal == Some(Goal::Down) && now.state == State::Waiting => {
                Some(Ok(()))
            }
            // It did go down; somebody has started it since.
            Look::There(_, now) if now.is_up() && is_another(first, now) => Some(Ok(())),
            Look::There(_, now) if now.is_up() => Some(Err(changed())),
            Look::There(..) => None,
        })?;
        match last {
            Look::Absent(_) => self.no_process_left(),
            Look::There(..) | Look::NoJob | Look::Several(_) => Ok(()),
        }
    }

    /// Looks until `judge` has an answer; the last look.
    fn until(&mut self, judge: impl Fn(&Look) -> Option<Done>) -> Result<Look, JobFailure> {
        let mut pause = FIRST_LOOK;
        let mut told = Instant::now();
        loop {
            let look = self.look()?;
            if let Some(done) = judge(&look) {
                return done.map(|()| look);
            }
            if self.limit.passed() {
                return Err(self.timed_out());
            }
            if told.elapsed() >= QUIET {
                let onlooker = self.track.link.patience.onlooker();
                onlooker.working(&[self.asked], self.begun.elapsed());
                told = Instant::now();
            }
            self.await_news(&look, pause);
            pause = (pause * 2).min(LATER_LOOKS);
        }
    }

    /// Waits for a signal about the unit, or for `pause`.
    fn await_news(&mut self, look: &Look, pause: Duration) {
        let deadline = Deadline::after(pause).or(self.limit);
        let path = match look {
            Look::Absent(job) | Look::There(job, _) => job.path.as_str(),
            Look::NoJob | Look::Several(_) => "",
        };
        while let Ok(connection) = self.track.link.current() {
            match connection.receive(deadline) {
                Ok(Some(Incoming::Signal(signal))) if of_instance(&signal, path).is_some() => {
                    return;
                }
                Ok(Some(_)) if !deadline.passed() => {}
                Ok(_) => return,
                // The next look waits for it to come back.
                Err(_) => return self.track.link.disconnect(),
            }
        }
    }
}
