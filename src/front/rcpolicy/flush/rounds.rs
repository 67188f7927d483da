//! The rounds of a flush: first all that is ready, together; then what was still under way; last what
//! carries the session that we run in. And what is said of each.

use crate::definitions::{Told, Way};
use crate::domain::{Action, ServiceName, UnitName};
use crate::failpoint::{Point, reach};
use crate::init::Init;
use crate::ledger::Entry;
use crate::observe::above::Branch;
use crate::report::console::Console;

use super::by_init::{is_paid_together, word_for_script};
use super::debt::Debt;
use super::foreseen::Foreseen;
use super::kept::Shown;
use super::occasion::{Again, Left, Occasion};
use super::payer::{Looked, Means, Paid, Patience, Payer, script_under};
use super::together::Member;

/// Whether the init has read its definitions again: once is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Definitions {
    AsTheyWere,
    ReadAgain,
}

/// What a round leaves for later.
struct Later {
    /// This is waited for.
    under_way: Vec<Entry>,
    /// This is not, and what is to be said of it if nothing more is known.
    slow: Vec<(Entry, Paid)>,
}

/// One flush on its way.
pub(super) struct Rounds<'a, 'c> {
    pub(super) payer: &'a Payer<'a>,
    pub(super) occasion: Occasion<'a>,
    console: &'a mut Console<'c>,
    left: Left,
    definitions: Definitions,
}

impl<'a, 'c> Rounds<'a, 'c> {
    /// A flush that has not paid anything yet.
    pub(super) fn new(
        payer: &'a Payer<'a>,
        occasion: Occasion<'a>,
        left: Left,
        console: &'a mut Console<'c>,
    ) -> Self {
        Self {
            payer,
            occasion,
            console,
            left,
            definitions: Definitions::AsTheyWere,
        }
    }

    /// Pays `due`, and says of each what became of it.
    pub(super) fn pay(mut self, means: &mut Means<'_>, due: Vec<Entry>) -> Left {
        match means {
            Means::Init(init) => self.by_init(*init, due),
            Means::Scripts(kind) => self.by_scripts(*kind, due),
        }
        self.left
    }

    fn by_init(&mut self, init: &mut dyn Init, due: Vec<Entry>) {
        let occasion = self.occasion;
        let (due, healing): (Vec<Entry>, Vec<Entry>) =
            due.into_iter().partition(|entry| occasion.pays(entry));
        for entry in healing {
            let waits = self.payer.waits(&entry, occasion);
            let healed = waits.or_else(|| self.payer.heal(init, &entry));
            healed
                .into_iter()
                .for_each(|paid| self.tell(&entry.service, paid));
        }
        let branch = Branch::observe();
        let (last, first): (Vec<Entry>, Vec<Entry>) = due
            .into_iter()
            .partition(|entry| branch.hangs_on(&entry.unit));
        let later = self.round(init, first, Patience::None);
        self.round(init, later.under_way, Patience::Some);
        self.look_again(init, later.slow);
        for unit in last.iter().map(|entry| &entry.unit) {
            self.console
                .complain(format_args!("{unit} carries this session: it comes last"));
        }
        self.round(init, last, Patience::Some);
    }

