//! What an empty setting takes back: what was said before it, in the file or in one that it is dropped
//! into. See systemd.unit(5), systemd.socket(5), systemd.timer(5), systemd.path(5).

use super::Directive;

/// Dependencies, which can only be added to.
const ONLY_ADDED: [&str; 18] = [
    "After",
    "Before",
    "BindsTo",
    "Conflicts",
    "JoinsNamespaceOf",
    "OnFailure",
    "OnSuccess",
    "PartOf",
    "PropagatesReloadTo",
    "PropagatesStopTo",
    "ReloadPropagatedFrom",
    "Requires",
    "RequiresMountsFor",
    "Requisite",
    "StopPropagatedFrom",
    "Upholds",
    "Wants",
    "WantsMountsFor",
];

/// Settings of which one, empty, takes all others back: by section, and how their names begin.
const TOGETHER: [(&str, &[&str]); 5] = [
    ("Unit", &["Condition"]),
    ("Unit", &["Assert"]),
    ("Socket", &["Listen"]),
    (
        "Timer",
        &[
            "OnActiveSec",
            "OnBootSec",
            "OnCalendar",
            "OnStartupSec",
            "OnUnitActiveSec",
            "OnUnitInactiveSec",
        ],
    ),
    (
        "Path",
        &[
            "DirectoryNotEmpty",
            "PathChanged",
            "PathExists",
            "PathModified",
        ],
    ),
];

/// `directives` without what later ones take back, and without these.
pub(super) fn apply(directives: Vec<Directive>) -> Vec<Directive> {
    let mut kept: Vec<Directive> = Vec::with_capacity(directives.len());
    for directive in directives {
        if !directive.value.is_empty() {
            kept.push(directive);
        } else if !is_only_added(&directive) {
            kept.retain(|earlier| !takes_back(&directive, earlier));
        }
    }
    kept
}

fn is_only_added(directive: &Directive) -> bool {
    directive.section == "Unit" && ONLY_ADDED.contains(&directive.key.as_str())
}

fn takes_back(empty: &Directive, earlier: &Directive) -> bool {
    if empty.section != earlier.section {
        return false;
    }
    empty.key == earlier.key
        || TOGETHER.iter().any(|(section, names)| {
            let is = |directive: &Directive| names.iter().any(|n| directive.key.starts_with(n));
            *section == empty.section && is(empty) && is(earlier)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(text: &str) -> Vec<String> {
        let (directives, _) = super::super::unit_file::parse("a", text);
        let left = apply(directives).into_iter();
        left.map(|d| format!("{}={}", d.key, d.value)).collect()
    }

    #[test]
    fn an_empty_setting_takes_back_what_stood_before_it() {
        let text = "[Service]\nExecStart=a\nExecStop=b\nExecStart=\nExecStart=c\n";
        assert_eq!(left(text), ["ExecStop=b", "ExecStart=c"]);
        assert_eq!(left("[Service]\nType=\n[Unit]\nType=a\n"), ["Type=a"]);
    }

    #[test]
    fn dependencies_are_only_added_to() {
        assert_eq!(
            left("[Unit]\nAfter=a\nAfter=\nAfter=b\n"),
            ["After=a", "After=b"]
        );
        assert_eq!(
            left("[Install]\nWantedBy=a\nWantedBy=\n"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn what_a_unit_listens_on_waits_for_or_demands_is_taken_back_as_a_whole() {
        let socket = "[Socket]\nListenStream=1\nListenDatagram=2\nAccept=yes\nListenStream=\n";
        assert_eq!(left(socket), ["Accept=yes"]);
        let timer = "[Timer]\nOnCalendar=daily\nOnBootSec=1\nPersistent=true\nOnCalendar=\n";
        assert_eq!(left(timer), ["Persistent=true"]);
        let unit = "[Unit]\nConditionPathExists=/a\nAssertPathExists=/b\nConditionUser=\n";
        assert_eq!(left(unit), ["AssertPathExists=/b"]);
        assert_eq!(
            left("[Path]\nPathExists=/a\nUnit=b\nPathChanged=\n"),
            ["Unit=b"]
        );
    }
}
