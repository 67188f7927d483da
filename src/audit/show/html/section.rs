//! One package's part of a report. Pure.

use std::collections::BTreeMap;

use super::text::base64;
use crate::audit::audited::{Audited, Timeline};
use crate::audit::finding::{Finding, Spot};
use crate::audit::show::about::{About, word};
use crate::audit::show::seen::Seen;
use crate::report::markup::{escaped, escaped_lines};

/// What the section says of checks, by their identifiers.
pub(super) type Abouts<'a> = BTreeMap<&'a str, About<'a>>;

/// The section, without what stands around it; `id` is its place in the page.
pub(super) fn section(audited: &Audited, id: &str, abouts: &Abouts<'_>) -> String {
    let findings: String = audited
        .findings
        .iter()
        .map(|finding| self::finding(finding, abouts))
        .collect();
    let findings = match findings.is_empty() {
        true => "<p class=\"faint\">Nothing was found.</p>\n".to_owned(),
        false => findings,
    };
    let timelines: String = audited.timelines.iter().map(timeline).collect();
    format!(
        "<section class=\"package\" id=\"{id}\">\n<h2>{} <span class=\"faint\">{}</span></h2>\n{}{findings}{}{timelines}</section>\n",
        escaped(&audited.package),
        escaped(&audited.version),
        facts(audited),
        unread(audited),
    )
}

fn facts(audited: &Audited) -> String {
    let upgrade = match audited.from == audited.version {
        true => "upgraded to itself".to_owned(),
        false => format!("upgraded from {}", escaped(&audited.from)),
    };
    let services: Vec<String> = audited
        .services
        .iter()
        .map(|service| format!("<code>{}</code>", escaped(service)))
        .collect();
    let services = match services.is_empty() {
        true => "no services".to_owned(),
        false => services.join(", "),
    };
    format!(
        "<p class=\"faint small\">{} · {upgrade} · {services}</p>\n",
        escaped(&audited.input.path)
    )
}

fn finding(finding: &Finding, abouts: &Abouts<'_>) -> String {
    let severity = word(finding.severity);
    let (class, badge) = match finding.allowed {
        Some(_) => ("allowed", format!("allowed {severity}")),
        None => (severity, severity.to_owned()),
    };
    let sources: String = finding.spots.iter().map(source).collect();
    let mut notes = String::new();
    for assumed in &finding.assumed {
        notes.push_str(&format!(
            "<p class=\"small faint\">Assumed: <code>{}</code></p>\n",
            escaped(assumed)
        ));
    }
    match &finding.allowed {
        Some(reason) => notes.push_str(&format!("<p>Allowed: {}</p>\n", escaped(reason))),
        None if finding.suggestion.is_empty() => {}
        None => notes.push_str(&format!(
            "<p class=\"change\"><b>Change:</b> {}</p>\n",
            escaped_lines(&finding.suggestion)
        )),
    }
    let why = abouts.get(finding.check.as_str()).map(|about| {
        format!(
            "<details><summary>Why</summary><p>{}</p></details>\n",
            escaped_lines(about.explanation)
        )
    });
    format!(
        "<article class=\"finding {class}\">\n<h3><span class=\"badge {class}\">{badge}</span> {}</h3>\n\
         <p class=\"small faint\"><code>{}</code></p>\n{sources}{notes}{}</article>\n",
        escaped(&finding.message),
        escaped(&finding.check),
        why.unwrap_or_default(),
    )
}

fn source(spot: &Spot) -> String {
    let seen = Seen::of(spot);
    let label = match spot.label.is_empty() {
        true => String::new(),
        false => format!("<div class=\"label\">{}</div>", escaped(&spot.label)),
    };
    let line = match seen.line().trim().is_empty() {
        true => String::new(),
        false => format!(
            "<pre tabindex=\"0\"><span class=\"number\">{}</span>{}<mark>{}</mark>{}</pre>",
            spot.line,
            escaped(&seen.before),
            escaped(&seen.meant),
            escaped(&seen.behind),
        ),
    };
    format!(
        "<figure class=\"source\"><figcaption>{}:{}:{}</figcaption>{line}{label}</figure>\n",
        escaped(&spot.file),
        spot.line,
        spot.column,
    )
}

/// As a picture: whatever an SVG has in it, no script of it runs and it fetches nothing.
fn timeline(timeline: &Timeline) -> String {
    let title = escaped(&timeline.title);
    format!(
        "<details class=\"timeline\"><summary>Timeline: {title}</summary><div class=\"picture\">\
         <img alt=\"Timeline: {title}\" loading=\"lazy\" src=\"data:image/svg+xml;base64,{}\"></div></details>\n",
        base64(timeline.svg.as_bytes())
    )
}

fn unread(audited: &Audited) -> String {
    let line = |text: &String| format!("<li>{}</li>\n", escaped(text));
    match audited.unread.is_empty() {
        true => String::new(),
        false => format!(
            "<details><summary>Not judged: {}</summary><ul class=\"small\">\n{}</ul></details>\n",
            audited.unread.len(),
            audited.unread.iter().map(line).collect::<String>()
        ),
    }
}
