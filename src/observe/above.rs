//! The processes above us, and the units that they belong to: who runs dpkg, and what must not be
//! restarted before all else, since we go down with it.

use std::fs;

use super::context::parse_stat;
use crate::domain::UnitName;

/// How far up we look, against loops in a /proc that is not ours.
const GENERATIONS: usize = 64;

/// A process above us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Above {
    /// Its number.
    pub pid: u32,
    /// Its name, as the kernel shortens it to 15 bytes.
    pub name: String,
    /// When it started, in clock ticks since the boot: with the number, nobody else.
    pub started: u64,
}

/// The processes above us, the nearest first; fewer where /proc does not tell. Each is looked at when it
/// is its turn.
pub fn above() -> impl Iterator<Item = Above> {
    let mut pid = std::os::unix::process::parent_id();
    let next = move || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (name, parent, started) = parse_stat(&stat)?;
        let found = Above { pid, name, started };
        pid = parent;
        Some(found)
    };
    std::iter::from_fn(next).take(GENERATIONS)
}

/// What we hang on: the control groups that we and the processes above us are in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Branch {
    groups: Vec<String>,
}

impl Branch {
    /// Ours. Process 1 carries everybody, and is no unit.
    pub fn observe() -> Self {
        let pids = above().map(|above| above.pid);
        let pids = pids.filter(|pid| *pid != 1).map(|pid| pid.to_string());
        let read = |pid: String| fs::read_to_string(format!("/proc/{pid}/cgroup")).ok();
        let texts = std::iter::once("self".to_owned())
            .chain(pids)
            .filter_map(read);
        let groups = texts
            .flat_map(|text| groups(&text).collect::<Vec<_>>())
            .collect();
        Self { groups }
    }

    /// Whether ending what runs in `unit` may end us or a process above us: one of us is in its
    /// control group, or in one below that.
    pub fn hangs_on(&self, unit: &UnitName) -> bool {
        let mut groups = self.groups.iter();
        groups.any(|group| {
            group
                .split('/')
                .any(|part| unescaped(part) == unit.as_str())
        })
    }
}

/// The groups that systemd may have put a process into, of a /proc/PID/cgroup: cgroups(7). Where there are
/// hierarchies of both versions it uses one of them, and the other says nothing.
fn groups(text: &str) -> impl Iterator<Item = String> {
    let path = |line: &str| {
        let (_, rest) = line.split_once(':')?;
        let path = rest
            .strip_prefix("name=systemd:")
            .or_else(|| rest.strip_prefix(':'));
        path.map(str::to_owned)
    };
    text.lines().filter_map(path)
}

/// systemd puts `_` before a name that the kernel would take for a file of its own.
fn unescaped(part: &str) -> &str {
    part.strip_prefix('_').unwrap_or(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branch(texts: &[&str]) -> Branch {
        let groups = texts.iter().flat_map(|text| groups(text)).collect();
        Branch { groups }
    }

    #[test]
    fn we_hang_on_the_units_that_we_or_those_above_us_are_in_and_on_no_others() {
        let branch = branch(&[
            "0::/user.slice/user-0.slice/session-3.scope\n",
            "0::/system.slice/ssh.service\n",
            "1:name=systemd:/system.slice/system-tunnel.slice/tunnel@a.service\n0::/\n",
            "9:name=systemd:/\n8:pids:/pids.service\n0::/system.slice/both.service\n",
            "0::/_cgroup.service\n",
            "0::/\n",
            "nonsense",
        ]);
        for (unit, hangs) in [
            ("ssh", true),
            ("tunnel@a", true),
            ("cgroup", true),
            ("both", true),
            ("pids", false),
            ("session-3.scope", true),
            ("tunnel@b", false),
            ("sshd", false),
            ("cron", false),
        ] {
            let unit = UnitName::parse(unit).unwrap();
            assert_eq!(branch.hangs_on(&unit), hangs, "{unit}");
        }
    }

    #[test]
    fn the_nearest_above_us_is_our_parent_and_the_first_of_all_is_the_last() {
        let found: Vec<Above> = above().collect();
        assert_eq!(found[0].pid, std::os::unix::process::parent_id());
        assert!(found[0].started > 0);
        let unit = UnitName::parse("rcpolicy-nonexistent").unwrap();
        assert!(!Branch::observe().hangs_on(&unit));
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let text = "9:name=systemd:/\n8:pids:/pids.service\n0::/system.slice/_cgroup.service\n";
        crate::testing::mutations::mutated_text(
            &[text],
            &[":", "::", "/", "_", "name=systemd", "\n"],
            |text| {
                let unit = UnitName::parse("cgroup").unwrap();
                let _ = branch(&[text]).hangs_on(&unit);
            },
        );
    }
}
