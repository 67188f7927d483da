//! A list of actions, tried in turn until one succeeds, with the stock script's messages.

use std::collections::VecDeque;

use crate::decide::stock::status;
use crate::front::inquiry::{Origin, Stuck};
use crate::front::perform::Case;
use crate::init::InitError;
use crate::report::Voice;

/// How one action went.
pub(super) enum Done {
    /// It was run; its exit status.
    Status(u8),
    /// Other actions take its place.
    Instead(Vec<String>),
    /// It was not run; the call ends with this.
    Ended(u8),
}

impl Done {
    pub(super) fn status(&self) -> Option<u8> {
        match self {
            Self::Status(status) | Self::Ended(status) => Some(*status),
            Self::Instead(_) => None,
        }
    }
}

/// The actions that are left to try.
#[derive(Debug)]
pub(super) struct Turns {
    left: VecDeque<String>,
    origin: Origin,
    several: bool,
    current: String,
    status: u8,
}

impl Turns {
    /// The judged `actions`, where the caller asked for `asked`.
    pub(super) fn new(actions: &[String], asked: &str) -> Self {
        Self {
            origin: Origin::of(actions, asked),
            left: actions.iter().cloned().collect(),
            several: actions.len() > 1,
            current: String::new(),
            status: status::ERROR,
        }
    }

    /// The next action to try.
    pub(super) fn next(&mut self, voice: &Voice) -> Option<String> {
        self.current = self.left.pop_front()?;
        if self.several {
            voice.error(&format!(
                "executing initscript action \"{}\"...",
                self.current
            ));
        }
        Some(self.current.clone())
    }

    /// Where the actions come from.
    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    /// Takes other actions instead of what is left.
    pub(super) fn replace(&mut self, actions: Vec<String>) {
        self.origin = Origin::Rule;
        self.several = actions.len() > 1;
        self.left = actions.into();
    }

    /// The current action ended with `status`, which was not success.
    pub(super) fn failed(&mut self, voice: &Voice, status: u8) {
        self.status = status;
        if !self.left.is_empty() {
            voice.error(&format!(
                "action \"{}\" failed, trying next action...",
                self.current
            ));
        }
    }

    /// Says that none succeeded; the last one's status.
    pub(super) fn give_up(&self, voice: &Voice, name: &str) -> u8 {
        voice.error(&format!(
            "initscript {name}, action \"{}\" failed.",
            self.current
        ));
        self.status
    }

    /// The action tried last.
    pub(super) fn current(&self) -> &str {
        &self.current
    }
}

/// What was considered, or how the call ends where policy-rc.d gave no answer.
pub(super) fn answered(
    considered: Result<Case, Stuck>,
    voice: &Voice,
) -> Result<Result<Case, Done>, InitError> {
    match considered {
        Ok(case) => Ok(Ok(case)),
        Err(Stuck::Init(error)) => Err(error),
        Err(Stuck::Helper(error)) => {
            voice.warn(&format!("{error}; the action is not run"));
            Ok(Err(Done::Ended(status::ERROR)))
        }
    }
}
