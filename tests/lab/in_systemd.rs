//! The systemd backend against a real systemd. Runs as root inside a booted system that exists for
//! this test alone: it writes units under /run/systemd/system and starts, stops and breaks them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "every function here belongs to a test"
)]

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rcpolicy::domain::{
    Action, ActiveState, FileState, Job, JobFailure, JobOutcome, Known, LoadState, Machine,
    UnitFacts, UnitName, Verb, Wait,
};
use rcpolicy::init::related::related;
use rcpolicy::init::systemd::{Limit, Systemd};
use rcpolicy::init::{Depth, Init, InitError};
use rcpolicy::observe::offline::{Reach, reach};
use rcpolicy::report::systemctl;

const UNITS: &str = "/run/systemd/system";

fn name(text: &str) -> UnitName {
    UnitName::parse(text).unwrap()
}

fn job(verb: Verb, unit: &str) -> Job {
    Job::new(verb, name(unit))
}

fn unit(file: &str, text: &str) {
    fs::create_dir_all(UNITS).unwrap();
    fs::write(Path::new(UNITS).join(file), text).unwrap();
}

/// Standard output and exit status of a command.
fn command(words: &str) -> (String, i32, String) {
    let mut words = words.split(' ');
    let output = Command::new(words.next().unwrap())
        .args(words)
        .output()
        .unwrap();
    (
        String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        output.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    )
}

fn reload() {
    assert_eq!(command("systemctl daemon-reload").1, 0);
}

fn sleeper(file: &str, more: &str) {
    let text =
        format!("[Unit]\nStartLimitIntervalSec=0\n{more}\n[Service]\nExecStart=/bin/sleep inf\n");
    unit(file, &text);
}

fn ask(init: &mut Systemd, unit: &str) -> UnitFacts {
    init.units(&[name(unit)], Depth::Relations)
        .unwrap()
        .remove(0)
}

fn run_one(init: &mut Systemd, verb: Verb, unit: &str) -> JobOutcome {
    init.run(&[job(verb, unit)], Wait::Done).unwrap().remove(0)
}

fn failure(outcome: JobOutcome) -> JobFailure {
    match outcome {
        JobOutcome::Failed(failure) => failure,
        other => panic!("it should have failed: {other:?}"),
    }
}

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

