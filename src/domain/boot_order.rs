//! In what order a machine's boot runs its init scripts, where it runs them side by side: what insserv made
//! of their headers for startpar, in files that look like make's (insserv(8), startpar(1)).

use std::collections::{BTreeMap, BTreeSet};

/// Where a script stands at boot, the first first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StartPlace {
    /// Among those of the boot itself, by the number of its start link.
    Boot(u8),
    /// Among those of the runlevel, likewise.
    Runlevel(u8),
    /// It has no start link: after all that have one.
    Unlinked,
}

/// What scripts need of each other: `.depend.start` and `.depend.stop` in one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BootOrder {
    /// Scripts that a start of the runlevel runs.
    started: BTreeSet<String>,
    /// Scripts that ask whoever sits at the console.
    interactive: BTreeSet<String>,
    /// Of a script those that have to be up while it starts or stops.
    needs: BTreeMap<String, BTreeSet<String>>,
}

impl BootOrder {
    /// What the texts of the two files say; `None` where one has a line that is none of insserv's.
    pub fn parse(start: &str, stop: &str) -> Option<Self> {
        let start = Listed::parse(start)?;
        let stop = Listed::parse(stop)?;
        let mut order = Self {
            started: start.targets,
            interactive: start.interactive,
            needs: BTreeMap::new(),
        };
        order.interactive.extend(stop.interactive);
        for (script, earlier) in start.before {
            order.needs.entry(script).or_default().extend(earlier);
        }
        // What stops before another may still need it then.
        for (script, earlier) in stop.before {
            for needing in earlier {
                order
                    .needs
                    .entry(needing)
                    .or_default()
                    .insert(script.clone());
            }
        }
        Some(order)
    }

    /// Whether the machine's boot runs `script` beside others, once what it needs is up.
    pub fn runs_beside_others(&self, script: &str) -> bool {
        self.started.contains(script) && !self.interactive.contains(script)
    }

    /// All that `script` needs, directly or not.
    pub fn needs(&self, script: &str) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut left: Vec<&str> = self.directly(script).collect();
        while let Some(needed) = left.pop() {
            if found.insert(needed) {
                left.extend(self.directly(needed));
            }
        }
        found
    }

    fn directly(&self, script: &str) -> impl Iterator<Item = &str> {
        let needed = self.needs.get(script).into_iter().flatten();
        needed.map(String::as_str)
    }
}

/// What stands in one of the files.
#[derive(Debug, Default)]
struct Listed {
    targets: BTreeSet<String>,
    interactive: BTreeSet<String>,
    /// Of a script those that are run before it.
    before: BTreeMap<String, Vec<String>>,
}

impl Listed {
    fn parse(text: &str) -> Option<Self> {
        let mut listed = Self::default();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            if let Some((name, words)) = line.split_once('=') {
                let scripts = words.split_whitespace().map(str::to_owned);
                match name.trim() {
                    "TARGETS" => listed.targets.extend(scripts),
                    "INTERACTIVE" => listed.interactive.extend(scripts),
                    _ => return None,
                }
                continue;
            }
            let (script, words) = line.split_once(':')?;
            if script.is_empty() || script.contains(char::is_whitespace) {
                return None;
            }
            let earlier = words.split_whitespace().map(str::to_owned);
            let before = listed.before.entry(script.to_owned());
            before.or_default().extend(earlier);
        }
        Some(listed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As insserv of Debian 12 writes them.
    const START: &str = "TARGETS = rsyslog dbus postfix dovecot console-setup rc.local\n\
        INTERACTIVE = console-setup\n\
        dbus: rsyslog\n\
        postfix: rsyslog\n\
        dovecot: postfix\n\
        rc.local: rsyslog dbus postfix dovecot\n";
    const STOP: &str = "TARGETS = dovecot postfix rsyslog sendsigs\n\
        INTERACTIVE =\n\
        rsyslog: postfix\n\
        sendsigs: rsyslog\n\
        postfix: dovecot\n";

    fn needs(order: &BootOrder, script: &str) -> String {
        let needed: Vec<&str> = order.needs(script).into_iter().collect();
        needed.join(" ")
    }

    #[test]
    fn what_a_script_needs_is_what_starts_before_it_and_what_stops_after_it() {
        let order = BootOrder::parse(START, STOP).unwrap();
        assert_eq!(needs(&order, "rsyslog"), "sendsigs");
        assert_eq!(needs(&order, "dbus"), "rsyslog sendsigs");
        assert_eq!(needs(&order, "dovecot"), "postfix rsyslog sendsigs");
        let only_stop = BootOrder::parse("TARGETS = a b\n", "b: a\n").unwrap();
        assert_eq!(needs(&only_stop, "a"), "b");
        assert_eq!(needs(&only_stop, "b"), "");
        assert_eq!(needs(&order, "unheard-of"), "");
    }

    #[test]
    fn who_asks_somebody_or_is_not_started_there_runs_beside_nobody() {
        let order = BootOrder::parse(START, STOP).unwrap();
        assert!(order.runs_beside_others("dbus"));
        for other in ["console-setup", "sendsigs", "unheard-of", ""] {
            assert!(!order.runs_beside_others(other), "{other}");
        }
    }

    #[test]
    fn scripts_that_need_each_other_come_to_an_end() {
        let order = BootOrder::parse("TARGETS = a b\na: b\nb: a\n", "").unwrap();
        assert_eq!(needs(&order, "a"), "a b");
        let order = BootOrder::parse("TARGETS = a\na: a\n", "").unwrap();
        assert_eq!(needs(&order, "a"), "a");
    }

    #[test]
    fn a_line_that_is_none_of_insservs_makes_the_whole_worth_nothing() {
        for text in [
            "all: $(TARGETS)\nCC = gcc\n",
            "\u{0}\u{1}\n",
            "a b: c\n",
            ": c\n",
            "word\n",
            "\tcommand\n",
            "a: b = c\n",
        ] {
            assert_eq!(BootOrder::parse(text, ""), None, "{text:?}");
            assert_eq!(BootOrder::parse("", text), None, "{text:?}");
        }
        assert_eq!(BootOrder::parse("", "\n \n"), Some(BootOrder::default()));
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let words = ["TARGETS", "INTERACTIVE", " = ", ": ", "\n", "dbus"];
        crate::testing::mutations::mutated_text(&[START, STOP], &words, |text| {
            let Some(order) = BootOrder::parse(text, STOP) else {
                return;
            };
            for script in order.needs("dovecot") {
                assert!(!script.contains(char::is_whitespace), "{script:?}");
            }
        });
    }
}
