//! The capability table: what each init can do, and what is done instead where it cannot. The README's
//! table is made from it (`report::capabilities`).

use super::InitKind;

/// Whether an init can do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ability {
    /// It can.
    Native,
    /// It cannot; what is done instead, in words.
    Instead(&'static str),
}

impl Ability {
    /// Whether the init can do it itself.
    pub fn is_native(self) -> bool {
        self == Self::Native
    }
}

/// What an init can do; what it cannot falls back to what is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Services can be started on demand: then a stop has to stop what starts them, too.
    pub activation: Ability,
    /// A service goes down and what can start it stays.
    pub quiesce: Ability,
    /// A running service takes in its configuration anew.
    pub reload: Ability,
    /// Several jobs are asked for before the first is awaited.
    pub transactions: Ability,
    /// A restart is one job of the init's own: once it was asked for, nobody need live to see its second half.
    pub whole_restarts: Ability,
    /// A start has ended once the service says that it is ready.
    pub readiness: Ability,
    /// What starts a service is brought up to date at a moment of our choosing.
    pub live_definitions: Ability,
    /// It goes over to its own new program.
    pub reexec: Ability,
    /// Services of users.
    pub user_scope: Ability,
    /// It tells when a service went down: what somebody stopped before an upgrade stays down.
    pub kept_stops: Ability,
}

impl Capabilities {
    /// All of them with their names, in the table's order.
    pub fn each(&self) -> [(&'static str, Ability); 10] {
        [
            ("start on demand", self.activation),
            ("quiesce", self.quiesce),
            ("reload", self.reload),
            ("jobs in one transaction", self.transactions),
            ("restart as one job", self.whole_restarts),
            ("wait for readiness", self.readiness),
            ("live definitions", self.live_definitions),
            ("re-exec", self.reexec),
            ("users' services", self.user_scope),
            ("keeps down what you stopped", self.kept_stops),
        ]
    }
}

/// Of an init that only runs scripts.
const OF_SCRIPTS: Capabilities = Capabilities {
    activation: Ability::Instead("no"),
    quiesce: Ability::Instead("stop"),
    reload: Ability::Instead("the script's own"),
    transactions: Ability::Instead("one after the other"),
    whole_restarts: Ability::Instead("stop, then start"),
    readiness: Ability::Instead("the script's end"),
    live_definitions: Ability::Instead("read at each start"),
    reexec: Ability::Instead("no"),
    user_scope: Ability::Instead("no"),
    kept_stops: Ability::Instead("a start starts it"),
};

/// Of what supervises the processes of service directories.
const OF_SUPERVISION: Capabilities = Capabilities {
    reload: Ability::Native,
    transactions: Ability::Native,
    whole_restarts: Ability::Native,
    live_definitions: Ability::Native,
    kept_stops: Ability::Native,
    ..OF_SCRIPTS
};

const ALL: Capabilities = Capabilities {
    activation: Ability::Native,
    quiesce: Ability::Native,
    reload: Ability::Native,
    transactions: Ability::Native,
    whole_restarts: Ability::Native,
    readiness: Ability::Native,
    live_definitions: Ability::Native,
    reexec: Ability::Native,
    user_scope: Ability::Native,
    kept_stops: Ability::Native,
};

impl InitKind {
    /// What this init can do.
    pub fn capabilities(self) -> Capabilities {
        match self {
            Self::Systemd | Self::Simulated => ALL,
            Self::Upstart => Capabilities {
                activation: Ability::Instead("not touched"),
                quiesce: Ability::Instead("stop"),
                transactions: Ability::Instead("one after the other"),
                user_scope: Ability::Instead("re-exec alone"),
                kept_stops: Ability::Instead("a start starts it"),
                ..ALL
            },
            Self::Sysv => OF_SCRIPTS,
            Self::Openrc => Capabilities {
                kept_stops: Ability::Instead("for its own scripts"),
                ..OF_SCRIPTS
            },
            Self::Runit => Capabilities {
                readiness: Ability::Instead("its `check`"),
                ..OF_SUPERVISION
            },
            Self::S6 => Capabilities {
                readiness: Ability::Native,
                ..OF_SUPERVISION
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_starts_nothing_on_demand_stops_where_it_should_quiesce() {
        for kind in InitKind::ALL {
            let can = kind.capabilities();
            assert_eq!(can.activation.is_native(), can.quiesce.is_native());
        }
    }

    #[test]
    fn whatever_an_init_cannot_do_the_table_says_what_is_done_instead() {
        for kind in InitKind::ALL {
            for (what, ability) in kind.capabilities().each() {
                assert_ne!(ability, Ability::Instead(""), "{} {what}", kind.as_str());
            }
        }
    }
}
