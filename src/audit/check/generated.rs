//! Which lines of a maintainer script debhelper wrote. Its own idioms are no choice of the packager's:
//! checks that judge a style leave them out.

/// What debhelper writes in front of what it adds, up to the name of the command.
const BEGIN: &str = "# Automatically added by ";
/// What it writes behind it.
const END: &str = "# End automatically added section";

/// The debhelper command that wrote a line of a script, from 1; `None` where a person did.
pub(super) fn generator(text: &str, line: u32) -> Option<&str> {
    let upto = usize::try_from(line).unwrap_or(usize::MAX);
    let mut by = None;
    for line in text.lines().take(upto) {
        if let Some(command) = line.trim_start().strip_prefix(BEGIN) {
            by = Some(command.split('/').next().unwrap_or(command).trim());
        } else if line.trim_start().starts_with(END) {
            by = None;
        }
    }
    by
}

#[cfg(test)]
mod tests {
    use super::generator;

    #[test]
    fn lines_between_debhelpers_two_comments_are_its_own() {
        let text = "set -e\n# Automatically added by dh_installsystemd/13.11.4\nfoo\n# End automatically added section\nbar\n";
        let found: Vec<_> = (1..=5).map(|line| generator(text, line)).collect();
        let by = Some("dh_installsystemd");
        assert_eq!(found, [None, by, by, None, None]);
    }
}