#[test]
fn failures_are_told_as_systemctl_tells_them_with_its_exit_status() {
    unit(
        "f-fail.service",
        "[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=oneshot\nExecStart=/bin/false\n",
    );
    unit(
        "f-time.service",
        "[Service]\nType=oneshot\nTimeoutStartSec=1\nExecStart=/bin/sleep inf\n",
    );
    unit(
        "f-job.service",
        "[Unit]\nJobTimeoutSec=1\n[Service]\nType=oneshot\nExecStart=/bin/sleep inf\n",
    );
    unit(
        "f-dep.service",
        "[Unit]\nRequires=f-fail.service\nAfter=f-fail.service\n[Service]\nExecStart=/bin/sleep inf\n",
    );
    unit(
        "f-refuse.service",
        "[Unit]\nRefuseManualStart=yes\n[Service]\nExecStart=/bin/sleep inf\n",
    );
    unit("f-bad.service", "[Service]\nType=simple\n");
    unit(
        "f-assert.service",
        "[Unit]\nAssertPathExists=/none\n[Service]\nExecStart=/bin/sleep inf\n",
    );
    unit(
        "f-cond.service",
        "[Unit]\nConditionPathExists=/none\n[Service]\nExecStart=/bin/sleep inf\n",
    );
    unit(
        "f-kill.service",
        "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'kill -9 $$$$'\n",
    );
    unit(
        "f-limit.service",
        "[Unit]\nStartLimitIntervalSec=1000\nStartLimitBurst=1\n[Service]\nType=oneshot\nExecStart=/bin/true\n",
    );
    unit(
        "f-tmpl@.service",
        "[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=oneshot\nExecStart=/bin/false\n",
    );
    unit("f-once.target", "[Unit]\nWants=f-limit.service\n");
    unit("f-sock.socket", "[Socket]\nListenStream=/proc/none/x\n");
    let _ = std::os::unix::fs::symlink("/dev/null", Path::new(UNITS).join("f-mask.service"));
    sleeper("f-ok.service", "");
    reload();
    let mut init = Systemd::new(Limit::Unit);
    assert_eq!(command("systemctl reset-failed").1, 0);
    // The target keeps the service in memory, and with it the count of its starts.
    assert_eq!(
        run_one(&mut init, Verb::Start, "f-once.target"),
        JobOutcome::Done
    );
    std::thread::sleep(Duration::from_millis(200));
    let cases = [
        (Verb::Start, "f-none"),
        (Verb::Stop, "f-none"),
        (Verb::Reload, "f-none"),
        (Verb::TryRestart, "f-none"),
        (Verb::Start, "f-mask"),
        (Verb::Stop, "f-mask"),
        (Verb::TryRestart, "f-mask"),
        (Verb::Start, "f-fail"),
        (Verb::Reload, "f-fail"),
        (Verb::ReloadOrRestart, "f-fail"),
        (Verb::Start, "f-time"),
        (Verb::Start, "f-job"),
        (Verb::Start, "f-dep"),
        (Verb::Start, "f-refuse"),
        (Verb::Restart, "f-refuse"),
        (Verb::Start, "f-bad"),
        (Verb::Start, "f-assert"),
        (Verb::Start, "f-cond"),
        (Verb::Start, "f-kill"),
        (Verb::Start, "f-tmpl@a\\x2db"),
        (Verb::Reload, "f-once.target"),
        (Verb::Reload, "f-ok"),
        (Verb::Start, "f-sock.socket"),
        (Verb::Start, "f-limit"),
        (Verb::Start, "f-ok"),
        (Verb::Stop, "f-ok"),
    ];
    for (verb, unit) in cases {
        let unit = name(unit);
        let asked = format!("systemctl {verb} {unit}");
        let (_, status, stderr) = command(&asked);
        let outcome = init
            .run(&[Job::new(verb, unit.clone())], Wait::Done)
            .unwrap()
            .remove(0);
        let ours = match &outcome {
            JobOutcome::Failed(failure) => systemctl::lines(verb, &unit, failure).join("\n"),
            JobOutcome::Done | JobOutcome::Queued => String::new(),
        };
        assert_eq!(ours, stderr, "{asked}");
        assert_eq!(
            i32::from(systemctl::exit_status_of([(verb, &outcome)])),
            status,
            "{asked}"
        );
    }
    let ended = |result: &str, service: &str| JobFailure::Ended {
        result: result.to_owned(),
        service_result: service.to_owned(),
    };
    assert_eq!(
        failure(run_one(&mut init, Verb::Start, "f-fail")),
        ended("failed", "exit-code")
    );
    assert_eq!(
        failure(run_one(&mut init, Verb::Start, "f-limit")),
        ended("failed", "start-limit-hit")
    );
    assert_eq!(
        failure(run_one(&mut init, Verb::Start, "f-job")),
        ended("timeout", "")
    );
    assert!(matches!(
        ask(&mut init, "f-bad").load,
        Known::Is(LoadState::Broken)
    ));
    assert!(ask(&mut init, "f-mask").is_masked());
}

#[test]
fn a_job_past_the_limit_is_left_running_and_a_canceled_one_is_told() {
    unit(
        "l-slow.service",
        "[Service]\nType=oneshot\nExecStart=/bin/sleep inf\n",
    );
    reload();
    let mut init = Systemd::new(Limit::Fixed(Duration::from_millis(1200)));
    let begun = Instant::now();
    let outcome = run_one(&mut init, Verb::Start, "l-slow");
    assert_eq!(failure(outcome), JobFailure::TimedOut { seconds: 1 });
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert_eq!(
        ask(&mut init, "l-slow").active,
        Known::Is(ActiveState::Activating)
    );
    init.limit = Limit::Unit;
    // The unit has no limit of its own: the wait goes on past the time at which limits are asked
    // for, until somebody stops it.
    let stopper = std::thread::spawn(|| {
        std::thread::sleep(Duration::from_secs(7));
        run_one(&mut Systemd::new(Limit::Unit), Verb::Stop, "l-slow")
    });
    let outcome = failure(run_one(&mut init, Verb::Start, "l-slow"));
    let canceled = JobFailure::Ended {
        result: "canceled".to_owned(),
        service_result: String::new(),
    };
    assert_eq!(outcome, canceled);
    assert_eq!(stopper.join().unwrap(), JobOutcome::Done);
}