    /// Pays `entries` together. Returns what is still under way, where that is not waited for.
    fn round(&mut self, init: &mut dyn Init, entries: Vec<Entry>, patience: Patience) -> Later {
        let (mut under_way, mut slow, mut debts) = (Vec::new(), Vec::new(), Vec::new());
        // What was asked for already may have to be waited for: what is foreseen would be out of date.
        let (begun, fresh): (Vec<Entry>, Vec<Entry>) =
            entries.into_iter().partition(Entry::is_begun);
        let names: Vec<UnitName> = fresh.iter().map(|entry| entry.unit.clone()).collect();
        let mut foreseen = Foreseen::of(init, &names).with_times(&names);
        for entry in fresh {
            let found = self.found(&mut foreseen, &entry, patience);
            self.sort(entry, found, &mut debts, &mut under_way);
        }
        for entry in begun {
            let found = self.found(init, &entry, patience);
            self.sort(entry, found, &mut debts, &mut under_way);
        }
        self.reread(init, &mut debts);
        // What is to be down does not go along with what comes up.
        debts.sort_by_key(|debt| !debt.entry.is_owed_stop());
        let mut members = Vec::with_capacity(debts.len());
        for debt in debts {
            members.extend(self.taken_on(init, debt));
        }
        each_once(&mut members);
        self.announce(&members);
        let payer = self.payer;
        reach(Point::Decided);
        payer.together(init, members, |member, paid| {
            let waits = matches!(paid, Paid::Waits(_));
            let asked = waits && member.is_slow() && patience == Patience::None;
            let owed = || payer.session.owed_to(&member.entry.service);
            match asked.then(owed).flatten() {
                None => self.tell(&member.entry.service, paid),
                Some(entry) if self.occasion.is_batch_end() => slow.push((entry, paid)),
                // Somebody looks on: it is waited for once all others are done.
                Some(entry) => under_way.push(entry),
            }
        });
        Later { under_way, slow }
    }

    /// What nobody waits for may be over by the time that all others are.
    fn look_again(&mut self, init: &mut dyn Init, slow: Vec<(Entry, Paid)>) {
        for (entry, before) in slow {
            let looked = self
                .payer
                .look_back(init, &entry, Patience::None, self.console);
            let paid = match looked {
                Looked::Over(paid) => paid,
                Looked::UnderWay | Looked::Due(_) => before,
            };
            self.tell(&entry.service, paid);
        }
    }

    fn sort(
        &mut self,
        entry: Entry,
        found: Found,
        debts: &mut Vec<Debt>,
        under_way: &mut Vec<Entry>,
    ) {
        match found {
            Found::Debt(debt) => debts.push(*debt),
            Found::Over(paid) => self.tell(&entry.service, paid),
            Found::UnderWay => under_way.push(entry),
        }
    }

    /// Tells a person what is about to be done.
    pub(super) fn announce(&mut self, members: &[Member]) {
        let names: Vec<&str> = members
            .iter()
            .map(|member| member.entry.service.as_str())
            .collect();
        match names.as_slice() {
            [] => {}
            names => self
                .console
                .progress(format_args!("paying what is owed to {}", names.join(" "))),
        }
    }

    /// Tells a person whose scripts run beside each other, and will be heard when they are done.
    pub(super) fn announce_side_by_side(&mut self, wave: &[Entry]) {
        let names: Vec<&str> = wave.iter().map(|entry| entry.service.as_str()).collect();
        self.console.progress(format_args!(
            "paying what is owed to {}, side by side",
            names.join(" ")
        ));
    }

    /// Hands on what the script of `service` wrote.
    pub(super) fn pass_on(&mut self, service: &ServiceName, kept: &Shown) {
        self.console.pass_on(&kept.said, &kept.complained);
        if kept.is_cut {
            self.console.complain(format_args!(
                "{service}: its script wrote more than that, which is left out"
            ));
        }
    }

    /// What is to be done about an entry.
    fn found(&mut self, init: &mut dyn Init, entry: &Entry, patience: Patience) -> Found {
        if let Some(paid) = self.payer.waits(entry, self.occasion) {
            return Found::Over(paid);
        }
        let script = script_under(init, entry);
        // Of what only a script knows, the init cannot tell what became of it.
        let looked = match script {
            Some(_) => Looked::Due(Box::new(entry.clone())),
            None => self.payer.look_back(init, entry, patience, self.console),
        };
        let entry = match looked {
            Looked::Due(entry) => entry,
            Looked::Over(paid) => return Found::Over(paid),
            Looked::UnderWay => return Found::UnderWay,
        };
        if let Some(kind) = script {
            return Found::Over(self.payer.pay_by_script(kind, &entry));
        }
        let action = match self.payer.action(&entry) {
            Ok(action) => action,
            Err(paid) => return Found::Over(paid),
        };
        match Debt::observed(self.payer, init, &entry, &action) {
            Ok(debt) => Found::Debt(Box::new(debt)),
            Err(error) => Found::Over(Paid::Waits(error.to_string())),
        }
    }

