//! What is read, everything but the real thing: notes that are missing, half written, or somebody else's.
//! `jobs` has an rc-service that does what it is told to; the real one is in `tests/lab/in_openrc.rs`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::*;
use crate::domain::FileState;

mod jobs;
mod memory;

/// A machine in a directory: a service `foo` with OpenRC's script, and `bar`, which needs it.
struct Machine {
    root: tempfile::TempDir,
    children: Vec<Child>,
}

impl Drop for Machine {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

const OPENRCS: &str = "#!/sbin/openrc-run\ncommand=/bin/foo\nreload() {\n\ttrue\n}\n";
const STATES: [&str; 7] = [
    "started",
    "starting",
    "stopping",
    "inactive",
    "failed",
    "options",
    "exclusive",
];

impl Machine {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let machine = Self {
            root,
            children: Vec::new(),
        };
        for directory in STATES {
            fs::create_dir_all(machine.path("run").join(directory)).unwrap();
        }
        fs::create_dir_all(machine.path("runlevels/default")).unwrap();
        machine.write("run/softlevel", "default");
        machine.script("foo", OPENRCS);
        machine.script("bar", OPENRCS);
        machine.tool("exit 0");
        machine.program("rc-depend", "echo ' * Caching ... [ ok ]'; echo 'bar foo '");
        machine
    }

    fn path(&self, below: &str) -> PathBuf {
        self.root.path().join(below)
    }

    fn write(&self, below: &str, text: &str) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn program(&self, below: &str, body: &str) {
        self.write(below, &format!("#!/bin/sh\n{body}\n"));
        executable(&self.path(below));
    }

    fn script(&self, name: &str, text: &str) {
        self.write(&format!("init.d/{name}"), text);
        executable(&self.path("init.d").join(name));
    }

    /// What rc-service does, with the service as $1 and the action as $2, beside noting its call.
    fn tool(&self, body: &str) {
        let helpers = format!(
            "cd {}; echo \"$*\" >>calls; [ \"$1\" != -- ] || shift
            up() {{ ln -sf ../../init.d/$1 run/started/$1; }}
            down() {{ rm -rf run/started/$1 run/options/$1; }}",
            self.root.path().display()
        );
        self.program("rc-service", &format!("{helpers}\n{body}"));
    }

    fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn is(&self, state: &str, name: &str) {
        let link = self.path("run").join(state).join(name);
        symlink(Path::new("../../init.d").join(name), link).unwrap();
    }

    /// `foo` is up, and a process runs for it.
    fn up(&mut self) -> u32 {
        self.is("started", "foo");
        let mut sleep = Command::new("sleep");
        let child = sleep.arg("1000").stdin(Stdio::null()).spawn().unwrap();
        let pid = child.id();
        self.children.push(child);
        let file = self.path("foo.pid");
        self.write("foo.pid", &format!("{pid}\n"));
        self.write("run/options/foo/pidfile", &file.display().to_string());
        pid
    }

