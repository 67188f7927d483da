//! Services of one package that ought to be taken down and brought up together, and nothing says so.

use std::collections::BTreeSet;

use super::event::{Deed, Under};
use super::found::{Found, in_unit};
use super::relations::{FALLS_WITH, is_daemon};
use super::subject::View;
use super::table::Check;
use super::triggers::spot_of;
use crate::audit::course::Way;
use crate::audit::finding::Severity;
use crate::audit::shipped::Unit;
use crate::domain::{UnitKind, UnitName};
use crate::policy::{self, Tier};

/// A template whose instances no upgrade restarts.
pub(super) const TEMPLATE: Check = Check {
    id: "template-without-group",
    title: "instances of a template are not restarted in an upgrade",
    severity: Severity::Note,
    explanation: "The package ships a template that an admin can enable instances of. Its scripts cannot name these, and debhelper \
                  leaves templates out: they go on running the old program after an upgrade.",
    change: "ship a policy file with a group that names the template (members = [\"NAME@\"]), or tie the template by PartOf= to a \
             unit that the scripts restart",
    lintian: &[],
    find: templates,
};

/// Services that belong together.
pub(super) const SEVERAL: Check = Check {
    id: "services-without-group",
    title: "services that are tied to each other are restarted one by one",
    severity: Severity::Note,
    explanation: "Several services of the package depend on each other, and the upgrade restarts them in separate calls: for a while \
                  an old one talks to a new one, and a failure in between leaves half of them new.",
    change: "restart them in one call, or ship a policy file with a group of them: [group.NAME] members = [...]",
    lintian: &[],
    find: several,
};

/// Whether a policy file that the package ships has the service in a group.
fn is_grouped(view: &View<'_>, name: &UnitName) -> bool {
    let files = view.shipped().policies.iter();
    let mut groups =
        files.flat_map(|(path, text)| policy::parse(path, Tier::Vendor, text).file.groups);
    groups.any(|group| {
        let named = |pattern: &policy::Pattern| {
            pattern.matches(&name.service()) || pattern.as_str() == name.stem()
        };
        group.members.iter().any(named)
    })
}

fn templates(view: &View<'_>) -> Vec<Found> {
    let units = view.relations.units();
    let left = units.filter(|unit| unit.name.is_template() && is_daemon(unit) && view.is_whole());
    let left =
        left.filter(|unit| view.relations.can_be_enabled(unit) && !is_grouped(view, &unit.name));
    left.filter(|unit| !is_restarted(view, unit))
        .map(|unit| {
            let spot = spot_of(view, unit, "no script can name its instances");
            Found::at(
                spot,
                format!("no upgrade restarts the instances of `{}`", unit.name),
            )
        })
        .collect()
}

/// Whether an upgrade touches an instance, a name that is not known, or a unit that its instances are tied to.
fn is_restarted(view: &View<'_>, template: &Unit) -> bool {
    let upgrade = view.on(Under::Systemd, Way::Upgrade);
    let tied: BTreeSet<&str> = FALLS_WITH
        .iter()
        .flat_map(|key| template.words("Unit", key))
        .collect();
    upgrade.iter().any(|event| {
        let Some(effect) = event
            .effect
            .as_ref()
            .filter(|effect| effect.deed != Deed::Reload)
        else {
            return false;
        };
        effect.units.iter().any(|unit| match unit {
            None => true,
            Some(unit) => {
                let fallen = view.relations.falls_with(unit);
                unit.is_instance_of(&template.name)
                    || unit.stem().starts_with(template.name.stem())
                    || fallen.iter().any(|unit| tied.contains(unit.as_str()))
            }
        })
    })
}

fn several(view: &View<'_>) -> Vec<Found> {
    let upgrade = view.on(Under::Systemd, Way::Upgrade);
    // Each call with the daemons of the package that it brings up anew.
    let restarts = upgrade.iter().filter(|event| {
        let effect = event.effect.as_ref();
        effect.is_some_and(|effect| effect.deed.brings_up()) && view.is_mine(event.half)
    });
    let calls: BTreeSet<(usize, Vec<UnitName>)> = restarts
        .map(|event| {
            let units = event.units().map(|unit| view.relations.canonical(unit));
            (event.call.place.start, units.collect())
        })
        .collect();
    let mut found = Vec::new();
    for unit in view.relations.units().filter(|unit| is_plain_daemon(unit)) {
        for (key, line) in ties(unit) {
            let Some(other) = UnitName::parse(key)
                .ok()
                .and_then(|name| view.relations.unit(&name))
            else {
                continue;
            };
            let apart =
                is_plain_daemon(other) && other.name != unit.name && are_apart(&calls, unit, other);
            if apart && !is_grouped(view, &unit.name) && view.is_whole() {
                let spot = in_unit(view.package(), line, "this ties them");
                let message = format!(
                    "`{}` and `{}` are restarted in separate calls",
                    other.name, unit.name
                );
                found.push(Found::at(spot, message));
            }
        }
    }
    found
}

fn is_plain_daemon(unit: &Unit) -> bool {
    unit.name.kind() == UnitKind::Service && is_daemon(unit) && !unit.name.is_template()
}

fn ties(unit: &Unit) -> impl Iterator<Item = (&str, &crate::audit::shipped::Directive)> {
    let lines = FALLS_WITH.iter().flat_map(|key| unit.lines("Unit", key));
    lines.flat_map(|line| line.value.split_whitespace().map(move |word| (word, line)))
}

/// Whether both are restarted, and no call restarts both.
fn are_apart(calls: &BTreeSet<(usize, Vec<UnitName>)>, one: &Unit, other: &Unit) -> bool {
    let names = |unit: &Unit| calls.iter().any(|(_, units)| units.contains(&unit.name));
    let both = calls
        .iter()
        .any(|(_, units)| units.contains(&one.name) && units.contains(&other.name));
    names(one) && names(other) && !both
}
