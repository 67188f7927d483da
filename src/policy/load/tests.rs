//! Directories of files on a machine of their own: order, hiding, trust, and what a broken file leads to.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::stat::Mode;
use nix::unistd::{Uid, mkfifo};

use super::*;
use crate::domain::{Action, InitKind, Machine, Phase, Scope, ServiceName};
use crate::policy::evaluate::{Answer, Question};
use crate::policy::rule::Decide;

const DENY: &str = "[[rule]]\ndecide = \"deny\"\n";
const STOP: &str = "[[rule]]\ndecide = \"stop\"\n";
const DEFER: &str = "[[rule]]\ndecide = \"defer\"\n";
const BROKEN: &str = "[[rule]]\ndecide = \"deny\n";

/// A machine in a temporary directory.
struct Machines {
    dir: tempfile::TempDir,
    roots: Roots,
}

fn machine() -> Machines {
    let dir = tempfile::tempdir().unwrap();
    let mut roots = Roots::under(dir.path(), Keep::Yes);
    roots.owner = Uid::effective().as_raw();
    let machine = Machines { dir, roots };
    for tier in [Tier::Admin, Tier::Runtime, Tier::Vendor] {
        let directory = machine.roots.directory(tier);
        fs::create_dir_all(directory).unwrap();
        for path in [directory, directory.parent().unwrap()] {
            mode(path, 0o755);
        }
    }
    machine
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

impl Machines {
    fn path(&self, tier: Tier, name: &str) -> PathBuf {
        self.roots.directory(tier).join(name)
    }

    fn with(self, tier: Tier, name: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.path(tier, name);
        fs::write(&path, text).unwrap();
        mode(&path, 0o644);
        self
    }

    fn load(&self) -> Policy {
        load(&self.roots)
    }

    /// What is decided on ssh's start in an upgrade: the word, `hold` or nothing.
    fn says(&self) -> &'static str {
        says(&self.load())
    }

    fn names(&self) -> Vec<String> {
        let policy = self.load();
        let name = |path: &str| path.rsplit_once('/').unwrap().1.to_owned();
        policy.files().iter().map(|file| name(&file.path)).collect()
    }

    fn messages(&self) -> String {
        let problems = self.load().problems().to_vec();
        problems.iter().map(|p| format!("{p}\n")).collect()
    }

    fn kept(&self) -> Option<Vec<u8>> {
        fs::read(last_good::path(&self.roots)).ok()
    }
}

fn says(policy: &Policy) -> &'static str {
    let service = ServiceName::parse("ssh").unwrap();
    let question = Question {
        service: &service,
        action: &Action::Start,
        phase: Phase::Upgrade,
        package: Some("openssh-server"),
        init: InitKind::Systemd,
        scope: Scope::System,
        machine: Some(Machine::Running),
        asked: &[],
    };
    match policy.ask(&question) {
        Answer::Rule(matched) => matched.decide.as_str(),
        Answer::HoldBroken { .. } => "hold",
        Answer::Silent => "",
    }
}