    fn die(&mut self) {
        for child in &mut self.children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    fn openrc(&self) -> Openrc {
        let openrc = Openrc::at(Places::below(self.root.path()));
        openrc.waiting(Duration::from_secs(20))
    }

    fn facts(&self, name: &str) -> UnitFacts {
        let units = self.openrc().units(&[unit(name)], Depth::State);
        units.unwrap().remove(0)
    }

    fn run(&self, verb: Verb) -> JobOutcome {
        let jobs = [Job::new(verb, unit("foo"))];
        self.openrc().run(&jobs, Wait::Done).unwrap().remove(0)
    }
}

fn executable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn unit(name: &str) -> UnitName {
    UnitName::of_script(name).unwrap()
}

#[test]
fn the_links_tell_the_state_and_one_that_leads_nowhere_is_none() {
    for (links, expected) in [
        (&[][..], ActiveState::Inactive),
        (&["started"][..], ActiveState::Active),
        (&["starting"][..], ActiveState::Activating),
        (&["inactive"][..], ActiveState::Activating),
        (&["stopping"][..], ActiveState::Deactivating),
        (&["failed"][..], ActiveState::Failed),
        (&["started", "stopping"][..], ActiveState::Deactivating),
    ] {
        let machine = Machine::new();
        links.iter().for_each(|link| machine.is(link, "foo"));
        let facts = machine.facts("foo");
        assert_eq!(facts.active, Known::Is(expected), "{links:?}");
        assert_eq!(facts.load, Known::Is(LoadState::Loaded));
        assert_eq!(facts.can_reload, Known::Is(true));
    }
    let machine = Machine::new();
    symlink("/nowhere", machine.path("run/started/foo")).unwrap();
    let found = machine.facts("foo");
    assert_eq!(found.active, Known::Is(ActiveState::Inactive));
}

#[test]
fn notes_that_others_may_have_written_or_that_are_not_there_tell_nothing() {
    let open = |machine: &Machine| {
        let path = machine.path("run/started");
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    };
    let link = |machine: &Machine| {
        fs::remove_dir(machine.path("run/started")).unwrap();
        symlink("/tmp", machine.path("run/started")).unwrap();
    };
    let gone = |machine: &Machine| fs::remove_dir_all(machine.path("run")).unwrap();
    type Change<'a> = &'a dyn Fn(&Machine);
    let changes: [(&str, Change<'_>); 3] =
        [("open to all", &open), ("a link", &link), ("gone", &gone)];
    for (what, change) in changes {
        let machine = Machine::new();
        change(&machine);
        assert!(machine.facts("foo").active.is_unknown(), "{what}");
        assert!(matches!(machine.run(Verb::Restart), JobOutcome::Failed(_)));
        assert!(machine.calls().is_empty(), "{what}: {:?}", machine.calls());
    }
}

#[test]
fn somebody_elses_notes_tell_nothing() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let machine = Machine::new();
    let nobody = Some(nix::unistd::Uid::from_raw(65534));
    nix::unistd::chown(&machine.path("run/started"), nobody, None).unwrap();
    assert!(machine.facts("foo").active.is_unknown());
}

#[test]
fn only_what_openrc_interprets_is_its_own() {
    let machine = Machine::new();
    let lsb = "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: lsb\n### END INIT INFO\n";
    machine.script("lsb", lsb);
    machine.script("old", "#!/sbin/runscript\n");
    machine.script("spaced.sh", "#! /sbin/openrc-run -d\n");
    machine.write("init.d/plain", OPENRCS);
    nix::unistd::mkfifo(&machine.path("init.d/pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    symlink("/bin/true", machine.path("init.d/away")).unwrap();
    symlink("foo", machine.path("init.d/foo.eth0")).unwrap();
    // The boot left it there, and nothing takes it away.
    machine.is("started", "lsb");
    for (name, ours) in [
        ("foo", true),
        ("old", true),
        ("spaced", true),
        ("foo.eth0", true),
        ("lsb", false),
        ("plain", false),
        ("pipe", false),
        ("away", false),
        ("nosuch", false),
    ] {
        assert_eq!(machine.facts(name).is_missing(), !ours, "{name}");
    }
    assert!(machine.facts("lsb").active.is_unknown());
    let away = machine.facts("nosuch").active;
    assert_eq!(away, Known::Is(ActiveState::Inactive));
    let found = machine.openrc().services(&["foo".to_owned()]).unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn a_service_is_enabled_by_its_runlevel_and_by_one_within_it() {
    let machine = Machine::new();
    let state = || machine.facts("foo").file;
    assert_eq!(state(), Known::Is(FileState::Disabled));
    machine.write("runlevels/mine/foo", "");
    assert_eq!(state(), Known::Is(FileState::Disabled));
    symlink("../mine", machine.path("runlevels/default/mine")).unwrap();
    symlink("../default", machine.path("runlevels/mine/round")).unwrap();
    assert_eq!(state(), Known::Is(FileState::Enabled));
    fs::remove_file(machine.path("runlevels/default/mine")).unwrap();
    machine.write("run/softlevel", "mine\n");
    assert_eq!(state(), Known::Is(FileState::Enabled));
    fs::remove_dir_all(machine.path("runlevels")).unwrap();
    assert!(state().is_unknown());
}

#[test]
fn a_daemon_that_is_gone_has_crashed_and_one_whose_file_is_odd_has_not() {
    let mut machine = Machine::new();
    let pid = machine.up();
    let facts = machine.facts("foo");
    assert_eq!(
        (facts.active, facts.main_pid),
        (Known::Is(ActiveState::Active), pid)
    );
    let before = facts.invocation;
    // Half written, or a pipe that its user put there: it tells nothing, and nobody waits for it.
    machine.write("foo.pid", "");
    assert_eq!(machine.facts("foo").active, Known::Is(ActiveState::Active));
    fs::remove_file(machine.path("foo.pid")).unwrap();
    nix::unistd::mkfifo(&machine.path("foo.pid"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(machine.facts("foo").active, Known::Is(ActiveState::Active));
    fs::remove_file(machine.path("foo.pid")).unwrap();
    machine.write("foo.pid", &pid.to_string());
    machine.die();
    let facts = machine.facts("foo");
    assert_eq!(
        (facts.active, facts.main_pid),
        (Known::Is(ActiveState::Failed), 0)
    );
    assert_ne!(facts.invocation, before);
}

#[test]
fn a_daemon_without_its_file_is_looked_for_by_its_program() {
    let machine = Machine::new();
    machine.is("started", "foo");
    machine.write("run/options/foo/pidfile", "/nowhere/foo.pid");
    let own = std::env::current_exe().unwrap().display().to_string();
    machine.write("run/options/foo/command", &own);
    assert_eq!(machine.facts("foo").active, Known::Is(ActiveState::Active));
    machine.write("run/options/foo/command", "/nowhere/no-such-daemon");
    assert_eq!(machine.facts("foo").active, Known::Is(ActiveState::Failed));
}

#[test]
fn what_openrcs_own_tools_noted_counts_before_the_scripts_values() {
    let mut machine = Machine::new();
    let pid = machine.up();
    let daemon = format!(
        "exec=/bin/foo\nargv_0=/bin/foo\npidfile={}\n",
        machine.path("own").display()
    );
    machine.write("run/daemons/foo/001", &daemon);
    machine.write("own", "999999999\n");
    assert_eq!(machine.facts("foo").active, Known::Is(ActiveState::Failed));
    machine.write("own", &std::process::id().to_string());
    machine.write("run/options/foo/child_pid", &pid.to_string());
    let facts = machine.facts("foo");
    assert_eq!(
        (facts.active, facts.main_pid),
        (Known::Is(ActiveState::Active), pid)
    );
    // Half written: no more than that something is there.
    machine.write("run/daemons/foo/001", "exec=/bin/fo");
    assert_eq!(machine.facts("foo").active, Known::Is(ActiveState::Active));
}

#[test]
fn when_a_service_went_down_is_remembered_until_it_is_up_again() {
    let mut machine = Machine::new();
    machine.tool("down $1; exit 0");
    let down = |machine: &Machine| machine.facts("foo").down_since;
    let first = down(&machine);
    assert!(first > 0);
    // Other services come and go; this one is down since it was first seen so.
    machine.is("started", "bar");
    assert_eq!(down(&machine), first);
    assert_eq!(machine.run(Verb::Stop), JobOutcome::Done);
    assert_eq!(
        down(&machine),
        first,
        "what was down already was not stopped by us"
    );
    machine.up();
    assert_eq!(down(&machine), 0);
    machine.die();
    let before = crate::init::monotonic();
    assert_eq!(machine.run(Verb::Stop), JobOutcome::Done);
    assert!(down(&machine) >= before);
    machine.write("run/options/foo/rcpolicy_down_since", "1 12");
    // By the time of a file, which is told by a clock that goes in steps.
    assert!(down(&machine) > first, "half a note is none");
}

#[test]
fn what_needs_a_service_is_told_by_its_relations_alone() {
    let machine = Machine::new();
    assert!(machine.facts("foo").required_by.is_empty());
    let mut openrc = machine.openrc();
    let found = openrc.units(&[unit("foo")], Depth::Relations).unwrap();
    assert_eq!(found[0].required_by, [unit("bar")]);
}

#[test]
fn the_machine_is_up_goes_up_or_goes_down_as_openrc_says() {
    use crate::domain::Machine as State;
    let machine = Machine::new();
    for (level, expected) in [
        ("default", State::Running),
        ("sysinit\n", State::Starting),
        ("shutdown", State::Stopping),
        ("reboot", State::Stopping),
    ] {
        machine.write("run/softlevel", level);
        assert_eq!(machine.openrc().machine(), Known::Is(expected), "{level}");
    }
    machine.write("run/softlevel", "default");
    machine.write("run/rc.starting/x", "");
    assert_eq!(machine.openrc().machine(), Known::Is(State::Starting));
    fs::remove_file(machine.path("run/softlevel")).unwrap();
    assert!(machine.openrc().machine().is_unknown());
}

#[test]
fn between_the_halves_of_a_restart_a_job_is_seen() {
    let mut machine = Machine::new();
    let foo = crate::testing::name("foo");
    let look = |machine: &Machine| {
        machine
            .openrc()
            .seen(std::slice::from_ref(&foo))
            .unwrap()
            .remove(0)
            .job
    };
    assert_eq!(look(&machine), Known::Is(None));
    let mut restart = Command::new("/bin/sh");
    restart.args(["-c", "read line", "/lib/rc/sh/openrc-run.sh"]);
    restart
        .arg(machine.path("init.d/foo"))
        .stdin(Stdio::piped());
    let restart = restart.spawn().unwrap();
    let line = format!("/proc/{}/cmdline", restart.id());
    machine.children.push(restart);
    // For a moment in the midst of its exec a process has no arguments.
    while fs::read(&line).unwrap().is_empty() {
        std::thread::yield_now();
    }
    assert_eq!(
        look(&machine),
        Known::Is(Some(SeenJob { id: 0, verb: None }))
    );
}
