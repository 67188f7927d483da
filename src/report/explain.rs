//! An explanation of one decision, as text or as JSON. Pure: what was found out goes in, text comes out.

use serde::Serialize;

use super::plain::one_line;
use crate::domain::{Facts, Known, Reason, UnitFacts, UnitName, Verdict};

/// One thing that was observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// Of what.
    pub of: String,
    /// What was seen; `None` where it is not known.
    pub is: Option<String>,
    /// Why it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

impl Fact {
    /// Something that was seen.
    pub fn seen(of: impl Into<String>, is: impl Into<String>) -> Self {
        Self {
            of: of.into(),
            is: Some(is.into()),
            unknown: None,
        }
    }

    /// Something that is not known.
    pub fn unknown(of: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            of: of.into(),
            is: None,
            unknown: Some(why.into()),
        }
    }
}

/// All there is to say about one decision.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// Of this format.
    pub version: u32,
    /// The call that is explained.
    pub call: String,
    /// Who is taken to ask.
    pub asked_by: String,
    /// What is decided.
    pub verdict: Verdict,
    /// Why.
    pub reasons: Vec<Reason>,
    /// What would be done, in order.
    pub steps: Vec<String>,
    /// What was observed, and what could not be.
    pub facts: Vec<Fact>,
    /// What else there is to know.
    pub notes: Vec<String>,
}

impl Explanation {
    /// As one JSON document.
    ///
    /// # Errors
    /// Never for what was parsed from names and words.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    /// As text; `verdict` is its word.
    pub fn text(&self, verdict: &str) -> String {
        let mut lines = vec![
            format!("{}, asked by {}", self.call, self.asked_by),
            String::new(),
            format!("verdict: {verdict}"),
        ];
        for reason in &self.reasons {
            lines.push(format!("  because: {} ({})", reason.text, reason.source));
        }
        lines.extend([String::new(), "what would be done:".to_owned()]);
        let steps = self.steps.iter().enumerate();
        lines.extend(steps.map(|(n, step)| format!("  {}. {step}", n + 1)));
        if self.steps.is_empty() {
            lines.push("  nothing".to_owned());
        }
        lines.extend([String::new(), "what is known:".to_owned()]);
        for fact in &self.facts {
            if let Some(is) = &fact.is {
                lines.push(format!("  {}: {is}", fact.of));
            }
        }
        let unknown: Vec<String> = self.facts.iter().filter_map(unknown).collect();
        if !unknown.is_empty() {
            lines.extend([String::new(), "what is not known:".to_owned()]);
            lines.extend(unknown);
        }
        if !self.notes.is_empty() {
            lines.push(String::new());
            lines.extend(self.notes.iter().map(|note| format!("note: {note}")));
        }
        let lines: Vec<String> = lines.iter().map(|line| one_line(line)).collect();
        lines.join("\n")
    }
}

fn unknown(fact: &Fact) -> Option<String> {
    let why = fact.unknown.as_ref()?;
    Some(format!("  {}: {why}", fact.of))
}

/// What is known of the units around a decision.
pub fn units(facts: &Facts) -> Vec<Fact> {
    let all = std::iter::once(&facts.unit).chain(&facts.related);
    all.flat_map(unit).collect()
}

fn unit(unit: &UnitFacts) -> Vec<Fact> {
    let name = unit.id.as_str();
    let mut seen = Vec::new();
    let mut found = Vec::new();
    if unit.asked != unit.id {
        seen.push(format!("the unit behind {}", unit.asked));
    }
    let states = [
        ("load state", word(&unit.load)),
        ("state", word(&unit.active)),
        ("enabled state", word(&unit.file)),
    ];
    for (which, state) in states {
        match state {
            Known::Is(word) => seen.push(word),
            Known::Unknown(why) => found.push(Fact::unknown(format!("{which} of {name}"), why)),
        }
    }
    for (text, list) in [
        ("can be started by", &unit.triggered_by),
        ("starts", &unit.triggers),
        ("required by", &unit.required_by),
        ("pulls in", &unit.pulls_in),
    ] {
        if !list.is_empty() {
            let names: Vec<&str> = list.iter().map(UnitName::as_str).collect();
            seen.push(format!("{text} {}", names.join(" ")));
        }
    }
    for (is, text) in [
        (unit.bus_activated, "can be started by a D-Bus call"),
        (unit.has_fd_store, "keeps file descriptors"),
        (unit.accepts, "starts one instance a connection"),
    ] {
        if is {
            seen.push(text.to_owned());
        }
    }
    if !seen.is_empty() {
        found.insert(0, Fact::seen(name, seen.join(", ")));
    }
    found
}

/// The word of the ledger's and the policy's languages for a state.
fn word<T: Serialize>(state: &Known<T>) -> Known<String> {
    match state {
        Known::Unknown(why) => Known::Unknown(why.clone()),
        Known::Is(state) => Known::Is(match serde_json::to_value(state) {
            Ok(serde_json::Value::String(word)) => word,
            Ok(serde_json::Value::Object(map)) => map
                .values()
                .filter_map(|value| value.as_str())
                .collect::<Vec<_>>()
                .join(" "),
            Ok(_) | Err(_) => String::new(),
        }),
    }
}
