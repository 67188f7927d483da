//! What concerns a manager as a whole: the two words, the signals that do the same, and systemctl's
//! words where it failed. Pure.

use crate::domain::Action;

/// systemd's signals, as numbers: glibc's SIGRTMIN is 34.
const SIGHUP: i32 = 1;
const SIGRTMIN_25: i32 = 34 + 25;

/// What is asked of a manager as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    Reload,
    Reexec,
}

impl Whole {
    /// The action behind a word, where it is one of these.
    pub(super) fn parse(action: &Action) -> Option<Self> {
        match action.as_str() {
            "daemon-reload" => Some(Self::Reload),
            "daemon-reexec" => Some(Self::Reexec),
            _ => None,
        }
    }

    /// The signal that does the same.
    pub(super) fn signal(self) -> i32 {
        match self {
            Self::Reload => SIGHUP,
            Self::Reexec => SIGRTMIN_25,
        }
    }

    /// systemctl's words where it failed.
    pub(super) fn failed(self) -> &'static str {
        match self {
            Self::Reload => "Failed to reload daemon",
            Self::Reexec => "Failed to reexecute daemon",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_words_are_about_managers_as_a_whole() {
        let parsed = |word: &str| Whole::parse(&Action::parse(word));
        assert_eq!(parsed("daemon-reload"), Some(Whole::Reload));
        assert_eq!(parsed("daemon-reexec"), Some(Whole::Reexec));
        assert_eq!(parsed("reload"), None);
        assert_eq!(parsed(""), None);
    }

    #[test]
    fn the_signals_are_those_that_systemd_listens_to() {
        assert_eq!((Whole::Reload.signal(), Whole::Reexec.signal()), (1, 59));
    }
}
