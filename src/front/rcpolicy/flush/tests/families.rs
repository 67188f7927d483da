//! Groups of init scripts where nothing but scripts runs services: what the services themselves write down
//! tells whether an old one and a new one ever ran side by side.

use super::*;
use crate::domain::InitKind;
use crate::testing::write_program;

const GROUP: &str = "[group.mail]\nmembers = [\"mail\", \"mail-*\"]\n";
const ALL: [&str; 3] = ["mail", "mail-a", "mail-b"];

/// A service that tells when it comes up and goes down, and of which version it is.
const SERVICE: &str = r#"
say() { echo "$*" >>"$at/log"; }
case $1 in
status) [ -e "$at/up-$name" ] || exit 3 ;;
stop)
    [ ! -e "$at/stays-$name" ] || exit 1
    [ ! -e "$at/up-$name" ] || { say "down $name $(cat "$at/up-$name")"; rm "$at/up-$name"; }
    [ ! -e "$at/grumbles-$name" ] || exit 1 ;;
start)
    [ ! -e "$at/broken-$name" ] || exit 1
    [ -e "$at/up-$name" ] || { cp "$at/version" "$at/up-$name"; say "up $name $(cat "$at/version")"; } ;;
restart) "$0" stop; "$0" start ;;
reload) say "reload $name" ;;
*) exit 2 ;;
esac
"#;

/// A machine with init scripts alone, in runlevel 2.
pub(super) struct Scripted {
    room: Room,
}

impl Scripted {
    /// All members run version 1, and version 2 lies on the disk. `mail-b` comes before `mail-a` by links.
    pub(super) fn new() -> Self {
        let scripted = Self { room: Room::new() };
        for directory in ["etc/init.d", "etc/rc2.d", "run"] {
            fs::create_dir_all(scripted.path(directory)).unwrap();
        }
        let mut record = vec![0; 384];
        record[0] = 1;
        record[4] = b'2';
        fs::write(scripted.path("run/utmp"), record).unwrap();
        for (name, number) in [("mail", 1), ("mail-a", 3), ("mail-b", 2), ("other", 1)] {
            scripted.service(name, number);
        }
        fs::write(scripted.path("version"), "2\n").unwrap();
        fs::write(scripted.path("log"), "").unwrap();
        scripted
    }

    pub(super) fn path(&self, text: &str) -> PathBuf {
        self.room.directory.path().join(text)
    }

    fn service(&self, name: &str, number: u8) {
        self.script(name, number, SERVICE);
        self.up(name, 1);
    }

    /// An init script with a start link.
    pub(super) fn script(&self, name: &str, number: u8, body: &str) {
        let root = self.room.directory.path().display().to_string();
        let text = format!("#!/bin/sh\nat={root} name={name}\n{body}");
        let file = self.path(&format!("etc/init.d/{name}"));
        write_program(&file, &text);
        let link = self.path(&format!("etc/rc2.d/S{number:02}{name}"));
        std::os::unix::fs::symlink(format!("../init.d/{name}"), link).unwrap();
    }

    fn up(&self, name: &str, version: u8) {
        fs::write(self.path(&format!("up-{name}")), format!("{version}\n")).unwrap();
    }

    fn down(&self, name: &str) {
        fs::remove_file(self.path(&format!("up-{name}"))).unwrap();
    }

    pub(super) fn touch(&self, file: &str) {
        fs::write(self.path(file), "").unwrap();
    }

    pub(super) fn owes(&self, name: &str) {
        self.owes_that(name, |_| ());
    }

    /// A restart that an upgrade has put off.
    fn owes_that(&self, name: &str, change: impl FnOnce(&mut Entry)) {
        let who = Who {
            caller: Caller {
                package: Some("mail".to_owned()),
                script: Some("postinst".to_owned()),
                phase: Phase::Upgrade,
            },
            front: Some(FrontEnd::InvokeRcD),
            pid: 1,
        };
        let mut entry = Entry::new(crate::testing::name(name), life(), who, 1, "x");
        restart(&mut entry);
        entry.kept_running = false;
        change(&mut entry);
        self.room.ledger().lock().unwrap().put(&entry).unwrap();
    }

    /// As a flush has noted it that is at it.
    pub(super) fn owes_half(&self, name: &str) {
        self.owes_that(name, |entry| {
            let contact = Contact::Sent;
            entry.owed.as_mut().unwrap().begun = Some(Begun { at: 1, contact });
            entry.down = Some(Down {
                units: vec![Stopped {
                    unit: entry.unit.clone(),
                    was_enabled: None,
                    down_since: None,
                    dependent: false,
                }],
                ..Down::default()
            });
        });
    }

    pub(super) fn flush(&self, policy: &str) -> (u8, String) {
        let root = self.room.directory.path().to_path_buf();
        let (means, occasion) = (Means::Scripts(InitKind::Sysv), Occasion::ByHand(&[]));
        let (left, said) = flush_with(means, occasion, (self.room.ledger(), root), policy);
        (left.ending.status(), said)
    }

