//! A bus that is restarted: who its clients are, who of them is back, and what is to be done about one
//! that is not. Pure: whom a policy keeps from being restarted is decided like any restart.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    ActiveState, BusClient, BusConnection, BusProcess, UnitFacts, UnitKind, UnitName,
};

/// The unit of an init's own process.
const INIT: &str = "init.scope";

/// The clients behind `connections`, units in the order of their names before processes without one.
/// Connections of a process that has ended meanwhile are nobody's.
pub fn clients(connections: Vec<BusConnection>) -> Vec<BusClient> {
    type Key = (bool, Option<UnitName>, Option<BusProcess>);
    let mut found: BTreeMap<Key, (BTreeSet<String>, BTreeSet<BusProcess>)> = BTreeMap::new();
    for connection in connections {
        let Some(process) = connection.process else {
            continue;
        };
        let unit = connection.unit;
        let lone = unit.is_none().then_some(process);
        let (names, processes) = found.entry((unit.is_none(), unit, lone)).or_default();
        names.extend(connection.names);
        processes.insert(process);
    }
    let client =
        |((_, unit, _), (names, processes)): (Key, (BTreeSet<_>, BTreeSet<_>))| BusClient {
            unit,
            names: names.into_iter().collect(),
            processes: processes.into_iter().collect(),
        };
    found.into_iter().map(client).collect()
}

/// What a client had on the bus that was, and does not have on the one that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// A connection.
    Connection,
    /// These names: it is connected, and nobody owns them.
    Names(Vec<String>),
}

/// What `before` lacks among the clients that are there `now`; `None` where it is back. A name counts
/// whoever owns it: it may have been handed on.
pub fn lack(before: &BusClient, now: &[BusClient]) -> Option<Lack> {
    let same = |client: &&BusClient| match &before.unit {
        Some(unit) => client.unit.as_ref() == Some(unit),
        None => client
            .processes
            .iter()
            .any(|p| before.processes.contains(p)),
    };
    if !now.iter().any(|client| same(&client)) {
        return Some(Lack::Connection);
    }
    let owned: BTreeSet<&String> = now.iter().flat_map(|client| &client.names).collect();
    let free = before.names.iter().filter(|name| !owned.contains(name));
    let free: Vec<String> = free.cloned().collect();
    (!free.is_empty()).then_some(Lack::Names(free))
}

