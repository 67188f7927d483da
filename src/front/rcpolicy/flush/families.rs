//! Paying by init scripts: one after the other in the order of their links, and the members of one group,
//! its family here, together: all of them that run are stopped before the first is started.

use crate::domain::{Action, InitKind, Verdict};
use crate::failpoint::{Point, reach};
use crate::front::local::Level;
use crate::front::perform::{Case, one_unit};
use crate::front::scripts::Scripts;
use crate::init::{Depth, Init};
use crate::ledger::Entry;
use crate::observe::links;

use super::by_init::is_paid_together;
use super::by_script::Judged;
use super::occasion::Occasion;
use super::payer::{Paid, Payer};
use super::rounds::{Rounds, each_once};
use super::together::Member;

impl Rounds<'_, '_> {
    /// In the order in which scripts are started; a family where the first of it would be.
    pub(super) fn by_scripts(&mut self, kind: InitKind, due: Vec<Entry>) {
        let occasion = self.occasion;
        let (mut due, healing): (Vec<Entry>, Vec<Entry>) =
            due.into_iter().partition(|entry| occasion.pays(entry));
        for entry in healing {
            let waits = self.payer.waits(&entry, occasion);
            let healed = waits.or_else(|| self.payer.heal_by_script(kind, &entry));
            healed
                .into_iter()
                .for_each(|paid| self.tell(&entry.service, paid));
        }
        let root = &self.payer.place.root;
        let level = self.payer.runlevel();
        due.sort_by_cached_key(|entry| {
            let number = links::number(root, level, entry.service.as_str());
            let number = number.unwrap_or(links::NO_NUMBER);
            (number, entry.service.clone())
        });
        let mut left = due.into_iter();
        while let Some(entry) = left.next() {
            let Some(group) = self.payer.group_of(&entry) else {
                self.alone(kind, &entry);
                continue;
            };
            let is_of_it = |other: &Entry| self.payer.group_of(other).as_ref() == Some(&group);
            let (others, rest): (Vec<Entry>, Vec<Entry>) = left.partition(is_of_it);
            let family = std::iter::once(entry).chain(others).collect();
            self.family(kind, family);
            left = rest.into_iter();
        }
    }

    fn alone(&mut self, kind: InitKind, entry: &Entry) {
        let waits = self.payer.waits(entry, self.occasion);
        let paid = waits.unwrap_or_else(|| self.payer.pay_by_script(kind, entry));
        self.tell(&entry.service, paid);
    }

    /// Pays what is owed to the members of one group.
    fn family(&mut self, kind: InitKind, mut entries: Vec<Entry>) {
        let payer = self.payer;
        // What is to be down does not go along with what comes up.
        entries.sort_by_key(|entry| !entry.is_owed_stop());
        let mut scripts = payer.scripts(kind);
        let mut members = Vec::new();
        for entry in entries {
            match payer.taken_on_by_script(&mut scripts, &entry, self.occasion) {
                Ok(case) => members.extend(payer.members(entry, *case)),
                Err(paid) => self.tell(&entry.service, paid),
            }
        }
        each_once(&mut members);
        let (mut apart, mut members): (Vec<Member>, Vec<Member>) =
            members.into_iter().partition(|member| !turns(&member.case));
        // It has no company: its script does it in one go.
        if members.len() == 1 {
            apart.append(&mut members);
        }
        self.announce(&members);
        reach(Point::Decided);
        if !members.is_empty() {
            payer.together(&mut scripts, members, |member, paid| {
                self.tell(&member.entry.service, paid);
            });
        }
        for Member { entry, case, .. } in apart {
            let paid = payer.carried_out(kind, &entry, &case);
            let paid = paid.unwrap_or_else(|unpaid| payer.unpaid(&entry, unpaid));
            self.tell(&entry.service, paid);
        }
    }
}

impl Payer<'_> {
    /// The runlevel, empty where nobody could tell it.
    fn runlevel(&self) -> &str {
        let level = self.level.as_ref();
        let name = level.and_then(|Level { name, .. }| name.as_deref());
        name.unwrap_or_default()
    }

    fn scripts(&self, kind: InitKind) -> Scripts {
        let scripts = Scripts::here(kind, self.runlevel());
        scripts.in_plain_surroundings(&self.place.root)
    }

    fn group_of(&self, entry: &Entry) -> Option<String> {
        let found = self.session.policy.group_of(&entry.service)?;
        Some(found.group.name.clone())
    }

    /// What is to be done about a member, and who goes along; or what became of it where it is paid, or
    /// not, for itself.
    fn taken_on_by_script(
        &self,
        scripts: &mut Scripts,
        entry: &Entry,
        occasion: Occasion<'_>,
    ) -> Result<Box<Case>, Paid> {
        if let Some(paid) = self.waits(entry, occasion) {
            return Err(paid);
        }
        let kind = scripts.kind();
        let action = self.action(entry)?;
        let seen = one_unit(scripts, &entry.unit, Depth::State).ok();
        let judged = self.judged(kind, entry, &action, seen);
        let case = match judged.map_err(|unpaid| self.unpaid(entry, unpaid))? {
            Judged::Over(done) => return Err(self.strike(entry, None, &done)),
            Judged::Due(case) => case,
        };
        let case = self.with_group(scripts, *case, entry).map_err(Paid::Kept)?;
        if is_paid_together(&case.decision.verdict) {
            return Ok(Box::new(case));
        }
        let paid = self.carried_out(kind, entry, &case);
        Err(paid.unwrap_or_else(|unpaid| self.unpaid(entry, unpaid)))
    }
}

/// Whether it goes down and comes up, or comes up: a script does anything else beside its family.
fn turns(case: &Case) -> bool {
    match &case.decision.verdict {
        Verdict::Restart | Verdict::IfStale => true,
        Verdict::Run(action) => match action {
            Action::Start | Action::Restart | Action::TryRestart => true,
            Action::Stop
            | Action::Reload
            | Action::ForceReload
            | Action::ForceStop
            | Action::Status
            | Action::Other(_) => false,
        },
        Verdict::Nothing
        | Verdict::Stop
        | Verdict::Quiesce
        | Verdict::Reload
        | Verdict::Defer { .. }
        | Verdict::Hold
        | Verdict::FallBack(_)
        | Verdict::Deny
        | Verdict::Emulate(_) => false,
    }
}
