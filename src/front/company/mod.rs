//! Who goes along with what a script names: the members of its group. They are looked for, and asked about,
//! only where a group has the service; where one of them must be left alone, all of them are.

use crate::decide::{Part, Role, Together, also_asked, companion, decide, objection, together};
use crate::domain::order;
use crate::domain::{
    Action, ActiveState, FrontEnd, LoadState, Reason, Request, Source, UnitFacts, UnitName, Verdict,
};
use crate::init::related::{may_be_up, related};
use crate::init::{Depth, Init, InitError};
use crate::ledger::Entry;
use crate::policy::Group;

use super::inquiry::{Asker, Stuck};
use super::perform::{Case, Session, complete, one_unit};
use super::unconfigured::{Configured, Package};

/// A member that takes part, and how.
struct Member {
    unit: UnitFacts,
    role: Role,
    package: Package,
}

impl Session {
    /// Adds to `case` what its group is asked for because of it.
    ///
    /// # Errors
    /// When the init or policy-rc.d gave no answer.
    pub(super) fn with_company(
        &self,
        init: &mut dyn Init,
        mut case: Case,
        asker: &mut dyn Asker,
    ) -> Result<Case, Stuck> {
        let service = case.facts.unit.id.service();
        let Some(found) = self.policy.group_of(&service) else {
            return Ok(case);
        };
        let Some(what) = together(&case.decided()) else {
            return Ok(case);
        };
        let group = found.group;
        let members = self.members(init, &case, group, what)?;
        let name = &group.name;
        // A flush can wait; a script that asks for a restart now cannot.
        let waits = case.request.front == FrontEnd::Rcpolicy && what == Together::Renewed;
        let is_late = |member: &&Member| member.package != Package::Ready;
        let awaited = members.iter().find(is_late).filter(|_| waits);
        let text = if let Some(member) = awaited {
            case.decision.verdict = Verdict::Hold;
            format!("group {name} waits: {}", unready(member))
        } else {
            match self.consider_members(init, &mut case, members, asker)? {
                Some(why) => format!("the rest of group {name} goes on: {why}"),
                None if case.companions.is_empty() => return Ok(case),
                None => said(name, what, &case.companions),
            }
        };
        if what == Together::Renewed && !case.companions.is_empty() {
            self.look_around(init, &mut case)?;
        }
        told(&mut case, found.source, text);
        Ok(case)
    }

    /// Adds those who take part; where one cannot, nobody, and the reason is returned.
    fn consider_members(
        &self,
        init: &mut dyn Init,
        case: &mut Case,
        members: Vec<Member>,
        asker: &mut dyn Asker,
    ) -> Result<Option<String>, Stuck> {
        // It might go down for good.
        let is_unknown = |member: &&Member| member.package == Package::Unknown;
        if let Some(member) = members.iter().find(is_unknown) {
            return Ok(Some(unready(member)));
        }
        for member in members {
            let role = member.role;
            let companion = self.consider_member(init, case, member, asker)?;
            match (objection(&companion.decided(), &self.policy), role) {
                (None, _) => case.companions.push(companion),
                // It stays noted.
                (Some(_), Role::Started) => {}
                (Some(why), Role::Stopped | Role::Renewed) => {
                    case.companions.clear();
                    return Ok(Some(why));
                }
            }
        }
        Ok(None)
    }

    fn consider_member(
        &self,
        init: &mut dyn Init,
        case: &Case,
        member: Member,
        asker: &mut dyn Asker,
    ) -> Result<Case, Stuck> {
        let Member { unit, role, .. } = member;
        let request = companion(&case.request, &unit.id, role);
        let (mut facts, owed) = self.observe(init, &request, Some(unit))?;
        facts.machine = case.facts.machine.clone();
        facts.helper = asker.ask(&request.named, request.action.as_str())?;
        let mut others = also_asked(&request, &facts, owed.as_ref());
        if role == Role::Stopped {
            // What may not come back is not taken down.
            others.push((facts.unit.id.clone(), Action::Start));
        }
        for (unit, action) in others {
            let answer = asker.ask(&called(&case.request, &unit), action.as_str())?;
            facts.helper_related.push((unit, answer));
        }
        // It goes along with one that is restarted, however old it is itself.
        let decision = decide(&request, &facts, &self.policy, owed.as_ref());
        let mut companion = Case::new(request, facts, decision, owed);
        companion.part = Part::Along;
        if role == Role::Renewed {
            self.look_around(init, &mut companion)?;
        }
        Ok(companion)
    }

    /// Finds out what a restart has to know that becomes a stop and a start.
    fn look_around(&self, init: &mut dyn Init, case: &mut Case) -> Result<(), InitError> {
        let facts = &mut case.facts;
        facts.unit = one_unit(init, &facts.unit.id, Depth::Relations)?;
        facts.related = related(init, &facts.unit, &Action::Restart)?;
        match &case.owed {
            Some(entry) => complete(init, facts, entry),
            None => Ok(()),
        }
    }

