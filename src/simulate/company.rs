//! Who goes along in the model with what a script names: the members of its group. All packages but the
//! one that is played are configured, and nobody but the policy is asked.

use crate::decide::{Part, Role, Together, companion, objection, together};
use crate::domain::{Action, LoadState, UnitFacts, UnitName};
use crate::init::related::{may_be_up, related};
use crate::init::simulated::Simulated;
use crate::init::{Depth, Init, InitError};
use crate::ledger::Entry;
use crate::policy::Group;

use super::considered::{Considered, GoesBy};

/// `case`, and what its group is asked for because of it; alone where one of them cannot take part.
pub(super) fn with_company(
    goes_by: &GoesBy,
    machine: &mut Simulated,
    mut case: Considered,
) -> Result<Vec<Considered>, InitError> {
    let service = case.facts.unit.id.service();
    let Some(found) = goes_by.policy.group_of(&service) else {
        return Ok(vec![case]);
    };
    let Some(what) = together(&case.decided()) else {
        return Ok(vec![case]);
    };
    let mut along = Vec::new();
    for (unit, role) in members(goes_by, machine, &case, (found.group, what))? {
        let request = companion(&case.request, &unit, role);
        let mut member = goes_by.consider(machine, request, Part::Along)?;
        match (objection(&member.decided(), &goes_by.policy), role) {
            (None, Role::Renewed) => look_around(machine, &mut member)?,
            (None, Role::Stopped | Role::Started) => {}
            (Some(_), Role::Started) => continue,
            (Some(_), Role::Stopped | Role::Renewed) => return Ok(vec![case]),
        }
        along.push(member);
    }
    if what == Together::Renewed && !along.is_empty() {
        look_around(machine, &mut case)?;
    }
    along.insert(0, case);
    Ok(along)
}

/// What a restart has to know that becomes a stop and a start.
fn look_around(machine: &mut Simulated, case: &mut Considered) -> Result<(), InitError> {
    case.facts.related = related(machine, &case.facts.unit, &Action::Restart)?;
    Ok(())
}

fn members(
    goes_by: &GoesBy,
    machine: &mut Simulated,
    case: &Considered,
    (group, what): (&Group, Together),
) -> Result<Vec<(UnitName, Role)>, InitError> {
    let noted: Vec<&Entry> = match what {
        Together::Down => Vec::new(),
        Together::Renewed | Together::Up => {
            let ours = |entry: &&Entry| entry.went_along() && group.place(&entry.service).is_some();
            goes_by.owed().filter(ours).collect()
        }
    };
    let mut names: Vec<UnitName> = noted.iter().map(|entry| entry.unit.clone()).collect();
    if what != Together::Up {
        names.extend(group.named());
        names.extend(machine.services(&group.beginnings())?);
    }
    names.sort();
    names.dedup();
    names.retain(|name| *name != case.facts.unit.id && group.place(&name.service()).is_some());
    let mut units = machine.units(&names, Depth::Relations)?;
    units.retain(|unit| !unit.load.is_and(|load| *load == LoadState::NotFound));
    let mut found = Vec::new();
    for unit in units {
        let is_noted = noted.iter().any(|entry| entry.unit == unit.id);
        let role = match what {
            Together::Down => takes_part(machine, &unit)?.then_some(Role::Stopped),
            Together::Renewed if may_be_up(&unit) => Some(Role::Renewed),
            Together::Renewed | Together::Up => {
                (unit.is_down() && is_noted).then_some(Role::Started)
            }
        };
        found.extend(role.map(|role| (unit.id, role)));
    }
    Ok(found)
}

/// Whether a stop of its group concerns a unit: it runs, or something could wake it.
fn takes_part(machine: &mut Simulated, unit: &UnitFacts) -> Result<bool, InitError> {
    if may_be_up(unit) || unit.bus_activated {
        return Ok(true);
    }
    let triggers = machine.units(&unit.triggered_by, Depth::State)?;
    Ok(triggers.iter().any(may_be_up))
}
