//! The model against real systemd: the stop orders, reactivation and refusals were measured there,
//! the rest follows its documentation.

use super::*;
use crate::domain::{ActiveState, FileState, Job, JobFailure, JobOutcome, UnitName, Verb, Wait};
use crate::init::{Depth, Init};

const MS: Micros = 1000;
const OLD: Image = Image::Whole(1);
const NEW: Image = Image::Whole(2);

fn unit(name: &str) -> UnitName {
    UnitName::parse(name).unwrap()
}

fn job(verb: Verb, name: &str) -> Job {
    Job::new(verb, unit(name))
}

#[derive(Clone, Copy, PartialEq)]
enum Requires {
    Sockets,
    Nothing,
}

/// A service with two sockets and a slow stop, and a client hammering each socket.
fn two_sockets(requires: Requires) -> Simulated {
    let mut machine = Simulated::new(Flavour::Systemd, 7);
    let sockets = [unit("d1.socket"), unit("d2.socket")];
    let mut service = Spec::new(unit("d.service"));
    (service.start_takes, service.stop_takes) = (5 * MS, 40 * MS);
    if requires == Requires::Sockets {
        service.requires = sockets.to_vec();
    }
    machine.add(service, OLD);
    for socket in &sockets {
        machine.add(Spec::trigger(socket.clone(), unit("d.service")), OLD);
    }
    let jobs = [
        job(Verb::Start, "d1.socket"),
        job(Verb::Start, "d2.socket"),
        job(Verb::Start, "d.service"),
    ];
    let started = machine.run(&jobs, Wait::Done).unwrap();
    assert_eq!(started, vec![JobOutcome::Done; 3]);
    for socket in sockets {
        machine.connect_every(Client {
            to: socket,
            every: 2 * MS,
        });
    }
    machine.pass(50 * MS);
    machine
}

fn stop_in_one_run(machine: &mut Simulated, order: [&str; 3]) -> usize {
    let jobs = order.map(|name| job(Verb::Stop, name));
    machine.run(&jobs, Wait::Done).unwrap();
    machine.pass(100 * MS);
    machine.activations(&unit("d.service"))
}

fn stop_one_by_one(machine: &mut Simulated, order: [&str; 3]) -> usize {
    for name in order {
        machine.run(&[job(Verb::Stop, name)], Wait::Done).unwrap();
    }
    machine.pass(100 * MS);
    machine.activations(&unit("d.service"))
}

fn state(machine: &Simulated, name: &str) -> ActiveState {
    machine.view(&unit(name)).unwrap().active
}

const SOCKETS_FIRST: [&str; 3] = ["d1.socket", "d2.socket", "d.service"];
const SERVICE_FIRST: [&str; 3] = ["d.service", "d1.socket", "d2.socket"];

#[test]
fn sockets_and_service_enqueued_together_are_never_reactivated() {
    for requires in [Requires::Nothing, Requires::Sockets] {
        let mut machine = two_sockets(requires);
        assert_eq!(stop_in_one_run(&mut machine, SOCKETS_FIRST), 0);
        for name in SOCKETS_FIRST {
            assert_eq!(state(&machine, name), ActiveState::Inactive, "{name}");
        }
    }
}

#[test]
fn a_service_stopped_before_its_sockets_is_reactivated() {
    for requires in [Requires::Nothing, Requires::Sockets] {
        let mut machine = two_sockets(requires);
        assert!(stop_one_by_one(&mut machine, SERVICE_FIRST) > 0);
    }
}

#[test]
fn sockets_that_are_each_awaited_first_bring_a_service_that_requires_them_back() {
    let mut machine = two_sockets(Requires::Sockets);
    assert!(stop_one_by_one(&mut machine, SOCKETS_FIRST) > 0);
    assert_eq!(state(&machine, "d.service"), ActiveState::Active);
}

