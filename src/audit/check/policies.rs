//! What is rcpolicy's own in a package: policy files that it ships, and flags that only rcpolicy knows.

use super::found::{Found, in_script, in_text};
use super::subject::{Event, View};
use super::table::Check;
use crate::audit::call::{Tool, Word};
use crate::audit::finding::Severity;
use crate::domain::{Action, ServiceName};
use crate::policy::{self, PolicyFile, Rule, Tier};

/// A broken policy file.
pub(super) const BROKEN: Check = Check {
    id: "policy-file-broken",
    title: "a shipped policy file is broken",
    severity: Severity::Error,
    explanation: "rcpolicy leaves out a file of a package that it cannot read, with a warning on every call. Nothing of what the \
                  file says applies.",
    change: "mend it: rcpolicy check FILE shows every mistake",
    lintian: &[],
    find: broken,
};

/// A policy file that says what the scripts do not do.
pub(super) const CONTRADICTS: Check = Check {
    id: "policy-contradicts-scripts",
    title: "a shipped policy file speaks of what the package's scripts never do",
    severity: Severity::Warning,
    explanation: "A rule of the shipped policy file, or a member of its group, names a service that the package does not ship, or an \
                  action that none of its scripts asks for: it never applies. Either the rule or the script is not what was meant.",
    change: "name services and actions as the scripts do",
    lintian: &[],
    find: contradicts,
};

/// A flag without rcpolicy.
pub(super) const FLAG: Check = Check {
    id: "flag-without-dependency",
    title: "`--quiesce` or `--defer` in a package that does not depend on rcpolicy",
    severity: Severity::Error,
    explanation: "The stock invoke-rc.d refuses options that it does not know with status 103 and does nothing: the service is not stopped \
                  or restarted, and where the status is not hidden the script fails. The stock deb-systemd-invoke \
                  leaves them out with a warning.",
    change: "ship a 50-NAME.toml in /usr/lib/rcpolicy/policy.d in place of the flag, which is harmless without rcpolicy; or depend on it",
    lintian: &[],
    find: flags,
};

/// The policy files, as far as they can be read.
fn files<'v>(view: &'v View<'_>) -> impl Iterator<Item = (&'v str, &'v str, policy::Parsed)> {
    let shipped = view.shipped().policies.iter();
    shipped.map(|(path, text)| {
        (
            path.as_str(),
            text.as_str(),
            policy::parse(path, Tier::Vendor, text),
        )
    })
}

fn broken(view: &View<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for (path, text, parsed) in files(view) {
        for problem in parsed.problems.iter().filter(|problem| problem.is_error()) {
            let line = problem.place.as_ref().map_or(1, |place| place.line);
            let line = u32::try_from(line).unwrap_or(u32::MAX);
            found.push(Found::at(
                in_text(path, text, line, ""),
                problem.message.clone(),
            ));
        }
    }
    found
}

fn contradicts(view: &View<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    if !view.is_whole() {
        return found;
    }
    for (path, text, parsed) in files(view) {
        if parsed.is_broken() {
            continue;
        }
        let lines = stray(view, &parsed.file);
        found.extend(lines.into_iter().map(|(line, message)| {
            let line = u32::try_from(line).unwrap_or(u32::MAX);
            Found::at(in_text(path, text, line, ""), message)
        }));
    }
    found
}

/// What of a policy file never applies to this package, by line.
fn stray(view: &View<'_>, file: &PolicyFile) -> Vec<(usize, String)> {
    let known = services(view);
    let mut stray = Vec::new();
    for rule in &file.rules {
        let named: Vec<&ServiceName> = known
            .iter()
            .filter(|service| means(rule, service))
            .collect();
        if named.is_empty() {
            stray.push((
                rule.line,
                "no service of the package is meant by this rule".to_owned(),
            ));
        } else if !asked(view, rule, &named) {
            let words: Vec<&str> = rule.action.iter().map(Action::as_str).collect();
            let message = format!(
                "no script of the package asks for `{}` of these services",
                words.join("`, `")
            );
            stray.push((rule.line, message));
        }
    }
    for group in &file.groups {
        for member in &group.members {
            // A template means its instances.
            let template = member.as_str().ends_with('@');
            if !template && !known.iter().any(|service| member.matches(service)) {
                let message = format!("`{}` is no service of the package", member.as_str());
                stray.push((group.line, message));
            }
        }
    }
    stray
}

fn means(rule: &Rule, service: &ServiceName) -> bool {
    rule.service.is_empty() || rule.service.iter().any(|pattern| pattern.matches(service))
}

/// The services that the package ships, and those that its scripts name.
fn services(view: &View<'_>) -> Vec<ServiceName> {
    let units = view.shipped().units.values();
    let names = units.flat_map(|unit| std::iter::once(&unit.name).chain(&unit.aliases));
    let units = names.map(|name| name.service());
    let scripts = view.shipped().init_scripts.iter();
    let scripts = scripts.filter_map(|script| ServiceName::parse(&script.name).ok());
    let calls = view.calls().into_iter();
    let called: Vec<ServiceName> = calls
        .flat_map(|event| event.units().map(|unit| unit.service()).collect::<Vec<_>>())
        .collect();
    units.chain(scripts).chain(called).collect()
}

/// Whether a script asks for one of the rule's actions of a service that it means, or of one that is not known.
fn asked(view: &View<'_>, rule: &Rule, services: &[&ServiceName]) -> bool {
    rule.action.is_empty()
        || view.calls().into_iter().any(|event| {
            let action = event.asked.action().map(Action::parse);
            let action = action.is_none_or(|action| rule.action.contains(&action));
            let unknown = event
                .effect
                .as_ref()
                .is_some_and(|effect| effect.units.contains(&None));
            let mut units = event.units();
            action && (unknown || units.any(|unit| services.contains(&&unit.service())))
        })
}

fn flags(view: &View<'_>) -> Vec<Found> {
    if depends(view) {
        return Vec::new();
    }
    let calls = view.calls().into_iter();
    calls
        .filter_map(|event| {
            let flag = flag(event)?;
            let spot = in_script(event.half.package, event.call.place, "");
            let message =
                format!("`{flag}` is asked for, and the package does not depend on rcpolicy");
            let found = Found::at(spot, message).assuming(event.call);
            Some(match event.call.tool {
                Tool::InvokeRcD => found,
                // The flag is dropped, and the action done as it always was.
                _ => found.of_severity(Severity::Warning),
            })
        })
        .collect()
}

fn flag<'e>(event: &'e Event<'_>) -> Option<&'e str> {
    let tool = matches!(event.call.tool, Tool::InvokeRcD | Tool::DebSystemdInvoke);
    let options = event.asked.options.iter().filter(|_| tool);
    let mut known = options.filter_map(Word::known);
    known.find(|option| {
        let name = option.split('=').next().unwrap_or(option);
        matches!(name, "--quiesce" | "--defer")
    })
}

fn depends(view: &View<'_>) -> bool {
    let fields = ["depends", "pre-depends"].into_iter();
    let named = fields.filter_map(|field| view.package().fields.get(field));
    let mut clauses = named.flat_map(|value| value.split(','));
    view.package().name == "rcpolicy"
        || clauses.any(|clause| {
            let name = clause.trim().split([' ', '(', ':', '[']).next();
            // `rcpolicy | other` is met by the other, too.
            name == Some("rcpolicy") && !clause.contains('|')
        })
}
