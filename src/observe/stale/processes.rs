//! Which processes belong to a service: those in its control group under systemd, its main process and
//! what descends from it elsewhere. `/proc` tells both; nobody is asked.

use std::fs;
use std::path::PathBuf;

use super::process::is_gone;

/// Where systemd has itself, below the control group that it manages.
const OWN_SCOPE: &str = "/init.scope";

/// A process of the service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// When it was started, in clock ticks since the boot.
    pub(super) started: u64,
}

/// The machine's processes.
#[derive(Debug, Clone)]
pub(super) struct Processes {
    /// The proc file system.
    pub(super) proc: PathBuf,
}

impl Processes {
    /// The directory of the process `pid`.
    pub(super) fn directory(&self, pid: u32) -> PathBuf {
        self.proc.join(pid.to_string())
    }

    /// Those in the control group of systemd's `unit`.
    ///
    /// # Errors
    /// When there may be more than could be seen.
    pub(super) fn in_group_of(&self, unit: &str) -> Result<Vec<Process>, String> {
        let init = self.groups(1)?.ok_or("process 1 is in no control group")?;
        let mut found = Vec::new();
        for pid in self.pids()? {
            let groups = self.groups(pid)?;
            if groups.is_some_and(|groups| are_of_unit(&groups, &init, unit)) {
                found.extend(self.process(pid).map(|(process, _)| process));
            }
        }
        Ok(found)
    }

    /// `main` and all that descends from it.
    ///
    /// # Errors
    /// When there may be more than could be seen.
    pub(super) fn descending_from(&self, main: u32) -> Result<Vec<Process>, String> {
        let pids = self.pids()?.into_iter();
        let all: Vec<(Process, u32)> = pids.filter_map(|pid| self.process(pid)).collect();
        let mut family = vec![main];
        // A child may be listed before its parent.
        let mut grown = true;
        while grown {
            let before = family.len();
            for (process, parent) in &all {
                if family.contains(parent) && !family.contains(&process.pid) {
                    family.push(process.pid);
                }
            }
            grown = family.len() > before;
        }
        let ours = all.into_iter().map(|(process, _)| process);
        let ours: Vec<Process> = ours
            .filter(|process| family.contains(&process.pid))
            .collect();
        match ours.iter().any(|process| process.pid == main) {
            true => Ok(ours),
            false => Err(format!("its main process {main} cannot be seen")),
        }
    }

    fn pids(&self) -> Result<Vec<u32>, String> {
        let failed = |error| format!("cannot read `{}`: {error}", self.proc.display());
        let mut pids = Vec::new();
        for entry in fs::read_dir(&self.proc).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            pids.extend(name.to_str().and_then(|name| name.parse::<u32>().ok()));
        }
        Ok(pids)
    }

    /// The control groups of the process, as cgroups(7) tells them; `None` where it has ended.
    fn groups(&self, pid: u32) -> Result<Option<String>, String> {
        let path = self.directory(pid).join("cgroup");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(format!("cannot read `{}`: {error}", path.display())),
        }
    }

    /// The process and its parent; `None` where it has ended.
    fn process(&self, pid: u32) -> Option<(Process, u32)> {
        let stat = fs::read_to_string(self.directory(pid).join("stat")).ok()?;
        let (_, after_name) = stat.rsplit_once(')')?;
        let mut fields = after_name.split_whitespace();
        let parent = fields.nth(1)?.parse().ok()?;
        let started = fields.nth(17)?.parse().ok()?;
        Some((Process { pid, started }, parent))
    }
}

/// The hierarchies that systemd may keep its units in: one of its own, or that of version 2. The other may
/// be there too, with everybody in its root.
const HIERARCHIES: [&str; 2] = ["name=systemd", ""];

/// Whether a process in `groups` is the unit's, where process 1 is in `init`.
fn are_of_unit(groups: &str, init: &str, unit: &str) -> bool {
    HIERARCHIES.iter().any(|hierarchy| {
        let group = group(groups, hierarchy);
        let above = group_above(init, hierarchy);
        group.is_some_and(|group| is_of_unit(group, above, unit))
    })
}

/// The path in `hierarchy`.
fn group<'a>(groups: &'a str, hierarchy: &str) -> Option<&'a str> {
    groups.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        (controllers == hierarchy).then_some(path)
    })
}

/// What lies above all units.
fn group_above<'a>(init: &'a str, hierarchy: &str) -> &'a str {
    let own = group(init, hierarchy).unwrap_or_default();
    let above = own.strip_suffix(OWN_SCOPE).unwrap_or(own);
    above.trim_end_matches('/')
}