#[test]
fn without_requires_sockets_that_are_each_awaited_first_stay_down() {
    let mut machine = two_sockets(Requires::Nothing);
    assert_eq!(stop_one_by_one(&mut machine, SOCKETS_FIRST), 0);
    assert_eq!(state(&machine, "d.service"), ActiveState::Inactive);
}

#[test]
fn a_service_that_is_down_before_its_socket_is_asked_to_stop_is_reactivated() {
    let mut machine = two_sockets(Requires::Nothing);
    machine
        .units
        .get_mut(&unit("d.service"))
        .unwrap()
        .spec
        .stop_takes = 10;
    machine.dismiss_clients();
    machine.pass(50 * MS);
    let service = job(Verb::Stop, "d.service");
    machine.run(&[service], Wait::Queued).unwrap();
    machine.pass(100);
    machine.connect(&unit("d1.socket"));
    machine
        .run(&[job(Verb::Stop, "d1.socket")], Wait::Done)
        .unwrap();
    assert_eq!(machine.activations(&unit("d.service")), 1);
}

#[test]
fn activation_is_suppressed_while_the_stop_of_the_socket_is_pending() {
    let mut machine = two_sockets(Requires::Nothing);
    stop_in_one_run(&mut machine, SERVICE_FIRST);
    let suppressed = |m: &&Moment| matches!(m.what, Happened::Suppressed { .. });
    assert!(machine.record().iter().filter(suppressed).count() > 0);
}

#[test]
fn connections_of_a_stopped_service_wait_for_its_start() {
    let mut machine = two_sockets(Requires::Nothing);
    machine.dismiss_clients();
    machine
        .run(&[job(Verb::Stop, "d.service")], Wait::Queued)
        .unwrap();
    machine.pass(MS);
    let waits = machine.connect(&unit("d1.socket"));
    assert_eq!(machine.connections()[waits].outcome, Outcome::Waiting);
    machine.pass(200 * MS);
    let served = Outcome::Served {
        by: OLD,
        files: OLD,
    };
    assert_eq!(machine.connections()[waits].outcome, served);
    assert_eq!(machine.activations(&unit("d.service")), 1);
}

#[test]
fn a_restart_keeps_the_sockets_up_and_refuses_nobody() {
    let mut machine = two_sockets(Requires::Sockets);
    let before = machine.view(&unit("d.service")).unwrap().process.unwrap();
    machine.replace_files(&unit("d.service"), NEW);
    let restarted = machine.run(&[job(Verb::Restart, "d.service")], Wait::Done);
    assert_eq!(restarted.unwrap(), [JobOutcome::Done]);
    machine.dismiss_clients();
    machine.pass(100 * MS);
    let after = machine.view(&unit("d.service")).unwrap().process.unwrap();
    assert_ne!(before.invocation, after.invocation);
    assert_eq!(after.image, NEW);
    let mut all = machine.connections().iter();
    assert!(all.all(|c| matches!(c.outcome, Outcome::Served { .. })));
    assert_eq!(machine.activations(&unit("d.service")), 0);
}

#[test]
fn a_socket_does_not_start_while_its_service_runs() {
    let mut machine = two_sockets(Requires::Nothing);
    machine
        .run(&[job(Verb::Stop, "d1.socket")], Wait::Done)
        .unwrap();
    let refused = machine
        .run(&[job(Verb::Start, "d1.socket")], Wait::Done)
        .unwrap();
    let failed = JobFailure::Ended {
        result: "failed".into(),
        service_result: String::new(),
    };
    assert_eq!(refused, [JobOutcome::Failed(failed)]);
    assert_eq!(state(&machine, "d1.socket"), ActiveState::Inactive);
}

#[test]
fn a_stop_takes_down_what_requires_it_and_a_start_does_not_bring_it_back() {
    let mut machine = docker();
    machine
        .run(&[job(Verb::Stop, "containerd")], Wait::Done)
        .unwrap();
    assert_eq!(state(&machine, "docker.service"), ActiveState::Inactive);
    machine
        .run(&[job(Verb::Start, "containerd")], Wait::Done)
        .unwrap();
    assert_eq!(state(&machine, "docker.service"), ActiveState::Inactive);
}

