//! What is down already when a call begins, noted before the call does anything: every job changes the
//! one time that OpenRC keeps, and what the admin stopped long ago would then look stopped just now.

use std::fs;

use super::memory;
use super::places::Places;
use super::script::Script;
use super::standing;
use super::times;

/// Whether this was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Survey {
    Due,
    Done,
}

impl Survey {
    /// Does it where it is due: notes what is down and not noted. Where OpenRC's own notes are not to be
    /// believed nothing is touched.
    pub(super) fn take(&mut self, places: &Places) {
        if *self == Self::Due {
            take(places);
        }
        *self = Self::Done;
    }
}

fn take(places: &Places) {
    let Some(up) = standing::not_stopped(places) else {
        return;
    };
    // Looked at after the states: it is then not earlier than the end of any that is down.
    let Some(last) = standing::last_change(places).and_then(times::moment) else {
        return;
    };
    let entries = fs::read_dir(&places.scripts).into_iter().flatten();
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let down = names.filter(|name| !up.contains(name) && Script::is_own(places, name));
    for name in down.filter(|name| memory::recall(places, name).is_none()) {
        memory::note(places, &name, last);
    }
}
