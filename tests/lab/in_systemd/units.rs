//! What the backend knows of units, against what systemctl says of them.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rcpolicy::domain::{
    Action, ActiveState, FileState, Job, JobOutcome, Known, Machine, UnitName, Verb, Wait,
};
use rcpolicy::init::related::related;
use rcpolicy::init::systemd::{Limit, Systemd};
use rcpolicy::init::{Depth, Init};
use rcpolicy::observe::offline::{Reach, reach};

use super::{UNITS, ask, command, job, name, reload, run_one, sleeper, unit};

#[test]
fn the_machine_is_ours_and_running() {
    assert_eq!(reach(), Reach::Online);
    let mut init = Systemd::new(Limit::Unit);
    assert_eq!(init.machine(), Known::Is(Machine::Running));
    assert!(init.userspace_timestamp().unwrap() > 0);
}

#[test]
fn the_system_bus_gives_the_same_answers_and_takes_the_same_jobs() {
    sleeper("q-bus.service", "");
    reload();
    let mut direct = Systemd::new(Limit::Unit);
    let mut bus = Systemd::over_bus(Limit::Unit);
    assert_eq!(bus.machine(), Known::Is(Machine::Running));
    assert_eq!(run_one(&mut bus, Verb::Start, "q-bus"), JobOutcome::Done);
    assert_eq!(ask(&mut bus, "q-bus"), ask(&mut direct, "q-bus"));
    assert_eq!(run_one(&mut bus, Verb::Stop, "q-bus"), JobOutcome::Done);
    assert!(ask(&mut direct, "q-bus").is_down());
}

#[test]
fn every_kind_of_unit_is_known_with_its_relations() {
    sleeper("q-svc.service", "Requires=q-svc.socket");
    unit(
        "q-svc.socket",
        "[Socket]\nListenStream=/run/q-svc.sock\n[Install]\nWantedBy=sockets.target\n",
    );
    unit("q-svc.path", "[Path]\nPathExists=/run/q-never\n");
    unit("q-svc.timer", "[Timer]\nOnActiveSec=1h\n");
    unit(
        "q-all.target",
        "[Unit]\nWants=q-svc.service\nRequires=q-svc.timer\n",
    );
    unit(
        "q-acc.socket",
        "[Socket]\nListenStream=/run/q-acc.sock\nAccept=yes\n",
    );
    unit("q-acc@.service", "[Service]\nExecStart=/bin/sleep inf\n");
    unit(
        "q-once.service",
        "[Service]\nType=oneshot\nExecStart=/bin/true\nFileDescriptorStoreMax=3\n",
    );
    let _ = std::os::unix::fs::symlink("q-svc.service", Path::new(UNITS).join("q-alias.service"));
    reload();
    let mut init = Systemd::new(Limit::Unit);
    let jobs = [
        job(Verb::Start, "q-svc.socket"),
        job(Verb::Start, "q-svc.path"),
        job(Verb::Start, "q-svc.timer"),
        job(Verb::Start, "q-svc"),
    ];
    assert_eq!(
        init.run(&jobs, Wait::Done).unwrap(),
        vec![JobOutcome::Done; 4]
    );
    let asked: Vec<UnitName> = [
        "q-svc",
        "q-alias",
        "q-svc.socket",
        "q-all.target",
        "q-acc.socket",
        "q-once",
        "q-none",
        "q-svc.timer",
    ]
    .iter()
    .map(|text| name(text))
    .collect();
    let all = init.units(&asked, Depth::Relations).unwrap();
    let [svc, alias, socket, target, accept, once, none, timer] = &all[..] else {
        panic!("{all:?}");
    };
    assert_eq!(svc.active, Known::Is(ActiveState::Active));
    assert!(svc.main_pid > 1 && svc.invocation.len() == 32, "{svc:?}");
    let mut triggers = svc.triggered_by.clone();
    triggers.sort();
    assert_eq!(
        triggers,
        [
            name("q-svc.path"),
            name("q-svc.socket"),
            name("q-svc.timer")
        ]
    );
    assert_eq!(
        (&alias.asked, &alias.id),
        (&name("q-alias"), &name("q-svc"))
    );
    assert_eq!(alias.main_pid, svc.main_pid);
    assert_eq!(socket.triggers, [name("q-svc")]);
    assert_eq!(socket.required_by, [name("q-svc")]);
    assert_eq!(socket.file, Known::Is(FileState::Disabled));
    assert_eq!(target.pulls_in, [name("q-svc"), name("q-svc.timer")]);
    assert!(accept.accepts && !socket.accepts);
    assert!(once.oneshot && once.has_fd_store && !svc.has_fd_store);
    assert!(none.is_missing() && none.file == Known::Is(FileState::Other("not-found".to_owned())));
    assert_eq!(timer.triggers, [name("q-svc")]);
    let around = related(&mut init, svc, &Action::Stop).unwrap();
    let mut ids: Vec<&str> = around.iter().map(|unit| unit.id.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["q-svc.path", "q-svc.socket", "q-svc.timer"]);
    let stop: Vec<Job> = ["q-svc.socket", "q-svc.path", "q-svc"]
        .iter()
        .map(|u| job(Verb::Stop, u))
        .collect();
    init.run(&stop, Wait::Done).unwrap();
    assert!(ask(&mut init, "q-svc").down_since > 0);
}