/// What a client is to the one who restarts its bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The init itself: it comes back, and is never restarted.
    Init,
    /// A service, which can be restarted.
    Service,
    /// A service that must not be restarted from here; why.
    Spared(&'static str),
    /// Something that no init can restart; why.
    Loose(&'static str),
}

/// What `client` is. `carries_us` tells of a unit whether we or those who called us run in it.
pub fn role(client: &BusClient, carries_us: impl Fn(&UnitName) -> bool) -> Role {
    let Some(unit) = &client.unit else {
        return Role::Loose("it belongs to no unit");
    };
    let manager = unit.as_str().starts_with("user@");
    match unit.kind() {
        UnitKind::Service if manager => Role::Loose("it is part of a user's session"),
        UnitKind::Service if carries_us(unit) => Role::Spared("it carries this command"),
        UnitKind::Service => Role::Service,
        UnitKind::Other if unit.as_str() == INIT => Role::Init,
        UnitKind::Other if unit.as_str().ends_with(".scope") => {
            Role::Loose("a scope has nothing that could be started again")
        }
        UnitKind::Socket
        | UnitKind::Path
        | UnitKind::Timer
        | UnitKind::Automount
        | UnitKind::Target
        | UnitKind::Other => Role::Loose("it is no service"),
    }
}

/// What is to be done about a service that did not come back by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// It is restarted, as far as a policy allows that.
    Restart,
    /// Nothing: that it is not connected is as it should be; why.
    Nothing(&'static str),
    /// It is left as it is, and is not back; why.
    Leave(&'static str),
}

/// What is to be done about `unit`, which is not back on its bus.
pub fn due(unit: &UnitFacts) -> Due {
    let Some(active) = unit.active.get() else {
        return Due::Leave("what it does is not known");
    };
    let on_demand = unit.bus_activated || !unit.triggered_by.is_empty();
    match active {
        ActiveState::Inactive if unit.oneshot => Due::Nothing("its task is done"),
        ActiveState::Inactive if on_demand => Due::Nothing("it starts when it is needed"),
        ActiveState::Active
        | ActiveState::Reloading
        | ActiveState::Activating
        | ActiveState::Deactivating
        | ActiveState::Maintenance
            if unit.oneshot =>
        {
            Due::Leave("it is at a task that is not begun twice")
        }
        ActiveState::Active
        | ActiveState::Reloading
        | ActiveState::Activating
        | ActiveState::Deactivating
        | ActiveState::Maintenance
        | ActiveState::Inactive
        | ActiveState::Failed => Due::Restart,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Known;

    fn process(pid: u32) -> BusProcess {
        BusProcess { pid, started: 7 }
    }

    fn connection(unit: &str, pid: u32, names: &[&str]) -> BusConnection {
        BusConnection {
            process: Some(process(pid)),
            unit: (!unit.is_empty()).then(|| UnitName::parse(unit).unwrap()),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    fn one(unit: &str, pid: u32, names: &[&str]) -> BusClient {
        clients(vec![connection(unit, pid, names)]).remove(0)
    }

    #[test]
    fn connections_of_one_unit_are_one_client_and_each_process_without_a_unit_is_one() {
        let found = clients(vec![
            connection("", 9, &[]),
            connection("b.service", 2, &["org.b"]),
            connection("a.service", 3, &[]),
            connection("b.service", 4, &["org.a"]),
            connection("b.service", 2, &[]),
            connection("", 8, &[]),
            connection("", 8, &[]),
            BusConnection {
                process: None,
                unit: None,
                names: vec!["org.gone".to_owned()],
            },
        ]);
        let told: Vec<(String, usize, Vec<String>)> = found
            .iter()
            .map(|client| (client.name(), client.processes.len(), client.names.clone()))
            .collect();
        let names = vec!["org.a".to_owned(), "org.b".to_owned()];
        let expected = [
            ("a.service".to_owned(), 1, vec![]),
            ("b.service".to_owned(), 2, names),
            ("process 8".to_owned(), 1, vec![]),
            ("process 9".to_owned(), 1, vec![]),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_client_is_back_when_its_unit_is_connected_and_its_names_are_owned_again() {
        let missing = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned());
            Some(Lack::Names(names.collect()))
        };
        let before = one("a.service", 2, &["org.a", "org.b"]);
        let cases: [(Vec<BusClient>, Option<Lack>); 6] = [
            (vec![], Some(Lack::Connection)),
            (
                vec![one("other.service", 2, &["org.a", "org.b"])],
                Some(Lack::Connection),
            ),
            (vec![one("a.service", 2, &[])], missing(&["org.a", "org.b"])),
            (vec![one("a.service", 5, &["org.b"])], missing(&["org.a"])),
            (vec![one("a.service", 5, &["org.b", "org.a"])], None),
            (
                vec![
                    one("a.service", 5, &["org.b"]),
                    one("c.service", 6, &["org.a"]),
                ],
                None,
            ),
        ];
        for (now, expected) in cases {
            assert_eq!(lack(&before, &now), expected, "{now:?}");
        }
    }

    #[test]
    fn a_process_without_a_unit_is_back_only_as_itself() {
        let before = one("", 8, &[]);
        assert_eq!(lack(&before, &[one("", 8, &[])]), None);
        let mut later = one("", 8, &[]);
        later.processes[0].started = 9;
        assert_eq!(lack(&before, &[later]), Some(Lack::Connection));
    }

    #[test]
    fn neither_the_init_nor_what_carries_us_nor_a_session_is_restarted() {
        let ssh = UnitName::parse("ssh.service").unwrap();
        let role = |unit: &str| role(&one(unit, 2, &[]), |unit| *unit == ssh);
        assert_eq!(role("init.scope"), Role::Init);
        assert_eq!(role("cron.service"), Role::Service);
        assert!(matches!(role("ssh.service"), Role::Spared(_)));
        for loose in [
            "",
            "user@1000.service",
            "session-3.scope",
            "a.socket",
            "b.slice",
        ] {
            assert!(matches!(role(loose), Role::Loose(_)), "{loose}");
        }
    }

    #[test]
    fn what_runs_or_failed_is_restarted_and_a_task_is_never_begun_twice() {
        let name = UnitName::parse("a.service").unwrap();
        let unit = |active| UnitFacts {
            active: Known::Is(active),
            ..UnitFacts::unknown(&name, "not asked")
        };
        assert!(matches!(
            due(&UnitFacts::unknown(&name, "?")),
            Due::Leave(_)
        ));
        let all = [
            (ActiveState::Active, Due::Restart),
            (ActiveState::Failed, Due::Restart),
            (ActiveState::Activating, Due::Restart),
            (ActiveState::Inactive, Due::Restart),
        ];
        for (active, expected) in all {
            assert_eq!(due(&unit(active)), expected, "{active:?}");
        }
        let mut task = unit(ActiveState::Activating);
        task.oneshot = true;
        assert!(matches!(due(&task), Due::Leave(_)));
        task.active = Known::Is(ActiveState::Inactive);
        assert_eq!(due(&task), Due::Nothing("its task is done"));
        let mut idle = unit(ActiveState::Inactive);
        idle.bus_activated = true;
        assert!(matches!(due(&idle), Due::Nothing(_)));
        idle.active = Known::Is(ActiveState::Active);
        assert_eq!(due(&idle), Due::Restart);
    }
}
