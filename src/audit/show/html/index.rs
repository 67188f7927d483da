//! The index of a report: totals, checks, and a row a package. Rows are all that is kept of packages that
//! are written already. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::section::Abouts;
use crate::audit::audited::{Audited, Counts};
use crate::audit::finding::Severity;
use crate::audit::show::about::word;
use crate::report::markup::escaped;

/// What can be searched for in one package, in characters.
const LONGEST_SEARCH: usize = 1_500;

/// A package's row.
#[derive(Debug)]
pub(super) struct Row {
    name: String,
    version: String,
    from: String,
    counts: Counts,
    /// How often each check found something that is not silenced.
    checks: BTreeMap<String, usize>,
    search: String,
    /// Where its link leads.
    link: String,
}

impl Row {
    pub(super) fn of(audited: &Audited, link: String) -> Self {
        let mut checks: BTreeMap<String, usize> = BTreeMap::new();
        let spoken = audited.findings.iter().filter(|one| one.allowed.is_none());
        for finding in spoken {
            *checks.entry(finding.check.clone()).or_default() += 1;
        }
        Self {
            name: audited.package.clone(),
            version: audited.version.clone(),
            from: audited.from.clone(),
            counts: audited.counts(),
            checks,
            search: search(audited),
            link,
        }
    }

    fn html(&self) -> String {
        let Counts {
            errors,
            warnings,
            notes,
            allowed,
        } = self.counts;
        let section = self.link.strip_prefix('#').unwrap_or_default();
        let cell = |class: &str, number: usize| {
            let zero = if number == 0 { " zero" } else { "" };
            format!("<td class=\"count {class}{zero}\">{number}</td>")
        };
        let from = match self.from == self.version {
            true => "itself".to_owned(),
            false => escaped(&self.from),
        };
        format!(
            "<tr data-n=\"{name}\" data-e=\"{errors}\" data-w=\"{warnings}\" data-o=\"{notes}\" data-a=\"{allowed}\" \
             data-f=\"{}\" data-s=\"{section}\"><th scope=\"row\"><a href=\"{}\">{name}</a>\
             <span class=\"version\">{}</span></th><td class=\"wide small\">{from}</td>{}{}{}{}</tr>\n",
            escaped(&self.search),
            escaped(&self.link),
            escaped(&self.version),
            cell("error", errors),
            cell("warning", warnings),
            cell("note", notes),
            cell("wide", allowed),
            name = escaped(&self.name),
        )
    }
}

/// In lower case, as the script has what is typed.
fn search(audited: &Audited) -> String {
    let mut words = vec![audited.package.clone(), audited.version.clone()];
    let checks: BTreeSet<&String> = audited.findings.iter().map(|one| &one.check).collect();
    words.extend(checks.into_iter().cloned());
    words.extend(audited.services.iter().cloned());
    words.extend(audited.findings.iter().map(|one| one.message.clone()));
    let all = words.join(" ").to_lowercase();
    all.chars().take(LONGEST_SEARCH).collect()
}

/// The index: totals, checks, what could not be read, and the table.
pub(super) fn index(rows: &mut [Row], unreadable: &[String], abouts: &Abouts<'_>) -> String {
    rows.sort_by(|a, b| {
        let bad = |row: &Row| (row.counts.errors, row.counts.warnings, row.counts.notes);
        bad(b).cmp(&bad(a)).then_with(|| a.name.cmp(&b.name))
    });
    let table: String = rows.iter().map(Row::html).collect();
    format!(
        "{}{}{}<h2>Packages</h2>\n{FORM}<table id=\"packages\">\n{HEAD}<tbody>\n{table}</tbody>\n</table>\n",
        totals(rows, unreadable),
        broken(unreadable),
        checks(rows, abouts),
    )
}

const FORM: &str = "<form class=\"search\" role=\"search\" hidden>\
    <input type=\"search\" aria-label=\"Search\" placeholder=\"Package, service, check …\" autocomplete=\"off\" spellcheck=\"false\">\
    <select aria-label=\"Show\"><option value=\"any\">all packages</option><option value=\"note\">with findings</option>\
    <option value=\"warning\">with warnings or errors</option><option value=\"error\">with errors</option></select>\
    <output class=\"small faint\" aria-live=\"polite\"></output></form>\n";

