//! Jobs, many at once and under clients that hammer on, and connections that PID 1 drops.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rcpolicy::domain::{ActiveState, Job, JobOutcome, Known, UnitName, Verb, Wait};
use rcpolicy::init::systemd::{Limit, Systemd};
use rcpolicy::init::{Depth, Init, InitError};

use super::{ask, command, job, name, reload, run_one, sleeper, unit};

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

/// Where the manager knows a call for many, it makes one transaction of them; one that cannot be among
/// them, or an older manager, has them asked for one by one.
#[test]
fn many_restarts_as_one_are_done_and_one_that_cannot_be_keeps_none_from_it() {
    let names: Vec<String> = (0..20).map(|number| format!("t-one{number}")).collect();
    for service in &names {
        sleeper(&format!("{service}.service"), "");
    }
    reload();
    let mut init = Systemd::new(Limit::Unit);
    let restarts = |names: &[String]| -> Vec<Job> {
        let jobs = names.iter().map(|text| Job::new(Verb::Restart, name(text)));
        jobs.collect()
    };
    let all = restarts(&names);
    for _ in 0..2 {
        let before: Vec<String> = names
            .iter()
            .map(|text| ask(&mut init, text).invocation)
            .collect();
        let outcomes = init.run_as_one(&all, Wait::Done).unwrap();
        assert_eq!(outcomes, vec![JobOutcome::Done; 20]);
        for (text, before) in names.iter().zip(before) {
            let after = ask(&mut init, text);
            assert!(after.is_up() && after.invocation != before, "{text}");
        }
    }
    let mut more = names.clone();
    more.insert(3, "t-nosuch".to_owned());
    let outcomes = init.run_as_one(&restarts(&more), Wait::Done).unwrap();
    for (at, outcome) in outcomes.iter().enumerate() {
        assert_eq!(*outcome == JobOutcome::Done, at != 3, "{outcome:?}");
    }
    let queued = init.run_as_one(&all, Wait::Queued).unwrap();
    assert_eq!(queued, vec![JobOutcome::Queued; 20]);
    let stops: Vec<Job> = names
        .iter()
        .map(|text| Job::new(Verb::Stop, name(text)))
        .collect();
    let outcomes = init.run_as_one(&stops, Wait::Done).unwrap();
    assert_eq!(outcomes, vec![JobOutcome::Done; 20]);
}
