//! Whether a running service is older than what lies on the disk: the files that its processes run, its
//! unit, its package, its configuration. Looks and judges nothing; what it cannot see it says.

mod definition;
mod maps;
mod process;
mod processes;

use std::path::{Path, PathBuf};

use crate::domain::order;
use crate::domain::{InitKind, Manner, Staleness, UnitFacts};

use self::definition::Definition;
use self::processes::{Process, Processes};
use super::context::to_epoch;

/// What is found out about the running service behind `unit`, on this machine.
pub fn staleness(unit: &UnitFacts, init: InitKind) -> Staleness {
    let machine = Processes {
        proc: PathBuf::from("/proc"),
    };
    match processes(&machine, unit, init) {
        Ok(found) => look(&machine, unit, &found),
        Err(why) => Staleness::unknown(why),
    }
}

fn processes(
    machine: &Processes,
    unit: &UnitFacts,
    init: InitKind,
) -> Result<Vec<Process>, String> {
    let main = unit.main_pid;
    let found = match init.manner() {
        Manner::Units if init != InitKind::Simulated => machine.in_group_of(unit.id.as_str())?,
        // What a script has started may belong to nobody any more.
        Manner::Jobs | Manner::Services if main != 0 && !init.runs_scripts_itself() => {
            machine.descending_from(main)?
        }
        Manner::Units | Manner::Jobs | Manner::Services | Manner::Scripts => {
            return Err("nobody knows which processes are its own".to_owned());
        }
    };
    let has_main = found.iter().any(|process| process.pid == main);
    match main == 0 || has_main {
        true => Ok(renewed(unit, found)),
        false => Err(format!("its main process {main} is not among its own")),
    }
}

/// Those that a restart would renew: what outlives it is as old as before then, and no reason for one.
fn renewed(unit: &UnitFacts, mut found: Vec<Process>) -> Vec<Process> {
    let main = unit.main_pid;
    if unit.spares_others && main != 0 {
        found.retain(|process| process.pid == main);
    }
    found
}

fn look(machine: &Processes, unit: &UnitFacts, found: &[Process]) -> Staleness {
    let mut staleness = Staleness::default();
    for process in found {
        process::look(&machine.directory(process.pid), &mut staleness);
    }
    order::sort(&mut staleness.replaced);
    staleness.replaced.dedup();
    if unit.needs_reload {
        staleness
            .changed
            .push("its unit, as systemd says".to_owned());
    }
    match started(unit, found).and_then(to_epoch) {
        Some(started) => {
            let definition = Definition {
                root: Path::new("/"),
                unit: &unit.id,
                started,
            };
            definition.compare(&mut staleness);
        }
        None => staleness
            .unknown
            .push("nobody knows when it was started".to_owned()),
    }
    staleness
}

/// When its main process was started, or else the oldest of the others; in clock ticks since the boot.
fn started(unit: &UnitFacts, found: &[Process]) -> Option<u64> {
    let main = found.iter().find(|process| process.pid == unit.main_pid);
    let oldest = || found.iter().map(|process| process.started).min();
    main.map(|process| process.started).or_else(oldest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::UnitName;

    fn unit(main_pid: u32) -> UnitFacts {
        let mut unit = UnitFacts::unknown(&UnitName::parse("rcpolicy-test").unwrap(), "x");
        unit.main_pid = main_pid;
        unit
    }

    #[test]
    fn where_nobody_knows_the_processes_nothing_is_known() {
        for init in [InitKind::Sysv, InitKind::Openrc, InitKind::Upstart] {
            let found = staleness(&unit(0), init);
            assert!(!found.unknown.is_empty(), "{init:?}");
        }
        // This very process is in no control group of that name.
        let found = staleness(&unit(std::process::id()), InitKind::Systemd);
        assert!(!found.unknown.is_empty(), "{found:?}");
    }

    #[test]
    fn the_processes_below_a_main_process_are_looked_at() {
        let found = staleness(&unit(std::process::id()), InitKind::Upstart);
        assert!(found.processes >= 1, "{found:?}");
        assert_eq!(found.changed, Vec::<String>::new());
    }

    #[test]
    fn what_outlives_the_restart_of_its_service_is_not_looked_at() {
        let process = |pid| Process { pid, started: 1 };
        let pids = |unit: &UnitFacts| -> Vec<u32> {
            let found = renewed(unit, vec![process(7), process(9)]);
            found.iter().map(|process| process.pid).collect()
        };
        assert_eq!(pids(&unit(7)), [7, 9]);
        let mut sparing = unit(7);
        sparing.spares_others = true;
        assert_eq!(pids(&sparing), [7]);
        sparing.main_pid = 0;
        assert_eq!(pids(&sparing), [7, 9], "nobody knows which one is renewed");
    }

    #[test]
    fn a_service_is_as_old_as_its_main_process_or_else_as_its_oldest() {
        let process = |pid, started| Process { pid, started };
        let found = [process(3, 30), process(2, 20), process(1, 90)];
        for (main, expected) in [(1, Some(90)), (0, Some(20))] {
            assert_eq!(started(&unit(main), &found), expected);
        }
        assert_eq!(started(&unit(0), &[]), None);
    }
}