const HEAD: &str = "<thead><tr><th scope=\"col\" data-key=\"n\"><button type=\"button\">Package</button></th>\
    <th scope=\"col\" class=\"wide plain\">Upgraded from</th>\
    <th scope=\"col\" class=\"count\" data-key=\"e\"><button type=\"button\">Errors</button></th>\
    <th scope=\"col\" class=\"count\" data-key=\"w\"><button type=\"button\">Warn.</button></th>\
    <th scope=\"col\" class=\"count\" data-key=\"o\"><button type=\"button\">Notes</button></th>\
    <th scope=\"col\" class=\"count wide\" data-key=\"a\"><button type=\"button\">Allowed</button></th></tr></thead>\n";

fn totals(rows: &[Row], unreadable: &[String]) -> String {
    let mut sum = Counts::default();
    rows.iter().for_each(|row| sum.add(row.counts));
    let one = |class: &str, number: usize, what: &str| {
        format!("<li class=\"{class}\"><b>{number}</b>{what}</li>\n")
    };
    let mut list = one("", rows.len(), "packages");
    list.push_str(&one("error", sum.errors, "errors"));
    list.push_str(&one("warning", sum.warnings, "warnings"));
    list.push_str(&one("note", sum.notes, "notes"));
    if sum.allowed > 0 {
        list.push_str(&one("", sum.allowed, "allowed"));
    }
    if !unreadable.is_empty() {
        list.push_str(&one("error", unreadable.len(), "not readable"));
    }
    format!("<ul class=\"totals\">\n{list}</ul>\n")
}

fn broken(unreadable: &[String]) -> String {
    if unreadable.is_empty() {
        return String::new();
    }
    let lines = unreadable
        .iter()
        .map(|text| format!("<li>{}</li>\n", escaped(text)));
    format!(
        "<h2>Not readable</h2>\n<ul class=\"small\">\n{}</ul>\n",
        lines.collect::<String>()
    )
}

/// How many packages have which defect.
fn checks(rows: &[Row], abouts: &Abouts<'_>) -> String {
    let mut found: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (check, times) in rows.iter().flat_map(|row| &row.checks) {
        let (packages, findings) = found.entry(check).or_default();
        *packages += 1;
        *findings += times;
    }
    if found.is_empty() {
        return String::new();
    }
    let severity = |check: &str| abouts.get(check).map(|about| about.severity);
    let mut sorted: Vec<_> = found.into_iter().collect();
    sorted.sort_by(|a, b| {
        let by_severity = severity(b.0).cmp(&severity(a.0));
        by_severity.then(b.1.0.cmp(&a.1.0)).then(a.0.cmp(b.0))
    });
    let line = |(check, (packages, findings)): (&str, (usize, usize))| {
        let severity = word(severity(check).unwrap_or(Severity::Note));
        let title = abouts.get(check).map_or("", |about| about.title);
        let name = escaped(check);
        format!(
            "<tr><td><button type=\"button\" data-search=\"{name}\"><code>{name}</code></button>\
             <span class=\"version\">{}</span></td><td class=\"wide\"><span class=\"badge {severity}\">{severity}</span></td>\
             <td class=\"count\">{packages}</td><td class=\"count\">{findings}</td></tr>\n",
            escaped(title)
        )
    };
    format!(
        "<h2>Checks</h2>\n<table class=\"checks\">\n<thead><tr><th scope=\"col\" class=\"plain\">Check</th>\
         <th scope=\"col\" class=\"wide plain\">Severity</th><th scope=\"col\" class=\"count plain\">Pack.</th>\
         <th scope=\"col\" class=\"count plain\">Findings</th></tr></thead>\n<tbody>\n{}</tbody>\n</table>\n",
        sorted.into_iter().map(line).collect::<String>()
    )
}