#[test]
fn a_restart_restarts_what_requires_it() {
    let mut machine = docker();
    let before = machine.view(&unit("docker")).unwrap().process.unwrap().pid;
    machine
        .run(&[job(Verb::Restart, "containerd")], Wait::Done)
        .unwrap();
    machine.pass(10 * MS);
    assert_eq!(state(&machine, "docker.service"), ActiveState::Active);
    assert_ne!(
        machine.view(&unit("docker")).unwrap().process.unwrap().pid,
        before
    );
}

fn docker() -> Simulated {
    let mut machine = Simulated::new(Flavour::Systemd, 1);
    machine.add(Spec::new(unit("containerd")), OLD);
    let mut docker = Spec::new(unit("docker"));
    docker.requires = vec![unit("containerd")];
    docker.after = vec![unit("containerd")];
    machine.add(docker, OLD);
    // the start pulls in what it requires
    machine
        .run(&[job(Verb::Start, "docker")], Wait::Done)
        .unwrap();
    assert_eq!(state(&machine, "containerd.service"), ActiveState::Active);
    machine
}

#[test]
fn a_stop_closes_stored_descriptors_and_a_restart_keeps_them() {
    let mut machine = Simulated::new(Flavour::Systemd, 1);
    let mut journald = Spec::new(unit("journald"));
    journald.stores = 3;
    machine.add(journald, OLD);
    let lost = |machine: &Simulated| {
        let lost = |m: &&Moment| matches!(m.what, Happened::LostDescriptors { count: 3, .. });
        machine.record().iter().filter(lost).count()
    };
    machine
        .run(&[job(Verb::Start, "journald")], Wait::Done)
        .unwrap();
    machine
        .run(&[job(Verb::Restart, "journald")], Wait::Done)
        .unwrap();
    assert_eq!(lost(&machine), 0);
    machine
        .run(&[job(Verb::Stop, "journald")], Wait::Done)
        .unwrap();
    assert_eq!(lost(&machine), 1);
}

#[test]
fn files_that_change_while_a_process_loads_leave_it_mixed() {
    let mut machine = Simulated::new(Flavour::Systemd, 1);
    let mut service = Spec::new(unit("d"));
    service.start_takes = 10 * MS;
    machine.add(service, OLD);
    machine.run(&[job(Verb::Start, "d")], Wait::Queued).unwrap();
    machine.pass(5 * MS);
    machine.replace_files(&unit("d"), NEW);
    machine.pass(50 * MS);
    let image = |machine: &Simulated| machine.view(&unit("d")).unwrap().process.unwrap().image;
    assert_eq!(image(&machine), Image::Mixed);
    machine.run(&[job(Verb::Restart, "d")], Wait::Done).unwrap();
    assert_eq!(image(&machine), NEW);
}

#[test]
fn a_bus_call_starts_a_service_unless_it_is_held() {
    let mut machine = Simulated::new(Flavour::Systemd, 1);
    let mut hostnamed = Spec::new(unit("hostnamed"));
    hostnamed.bus_activated = true;
    machine.add(hostnamed, OLD);
    machine.hold(&unit("hostnamed")).unwrap();
    let refused = machine.connect(&unit("hostnamed"));
    assert_eq!(machine.connections()[refused].outcome, Outcome::Refused);
    machine.release(&unit("hostnamed")).unwrap();
    machine.connect(&unit("hostnamed"));
    machine.pass(10 * MS);
    assert_eq!(machine.activations(&unit("hostnamed")), 1);
    assert_eq!(state(&machine, "hostnamed"), ActiveState::Active);
}

