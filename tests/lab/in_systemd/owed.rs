//! What is owed, on a real systemd: a soft-reboot's life, holds that are forgotten, a flush that is
//! killed at many moments.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rcpolicy::domain::{Until, Verb};
use rcpolicy::front::rcpolicy::{Place, run};
use rcpolicy::init::Init;
use rcpolicy::init::systemd::{Limit, Systemd};
use rcpolicy::ledger::{DIRECTORY, Due, Entry, Ledger, Owed, Who};
use rcpolicy::observe::life::life;
use rcpolicy::report::console::Console;

use super::{UNITS, ask, command, name, reload, run_one, sleeper, unit};

fn ledger() -> Ledger {
    Ledger::open(Path::new(DIRECTORY), life().unwrap())
}

fn owes(service: &str, change: impl FnOnce(&mut Entry)) {
    let ledger = ledger();
    let life = ledger.life().clone();
    let mut entry = Entry::new(name(service), life, Who::default(), 1, "a test");
    change(&mut entry);
    ledger.lock().unwrap().put(&entry).unwrap();
}

fn restart(entry: &mut Entry) {
    entry.kept_running = true;
    entry.owed = Some(Owed {
        due: Due::Restart,
        until: Until::Flush,
        reasons: Vec::new(),
        at: None,
        begun: None,
    });
}

/// Exit status and all that was said.
fn rcpolicy(words: &str) -> (u8, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut console = Console::new(&mut out, &mut err);
    let arguments = ["rcpolicy"].into_iter().chain(words.split(' '));
    let status = run(arguments.map(Into::into), &Place::here(), &mut console).status();
    let text = [out, err].concat();
    (status, String::from_utf8(text).unwrap())
}

#[test]
fn what_another_user_space_was_owed_is_shown_as_settled_and_settled_by_the_flush() {
    sleeper("o-life.service", "");
    reload();
    let mut init = Systemd::new(Limit::Unit);
    run_one(&mut init, Verb::Start, "o-life");
    let before = ask(&mut init, "o-life").invocation;
    let now = init.userspace_timestamp().unwrap();
    for (began, owed) in [(now, true), (now - 1, false)] {
        owes("o-life", |entry| {
            restart(entry);
            entry.life.userspace = Some(began);
        });
        let (status, said) = rcpolicy("pending");
        assert_eq!(status, 0, "{said}");
        assert_eq!(said.contains("restart until flush"), owed, "{said}");
        let ended = "what was owed to o-life ended with an earlier life of the init";
        assert_eq!(said.contains(ended), !owed, "{said}");
    }
    let (status, said) = rcpolicy("flush");
    assert_eq!(
        (status, said.contains("o-life: settled")),
        (0, true),
        "{said}"
    );
    assert_eq!(ask(&mut init, "o-life").invocation, before);
    assert!(rcpolicy("pending").1.contains("nothing is owed"));
    run_one(&mut init, Verb::Stop, "o-life");
}

/// A service that a call to the bus name org.example.NAME starts; the call waits for that name in vain.
fn bus_service(service: &str) -> String {
    fs::create_dir_all("/usr/share/dbus-1/system-services").unwrap();
    let bus = format!("org.example.{service}");
    let text = format!(
        "[D-BUS Service]\nName={bus}\nExec=/bin/false\nUser=root\nSystemdService={service}.service\n"
    );
    fs::write(
        format!("/usr/share/dbus-1/system-services/{bus}.service"),
        text,
    )
    .unwrap();
    let text = format!(
        "<busconfig><policy context=\"default\"><allow send_destination=\"{bus}\"/></policy></busconfig>"
    );
    fs::write(format!("/usr/share/dbus-1/system.d/{bus}.conf"), text).unwrap();
    sleeper(&format!("{service}.service"), "");
    reload();
    assert_eq!(command("systemctl reload dbus").1, 0);
    format!("busctl --timeout=1 call {bus} / org.freedesktop.DBus.Peer Ping")
}

#[test]
fn who_forgets_a_service_lets_bus_calls_start_it_again() {
    let mut init = Systemd::new(Limit::Unit);
    // Of this life, and of one that ended while the hold stayed behind. Each has a name of its own: the
    // bus goes on for a while to wait for one that did not appear.
    for (service, older) in [("oForgot", 0), ("oSettled", 1)] {
        let call = bus_service(service);
        init.hold(&name(service)).unwrap();
        owes(service, |entry| {
            entry.held = true;
            entry.life.init_started += older;
        });
        let (_, _, refused) = command(&call);
        assert!(ask(&mut init, service).is_down(), "{refused}");
        assert!(!refused.contains("timed out"), "{refused}");
        let (status, said) = rcpolicy(&format!("forget {service}"));
        let expected = format!("D-Bus calls can start {service} again\n");
        assert!(said.starts_with(&expected), "{said}");
        assert_eq!(u64::from(status), older, "{said}");
        let drop_in = Path::new(UNITS).join(format!("{service}.service.d"));
        assert!(!drop_in.exists());
        let _ = command(&call);
        assert!(ask(&mut init, service).is_up());
        assert!(rcpolicy("pending").1.contains("nothing is owed"));
        run_one(&mut init, Verb::Stop, service);
    }
}

const KILLED: [&str; 3] = ["o-a", "o-b", "o-c"];

/// How often each of them was started since the last look.
fn starts() -> Vec<usize> {
    let count = |service: &&str| {
        let file = format!("/run/{service}.starts");
        let lines = fs::read_to_string(&file)
            .unwrap_or_default()
            .lines()
            .count();
        let _ = fs::remove_file(file);
        lines
    };
    KILLED.iter().map(count).collect()
}

/// A flush in a process of its own that is killed after `moment`.
fn killed_flush(moment: Duration) {
    let mut flush = Command::new("/usr/sbin/rcpolicy")
        .arg("flush")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(moment);
    flush.kill().unwrap();
    flush.wait().unwrap();
}

#[test]
fn a_flush_killed_at_any_moment_loses_no_restart_and_does_none_twice() {
    for service in KILLED {
        let text = format!(
            "[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=forking\nExecStartPre=/bin/sh -c 'echo x >>/run/{service}.starts; sleep 0.06'\nExecStart=/bin/sh -c 'sleep inf & sleep 0.06'\nExecStop=/bin/sleep 0.12\nKillMode=control-group\n"
        );
        unit(&format!("{service}.service"), &text);
    }
    reload();
    let mut init = Systemd::new(Limit::Unit);
    for service in KILLED {
        run_one(&mut init, Verb::Start, service);
    }
    starts();
    let mut left_by_the_cut = Vec::new();
    for step in 0..12 {
        KILLED.iter().for_each(|service| owes(service, restart));
        killed_flush(Duration::from_millis(step * 67));
        left_by_the_cut.push(ledger().all().unwrap().entries.len());
        let (status, said) = rcpolicy("flush");
        assert_eq!(status, 0, "after {} ms: {said}", step * 67);
        assert_eq!(starts(), [1, 1, 1], "after {} ms: {said}", step * 67);
        assert!(ledger().all().unwrap().entries.is_empty());
    }
    // The moments reached from before the first to behind a later one.
    assert!(left_by_the_cut.contains(&3) && left_by_the_cut.iter().any(|left| *left < 3));
    for service in KILLED {
        run_one(&mut init, Verb::Stop, service);
    }
}
