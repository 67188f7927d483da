//! The admin's command line, from arguments to exit status, in a machine made of a few files.

#![allow(clippy::unwrap_used, reason = "a failing helper is a failing test")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use rcpolicy::domain::{
    Action, Caller, FrontEnd, Life, Phase, Reason, ServiceName, Source, UnitName, Until, Verdict,
};
use rcpolicy::front::rcpolicy::{Place, run};
use rcpolicy::ledger::{BusRestart, Down, Due, Entry, Ledger, Owed, Stopped, Who};
use rcpolicy::observe::life::life_under;
use rcpolicy::report::console::Console;
use rcpolicy::report::log::{Log, LogLine};

/// 2026-11-21T03:01:43Z
const NOW: u64 = 1_795_230_103;

struct Machine(tempfile::TempDir);

impl Machine {
    fn new() -> Self {
        let top = tempfile::tempdir().unwrap();
        let proc = top.path().join("proc");
        for directory in ["sys/kernel/random", "self/ns", "1"] {
            fs::create_dir_all(proc.join(directory)).unwrap();
        }
        fs::write(proc.join("sys/kernel/random/boot_id"), "0f1e\n").unwrap();
        symlink("pid:[4026531836]", proc.join("self/ns/pid")).unwrap();
        let stat = "1 (init) S 0 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 42 0 0\n";
        fs::write(proc.join("1/stat"), stat).unwrap();
        symlink(top.path(), proc.join("1/root")).unwrap();
        Self(top)
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    fn owes(self, entry: &Entry) -> Self {
        let root = self.root().join("run/rcpolicy");
        let ledger = Ledger::open(&root, entry.life.clone());
        ledger.lock().unwrap().put(entry).unwrap();
        self
    }

    fn life(&self) -> Life {
        life_under(self.root()).unwrap()
    }

    fn logged(self, service: &str, age: u64) -> Self {
        let directory = self.root().join("var/log/rcpolicy");
        let micros = i64::try_from((NOW - age) * 1_000_000).unwrap();
        let line = LogLine {
            version: 1,
            time: rcpolicy::report::time::rfc3339(micros),
            front: FrontEnd::DebSystemdInvoke,
            service: ServiceName::parse(service).unwrap(),
            concerns: Vec::new(),
            unit: UnitName::parse(service).unwrap(),
            action: Action::Restart,
            verdict: Verdict::Defer {
                action: Action::Restart,
                until: Until::Batch,
            },
            reasons: vec![rule()],
            context: Caller {
                package: Some(service.to_owned()),
                script: Some("postinst".to_owned()),
                phase: Phase::Upgrade,
            },
            outcome: Some("put off\u{1b}[2J".to_owned()),
            status: Some(0),
            would: None,
            pid: 1,
        };
        let journal = self.root().join("no-journal");
        Log::at(&directory, &journal).write(&line).unwrap();
        self
    }

    fn place(&self) -> Place {
        Place {
            root: self.root().to_path_buf(),
            now: i64::try_from(NOW * 1_000_000).unwrap(),
            is_root: true,
        }
    }

    /// Status, standard output and standard error in one text.
    fn run(&self, words: &str) -> String {
        self.run_as(&self.place(), words)
    }

    fn run_as(&self, place: &Place, words: &str) -> String {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut console = Console::new(&mut out, &mut err);
        let arguments = ["rcpolicy"].into_iter().chain(words.split_whitespace());
        let status = run(arguments.map(Into::into), place, &mut console).status();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (out, err) = (text(out), text(err));
        let root = self.root().to_str().unwrap();
        format!("$ rcpolicy {words}\nstatus: {status}\n--- stdout\n{out}--- stderr\n{err}")
            .replace(root, "ROOT")
    }
}

fn rule() -> Reason {
    let path = "/etc/rcpolicy/policy.d/10-db.toml".to_owned();
    Reason::new(Source::Rule { path, line: 3 }, "the DBA restarts databases")
}

fn who(package: &str, script: &str) -> Who {
    Who {
        caller: Caller {
            package: Some(package.to_owned()),
            script: Some(script.to_owned()),
            phase: Phase::Upgrade,
        },
        front: Some(FrontEnd::InvokeRcD),
        pid: 11,
    }
}

fn deferred(life: Life) -> Entry {
    let unit = UnitName::parse("mariadb").unwrap();
    let who = who("mariadb-server", "postinst");
    let mut entry = Entry::new(unit, life, who, NOW - 7_500, "the DBA restarts databases");
    entry.owed = Some(Owed {
        due: Due::Restart,
        until: Until::Flush,
        reasons: vec![rule()],
        at: None,
        begun: None,
    });
    entry
}

fn stopped(life: Life) -> Entry {
    let unit = UnitName::parse("acpid").unwrap();
    let mut entry = Entry::new(
        unit,
        life,
        who("acpid", "prerm"),
        NOW - 42,
        "stopped in an upgrade",
    );
    entry.held = true;
    entry.down = Some(Down {
        units: vec![Stopped {
            unit: UnitName::parse("acpid.socket").unwrap(),
            was_enabled: Some(true),
            down_since: None,
            dependent: false,
        }],
        service_was_running: Some(true),
        service_down_since: None,
    });
    entry
}

fn indebted() -> Machine {
    let machine = Machine::new();
    let life = machine.life();
    machine.owes(&deferred(life.clone())).owes(&stopped(life))
}

#[test]
fn pending_shows_what_is_owed_since_when_for_whom_and_why() {
    insta::assert_snapshot!(indebted().run("pending"));
    insta::assert_snapshot!(indebted().run("pending --json"));
    insta::assert_snapshot!(Machine::new().run("pending"));
}

#[test]
fn pending_names_what_is_damaged_newer_or_of_another_life_and_shows_the_rest() {
    let machine = indebted();
    let directory = machine.root().join("run/rcpolicy/ledger");
    fs::write(directory.join("cut.json"), "{\"version\":1,").unwrap();
    fs::write(directory.join("new.json"), "{\"version\":9}").unwrap();
    let mut life = machine.life();
    life.init_started += 1;
    let mut old = deferred(life);
    old.unit = UnitName::parse("old").unwrap();
    old.service = old.unit.service();
    insta::assert_snapshot!(machine.owes(&old).run("pending"));
}

#[test]
fn pending_in_a_chroot_says_that_there_is_no_ledger() {
    let machine = Machine::new();
    let link = machine.root().join("proc/1/root");
    fs::remove_file(&link).unwrap();
    symlink("/", link).unwrap();
    insta::assert_snapshot!(machine.run("pending"));
}

#[test]
fn forget_strikes_one_entry_and_says_what_it_was() {
    let machine = indebted();
    insta::assert_snapshot!(machine.run("forget acpid.service"));
    insta::assert_snapshot!(machine.run("forget acpid"));
    assert!(machine.run("pending").contains("mariadb"));
}

#[test]
fn a_name_that_is_no_service_is_wrong_usage() {
    insta::assert_snapshot!(Machine::new().run("forget ../../etc/passwd"));
}

#[test]
fn log_is_filtered_and_what_came_from_outside_moves_no_cursor() {
    let machine = Machine::new().logged("mariadb", 90_000).logged("ssh", 60);
    insta::assert_snapshot!(machine.run("log"));
    insta::assert_snapshot!(machine.run("log --since 2h --json"));
    insta::assert_snapshot!(machine.run("log --until 2026-11-21 --package mariadb"));
    insta::assert_snapshot!(machine.run("log --service nosuch"));
    insta::assert_snapshot!(machine.run("log --since yesterday"));
}

#[test]
fn log_counts_damaged_lines_and_names_the_first() {
    let machine = Machine::new().logged("ssh", 60);
    let file = machine.root().join("var/log/rcpolicy/decisions.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, "{\n".repeat(7) + &text).unwrap();
    fs::write(file.with_extension("jsonl.2.gz"), "").unwrap();
    insta::assert_snapshot!(machine.run("log"));
}

#[test]
fn bypass_goes_on_and_off_and_status_tells_which() {
    let machine = Machine::new();
    let all = ["status", "on", "on", "status", "off", "off", "status"];
    let story: Vec<String> = all
        .iter()
        .map(|word| machine.run(&format!("bypass {word}")))
        .collect();
    insta::assert_snapshot!(story.join("\n"));
}

#[test]
fn without_root_nothing_is_changed() {
    let machine = indebted();
    let user = Place {
        is_root: false,
        ..machine.place()
    };
    let all = [
        "bypass on",
        "bypass off",
        "forget acpid",
        "hold ssh --until 2h --because cable",
        "unhold ssh",
    ];
    let story: Vec<String> = all.iter().map(|w| machine.run_as(&user, w)).collect();
    insta::assert_snapshot!(story.join("\n"));
    assert!(!machine.root().join("etc").exists());
}

#[test]
fn a_restart_of_the_bus_that_is_not_finished_is_told_and_a_damaged_note_about_one_hides_nothing_else()
 {
    let machine = indebted();
    let ledger = Ledger::open(&machine.root().join("run/rcpolicy"), machine.life());
    let restart = BusRestart {
        version: rcpolicy::ledger::VERSION,
        life: machine.life(),
        when: 1_000,
        unit: UnitName::parse("dbus").unwrap(),
        invocation: "ab01".to_owned(),
        grace: 10_000,
        all: false,
        clients: Vec::new(),
    };
    let paying = ledger.begin_paying().unwrap();
    ledger.note_bus_restart(&paying, &restart).unwrap();
    drop(paying);
    let told = machine.run("pending");
    let wait = machine.run("wait flush --timeout 1ms");
    fs::write(machine.root().join("run/rcpolicy/bus.json"), "{").unwrap();
    let damaged = machine.run("pending");
    insta::assert_snapshot!([told, wait, damaged].join("\n"));
}

#[test]
fn where_no_init_knows_whose_a_connection_is_the_bus_is_not_restarted() {
    insta::assert_snapshot!(Machine::new().run("restart-bus"));
    insta::assert_snapshot!(Machine::new().run("restart-bus --grace 0s"));
}

#[test]
fn help_has_examples_and_the_table_of_exit_statuses() {
    insta::assert_snapshot!(Machine::new().run("--help"));
    insta::assert_snapshot!(Machine::new().run("nonsense"));
}

#[test]
fn check_shows_all_problems_of_all_files_with_line_and_column() {
    let machine = Machine::new();
    insta::assert_snapshot!(machine.run("check"));
    let directory = machine.root().join("etc/rcpolicy/policy.d");
    fs::create_dir_all(&directory).unwrap();
    let unknown = "[[rule]]\nserivce = \"foo\"\ndecide = \"deny\"\n";
    fs::write(directory.join("10-a.toml"), unknown).unwrap();
    fs::write(
        directory.join("20-b.toml"),
        "[[rule]]\ndecide = \"never\"\n",
    )
    .unwrap();
    insta::assert_snapshot!(machine.run("check"));
    insta::assert_snapshot!(machine.run("check --json"));
}

#[test]
fn a_closed_pipe_ends_the_program_quietly() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_rcpolicy"))
        .arg("--help")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_hold_is_shown_with_its_end_and_lifted_under_its_name() {
    let machine = Machine::new();
    insta::assert_snapshot!(machine.run("hold"));
    insta::assert_snapshot!(machine.run("hold ssh.service --until 2h --because cable"));
    insta::assert_snapshot!(machine.run("hold"));
    insta::assert_snapshot!(machine.run("hold --json"));
    insta::assert_snapshot!(machine.run("unhold sshd"));
    insta::assert_snapshot!(machine.run("unhold ssh"));
    assert!(machine.run("hold").contains("nothing is held"));
}

#[test]
fn a_hold_without_an_end_a_reason_or_a_time_to_come_is_wrong_usage() {
    let machine = Machine::new();
    for words in [
        "hold ssh",
        "hold ssh --until 2h",
        "hold ssh --because x",
        "hold --until 2h --because x",
        "hold ssh* --until 2h --because x",
        "hold ssh@ --until 2h --because x",
        "hold ssh@.socket --until 2h --because x",
        "hold ssh --until 2026-11-20 --because x",
        "hold ssh --until soon --because x",
        "unhold",
    ] {
        let shown = machine.run(words);
        assert!(shown.contains("\nstatus: 2\n"), "{shown}");
    }
    assert!(!machine.root().join("var/lib/rcpolicy/holds").exists());
}

#[test]
fn nobody_waits_for_what_waits_for_the_next_boot() {
    let machine = Machine::new();
    let unit = UnitName::parse("dbus").unwrap();
    let mut entry = Entry::new(unit, machine.life(), who("dbus", "postinst"), NOW, "x");
    let owed = |until| Owed {
        due: Due::Restart,
        until,
        reasons: Vec::new(),
        at: None,
        begun: None,
    };
    entry.owed = Some(owed(Until::Reboot));
    let machine = machine.owes(&entry);
    let waited = machine.run("wait flush --timeout 1s");
    assert!(waited.contains("\nstatus: 0\n"), "{waited}");
    entry.owed = Some(owed(Until::Batch));
    let machine = machine.owes(&entry);
    let waited = machine.run("wait flush --timeout 1s");
    assert!(waited.contains("\nstatus: 1\n"), "{waited}");
    assert!(
        waited.contains("1 services are still owed something, dbus"),
        "{waited}"
    );
}

#[test]
fn whoever_ends_a_hold_is_told_what_is_still_owed() {
    let machine = indebted();
    machine.run("hold acpid --until 2h --because cable");
    let said = machine.run("unhold acpid");
    assert!(said.contains("it is owed: "), "{said}");
    assert!(
        said.contains("`rcpolicy flush acpid` does it now"),
        "{said}"
    );
}

/// A machine of the admin's policy `text`, where `foo` is owed a restart at the batch's end.
fn with_policy(text: &str) -> Machine {
    let machine = Machine::new();
    let directory = machine.root().join("etc/rcpolicy/policy.d");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("10-window.toml"), text).unwrap();
    let mut entry = deferred(machine.life());
    entry.owed.as_mut().unwrap().until = Until::Batch;
    machine.owes(&entry)
}

#[test]
fn pending_says_when_the_window_opens_that_is_waited_for_and_nothing_of_one_that_is_open() {
    let shut = with_policy("[flush]\nwindow = \"Sat 04:00-05:00\"\n");
    let waits = "the window that opens Sat 2026-11-21 04:00";
    assert!(shut.run("pending").contains(waits));
    let json = shut.run("pending --json");
    assert!(
        json.contains("\"opens\": \"2026-11-21T04:00:00.000000Z\""),
        "{json}"
    );
    assert!(json.contains(waits), "{json}");
    let open = with_policy("[flush]\nwindow = \"Sat 03:00-05:00\"\n");
    assert!(open.run("pending").contains("the batch's end"));
    assert!(open.run("pending --json").contains("\"opens\": null"));
}

#[test]
fn by_hand_it_is_done_outside_of_a_window_too_and_said_so() {
    let said =
        "no window opens before Sat 2026-11-21 04:00; what waits for it is done now, for you ask";
    let shut = with_policy("[flush]\nwindow = \"Sat 04:00-05:00\"\n");
    assert!(shut.run("flush").contains(said));
    let open = with_policy("[flush]\nwindow = \"Sat 03:00-05:00\"\n");
    assert!(!open.run("flush").contains("window"));
    assert!(!shut.run("flush nosuch").contains(said));
}

#[test]
fn windows_are_meant_by_the_machines_time_zone_and_one_that_cannot_be_read_is_told() {
    let policy = "[flush]\nwindow = \"Sat 04:00-05:00\"\n";
    let machine = with_policy(policy);
    fs::write(machine.root().join("etc/localtime"), "not a zone").unwrap();
    let told = machine.run("pending");
    assert!(told.contains("windows are taken as UTC"), "{told}");
    // An hour ahead of UTC: it is open now.
    let zone = "/usr/share/zoneinfo/Etc/GMT-1";
    if Path::new(zone).exists() {
        fs::copy(zone, machine.root().join("etc/localtime")).unwrap();
        assert!(machine.run("pending").contains("the batch's end"));
    }
}

#[test]
fn what_is_done_is_told_in_json_too() {
    let machine = indebted();
    insta::assert_snapshot!(
        [
            machine.run("forget acpid --json"),
            machine.run("hold ssh --until 2h --because cable --json"),
            machine.run("bypass status --json"),
            machine.run("wait flush --timeout 1ms --json"),
            machine.run("flush nosuch --json"),
        ]
        .join("\n")
    );
}
