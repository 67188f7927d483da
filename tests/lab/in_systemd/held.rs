//! A service that D-Bus calls can start, held off and let go again.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rcpolicy::domain::{JobOutcome, Verb};
use rcpolicy::init::Init;
use rcpolicy::init::systemd::{Limit, Systemd};

use super::{UNITS, ask, command, name, reload, run_one, unit};

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