#[test]
fn a_path_brings_its_service_back_for_as_long_as_the_condition_holds() {
    let mut machine = Simulated::new(Flavour::Systemd, 1);
    machine.add(Spec::new(unit("p.service")), OLD);
    machine.add(Spec::trigger(unit("p.path"), unit("p.service")), OLD);
    machine
        .run(&[job(Verb::Start, "p.path")], Wait::Done)
        .unwrap();
    machine.set_found(&unit("p.path"), true);
    machine.pass(MS);
    machine
        .run(&[job(Verb::Stop, "p.service")], Wait::Done)
        .unwrap();
    machine.pass(MS);
    assert_eq!(machine.activations(&unit("p.service")), 2);
    let both = [job(Verb::Stop, "p.path"), job(Verb::Stop, "p.service")];
    machine.run(&both, Wait::Done).unwrap();
    machine.pass(MS);
    assert_eq!(machine.activations(&unit("p.service")), 2);
}

#[test]
fn stopping_and_starting_a_monotonic_timer_does_not_make_it_fire_again() {
    let fired = |schedule| {
        let mut machine = Simulated::new(Flavour::Systemd, 1);
        machine.add(Spec::new(unit("t.service")), OLD);
        let mut timer = Spec::trigger(unit("t.timer"), unit("t.service"));
        timer.schedule = Some(schedule);
        machine.add(timer, OLD);
        machine
            .run(&[job(Verb::Start, "t.timer")], Wait::Done)
            .unwrap();
        machine.pass(20 * MS);
        let both = [job(Verb::Stop, "t.timer"), job(Verb::Stop, "t.service")];
        machine.run(&both, Wait::Done).unwrap();
        machine
            .run(&[job(Verb::Start, "t.timer")], Wait::Done)
            .unwrap();
        machine.pass(20 * MS);
        machine.activations(&unit("t.service"))
    };
    assert_eq!(fired(Schedule::OnceAt(10 * MS)), 1);
    assert_eq!(fired(Schedule::Every(15 * MS)), 2);
}

#[test]
fn instances_of_an_accepting_socket_outlive_its_stop() {
    let mut machine = Simulated::new(Flavour::Systemd, 1);
    let mut instance = Spec::new(unit("a@.service"));
    instance.serve_takes = 50 * MS;
    machine.add(instance, OLD);
    let mut socket = Spec::trigger(unit("a.socket"), unit("a@.service"));
    socket.accepts = true;
    machine.add(socket, OLD);
    machine
        .run(&[job(Verb::Start, "a.socket")], Wait::Done)
        .unwrap();
    let open = machine.connect(&unit("a.socket"));
    machine
        .run(&[job(Verb::Stop, "a.socket")], Wait::Done)
        .unwrap();
    let late = machine.connect(&unit("a.socket"));
    machine.pass(100 * MS);
    assert!(matches!(
        machine.connections()[open].outcome,
        Outcome::Served { .. }
    ));
    assert_eq!(machine.connections()[late].outcome, Outcome::Refused);
}

#[test]
fn a_full_backlog_refuses_a_unix_client_and_delays_a_tcp_one() {
    let ends = |family| {
        let mut machine = two_sockets(Requires::Nothing);
        machine.dismiss_clients();
        machine.pass(50 * MS);
        let socket = machine.units.get_mut(&unit("d1.socket")).unwrap();
        (socket.spec.backlog, socket.spec.family) = (1, family);
        machine
            .run(&[job(Verb::Stop, "d.service")], Wait::Queued)
            .unwrap();
        machine.pass(MS);
        machine.connect(&unit("d1.socket"));
        let second = machine.connect(&unit("d1.socket"));
        machine.pass(2_000 * MS);
        machine.connections()[second].outcome
    };
    assert_eq!(ends(Family::Unix), Outcome::Refused);
    assert!(matches!(ends(Family::Tcp), Outcome::Served { .. }));
}