    pub(super) fn log(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("log")).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// What runs of the group, with its version.
    fn running(&self) -> Vec<String> {
        let version = |name: &&str| {
            let text = fs::read_to_string(self.path(&format!("up-{name}"))).ok()?;
            Some(format!("{name} {}", text.trim()))
        };
        ALL.iter().filter_map(version).collect()
    }

    pub(super) fn owed(&self) -> Vec<String> {
        let entries = self.room.ledger().all().unwrap().entries;
        let names = entries.iter().map(|entry| entry.service.to_string());
        names.collect()
    }

    /// policy-rc.d, which writes down what it is asked.
    pub(super) fn helper(&self, text: &str) {
        let file = self.path("usr/sbin/policy-rc.d");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let asked = self.path("asked");
        let text = format!("#!/bin/sh\necho \"$1 $2\" >>{}\n{text}\n", asked.display());
        write_program(&file, &text);
    }
}

/// All stopped in the reverse of their order, then all started: the group's first, and by the links what
/// one of its patterns means.
pub(super) const TURNED: [&str; 6] = [
    "down mail-a 1",
    "down mail-b 1",
    "down mail 1",
    "up mail 2",
    "up mail-b 2",
    "up mail-a 2",
];

#[test]
fn a_restart_of_one_member_stops_all_in_reverse_order_and_starts_all_in_order() {
    for owed in ALL {
        let scripted = Scripted::new();
        scripted.owes(owed);
        let (status, said) = scripted.flush(GROUP);
        assert_eq!(status, 0, "{owed}: {said}");
        assert_eq!(scripted.log(), TURNED, "{owed}: {said}");
        assert_eq!(scripted.owed(), Vec::<String>::new(), "{owed}: {said}");
    }
}

#[test]
fn members_that_are_all_owed_a_restart_turn_once_and_others_keep_their_place() {
    let scripted = Scripted::new();
    ALL.iter().for_each(|name| scripted.owes(name));
    scripted.owes("other");
    let (status, said) = scripted.flush(GROUP);
    assert_eq!(status, 0, "{said}");
    let mut expected: Vec<&str> = TURNED.to_vec();
    expected.extend(["down other 1", "up other 2"]);
    assert_eq!(scripted.log(), expected, "{said}");
}

#[test]
fn what_does_not_run_stays_down_and_a_script_that_dpkg_is_about_to_put_in_place_is_no_member() {
    let scripted = Scripted::new();
    scripted.down("mail-b");
    for leftover in ["mail-a.dpkg-new", "mail-a~"] {
        scripted.service(leftover, 9);
    }
    scripted.owes("mail-a");
    let (status, said) = scripted.flush(GROUP);
    assert_eq!(status, 0, "{said}");
    let expected = ["down mail-a 1", "down mail 1", "up mail 2", "up mail-a 2"];
    assert_eq!(scripted.log(), expected, "{said}");
}

#[test]
fn a_flush_that_was_killed_anywhere_on_the_way_is_brought_to_the_end_and_never_beside_an_old_one() {
    // What had become of each when the kill came: 1 and 2 run that version.
    for (mail, a, b) in [
        (Some(1), Some(1), Some(1)),
        (Some(1), None, Some(1)),
        (Some(1), None, None),
        (None, None, None),
        (Some(2), None, None),
        (Some(2), None, Some(2)),
        (Some(2), Some(2), Some(2)),
    ] {
        let scripted = Scripted::new();
        for (name, state) in ALL.iter().zip([mail, a, b]) {
            scripted.owes_half(name);
            match state {
                Some(version) => scripted.up(name, version),
                None => scripted.down(name),
            }
        }
        let (status, said) = scripted.flush(GROUP);
        assert_eq!(status, 0, "{said}");
        assert_eq!(scripted.running(), ["mail 2", "mail-a 2", "mail-b 2"]);
        assert_eq!(scripted.owed(), Vec::<String>::new(), "{said}");
        let log = scripted.log();
        let first_up = log.iter().position(|line| line.starts_with("up"));
        let last_old = log
            .iter()
            .rposition(|line| line.starts_with("down") && line.ends_with('1'));
        assert!(first_up.is_none() || last_old < first_up, "{log:?}");
    }
}

#[test]
fn what_somebody_stopped_since_it_was_asked_for_stays_down() {
    let scripted = Scripted::new();
    scripted.owes("mail-a");
    scripted.owes("mail");
    scripted.down("mail-a");
    let (status, said) = scripted.flush(GROUP);
    assert_eq!(status, 0, "{said}");
    assert!(
        said.contains("mail-a: not started: somebody stopped it since"),
        "{said}"
    );
    let expected = ["down mail-b 1", "down mail 1", "up mail 2", "up mail-b 2"];
    assert_eq!(scripted.log(), expected, "{said}");
}

