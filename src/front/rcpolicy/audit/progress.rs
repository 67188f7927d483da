//! How far an audit is, for whoever looks on: drawn by this thread alone, while it writes nothing else.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report::console::Onlooker;

/// How often it is drawn anew, a second.
const RATE: u8 = 5;
/// Two have no estimate worth the line.
const FEWEST: usize = 3;

/// A line on the terminal, or nothing.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    all: usize,
}

impl Progress {
    /// Nothing to see.
    pub(super) fn none() -> Self {
        Self { bar: None, all: 0 }
    }

    /// For `all` packages of `weight` bytes together.
    pub(super) fn of(onlooker: Onlooker, all: usize, weight: u64) -> Self {
        if onlooker == Onlooker::None || all < FEWEST {
            return Self { bar: None, all };
        }
        let target = ProgressDrawTarget::stderr_with_hz(RATE);
        let bar = ProgressBar::with_draw_target(Some(weight), target);
        // One that does not read leaves the bar's own.
        if let Ok(style) = ProgressStyle::with_template("{msg}  {percent}%, {eta} left") {
            bar.set_style(style);
        }
        Self {
            bar: Some(bar),
            all,
        }
    }

    /// So many are done, one of this weight among them now.
    pub(super) fn advance(&self, done: usize, weight: u64, errors: usize) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{done} of {} packages, {errors} errors", self.all));
            bar.inc(weight);
        }
    }

    /// Does something that writes to the terminal.
    pub(super) fn aside<T>(&self, act: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(act),
            None => act(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