    /// Lets the init read its definitions again where one that is needed has changed on the disk.
    fn reread(&mut self, init: &mut dyn Init, debts: &mut [Debt]) {
        let way = Way::of(init.kind(), &self.payer.place.root, Told::default());
        // What is replaced file by file was, before anything is paid; and a script is read by each call.
        if way != Way::Reread {
            return;
        }
        let outdated: Vec<&mut Debt> = debts.iter_mut().filter(|debt| debt.is_outdated()).collect();
        if outdated.is_empty() || self.definitions == Definitions::ReadAgain {
            return;
        }
        self.definitions = Definitions::ReadAgain;
        if let Err(error) = init.reread() {
            // As systemctl has it: what is known is used.
            self.console.complain(format_args!(
                "the init cannot read its units again: {error}"
            ));
            return;
        }
        for debt in outdated {
            let action = debt.request.action.clone();
            if let Ok(anew) = Debt::observed(self.payer, init, &debt.entry, &action) {
                *debt = anew;
            }
        }
    }

    /// Decides about `debt`, and who goes along with it; nobody where it was paid, or not, for itself.
    fn taken_on(&mut self, init: &mut dyn Init, debt: Debt) -> Vec<Member> {
        let entry = debt.entry.clone();
        let case = debt.decided(self.payer);
        let case = match case.and_then(|case| self.payer.with_group(init, case, &entry)) {
            Ok(case) => case,
            Err(why) => {
                self.tell(&entry.service, Paid::Kept(why));
                return Vec::new();
            }
        };
        let together = is_paid_together(&case.decision.verdict);
        if together && word_for_script(&entry, &case).is_none() {
            return self.payer.members(entry, case);
        }
        let paid = self.payer.alone(init, &entry, &case);
        self.tell(&entry.service, paid);
        Vec::new()
    }

    /// What a hold adds to the reason: no waiter waits for its end.
    fn after_hold(&self, service: &ServiceName) -> &'static str {
        let holds = self.payer.session.policy.holds();
        match holds.of(service).is_some_and(|held| held.until.is_some()) {
            true => "; `rcpolicy flush` pays it once the hold has ended",
            false => "",
        }
    }

    /// Says what became of the service's debt.
    pub(super) fn tell(&mut self, service: &ServiceName, paid: Paid) {
        let most = self.payer.session.policy.settings().flush_tries;
        let line = match &paid {
            Paid::Done(what) => what.clone(),
            Paid::Left(why) => format!("left alone: {why}"),
            Paid::Kept(why) => format!("still owed: {why}{}", self.after_hold(service)),
            Paid::Waits(why) => format!("still owed: {why}"),
            Paid::Tried(1, why) => format!("still owed: {why}"),
            Paid::Tried(tries, why) => format!("still owed: {why} (failed {tries} times)"),
            Paid::Failed(why) => format!("not owed any more: {why}"),
        };
        let line = format!("{service}: {line}");
        match paid {
            Paid::Done(_) | Paid::Failed(_) => self.console.say_last(service.as_str(), &line),
            Paid::Left(_) | Paid::Kept(_) | Paid::Waits(_) | Paid::Tried(_, _) => {
                self.console.say_once(service.as_str(), &line);
            }
        }
        match paid {
            Paid::Done(_) | Paid::Left(_) => {}
            Paid::Waits(_) => self.left.keep(Again::Later),
            Paid::Tried(tries, _) if tries < most => self.left.keep(Again::Later),
            Paid::Tried(_, _) | Paid::Kept(_) | Paid::Failed(_) => self.left.keep(Again::No),
        }
    }
}

/// Each service once. Who is owed something for itself need not go along with others, unless that is
/// less than the restart that they come to.
pub(super) fn each_once(members: &mut Vec<Member>) {
    members.sort_by_cached_key(|member| {
        let action = &member.case.request.action;
        let restarts = matches!(action, Action::Restart | Action::TryRestart);
        (member.entry.service.clone(), !restarts, member.goes_along())
    });
    members.dedup_by(|one, other| one.entry.service == other.entry.service);
}

/// What a look at an entry leads to.
enum Found {
    Debt(Box<Debt>),
    Over(Paid),
    UnderWay,
}