/// Whether `group`, on a machine whose units lie below `above`, is the unit's or in it. Slices alone stand
/// between: units of the same name in a user's manager or in a container have other things above.
fn is_of_unit(group: &str, above: &str, unit: &str) -> bool {
    let Some(below) = group.strip_prefix(above) else {
        return false;
    };
    let mut parts = below.split('/').skip(1);
    // systemd escapes a name that the kernel would take for one of its own files.
    let ours = |part: &str| part == unit || part.strip_prefix('_') == Some(unit);
    parts
        .find(|part| !part.ends_with(".slice"))
        .is_some_and(ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_of_the_unit_whose_group_it_is_in_and_of_no_namesake() {
        for (group, above, expected) in [
            ("/system.slice/foo.service", "", true),
            (
                "/system.slice/system-foo.slice/foo.service/sub/more",
                "",
                true,
            ),
            ("/foo.service", "", true),
            ("/system.slice/foo.service2", "", false),
            ("/system.slice/bar.service/foo.service", "", false),
            (
                "/user.slice/user-1.slice/user@1.service/app.slice/foo.service",
                "",
                false,
            ),
            ("/machine.slice/x.scope/system.slice/foo.service", "", false),
            ("/lxc/x/system.slice/foo.service", "/lxc/x", true),
            ("/lxc/y/system.slice/foo.service", "/lxc/x", false),
            ("/", "", false),
        ] {
            assert_eq!(is_of_unit(group, above, "foo.service"), expected, "{group}");
        }
    }

    #[test]
    fn a_unit_is_found_in_whichever_hierarchy_systemd_keeps_it() {
        let unit = "/system.slice/foo.service";
        for (groups, init, expected) in [
            (
                format!("9:name=systemd:{unit}\n1:cpu:/x\n0::/\n"),
                "9:name=systemd:/init.scope\n",
                true,
            ),
            (
                format!("9:name=systemd:/\n0::{unit}\n"),
                "9:name=systemd:/\n0::/init.scope\n",
                true,
            ),
            (format!("0::/lxc/x{unit}\n"), "0::/lxc/x/init.scope\n", true),
            (
                format!("0::/lxc/y{unit}\n"),
                "0::/lxc/x/init.scope\n",
                false,
            ),
            (format!("1:cpu:{unit}\n"), "1:cpu:/\n", false),
        ] {
            assert_eq!(
                are_of_unit(&groups, init, "foo.service"),
                expected,
                "{groups}"
            );
        }
    }

    fn machine(processes: &[(u32, u32, &str)]) -> (tempfile::TempDir, Processes) {
        let top = tempfile::tempdir().unwrap();
        for (pid, parent, group) in processes {
            let directory = top.path().join(pid.to_string());
            fs::create_dir(&directory).unwrap();
            fs::write(directory.join("cgroup"), format!("0::{group}\n")).unwrap();
            let stat =
                format!("{pid} (a) b) S {parent} 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 7{pid} 0\n");
            fs::write(directory.join("stat"), stat).unwrap();
        }
        let proc = top.path().to_path_buf();
        (top, Processes { proc })
    }

    fn pids(found: Result<Vec<Process>, String>) -> Vec<u32> {
        let mut pids: Vec<u32> = found.unwrap().iter().map(|process| process.pid).collect();
        pids.sort_unstable();
        pids
    }

    #[test]
    fn the_processes_of_a_group_are_found_wherever_process_1_has_its_own() {
        for above in ["", "/lxc/x"] {
            let group = |rest: &str| format!("{above}{rest}");
            let (own, foo, bar) = (
                group("/init.scope"),
                group("/system.slice/foo.service"),
                group("/system.slice/bar.service"),
            );
            let all = [(1, 0, &*own), (5, 1, &*foo), (3, 1, &*foo), (9, 1, &*bar)];
            let (_top, processes) = machine(&all);
            assert_eq!(pids(processes.in_group_of("foo.service")), [3, 5]);
        }
    }

    #[test]
    fn what_descends_from_the_main_process_is_found_in_whatever_order() {
        let all = [
            (1, 0, "/"),
            (20, 30, "/"),
            (30, 10, "/"),
            (10, 1, "/"),
            (40, 1, "/"),
        ];
        let (_top, processes) = machine(&all);
        assert_eq!(pids(processes.descending_from(10)), [10, 20, 30]);
        assert!(processes.descending_from(99).is_err());
    }

    #[test]
    fn processes_that_cannot_be_seen_are_an_error_and_never_none() {
        let (top, processes) = machine(&[(1, 0, "/init.scope"), (7, 1, "/x")]);
        let hidden = top.path().join("7/cgroup");
        fs::remove_file(&hidden).unwrap();
        fs::create_dir(&hidden).unwrap();
        assert!(processes.in_group_of("foo.service").is_err());
        let proc = top.path().join("none");
        assert!(Processes { proc }.in_group_of("foo.service").is_err());
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let text = "9:name=systemd:/lxc/x\n0::/lxc/x/system.slice/foo.service\n";
        crate::testing::mutations::mutated_text(
            &[text],
            &[":", "/", "_", ".slice", "/init.scope", "\n"],
            |text| {
                let _ = (
                    are_of_unit(text, text, "foo.service"),
                    are_of_unit(text, "0::/\n", "foo.service"),
                );
            },
        );
    }
}
