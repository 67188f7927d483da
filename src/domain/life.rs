//! One life of an init: from its start to its end. What was noted down in another life is settled.
//! Pure; `observe` reads it off the machine.

use serde::{Deserialize, Serialize};

/// Tells one life of PID 1 from every other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// The kernel's boot id.
    pub boot_id: String,
    /// Inode of the pid namespace: a container has its own.
    pub pid_namespace: u64,
    /// When PID 1 was started, in clock ticks since boot: a container's restart changes it.
    pub init_started: u64,
    /// systemd's UserspaceTimestamp in microseconds, where somebody asked for it. A soft-reboot
    /// changes nothing else.
    #[serde(default)]
    pub userspace: Option<u64>,
}

impl Life {
    /// The same life with systemd's UserspaceTimestamp (microseconds) added.
    #[must_use]
    pub fn with_userspace(self, microseconds: u64) -> Self {
        Self {
            userspace: Some(microseconds),
            ..self
        }
    }

    /// Whether both are one life. A UserspaceTimestamp counts only where both sides know it.
    pub fn is_same(&self, other: &Self) -> bool {
        let userspace_differs = matches!(
            (self.userspace, other.userspace),
            (Some(a), Some(b)) if a != b
        );
        self.boot_id == other.boot_id
            && self.pid_namespace == other.pid_namespace
            && self.init_started == other.init_started
            && !userspace_differs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life() -> Life {
        Life {
            boot_id: "b".to_owned(),
            pid_namespace: 7,
            init_started: 9,
            userspace: None,
        }
    }

    #[test]
    fn a_reboot_another_container_a_restarted_init_and_a_soft_reboot_are_other_lives() {
        assert!(life().is_same(&life()));
        let mut other = life();
        other.boot_id = "c".to_owned();
        assert!(!life().is_same(&other));
        let mut other = life();
        other.pid_namespace = 8;
        assert!(!life().is_same(&other));
        let mut other = life();
        other.init_started = 10;
        assert!(!life().is_same(&other));
        let (before, after) = (life().with_userspace(1), life().with_userspace(2));
        assert!(!before.is_same(&after));
    }

    #[test]
    fn an_unknown_userspace_timestamp_is_no_difference() {
        assert!(life().is_same(&life().with_userspace(1)));
        assert!(life().with_userspace(1).is_same(&life()));
    }
}