#[test]
fn an_accepting_socket_leaves_its_instances_running_and_is_their_trigger() {
    unit(
        "acc.socket",
        "[Socket]\nListenStream=/run/acc.sock\nAccept=yes\n",
    );
    unit("acc@.service", "[Service]\nExecStart=/bin/sleep inf\n");
    reload();
    let mut init = Systemd::new(Limit::Unit);
    assert_eq!(
        run_one(&mut init, Verb::Start, "acc.socket"),
        JobOutcome::Done
    );
    let _client = UnixStream::connect("/run/acc.sock").unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let (list, _, _) = command("systemctl list-units --plain --no-legend acc@*");
    let instance = list.split_whitespace().next().unwrap().to_owned();
    assert_eq!(
        run_one(&mut init, Verb::Stop, "acc.socket"),
        JobOutcome::Done
    );
    let facts = ask(&mut init, &instance);
    assert!(facts.is_up(), "{facts:?}");
    assert_eq!(facts.triggered_by, [name("acc.socket")]);
    assert_eq!(run_one(&mut init, Verb::Stop, &instance), JobOutcome::Done);
}

#[test]
fn the_file_state_is_what_systemctl_is_enabled_says() {
    sleeper("e-on.service", "");
    fs::create_dir_all("/etc/systemd/system/multi-user.target.wants").unwrap();
    fs::write(
        "/etc/systemd/system/e-inst.service",
        "[Service]\nExecStart=/bin/sleep inf\n[Install]\nWantedBy=multi-user.target\n",
    )
    .unwrap();
    let _ = std::os::unix::fs::symlink("/dev/null", Path::new(UNITS).join("e-mask.service"));
    fs::write("/etc/init.d/e-script", "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: e-script\n# Default-Start: 2 3 4 5\n# Default-Stop: 0 1 6\n# Short-Description: x\n### END INIT INFO\nexit 0\n").unwrap();
    let _ = command("chmod 755 /etc/init.d/e-script");
    fs::create_dir_all("/etc/rc5.d").unwrap();
    reload();
    let mut init = Systemd::new(Limit::Unit);
    let mut compare = |unit: &str| {
        let (said, _, _) = command(&format!("systemctl is-enabled {unit}"));
        let said = said.lines().last().unwrap_or("not-found").to_owned();
        let ours = init
            .units(&[name(unit)], Depth::State)
            .unwrap()
            .remove(0)
            .file;
        assert_eq!(ours, Known::Is(FileState::parse(&said)), "{unit}");
    };
    for unit in [
        "e-on",
        "e-inst",
        "e-mask",
        "e-none",
        "e-script",
        "dbus",
        "dbus.socket",
        "systemd-journald",
        "ctrl-alt-del.target",
    ] {
        compare(unit);
    }
    // Links that were made without a reload count, as they do for systemctl.
    let wants = "/etc/systemd/system/multi-user.target.wants/e-inst.service";
    std::os::unix::fs::symlink("../e-inst.service", wants).unwrap();
    compare("e-inst");
    fs::remove_file(wants).unwrap();
    compare("e-inst");
    let link = "/etc/rc5.d/S01e-script";
    std::os::unix::fs::symlink("../init.d/e-script", link).unwrap();
    compare("e-script");
    fs::remove_file(link).unwrap();
    compare("e-script");
}
