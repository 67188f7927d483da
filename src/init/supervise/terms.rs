//! How long a supervising init is waited for, who hears of that, and where it is noted how the clock was set.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use super::clock::Clock;
use crate::init::{Onlooker, Unwatched};

/// How long a job may take where nobody says otherwise: what systemd gives a service to start or to stop,
/// which is what packages are made for. `sv` gives up after 7 s, which many a database needs to stop; s6 never does.
const LIMIT: Duration = Duration::from_secs(90);

/// On what terms an init is asked.
#[derive(Debug)]
pub struct Terms {
    /// How long a job may take before it is left to itself.
    pub limit: Duration,
    pub(in crate::init) wait: Duration,
    pub(in crate::init) onlooker: Rc<dyn Onlooker>,
    memory: Option<PathBuf>,
}

impl Terms {
    /// With `wait` for a supervisor that is not there.
    pub(in crate::init) fn new(wait: Duration) -> Self {
        Self {
            limit: LIMIT,
            wait,
            onlooker: Rc::new(Unwatched),
            memory: None,
        }
    }

    /// Anew for each question: whoever waits long may see the clock being set.
    pub(in crate::init) fn clock(&self) -> Clock {
        Clock::noted(self.memory.as_deref())
    }
}

/// An init whose services have supervisors of their own, which are spoken to.
pub trait Supervising: Sized {
    /// On what terms it is asked.
    fn terms(&mut self) -> &mut Terms;

    /// Waits for this long for a supervisor that is not there, but never for longer than one takes to come back.
    #[must_use]
    fn waiting(mut self, wait: Duration) -> Self {
        self.terms().wait = wait;
        self
    }

    /// Notes in the file `path` how the machine's clock was set, so that a moment is told the same by every call:
    /// supervisors write down times of the day.
    #[must_use]
    fn remembering(mut self, path: &Path) -> Self {
        self.terms().memory = Some(path.to_path_buf());
        self
    }

    /// Tells `onlooker` of waiting.
    #[must_use]
    fn watched_by(mut self, onlooker: Rc<dyn Onlooker>) -> Self {
        self.terms().onlooker = onlooker;
        self
    }
}
