//! What is down already when a call begins, noted before the call does anything: every job changes the
//! one time that OpenRC keeps, and what the admin stopped long ago would then look stopped just now.

use std::fs;

use super::memory::Memory;
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
    /// Does it where it is due: notes what is down and not noted, and forgets the notes of what is up.
    /// Where OpenRC's own notes are not to be believed nothing is touched.
    pub(super) fn take(&mut self, places: &Places, memory: &Memory) {
        if *self == Self::Due && memory.0.is_some() {
            take(places, memory);
        }
        *self = Self::Done;
    }
}

fn take(places: &Places, memory: &Memory) {
    let Some(up) = standing::not_stopped(places) else {
        return;
    };
    for name in memory.noted().iter().filter(|name| up.contains(*name)) {
        memory.forget(name);
    }
    // Looked at after the states: it is then not earlier than the end of any that is down.
    let Some(last) = standing::last_change(places).and_then(times::moment) else {
        return;
    };
    let entries = fs::read_dir(&places.scripts).into_iter().flatten();
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let new = names.filter(|name| !up.contains(name) && memory.recall(name).is_none());
    for name in new.filter(|name| Script::named(places, name).is_some()) {
        memory.note(&name, last);
    }
}
