//! Whether an init script that uses /var comes behind what mounts it. Pure.

use crate::audit::finding::Severity;

/// Facilities that come without any file system but the root's.
const WITHOUT_FILES: [&str; 5] = ["$time", "$null", "mountkernfs", "mountdevsubfs", "hostname"];

/// A script that uses /var and is not ordered behind what mounts it. Any other facility may be behind that itself, or is
/// not known: only where none is named is it surely not.
pub(super) fn lacking<'t>(
    text: &str,
    words: impl Fn(&'static str) -> Vec<&'t str>,
) -> Vec<(&'static str, Severity, String)> {
    if !uses_var(text) {
        return Vec::new();
    }
    let fields = [
        ("default-start", "required-start"),
        ("default-stop", "required-stop"),
    ];
    let lacking = fields.into_iter().filter(|(levels, field)| {
        let names = words(field);
        !words(levels).is_empty() && names.iter().all(|name| WITHOUT_FILES.contains(name))
    });
    lacking
        .map(|(_, field)| {
            let message = format!("it uses /var, and `{field}` has no $local_fs or $remote_fs");
            (field, Severity::Note, message)
        })
        .collect()
}

/// Whether a path below /var stands in the script's commands.
fn uses_var(text: &str) -> bool {
    let lines = text.lines().map(str::trim_start);
    let mut commands = lines.filter(|line| !line.starts_with('#'));
    commands.any(|line| {
        line.match_indices("/var/").any(|(at, _)| {
            let before = line.get(..at).and_then(|before| before.chars().next_back());
            before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '/' | '.' | '-' | '_' | '}'))
        })
    })
}
