//! SARIF 2.1.0 for CI services, in pieces: the document is opened, each package's results follow, and it is
//! closed. So it is written as results come. Pure.

mod fingerprint;
mod place;

use serde_json::{Value, json};

use super::about::{About, word};
use crate::audit::audited::{Audited, Unreadable};
use crate::audit::finding::Finding;
use crate::report::plain::{lines, one_line};
use fingerprint::Fingerprints;

/// Where the format's schema is found.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json";

/// A document that is being written.
#[derive(Debug, Default)]
pub struct Sarif {
    /// Whether a result was written: the next one needs a comma.
    begun: bool,
    /// What could not be read, or not judged.
    notifications: Vec<Value>,
    /// Whether a package could not be read at all.
    failed: bool,
}

impl Sarif {
    /// All that stands before the results. The rules are those of `checks`.
    pub fn open(checks: &[About<'_>]) -> String {
        let rules: Vec<Value> = checks.iter().map(rule).collect();
        let driver = json!({
            "name": "rcpolicy",
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": rules,
        });
        format!(
            "{{\"$schema\":{},\"version\":\"2.1.0\",\"runs\":[{{\"tool\":{},\"columnKind\":\"unicodeCodePoints\",\"results\":[",
            json!(SCHEMA),
            json!({"driver": driver}),
        )
    }

    /// The results of one package.
    pub fn package(&mut self, audited: &Audited) -> String {
        let mut fingerprints = Fingerprints::default();
        let mut text = String::new();
        for finding in &audited.findings {
            let comma = if self.begun { "," } else { "" };
            let result = result(audited, finding, &mut fingerprints);
            text.push_str(&format!("{comma}\n{result}"));
            self.begun = true;
        }
        for unread in &audited.unread {
            let of = format!("{} {}: {unread}", audited.package, audited.version);
            self.notifications.push(notification("warning", &of));
        }
        text
    }

    /// A package that could not be read: the run was not a success.
    pub fn unreadable(&mut self, unreadable: &Unreadable) {
        let told = notification("error", &unreadable.error);
        self.notifications.push(told);
        self.failed = true;
    }

    /// All that stands behind the results.
    pub fn close(&self) -> String {
        let invocation = json!({
            "executionSuccessful": !self.failed,
            "toolExecutionNotifications": self.notifications,
        });
        format!("\n],\"invocations\":[{invocation}]}}]}}\n")
    }
}

fn notification(level: &str, text: &str) -> Value {
    json!({"level": level, "message": {"text": one_line(text)}})
}

fn rule(about: &About<'_>) -> Value {
    let help = format!("{}\n\n{}", about.explanation.trim(), about.change.trim());
    json!({
        "id": about.id,
        "shortDescription": {"text": about.title},
        "fullDescription": {"text": about.explanation.trim()},
        "help": {"text": help.trim()},
        "defaultConfiguration": {"level": word(about.severity)},
    })
}

fn result(audited: &Audited, finding: &Finding, fingerprints: &mut Fingerprints) -> Value {
    let mut spots = finding.spots.iter();
    let first = spots.next();
    let main = match first {
        Some(spot) => place::location(audited, spot),
        None => place::whole(audited),
    };
    let related: Vec<Value> = spots.map(|spot| place::location(audited, spot)).collect();
    let mut result = json!({
        "ruleId": one_line(&finding.check),
        "level": word(finding.severity),
        "message": {"text": message(finding)},
        "locations": [main],
        "partialFingerprints": {"rcpolicyFinding/v1": fingerprints.of(finding)},
        "properties": {"package": one_line(&finding.package), "version": one_line(&finding.version)},
    });
    let mut also = |name: &str, value: Value| {
        if let Some(object) = result.as_object_mut() {
            object.insert(name.to_owned(), value);
        }
    };
    if !related.is_empty() {
        also("relatedLocations", json!(related));
    }
    if let Some(reason) = &finding.allowed {
        let suppression = json!({
            "kind": "inSource",
            "status": "accepted",
            "justification": one_line(reason),
        });
        also("suppressions", json!([suppression]));
    }
    result
}

/// What is wrong, what to do, and what that rests on.
fn message(finding: &Finding) -> String {
    let mut text = one_line(&finding.message);
    let change = lines(finding.suggestion.trim());
    if !change.is_empty() {
        text.push_str(&format!("\n{change}"));
    }
    for assumed in &finding.assumed {
        text.push_str(&format!("\nAssumed: {}", one_line(assumed)));
    }
    text
}

#[cfg(test)]
mod tests;
