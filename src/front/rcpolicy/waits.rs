//! What a debt waits for, in words. What keeps even a person's flush from paying it comes first.

use crate::decide::{Payment, payment};
use crate::domain::Until;
use crate::domain::time::minute;
use crate::front::unconfigured::inconsistent;
use crate::ledger::Entry;
use crate::observe::dpkg::{DpkgError, Unconfigured};
use crate::policy::Policy;

use super::Place;
use super::flush::Occasion;
use super::opening::Shut;

/// What the machine says about all debts.
pub(super) struct Waits {
    unconfigured: Result<Unconfigured, DpkgError>,
    policy: Policy,
    shut: Option<Shut>,
}

impl Waits {
    /// As `place` is now.
    pub(super) fn observe(place: &Place, policy: Policy) -> Self {
        Self {
            unconfigured: Unconfigured::under(&place.root),
            shut: Shut::observe(&policy, place),
            policy,
        }
    }

    /// No window is open.
    pub(super) fn shut(&self) -> Option<&Shut> {
        self.shut.as_ref()
    }

    /// What `entry` waits for.
    pub(super) fn of(&self, entry: &Entry) -> String {
        let dpkg = match &self.unconfigured {
            Ok(unconfigured) => inconsistent(unconfigured, entry),
            Err(error) => Some(error.to_string()),
        };
        let other = || self.held(entry).or_else(|| self.failed(entry));
        dpkg.or_else(other).unwrap_or_else(|| self.occasion(entry))
    }

    fn held(&self, entry: &Entry) -> Option<String> {
        let held = self.policy.holds().of(&entry.service)?;
        let until = held
            .until
            .map_or_else(String::new, |until| format!(" until {}", minute(until)));
        let because = &held.because;
        Some(format!(
            "the end of its hold{until}, and `rcpolicy flush` then: {because}"
        ))
    }

    fn failed(&self, entry: &Entry) -> Option<String> {
        let failed = entry.failed.as_ref()?;
        let (tries, why) = (failed.tries, &failed.why);
        let most = self.policy.settings().flush_tries;
        let next = match tries < most {
            true => format!("the next try, {tries} of {most} failed"),
            false => format!("`rcpolicy flush`, {tries} tries failed"),
        };
        Some(format!("{next}: {why}"))
    }

    fn occasion(&self, entry: &Entry) -> String {
        if payment(entry) == Payment::NextStart {
            return "its next start".to_owned();
        }
        match entry.owed.as_ref().map(|owed| owed.until) {
            Some(Until::Flush) => "`rcpolicy flush`".to_owned(),
            Some(Until::Reboot) => "the next boot".to_owned(),
            Some(Until::Batch) | None => self.window(entry).unwrap_or_else(|| self.batch_end()),
        }
    }

    /// The next window, where it waits for that.
    fn window(&self, entry: &Entry) -> Option<String> {
        let shut = self.shut.as_ref()?;
        let goes_before = Occasion::OnlyDown(&Occasion::BatchEnd).pays(entry);
        (!goes_before).then(|| format!("the window that opens {}", shut.wall))
    }

    fn batch_end(&self) -> String {
        let reexec = self.unconfigured.as_ref().ok();
        match reexec.and_then(Unconfigured::awaited_reexec) {
            Some(trigger) => format!("dpkg's trigger {trigger}"),
            None => "the batch's end".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::domain::Phase;
    use crate::ledger::{Down, Due, Failed, Owed, Who};
    use crate::policy::{Keep, Roots, load};
    use crate::testing::{life, name};

    fn owing(until: Until) -> Entry {
        let mut entry = Entry::new(name("foo"), life(), Who::default(), 0, "x");
        entry.owed = Some(Owed {
            due: Due::Restart,
            until,
            reasons: Vec::new(),
            at: None,
            begun: None,
        });
        entry
    }

    fn failing(tries: u32) -> Entry {
        let why = "exit-code".to_owned();
        let mut entry = owing(Until::Batch);
        entry.failed = Some(Failed {
            tries,
            why,
            when: 0,
            at: 0,
        });
        entry
    }

    #[test]
    fn what_keeps_everybody_from_paying_is_told_before_what_a_person_can_change() {
        let mut by_hand = Entry::new(name("foo"), life(), Who::default(), 0, "x");
        by_hand.down = Some(Down::default());
        let mut of_package = failing(1);
        of_package.who.caller.package = Some("libx".to_owned());
        of_package.who.caller.phase = Phase::Upgrade;
        let trigger =
            "Package: libc6\nStatus: install ok triggers-pending\nTriggers-Pending: libc-upgrade\n";
        let unpacked = "Package: libx\nStatus: install ok unpacked\n";
        for (status, entry, expected) in [
            ("", owing(Until::Batch), "the batch's end"),
            ("", owing(Until::Flush), "`rcpolicy flush`"),
            ("", owing(Until::Reboot), "the next boot"),
            ("", by_hand, "its next start"),
            ("", failing(2), "the next try, 2 of 3 failed: exit-code"),
            (
                "",
                failing(3),
                "`rcpolicy flush`, 3 tries failed: exit-code",
            ),
            (trigger, owing(Until::Batch), "dpkg's trigger libc-upgrade"),
            (unpacked, of_package, "its package libx is unpacked"),
        ] {
            let root = tempfile::tempdir().unwrap();
            let dpkg = root.path().join("var/lib/dpkg");
            fs::create_dir_all(&dpkg).unwrap();
            fs::write(dpkg.join("status"), status).unwrap();
            let policy = load(&Roots::under(root.path(), Keep::No));
            let place = Place {
                root: root.path().to_path_buf(),
                now: 0,
                is_root: true,
            };
            let waits = Waits::observe(&place, policy);
            assert_eq!(waits.of(&entry), expected);
        }
    }
}
