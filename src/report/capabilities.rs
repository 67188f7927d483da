//! The table of what each init can do, as the README has it.

use crate::domain::{Ability, InitKind};

/// The table in Markdown: a line for each ability, a column for each init that a machine can run.
pub fn table() -> String {
    let kinds: Vec<InitKind> = InitKind::ALL
        .into_iter()
        .filter(|kind| *kind != InitKind::Simulated)
        .collect();
    let names = kinds.iter().map(|kind| kind.as_str().to_owned());
    let mut lines = vec![line("", names), line("---", kinds.iter().map(rule))];
    let abilities = InitKind::Systemd.capabilities().each();
    for (index, (what, _)) in abilities.into_iter().enumerate() {
        let of = |kind: &InitKind| {
            kind.capabilities()
                .each()
                .get(index)
                .map(|(_, can)| word(*can))
        };
        lines.push(line(what, kinds.iter().filter_map(of)));
    }
    lines.concat()
}

fn line(first: &str, cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.collect();
    format!("| {first} | {} |\n", cells.join(" | "))
}

fn rule(_: &InitKind) -> String {
    "---".to_owned()
}

fn word(ability: Ability) -> String {
    match ability {
        Ability::Native => "yes".to_owned(),
        Ability::Instead(text) => text.to_owned(),
    }
}