#[test]
fn a_stop_replaces_a_start_that_is_under_way() {
    let mut machine = Simulated::new(Flavour::Systemd, 1);
    let mut slow = Spec::new(unit("slow"));
    slow.start_takes = 500 * MS;
    machine.add(slow, OLD);
    let jobs = [job(Verb::Start, "slow"), job(Verb::Stop, "slow")];
    let ends = machine.run(&jobs, Wait::Done).unwrap();
    assert!(matches!(&ends[0],
        JobOutcome::Failed(JobFailure::Ended { result, .. }) if result == "canceled"));
    assert_eq!(ends[1], JobOutcome::Done);
    assert_eq!(state(&machine, "slow"), ActiveState::Inactive);
}

#[test]
fn a_masked_service_fails_its_socket_and_refuses_a_start() {
    let mut machine = two_sockets(Requires::Nothing);
    machine.dismiss_clients();
    machine.set_file_state(&unit("d.service"), FileState::Masked);
    machine
        .run(&[job(Verb::Stop, "d.service")], Wait::Done)
        .unwrap();
    machine.connect(&unit("d1.socket"));
    machine.pass(MS);
    assert_eq!(state(&machine, "d1.socket"), ActiveState::Failed);
    let refused = machine
        .run(&[job(Verb::Start, "d.service")], Wait::Done)
        .unwrap();
    assert!(matches!(&refused[0],
        JobOutcome::Failed(JobFailure::Refused { name, .. }) if name.ends_with(".UnitMasked")));
}

#[test]
fn a_job_that_outlives_patience_is_a_time_out() {
    let mut machine = Simulated::new(Flavour::Systemd, 1);
    let mut stuck = Spec::new(unit("stuck"));
    stuck.start_takes = 200_000 * MS;
    machine.add(stuck, OLD);
    let ends = machine
        .run(&[job(Verb::Start, "stuck")], Wait::Done)
        .unwrap();
    let timed_out = JobFailure::TimedOut { seconds: 90 };
    assert_eq!(ends, [JobOutcome::Failed(timed_out)]);
}

#[test]
fn a_sysv_init_has_no_sockets_and_refuses_while_the_service_is_down() {
    let mut machine = Simulated::new(Flavour::Sysv, 1);
    let mut service = Spec::new(unit("d"));
    service.stop_takes = 5 * MS;
    machine.add(service, OLD);
    machine.add(Spec::trigger(unit("d.socket"), unit("d")), OLD);
    assert!(!machine.capabilities().activation.is_native());
    let facts = machine
        .units(&[unit("d.socket"), unit("d")], Depth::Relations)
        .unwrap();
    assert!(facts[0].is_missing());
    assert!(facts[1].triggered_by.is_empty());
    machine.run(&[job(Verb::Start, "d")], Wait::Done).unwrap();
    let served = machine.connect(&unit("d"));
    machine.pass(MS);
    machine.run(&[job(Verb::Stop, "d")], Wait::Queued).unwrap();
    let refused = machine.connect(&unit("d"));
    machine.pass(MS);
    assert!(matches!(
        machine.connections()[served].outcome,
        Outcome::Served { .. }
    ));
    assert_eq!(machine.connections()[refused].outcome, Outcome::Refused);
    assert_eq!(machine.activations(&unit("d")), 0);
}

#[test]
fn facts_name_the_triggers_and_what_falls_with_a_unit() {
    let mut machine = two_sockets(Requires::Sockets);
    let names = [unit("d"), unit("d1.socket"), unit("nosuch")];
    let facts = machine.units(&names, Depth::Relations).unwrap();
    assert_eq!(
        facts[0].triggered_by,
        [unit("d1.socket"), unit("d2.socket")]
    );
    assert!(facts[0].is_up() && facts[0].main_pid > 0 && !facts[0].invocation.is_empty());
    assert_eq!(facts[1].triggers, [unit("d")]);
    assert_eq!(facts[1].required_by, [unit("d")]);
    assert!(facts[2].is_missing());
}
