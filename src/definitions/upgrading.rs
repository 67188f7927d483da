//! What a package says of its service in an upgrade, where it says so beside the definition. Pure.

/// Where `dh_runit` writes down its option `onupgrade`, of definitions that come without maintainer scripts.
pub(super) const ON_UPGRADE: &str = ".meta/onupgrade";

/// What is to happen to the service when its package is upgraded: dh_runit(1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upgrading {
    /// It is restarted, or stopped before and started after: a new definition can become the live one with that.
    Restarts,
    /// It is only reloaded.
    Reloads,
    /// It is left alone: it cannot be restarted while somebody uses it, as a display manager.
    Stays,
}

impl Upgrading {
    /// What is meant by `text`; nothing that is known is as nothing said, which is a restart.
    pub fn parse(text: &str) -> Self {
        match text.trim() {
            "nostop" => Self::Stays,
            "reload" => Self::Reloads,
            _ => Self::Restarts,
        }
    }

    /// Why its service is not restarted, where it is not.
    pub fn against_restart(self) -> Option<&'static str> {
        match self {
            Self::Restarts => None,
            Self::Reloads => Some("its package has it reloaded and not restarted"),
            Self::Stays => Some("its package has it left running in upgrades"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dh_runit_writes_is_read_and_anything_else_is_a_restart() {
        for (text, expected) in [
            ("nostop", Upgrading::Stays),
            ("nostop\n", Upgrading::Stays),
            ("reload", Upgrading::Reloads),
            ("restart", Upgrading::Restarts),
            ("stop", Upgrading::Restarts),
            ("", Upgrading::Restarts),
            ("later\u{0}", Upgrading::Restarts),
        ] {
            assert_eq!(Upgrading::parse(text), expected, "{text:?}");
        }
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        crate::testing::mutations::mutated_text(
            &["nostop\n", "reload"],
            &["restart", "\n"],
            |text| {
                let _ = Upgrading::parse(text).against_restart();
            },
        );
    }
}