#[test]
fn a_unit_of_its_own_limits_is_left_ten_seconds_after_them() {
    // The start ends by its own limit of 6 s, which is later than the limits are asked for.
    unit(
        "l-own.service",
        "[Service]\nType=oneshot\nTimeoutStartSec=6\nExecStart=/bin/sleep inf\n",
    );
    reload();
    let outcome = failure(run_one(
        &mut Systemd::new(Limit::Unit),
        Verb::Start,
        "l-own",
    ));
    let timeout = JobFailure::Ended {
        result: "failed".to_owned(),
        service_result: "timeout".to_owned(),
    };
    assert_eq!(outcome, timeout);
}

#[test]
fn jobs_that_are_not_waited_for_come_back_queued() {
    unit(
        "n-slow.service",
        "[Service]\nType=oneshot\nExecStart=/bin/sleep 2\n",
    );
    reload();
    let mut init = Systemd::new(Limit::Unit);
    let begun = Instant::now();
    let outcomes = init
        .run(&[job(Verb::Start, "n-slow")], Wait::Queued)
        .unwrap();
    assert_eq!(outcomes, [JobOutcome::Queued]);
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[test]
fn fifty_units_go_through_in_one_write() {
    let names: Vec<String> = (0..50).map(|n| format!("many-{n}")).collect();
    for name in &names {
        sleeper(&format!("{name}.service"), "");
    }
    reload();
    let mut init = Systemd::new(Limit::Unit);
    for (verb, up) in [
        (Verb::Start, true),
        (Verb::Restart, true),
        (Verb::Stop, false),
    ] {
        let jobs: Vec<Job> = names.iter().map(|name| job(verb, name)).collect();
        assert_eq!(
            init.run(&jobs, Wait::Done).unwrap(),
            vec![JobOutcome::Done; 50],
            "{verb}"
        );
        let units: Vec<UnitName> = names.iter().map(|text| name(text)).collect();
        let facts = init.units(&units, Depth::State).unwrap();
        assert!(facts.iter().all(|unit| unit.is_up() == up), "{verb}");
    }
}

/// Clients that connect to `path` every 2 ms until told to stop.
fn hammer(path: &'static str, stop: &Arc<AtomicBool>) -> std::thread::JoinHandle<()> {
    let stop = stop.clone();
    std::thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            if let Ok(mut stream) = UnixStream::connect(path) {
                let _ = stream.write_all(b"x");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    })
}

#[test]
fn clients_that_hammer_on_two_sockets_do_not_bring_a_stopped_service_back() {
    unit(
        "h.service",
        "[Unit]\nRequires=h1.socket h2.socket\nStartLimitIntervalSec=0\n[Service]\nSockets=h1.socket h2.socket\nExecStart=/bin/sleep inf\nExecStop=/bin/sleep 0.2\n",
    );
    for n in [1, 2] {
        unit(
            &format!("h{n}.socket"),
            &format!(
                "[Unit]\nStartLimitIntervalSec=0\n[Socket]\nListenStream=/run/h{n}.sock\nService=h.service\nTriggerLimitIntervalSec=0\n"
            ),
        );
    }
    reload();
    let mut init = Systemd::new(Limit::Unit);
    let stop = Arc::new(AtomicBool::new(false));
    let clients = [hammer("/run/h1.sock", &stop), hammer("/run/h2.sock", &stop)];
    let all = ["h1.socket", "h2.socket", "h.service"];
    let mut came_back = 0;
    for _ in 0..25 {
        let start: Vec<Job> = all.iter().map(|unit| job(Verb::Start, unit)).collect();
        assert_eq!(
            init.run(&start, Wait::Done).unwrap(),
            vec![JobOutcome::Done; 3]
        );
        let jobs: Vec<Job> = all.iter().map(|unit| job(Verb::Stop, unit)).collect();
        assert_eq!(
            init.run(&jobs, Wait::Done).unwrap(),
            vec![JobOutcome::Done; 3]
        );
        std::thread::sleep(Duration::from_millis(30));
        came_back += usize::from(!ask(&mut init, "h").is_down());
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().unwrap();
    }
    assert_eq!(
        came_back, 0,
        "rounds of 25 in which the service was started again"
    );
}