    /// The members that are concerned, but for the one that was named.
    fn members(
        &self,
        init: &mut dyn Init,
        case: &Case,
        group: &Group,
        what: Together,
    ) -> Result<Vec<Member>, InitError> {
        let noted = match what {
            Together::Down => Vec::new(),
            Together::Renewed | Together::Up => self.went_along(group),
        };
        let mut names: Vec<UnitName> = noted.iter().map(|entry| entry.unit.clone()).collect();
        if what != Together::Up {
            names.extend(group.named());
            names.extend(init.services(&group.beginnings())?);
        }
        order::sort(&mut names);
        names.dedup();
        let mut units = init.units(&names, Depth::Relations)?;
        units.retain(|unit| {
            let member = group.place(&unit.id.service()).is_some();
            let there = !unit.load.is_and(|load| *load == LoadState::NotFound);
            member && there && unit.id != case.facts.unit.id
        });
        order::sort_by(&mut units, |one, other| one.id.cmp(&other.id));
        units.dedup_by(|one, other| one.id == other.id);
        self.with_roles(init, units, &noted, what)
    }

    fn with_roles(
        &self,
        init: &mut dyn Init,
        units: Vec<UnitFacts>,
        noted: &[Entry],
        what: Together,
    ) -> Result<Vec<Member>, InitError> {
        let mut configured: Option<Configured> = None;
        let mut members = Vec::new();
        for unit in units {
            let Some(role) = role(init, &unit, noted, what)? else {
                continue;
            };
            let package = if role == Role::Stopped {
                Package::Ready
            } else {
                let configured = configured.get_or_insert_with(|| self.configured());
                configured.package_of(&unit.id)
            };
            let role = match (role, package) {
                (Role::Started, Package::Awaited | Package::Unknown) => continue,
                // It comes back with its own package's postinst, or at the batch's end.
                (Role::Renewed, Package::Awaited) => Role::Stopped,
                (role, _) => role,
            };
            members.push(Member {
                unit,
                role,
                package,
            });
        }
        Ok(members)
    }

    /// What is noted of members that went down with their group.
    fn went_along(&self, group: &Group) -> Vec<Entry> {
        let Some(ledger) = &self.ledger else {
            return Vec::new();
        };
        let mut entries = match ledger.about(|service| group.place(service).is_some()) {
            Ok(entries) => entries,
            Err(error) => {
                self.voice.warn(&error.to_string());
                Vec::new()
            }
        };
        entries.retain(Entry::went_along);
        entries
    }
}

/// What becomes of a member; `None` where it has no part in it.
fn role(
    init: &mut dyn Init,
    unit: &UnitFacts,
    noted: &[Entry],
    what: Together,
) -> Result<Option<Role>, InitError> {
    let is_noted = |entry: &Entry| entry.unit == unit.id || entry.unit == unit.asked;
    if is_at_its_task(unit) {
        return Ok(None);
    }
    Ok(match what {
        Together::Down => takes_part(init, unit)?.then_some(Role::Stopped),
        Together::Renewed if may_be_up(unit) => Some(Role::Renewed),
        Together::Renewed | Together::Up => {
            (unit.is_down() && noted.iter().any(is_noted)).then_some(Role::Started)
        }
    })
}

/// Whether it is a task that runs once and is not over: a stop would kill it, and what it was doing would
/// not be gone on with. It ends by itself.
fn is_at_its_task(unit: &UnitFacts) -> bool {
    let begun = unit
        .active
        .is_and(|state| *state == ActiveState::Activating);
    unit.oneshot && begun
}

/// Why a member's package is no reason to think that it may be started.
fn unready(member: &Member) -> String {
    let unit = &member.unit.id;
    match member.package {
        Package::Ready | Package::Awaited => format!("the package of {unit} is not configured"),
        Package::Unknown => format!("whether the package of {unit} is configured is not known"),
    }
}

/// Whether a stop of its group concerns a unit: it runs, or something could wake it.
fn takes_part(init: &mut dyn Init, unit: &UnitFacts) -> Result<bool, InitError> {
    if may_be_up(unit) || unit.bus_activated {
        return Ok(true);
    }
    let triggers = init.units(&unit.triggered_by, Depth::State)?;
    Ok(triggers.iter().any(may_be_up))
}

/// How the tool that was called writes the name of another unit.
fn called(request: &Request, unit: &UnitName) -> String {
    match request.front {
        FrontEnd::DebSystemdInvoke => unit.to_string(),
        FrontEnd::InvokeRcD | FrontEnd::Rcpolicy => unit.service().to_string(),
    }
}

fn told(case: &mut Case, source: Source, text: String) {
    case.decision
        .reasons
        .push(Reason::new(source, text.clone()));
    case.company = Some(text);
}

fn said(group: &str, what: Together, companions: &[Case]) -> String {
    let units = companions.iter().map(|companion| &companion.facts.unit.id);
    let names: Vec<&str> = units.map(UnitName::as_str).collect();
    let names = names.join(" ");
    match what {
        Together::Down => format!("group {group} goes down with it: {names}"),
        Together::Renewed => format!("group {group} goes down and comes up with it: {names}"),
        Together::Up => format!("group {group} comes up with it: {names}"),
    }
}

#[cfg(test)]
mod tests;