#[test]
fn missing_directories_are_an_empty_policy() {
    let dir = tempfile::tempdir().unwrap();
    let policy = load(&Roots::under(dir.path(), Keep::Yes));
    assert_eq!(policy.problems(), []);
    assert_eq!(*policy.origin(), Origin::Current);
    assert_eq!(says(&policy), "");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn files_come_directory_by_directory_and_by_name_within_each() {
    let machine = machine()
        .with(Tier::Vendor, "10-d.toml", STOP)
        .with(Tier::Runtime, "15-c.toml", STOP)
        .with(Tier::Admin, "9-b.toml", STOP)
        .with(Tier::Admin, "10-a.toml", STOP)
        .with(Tier::Admin, ".hidden.toml", "x")
        .with(Tier::Admin, "10-a.toml.dpkg-old", "x");
    assert_eq!(
        machine.names(),
        ["10-a.toml", "9-b.toml", "15-c.toml", "10-d.toml"]
    );
}

#[test]
fn a_file_hides_those_of_its_name_even_when_empty_or_a_link_to_null() {
    let machine = machine()
        .with(Tier::Admin, "a.toml", STOP)
        .with(Tier::Runtime, "a.toml", "broken")
        .with(Tier::Runtime, "b.toml", "")
        .with(Tier::Vendor, "a.toml", "broken")
        .with(Tier::Vendor, "b.toml", DEFER)
        .with(Tier::Vendor, "c.toml", DEFER);
    symlink("/dev/null", machine.path(Tier::Admin, "c.toml")).unwrap();
    assert_eq!(machine.load().problems(), []);
    assert_eq!(machine.names(), ["a.toml", "c.toml", "b.toml"]);
    assert_eq!(machine.says(), "stop");
}

#[test]
fn a_packages_broken_file_is_skipped_with_a_warning() {
    let machine = machine()
        .with(Tier::Vendor, "10-a.toml", BROKEN)
        .with(Tier::Vendor, "20-b.toml", DENY)
        .with(Tier::Vendor, "30-c.toml", DEFER);
    let policy = machine.load();
    assert_eq!(*policy.origin(), Origin::Current);
    assert!(
        policy
            .problems()
            .iter()
            .all(|p| p.severity == Severity::Warning)
    );
    assert!(machine.messages().contains("10-a.toml:2:"));
    assert!(machine.messages().contains("20-b.toml:2:10:"));
    assert_eq!(machine.says(), "defer");
    assert!(check(&machine.roots).iter().all(Problem::is_error));
}

#[test]
fn with_a_broken_file_the_last_policy_that_read_well_applies() {
    for tier in [Tier::Admin, Tier::Runtime] {
        let machine = machine().with(tier, "10-a.toml", DENY);
        assert_eq!(machine.says(), "deny");
        let machine = machine.with(tier, "10-a.toml", BROKEN);
        let policy = machine.load();
        assert_eq!(*policy.origin(), Origin::LastGood);
        assert_eq!(says(&policy), "deny");
        assert!(
            machine.messages().contains("10-a.toml:2:15:"),
            "{}",
            machine.messages()
        );
        assert!(policy.files()[0].path.contains("as it last read well"));
        // and the broken one is never kept
        assert_eq!(machine.says(), "deny");
        let machine = machine.with(tier, "10-a.toml", STOP);
        assert_eq!(machine.says(), "stop");
    }
}

#[test]
fn packages_files_apply_beside_the_last_policy_unless_it_hides_them() {
    let machine = machine()
        .with(Tier::Admin, "50-x.toml", "")
        .with(Tier::Vendor, "50-x.toml", STOP)
        .with(Tier::Vendor, "60-y.toml", DEFER);
    assert_eq!(machine.says(), "defer");
    fs::remove_file(machine.path(Tier::Admin, "50-x.toml")).unwrap();
    let machine = machine.with(Tier::Admin, "10-new.toml", BROKEN);
    assert_eq!(*machine.load().origin(), Origin::LastGood);
    assert_eq!(machine.says(), "defer");
}

#[test]
fn with_a_broken_file_and_nothing_kept_the_upgrade_holds() {
    let machine =
        machine()
            .with(Tier::Admin, "10-a.toml", BROKEN)
            .with(Tier::Vendor, "90-b.toml", STOP);
    assert_eq!(*machine.load().origin(), Origin::None);
    assert_eq!(machine.says(), "hold");
    assert!(machine.messages().contains("neither stopped nor started"));
}

#[test]
fn a_policy_that_the_admin_took_away_does_not_come_back() {
    let machine = machine().with(Tier::Admin, "10-a.toml", STOP);
    assert_eq!(machine.says(), "stop");
    fs::remove_file(machine.path(Tier::Admin, "10-a.toml")).unwrap();
    assert_eq!(machine.says(), "");
    assert_eq!(machine.kept(), None);
    let machine = machine.with(Tier::Admin, "10-a.toml", BROKEN);
    assert_eq!(machine.says(), "hold");
}

#[test]
fn what_is_kept_is_written_once_and_not_in_a_chroot() {
    let mut machine = machine().with(Tier::Admin, "10-a.toml", STOP);
    machine.roots.keep = Keep::No;
    machine.load();
    assert_eq!(machine.kept(), None);
    machine.roots.keep = Keep::Yes;
    machine.load();
    let inode = || {
        std::os::unix::fs::MetadataExt::ino(&fs::metadata(last_good::path(&machine.roots)).unwrap())
    };
    let before = inode();
    machine.load();
    assert_eq!(inode(), before);
    let entries = fs::read_dir(&machine.roots.cache).unwrap().count();
    assert_eq!(entries, 1, "no temporary file is left");
}

#[test]
fn a_damaged_or_foreign_copy_is_not_used() {
    for spoil in [
        |path: &Path| fs::write(path, "{\"version\":2,\"files\":[]}\n").unwrap(),
        |path: &Path| fs::write(path, "nonsense").unwrap(),
        |path: &Path| fs::write(path, "").unwrap(),
        |path: &Path| fs::write(path, [0xff, b'\n']).unwrap(),
        |path: &Path| mode(path, 0o666),
        |path: &Path| {
            let text = fs::read_to_string(path).unwrap();
            fs::write(path, &text[..text.len() - 1]).unwrap();
        },
        |path: &Path| {
            let text = fs::read_to_string(path).unwrap();
            fs::write(path, text + "x").unwrap();
        },
        |path: &Path| mode(path.parent().unwrap(), 0o777),
    ] {
        let machine = machine().with(Tier::Admin, "10-a.toml", DENY);
        machine.load();
        spoil(&last_good::path(&machine.roots));
        let machine = machine.with(Tier::Admin, "10-a.toml", BROKEN);
        assert_eq!(machine.says(), "hold");
    }
}

#[test]
fn that_nothing_can_be_kept_is_only_a_warning() {
    let machine = machine().with(Tier::Admin, "10-a.toml", DENY);
    fs::create_dir_all(machine.roots.cache.parent().unwrap().parent().unwrap()).unwrap();
    fs::write(machine.roots.cache.parent().unwrap(), "a file in the way").unwrap();
    let policy = machine.load();
    assert_eq!(*policy.origin(), Origin::Current);
    assert_eq!(says(&policy), "deny");
    assert_eq!(policy.problems().len(), 1);
    assert_eq!(policy.problems()[0].severity, Severity::Warning);
}

#[test]
fn what_others_could_have_written_is_refused() {
    for (bits, trusted) in [
        (0o644, true),
        (0o600, true),
        (0o755, true),
        (0o664, false),
        (0o646, false),
    ] {
        let machine = machine().with(Tier::Admin, "10-a.toml", DENY);
        mode(&machine.path(Tier::Admin, "10-a.toml"), bits);
        assert_eq!(
            machine.says(),
            if trusted { "deny" } else { "hold" },
            "{bits:o}"
        );
    }
    for up in [0, 1] {
        let machine = machine().with(Tier::Admin, "10-a.toml", DENY);
        mode(machine.roots.etc.ancestors().nth(up).unwrap(), 0o775);
        assert_eq!(machine.says(), "hold");
        assert!(
            machine
                .messages()
                .contains("writable by others (mode 0775)")
        );
    }
}

#[test]
fn a_file_of_another_owner_is_refused() {
    if !Uid::effective().is_root() {
        return; // only root can give a file away
    }
    let machine = machine().with(Tier::Admin, "10-a.toml", DENY);
    std::os::unix::fs::chown(machine.path(Tier::Admin, "10-a.toml"), Some(12345), None).unwrap();
    assert_eq!(machine.says(), "hold");
    assert!(machine.messages().contains("belongs to user 12345"));
    std::os::unix::fs::chown(&machine.roots.etc, Some(12345), None).unwrap();
    assert_eq!(machine.says(), "hold");
}

#[test]
fn links_are_followed_only_through_directories_that_are_trusted() {
    let link = |target_mode: u32, directory_mode: u32| {
        let machine = machine();
        let elsewhere = machine.dir.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        let target = elsewhere.join("x");
        fs::write(&target, DENY).unwrap();
        mode(&target, target_mode);
        symlink("x", elsewhere.join("again")).unwrap();
        symlink(
            "../../../elsewhere/./again",
            machine.path(Tier::Admin, "a.toml"),
        )
        .unwrap();
        mode(&elsewhere, directory_mode);
        machine.says()
    };
    assert_eq!(link(0o644, 0o755), "deny");
    assert_eq!(link(0o666, 0o755), "hold");
    assert_eq!(link(0o644, 0o777), "hold");
}

#[test]
fn links_that_lead_nowhere_or_in_a_circle_are_problems() {
    for target in ["nowhere", "a.toml", "/dev/zero", "/", "."] {
        let machine = machine();
        symlink(target, machine.path(Tier::Admin, "a.toml")).unwrap();
        assert_eq!(machine.says(), "hold", "{target}");
    }
    let machine = machine();
    fs::remove_dir(&machine.roots.etc).unwrap();
    symlink("nowhere", &machine.roots.etc).unwrap();
    assert_eq!(machine.says(), "hold");
}

#[test]
fn pipes_devices_and_directories_never_block() {
    let machine = machine();
    let begun = Instant::now();
    mkfifo(
        &machine.path(Tier::Admin, "a.toml"),
        Mode::from_bits_truncate(0o644),
    )
    .unwrap();
    fs::create_dir(machine.path(Tier::Admin, "b.toml")).unwrap();
    let messages = machine.messages();
    assert!(
        messages.contains("a.toml` is not a regular file"),
        "{messages}"
    );
    assert!(
        messages.contains("b.toml` is not a regular file"),
        "{messages}"
    );
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_huge_file_is_refused_without_being_read() {
    let machine = machine().with(Tier::Admin, "a.toml", "");
    let file = fs::OpenOptions::new()
        .write(true)
        .open(machine.path(Tier::Admin, "a.toml"))
        .unwrap();
    file.set_len(100 * 1024 * 1024 * 1024).unwrap();
    let begun = Instant::now();
    assert_eq!(machine.says(), "hold");
    assert!(machine.messages().contains("too large"));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_directory_that_is_none_and_text_that_is_none_are_problems() {
    let machine = machine().with(Tier::Admin, "a.toml", b"# a\n# \xff\n");
    assert!(
        machine
            .messages()
            .contains("a.toml:2:3: this is not UTF-8 text")
    );
    fs::remove_file(machine.path(Tier::Admin, "a.toml")).unwrap();
    fs::remove_dir(&machine.roots.run).unwrap();
    fs::write(&machine.roots.run, "").unwrap();
    assert_eq!(machine.says(), "hold");
    assert!(machine.messages().contains("is not a directory"));
}

#[test]
fn the_first_file_that_sets_a_setting_wins_across_directories() {
    let machine = machine()
        .with(Tier::Admin, "20-a.toml", "[flush]\nsettle = \"1s\"\n")
        .with(
            Tier::Runtime,
            "10-a.toml",
            "[flush]\nsettle = \"2s\"\n[compat]\nstrict = true\n",
        )
        .with(
            Tier::Vendor,
            "00-a.toml",
            "[flush]\nsettle = \"3s\"\n[init]\nwait = \"4s\"\n",
        );
    let policy = machine.load();
    assert_eq!(policy.settings().flush_settle, Duration::from_secs(1));
    assert_eq!(policy.settings().init_wait, Duration::from_secs(4));
    assert!(policy.settings().strict);
}

#[test]
fn check_reports_all_problems_of_all_files_and_rules_that_never_match() {
    let machine = machine()
        .with(
            Tier::Admin,
            "10-a.toml",
            "[[rule]]\nfoo = 1\n[[rule]]\nservice = \"b[\"\ndecide = \"x\"\n",
        )
        .with(
            Tier::Runtime,
            "20-b.toml",
            "[[rule]]\ndecide = \"stop\"\n[[rule]]\nservice = \"a\"\ndecide = \"deny\"\n",
        )
        .with(Tier::Vendor, "30-c.toml", DENY);
    let shown: Vec<String> = check(&machine.roots)
        .iter()
        .map(|p| {
            p.to_string()
                .replace(&format!("{}/", machine.dir.path().display()), "")
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
    let own = check_directory(&machine.roots.lib, Tier::Vendor, machine.roots.owner);
    assert_eq!(own.len(), 1);
    assert_eq!(
        check_directory(&machine.roots.lib, Tier::Admin, machine.roots.owner),
        []
    );
    assert!(check_directory(Path::new("/nonexistent"), Tier::Admin, 0)[0].is_error());
}

#[test]
fn the_decision_of_a_kept_rule_is_the_rule_itself() {
    let machine = machine().with(Tier::Admin, "10-a.toml", DENY);
    let before = machine.load();
    let machine = machine.with(Tier::Admin, "10-a.toml", BROKEN);
    let after = machine.load();
    assert_eq!(before.files()[0].rules, after.files()[0].rules);
    assert_eq!(before.files()[0].rules[0].decide, Decide::Deny);
}
