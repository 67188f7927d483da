//! Text that two runs can have in common. Everything in which two runs, or two versions of systemctl, differ without
//! anything behind it is taken out here, and nowhere else. Pure.

/// Wordings of the versions that are one to us, as 252 has them: 257 and 262 warn in other words.
fn in_old_words(text: &str) -> String {
    const NEW: &str = "Stopping '";
    const UNITS: &str = "', but its triggering units are still active:";
    let mut lines = text.lines();
    let mut result = String::new();
    while let Some(line) = lines.next() {
        let stopped = line
            .strip_prefix(NEW)
            .and_then(|rest| rest.strip_suffix(UNITS));
        match stopped {
            Some(unit) => {
                result.push_str(&format!(
                    "Warning: Stopping {unit}, but it can still be activated by:\n"
                ));
                for trigger in lines.next().unwrap_or("").split(", ") {
                    result.push_str(&format!("  {trigger}\n"));
                }
            }
            None => result.push_str(&format!("{line}\n")),
        }
    }
    result
}

/// Text without what no two runs have in common: numbers (pids, times, sizes), ids, journal lines.
pub(crate) fn normalise(text: &str) -> String {
    const MONTHS: [&str; 12] = [
        "Jan ", "Feb ", "Mar ", "Apr ", "May ", "Jun ", "Jul ", "Aug ", "Sep ", "Oct ", "Nov ",
        "Dec ",
    ];
    let text = in_old_words(text);
    let lines = text
        .lines()
        .filter(|line| !MONTHS.iter().any(|month| line.starts_with(month)));
    let mut result = String::new();
    for line in lines {
        let line = line
            .split_once("Invocation: ")
            .map_or(line, |(before, _)| before);
        let line = line
            .split_once("Active: ")
            .map_or(line.to_owned(), |(before, after)| {
                format!(
                    "{before}Active: {}",
                    after.split(" since ").next().unwrap_or(after)
                )
            });
        // CPU and memory come and go with accounting that has not been read yet.
        if ["CPU:", "Memory:", "Tasks:", "Mem peak:"]
            .iter()
            .any(|mark| line.trim_start().starts_with(mark))
        {
            continue;
        }
        let mut digits = false;
        for character in line.chars() {
            if !character.is_ascii_digit() {
                result.push(character);
            } else if !digits {
                result.push('N');
            }
            digits = character.is_ascii_digit();
        }
        result.push('\n');
    }
    result
}
