//! Paying by init scripts: in the order of their links, and the members of one group, its family here,
//! together: all of them that run are stopped before the first is started.

use std::collections::VecDeque;

use crate::decide::{Candidate, Company, waves};
use crate::domain::{Action, InitKind, Verdict};
use crate::failpoint::{Point, reach};
use crate::front::local::Level;
use crate::front::perform::{Case, one_unit};
use crate::front::scripts::Scripts;
use crate::init::{Depth, Init};
use crate::ledger::Entry;
use crate::observe::boot_order;

use super::by_init::is_paid_together;
use super::by_script::Judged;
use super::occasion::Occasion;
use super::payer::{Paid, Payer};
use super::rounds::{Rounds, each_once};
use super::together::Member;

impl Rounds<'_, '_> {
    /// In the order in which scripts are started, side by side where the boot has them so; a family where the
    /// first of it would be.
    pub(super) fn by_scripts(&mut self, kind: InitKind, due: Vec<Entry>) {
        let occasion = self.occasion;
        let (due, healing): (Vec<Entry>, Vec<Entry>) =
            due.into_iter().partition(|entry| occasion.pays(entry));
        for entry in healing {
            let waits = self.payer.waits(&entry, occasion);
            let healed = waits.or_else(|| self.payer.heal_by_script(kind, &entry));
            healed
                .into_iter()
                .for_each(|paid| self.tell(&entry.service, paid));
        }
        let mut waves = self.payer.in_waves(kind, due);
        while let Some(wave) = waves.pop_front() {
            let entry = match <[Entry; 1]>::try_from(wave) {
                Ok([entry]) => entry,
                Err(several) => {
                    self.side_by_side(kind, several);
                    continue;
                }
            };
            let Some(group) = self.payer.group_of(&entry) else {
                self.alone(kind, &entry);
                continue;
            };
            let is_of_it = |other: &mut Entry| self.payer.group_of(other).as_ref() == Some(&group);
            let others = waves
                .iter_mut()
                .flat_map(|wave| wave.extract_if(.., is_of_it));
            let family = std::iter::once(entry).chain(others).collect();
            self.family(kind, family);
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

    /// `due` in the order in which it is paid: what of one wave needs nothing of each other.
    fn in_waves(&self, kind: InitKind, due: Vec<Entry>) -> VecDeque<Vec<Entry>> {
        let root = &self.place.root;
        let order = (kind == InitKind::Sysv).then(|| boot_order::of(root));
        let places = boot_order::places(root, self.runlevel());
        let candidates: Vec<Candidate<'_>> = due
            .iter()
            .map(|entry| Candidate {
                name: entry.service.as_str(),
                company: match self.group_of(entry) {
                    Some(_) => Company::None,
                    None => Company::Any,
                },
            })
            .collect();
        let waves = waves(&candidates, &places, order.flatten().as_ref());
        let mut due: Vec<Option<Entry>> = due.into_iter().map(Some).collect();
        let mut taken = |at: usize| due.get_mut(at).and_then(Option::take);
        let mut wave = |wave: Vec<usize>| wave.into_iter().filter_map(&mut taken).collect();
        waves.into_iter().map(&mut wave).collect()
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