#[test]
fn a_member_that_will_not_go_down_stays_owed_and_keeps_no_other_from_coming_back() {
    let scripted = Scripted::new();
    scripted.touch("stays-mail-b");
    scripted.owes("mail");
    let (status, said) = scripted.flush(GROUP);
    assert_eq!(status, 1, "{said}");
    assert_eq!(scripted.running(), ["mail 2", "mail-a 2", "mail-b 1"]);
    assert!(
        said.contains("mail-b: still owed: stop of mail-b.service failed"),
        "{said}"
    );
    assert_eq!(scripted.owed(), ["mail-b"], "{said}");
    // Once it can, the whole group turns again: it would come up beside others of another version.
    fs::remove_file(scripted.path("stays-mail-b")).unwrap();
    let (status, said) = scripted.flush(GROUP);
    assert_eq!(status, 0, "{said}");
    assert_eq!(scripted.running(), ["mail 2", "mail-a 2", "mail-b 2"]);
}

#[test]
fn a_stop_that_complains_and_leaves_it_down_all_the_same_is_none_that_failed() {
    let scripted = Scripted::new();
    scripted.touch("grumbles-mail-b");
    scripted.owes("mail");
    let (status, said) = scripted.flush(GROUP);
    assert_eq!(status, 0, "{said}");
    assert_eq!(scripted.log(), TURNED, "{said}");
}

#[test]
fn a_member_that_does_not_come_up_stays_owed_and_the_next_flush_starts_it() {
    let scripted = Scripted::new();
    scripted.touch("broken-mail-a");
    scripted.owes("mail");
    let (status, said) = scripted.flush(GROUP);
    assert_eq!(
        (status, scripted.owed()),
        (1, vec!["mail-a".to_owned()]),
        "{said}"
    );
    assert_eq!(scripted.running(), ["mail 2", "mail-b 2"]);
    fs::remove_file(scripted.path("broken-mail-a")).unwrap();
    let (status, said) = scripted.flush(GROUP);
    assert_eq!(status, 0, "{said}");
    assert_eq!(
        scripted.log().last().map(String::as_str),
        Some("up mail-a 2")
    );
    assert_eq!(
        scripted.log().len(),
        TURNED.len(),
        "nobody else went down again"
    );
}

#[test]
fn policy_rc_d_is_asked_about_each_member_and_one_that_it_denies_keeps_the_others_up() {
    let scripted = Scripted::new();
    scripted.helper("exit 104");
    scripted.owes("mail");
    let (status, said) = scripted.flush(GROUP);
    assert_eq!(status, 0, "{said}");
    let asked = fs::read_to_string(scripted.path("asked")).unwrap();
    for member in ALL {
        assert!(asked.contains(&format!("{member} restart\n")), "{asked}");
    }
    let scripted = Scripted::new();
    scripted.helper("[ $1 != mail-b ] || exit 101");
    scripted.owes("mail");
    let (status, said) = scripted.flush(GROUP);
    assert_eq!(status, 0, "{said}");
    assert_eq!(scripted.running(), ["mail 2", "mail-a 1", "mail-b 1"]);
}

#[test]
fn one_that_is_owed_more_for_itself_is_paid_for_itself() {
    let scripted = Scripted::new();
    scripted.owes("mail");
    scripted.owes_that("mail-a", |entry| {
        entry.owed.as_mut().unwrap().due = Due::Stop;
    });
    scripted.down("mail-b");
    scripted.owes_that("mail-b", |entry| {
        entry.owed.as_mut().unwrap().due = Due::Start;
    });
    let (status, said) = scripted.flush(GROUP);
    assert_eq!(status, 0, "{said}");
    let expected = ["down mail-a 1", "down mail 1", "up mail 2", "up mail-b 2"];
    assert_eq!(scripted.log(), expected, "{said}");
}

#[test]
fn a_reload_is_done_where_the_group_does_not_turn_and_comes_with_the_restart_where_it_does() {
    let reload = |entry: &mut Entry| entry.owed.as_mut().unwrap().due = Due::Reload;
    let scripted = Scripted::new();
    scripted.owes_that("mail-a", reload);
    let (_, said) = scripted.flush(GROUP);
    assert_eq!(scripted.log(), ["reload mail-a"], "{said}");
    let scripted = Scripted::new();
    scripted.owes("mail");
    scripted.owes_that("mail-a", reload);
    let (_, said) = scripted.flush(GROUP);
    assert_eq!(scripted.log(), TURNED, "{said}");
    assert_eq!(scripted.owed(), Vec::<String>::new(), "{said}");
}

#[test]
fn without_its_group_each_restarts_for_itself() {
    let scripted = Scripted::new();
    scripted.owes("mail");
    let (_, said) = scripted.flush("");
    assert_eq!(scripted.log(), ["down mail 1", "up mail 2"], "{said}");
}
