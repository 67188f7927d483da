//! What `rcpolicy doctor` found, for people and as JSON. Pure.

use serde::Serialize;

/// How a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Fine,
    /// Worth knowing, and nothing to be done.
    Note,
    /// It could not be looked at.
    Unknown,
    /// Something that may be meant so.
    Warning,
    /// Something is wrong.
    Problem,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Note => "note",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How it weighs.
    pub level: Level,
    /// What it is about: `policy-rc.d`, `ledger`.
    pub part: &'static str,
    /// What was found.
    pub text: String,
    /// What to do about it.
    pub advice: Option<String>,
}

impl Finding {
    /// Something about `part`.
    pub fn new(level: Level, part: &'static str, text: impl Into<String>) -> Self {
        Self {
            level,
            part,
            text: text.into(),
            advice: None,
        }
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn advising(self, advice: impl Into<String>) -> Self {
        Self {
            advice: Some(advice.into()),
            ..self
        }
    }
}

/// The heaviest of what counts: what is not known and what is only worth knowing does not.
pub fn worst(findings: &[Finding]) -> Level {
    let levels = findings.iter().map(|finding| finding.level);
    let worst = levels.filter(|level| *level >= Level::Warning).max();
    worst.unwrap_or(Level::Fine)
}

/// One line a finding, the heaviest first, what to do below it, and a sum.
pub fn text(findings: &[Finding]) -> String {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    let mut lines = Vec::new();
    for finding in sorted {
        let word = finding.level.word();
        // Each is one line, whatever others have written.
        let said = super::plain::one_line(&finding.text);
        lines.push(format!("{word:<8} {}: {said}", finding.part));
        if let Some(advice) = &finding.advice {
            lines.push(format!("{:<8} -> {}", "", super::plain::one_line(advice)));
        }
    }
    lines.push(sum(findings));
    lines.join("\n")
}

fn sum(findings: &[Finding]) -> String {
    let count = |level: Level| findings.iter().filter(|f| f.level == level).count();
    let (problems, warnings) = (count(Level::Problem), count(Level::Warning));
    let unknown = match count(Level::Unknown) {
        0 => String::new(),
        unknown => format!(", {unknown} not looked at"),
    };
    let s = |count: usize| if count == 1 { "" } else { "s" };
    format!(
        "{problems} problem{}, {warnings} warning{}{unknown}",
        s(problems),
        s(warnings)
    )
}

/// As one JSON document, version 1.
///
/// # Errors
/// When it cannot be written down as JSON.
pub fn json(findings: &[Finding]) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&serde_json::json!({
        "version": 1,
        "worst": worst(findings),
        "findings": findings,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Vec<Finding> {
        vec![
            Finding::new(Level::Fine, "init", "systemd answers"),
            Finding::new(Level::Unknown, "ledger", "not root"),
            Finding::new(Level::Problem, "files", "bad\u{1b}[2J\nfile").advising("chown root FILE"),
            Finding::new(Level::Warning, "tools", "the bypass is on"),
        ]
    }

    #[test]
    fn the_heaviest_comes_first_each_on_a_line_of_its_own() {
        assert_eq!(
            text(&some()),
            "problem  files: bad\u{fffd}[2J\u{fffd}file\n         -> chown root FILE\nwarning  tools: the bypass is on\n\
             unknown  ledger: not root\nfine     init: systemd answers\n1 problem, 1 warning, 1 not looked at"
        );
    }

    #[test]
    fn what_is_not_known_makes_nothing_worse() {
        let mut findings = some();
        assert_eq!(worst(&findings), Level::Problem);
        findings.remove(2);
        assert_eq!(worst(&findings), Level::Warning);
        findings.remove(2);
        assert_eq!(worst(&findings), Level::Fine);
        let document: serde_json::Value = serde_json::from_str(&json(&some()).unwrap()).unwrap();
        assert_eq!(document["worst"], "problem");
        assert_eq!(document["findings"][3]["level"], "warning");
    }
}
