//! A list of actions, tried in turn until one succeeds, with the stock script's messages.

use std::collections::VecDeque;

use crate::decide::stock::status;
use crate::report::Voice;

/// The actions that are left to try.
#[derive(Debug)]
pub(super) struct Turns {
    left: VecDeque<String>,
    several: bool,
    current: String,
    status: u8,
}

impl Turns {
    pub(super) fn new(actions: &[String]) -> Self {
        Self {
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

    /// Takes other actions instead of what is left.
    pub(super) fn replace(&mut self, actions: Vec<String>) {
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