#[test]
fn a_socket_that_goes_down_and_up_with_its_service_never_reaches_its_start_limit() {
    unit(
        "often.socket",
        "[Unit]\nStartLimitIntervalSec=1min\nStartLimitBurst=3\n[Socket]\nListenStream=/run/often.sock\n",
    );
    sleeper("often.service", "");
    reload();
    let mut init = Systemd::default();
    for round in 0..10 {
        assert_eq!(
            run_one(&mut init, Verb::Start, "often.socket"),
            JobOutcome::Done,
            "{round}"
        );
        assert_eq!(
            run_one(&mut init, Verb::Stop, "often.socket"),
            JobOutcome::Done,
            "{round}"
        );
    }
}

#[test]
fn a_held_bus_service_is_not_started_by_a_call_which_fails_at_once() {
    fs::create_dir_all("/run/dbus-1/system-services").unwrap();
    fs::create_dir_all("/usr/share/dbus-1/system-services").unwrap();
    fs::write(
        "/usr/share/dbus-1/system-services/org.example.Held.service",
        "[D-BUS Service]\nName=org.example.Held\nExec=/bin/false\nUser=root\nSystemdService=held.service\n",
    )
    .unwrap();
    fs::write(
        "/usr/share/dbus-1/system.d/org.example.Held.conf",
        "<busconfig><policy context=\"default\"><allow send_destination=\"org.example.Held\"/></policy></busconfig>",
    )
    .unwrap();
    unit(
        "held.service",
        "[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=simple\nExecStart=/bin/sleep inf\n",
    );
    reload();
    assert_eq!(command("systemctl reload dbus").1, 0);
    let mut init = Systemd::new(Limit::Unit);
    assert!(ask(&mut init, "held").bus_activated);
    let call = "busctl --timeout=4 call org.example.Held / org.freedesktop.DBus.Peer Ping";
    let begun = Instant::now();
    for in_memory in [false, true] {
        if in_memory {
            assert_eq!(run_one(&mut init, Verb::Start, "held"), JobOutcome::Done);
        }
        init.hold(&name("held")).unwrap();
        assert_eq!(run_one(&mut init, Verb::Stop, "held"), JobOutcome::Done);
        let called = Instant::now();
        let (_, status, stderr) = command(call);
        assert_ne!(status, 0);
        assert!(called.elapsed() < Duration::from_secs(2), "{stderr}");
        assert!(stderr.contains("requested by dependency only"), "{stderr}");
        assert!(ask(&mut init, "held").is_down(), "{stderr}");
        init.release(&name("held")).unwrap();
        init.release(&name("held")).unwrap();
        assert!(!Path::new(UNITS).join("held.service.d").exists());
        assert_eq!(run_one(&mut init, Verb::Start, "held"), JobOutcome::Done);
        assert_eq!(run_one(&mut init, Verb::Stop, "held"), JobOutcome::Done);
    }
    assert!(begun.elapsed() < Duration::from_secs(20));
    // Without the hold the same call brings the service up.
    let _ = command(call);
    assert!(ask(&mut init, "held").is_up());
    run_one(&mut init, Verb::Stop, "held");
}

#[test]
fn kill_ends_every_process_and_an_unknown_unit_is_refused() {
    sleeper("k.service", "");
    reload();
    let mut init = Systemd::new(Limit::Unit);
    assert_eq!(run_one(&mut init, Verb::Start, "k"), JobOutcome::Done);
    init.kill(&name("k")).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(ask(&mut init, "k").active, Known::Is(ActiveState::Failed));
    let error = init.kill(&name("k-none")).unwrap_err();
    assert!(
        matches!(&error, InitError::Refused { name, .. } if name.ends_with("NoSuchUnit")),
        "{error:?}"
    );
}

#[test]
fn after_a_reexec_the_next_question_makes_a_new_connection() {
    sleeper("r.service", "");
    reload();
    let mut init = Systemd::new(Limit::Unit);
    assert_eq!(run_one(&mut init, Verb::Start, "r"), JobOutcome::Done);
    let before = ask(&mut init, "r");
    assert_eq!(command("systemctl daemon-reexec").1, 0);
    let after = ask(&mut init, "r");
    assert_eq!(
        (before.main_pid, before.invocation),
        (after.main_pid, after.invocation)
    );
    assert_eq!(run_one(&mut init, Verb::Restart, "r"), JobOutcome::Done);
    assert_ne!(ask(&mut init, "r").main_pid, before.main_pid);
    run_one(&mut init, Verb::Stop, "r");
}
