//! What happened in the model, with its time: all that a report or a test needs afterwards.

use crate::domain::{ActiveState, UnitName};

use super::clock::Micros;
use super::unit::Image;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// A unit's state is now this; the image is that of its process, if it has one.
    State {
        /// The unit.
        unit: UnitName,
        /// Its state from now on.
        active: ActiveState,
        /// What its process maps.
        image: Option<Image>,
    },
    /// A trigger or a bus call started a unit that was down.
    Activated {
        /// What was started.
        unit: UnitName,
        /// The trigger; the unit itself for a bus call.
        by: UnitName,
    },
    /// A trigger would have started its unit, but is about to be stopped itself.
    Suppressed {
        /// The trigger.
        trigger: UnitName,
    },
    /// A job ended with this result, in systemd's words.
    JobEnded {
        /// The unit.
        unit: UnitName,
        /// done, failed, canceled, dependency
        result: &'static str,
    },
    /// A unit's files on disk are now these.
    Files {
        /// The unit.
        unit: UnitName,
        /// What is on disk.
        files: Image,
    },
    /// File descriptors that the init kept for a unit were closed with it.
    LostDescriptors {
        /// The unit.
        unit: UnitName,
        /// How many.
        count: u32,
    },
    /// A remark of whoever drives the model.
    Mark(String),
}

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: Micros,
    /// What.
    pub what: Happened,
}
