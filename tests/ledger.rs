//! The ledger on real file systems: killed writers, damage, links, foreign owners, full and
//! read-only disks, and many writers at once.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a failing helper is a failing test"
)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use rcpolicy::domain::{Life, Reason, ServiceName, Source, UnitName, Until};
use rcpolicy::ledger::{
    Down, Due, Entry, Ledger, LedgerError, Notice, Owed, Reading, Stopped, Who,
};

fn life(init_started: u64) -> Life {
    Life {
        boot_id: "0f1e".to_owned(),
        pid_namespace: 1,
        init_started,
        userspace: None,
    }
}

fn ledger(root: &Path) -> Ledger {
    Ledger::open(root, life(1)).with_lock_limit(Duration::from_secs(20))
}

fn service(name: &str) -> ServiceName {
    ServiceName::parse(name).unwrap()
}

fn entry(name: &str, due: Due) -> Entry {
    let unit = UnitName::parse(name).unwrap();
    let mut entry = Entry::new(unit, life(1), Who::default(), 5, "a test");
    entry.owed = Some(Owed {
        due,
        until: Until::Batch,
        reasons: vec![Reason::new(Source::BuiltIn, "a test")],
        at: None,
        begun: None,
    });
    entry
}

fn put(root: &Path, entry: &Entry) {
    ledger(root).lock().unwrap().put(entry).unwrap();
}

fn file(root: &Path, name: &str) -> PathBuf {
    root.join("ledger").join(name)
}

/// Runs one test of this file again in a process of its own, with `ROOT` telling it where.
fn child(wrapper: &[&str], test: &str, root: &Path) -> Output {
    let me = std::env::current_exe().unwrap();
    let words = [me.to_str().unwrap(), "--exact", test, "--nocapture"];
    let all: Vec<&str> = wrapper.iter().copied().chain(words).collect();
    let mut command = Command::new(all[0]);
    command.args(&all[1..]).env("LEDGER_TEST_ROOT", root);
    command.output().unwrap()
}

fn child_root() -> Option<PathBuf> {
    std::env::var_os("LEDGER_TEST_ROOT").map(PathBuf::from)
}

fn succeeded(output: &Output) {
    let text = String::from_utf8_lossy(&output.stderr);
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{out}{text}");
}

#[test]
fn a_missing_ledger_is_empty_and_reading_makes_nothing() {
    let top = tempfile::tempdir().unwrap();
    let root = top.path().join("rcpolicy");
    assert_eq!(
        ledger(&root).read(&service("foo")).unwrap(),
        Reading::Nothing
    );
    assert!(ledger(&root).all().unwrap().entries.is_empty());
    assert!(!root.exists());
}

#[test]
fn what_is_put_is_read_merged_and_struck() {
    let top = tempfile::tempdir().unwrap();
    let ledger = ledger(top.path());
    let mut locked = ledger.lock().unwrap();
    locked.put(&entry("foo", Due::Reload)).unwrap();
    let merged = locked.merge(entry("foo", Due::Restart)).unwrap();
    assert_eq!(merged.owed.as_ref().unwrap().due, Due::Restart);
    assert_eq!(
        ledger.read(&service("foo")).unwrap().current(),
        Some(merged.clone())
    );
    assert_eq!(
        locked.strike(&service("foo.service")).unwrap(),
        Some(merged)
    );
    assert_eq!(locked.strike(&service("foo")).unwrap(), None);
    assert_eq!(ledger.read(&service("foo")).unwrap(), Reading::Nothing);
}

#[test]
fn directories_and_entries_can_be_read_by_all_and_written_by_root_whatever_the_umask() {
    let top = tempfile::tempdir().unwrap();
    let root = top.path().join("rcpolicy");
    put(&root, &entry("foo", Due::Start));
    for (path, mode) in [
        (root.clone(), 0o755),
        (root.join("ledger"), 0o755),
        (file(&root, "foo.json"), 0o644),
    ] {
        let real = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(real, mode, "{}", path.display());
    }
}

#[test]
fn a_writer_killed_between_its_temporary_file_and_the_rename_changes_nothing() {
    let top = tempfile::tempdir().unwrap();
    put(top.path(), &entry("foo", Due::Reload));
    fs::write(file(top.path(), ".foo.json.tmp"), "{\"version\":1,\"serv").unwrap();
    let ledger = ledger(top.path());
    assert_eq!(ledger.all().unwrap().entries, [entry("foo", Due::Reload)]);
    put(top.path(), &entry("foo", Due::Stop));
    assert_eq!(ledger.all().unwrap().entries, [entry("foo", Due::Stop)]);
    assert!(!file(top.path(), ".foo.json.tmp").exists());
}

#[test]
fn damaged_entries_are_named_set_aside_by_a_writer_and_hide_no_other() {
    let top = tempfile::tempdir().unwrap();
    put(top.path(), &entry("good", Due::Start));
    put(top.path(), &entry("cut", Due::Start));
    let whole = fs::read(file(top.path(), "cut.json")).unwrap();
    fs::write(file(top.path(), "cut.json"), &whole[..whole.len() / 2]).unwrap();
    fs::write(file(top.path(), "junk.json"), [0xff, 0, b'{']).unwrap();
    fs::write(file(top.path(), "empty.json"), "").unwrap();
    fs::copy(
        file(top.path(), "good.json"),
        file(top.path(), "other.json"),
    )
    .unwrap();
    fs::write(file(top.path(), "huge.json"), vec![b' '; 2 << 20]).unwrap();

    let ledger = ledger(top.path());
    let listing = ledger.all().unwrap();
    assert_eq!(listing.entries, [entry("good", Due::Start)]);
    assert_eq!(listing.troubles.len(), 5, "{:?}", listing.troubles);
    assert!(matches!(
        ledger.read(&service("cut")),
        Err(LedgerError::Damaged { .. })
    ));

    let mut locked = ledger.lock().unwrap();
    assert_eq!(locked.settle().unwrap(), []);
    assert_eq!(locked.notices().len(), 5);
    assert!(
        matches!(&locked.notices()[0], Notice::SetAside { to, .. } if to.contains(".damaged-"))
    );
    assert!(ledger.all().unwrap().troubles.is_empty());
    let names = fs::read_dir(top.path().join("ledger")).unwrap().count();
    assert_eq!(names, 6, "nothing was deleted");
}

#[test]
fn an_entry_of_a_later_version_is_never_overwritten_or_struck() {
    let top = tempfile::tempdir().unwrap();
    put(top.path(), &entry("foo", Due::Start));
    let text = "{\"version\":2,\"service\":\"foo\"}\n";
    fs::write(file(top.path(), "foo.json"), text).unwrap();
    let ledger = ledger(top.path());
    let mut locked = ledger.lock().unwrap();
    let newer = |e: LedgerError| assert!(matches!(e, LedgerError::Newer { .. }), "{e}");
    newer(locked.put(&entry("foo", Due::Stop)).unwrap_err());
    newer(locked.merge(entry("foo", Due::Stop)).unwrap_err());
    newer(locked.strike(&service("foo")).unwrap_err());
    assert_eq!(locked.settle().unwrap(), []);
    assert_eq!(
        fs::read_to_string(file(top.path(), "foo.json")).unwrap(),
        text
    );
}

#[test]
fn another_life_of_the_init_settles_an_entry_and_says_what_it_held() {
    let top = tempfile::tempdir().unwrap();
    let mut held = entry("foo", Due::Restart);
    held.held = true;
    put(top.path(), &held);
    let next = Ledger::open(top.path(), life(2));
    assert_eq!(
        next.read(&service("foo")).unwrap(),
        Reading::Settled(Box::new(held.clone()))
    );
    assert_eq!(next.all().unwrap().settled, std::slice::from_ref(&held));
    let mut locked = next.lock().unwrap();
    assert_eq!(locked.settle().unwrap(), std::slice::from_ref(&held));
    assert_eq!(next.read(&service("foo")).unwrap(), Reading::Nothing);

    drop(locked);
    put(top.path(), &held);
    let mut locked = next.lock().unwrap();
    let mut fresh = entry("foo", Due::Reload);
    fresh.life = life(2);
    assert_eq!(
        locked.merge(fresh.clone()).unwrap(),
        fresh,
        "nothing old is merged in"
    );
    assert_eq!(locked.notices(), [Notice::Settled(Box::new(held))]);
}

#[test]
fn a_link_in_place_of_a_directory_the_lock_or_an_entry_is_refused() {
    let top = tempfile::tempdir().unwrap();
    let real = top.path().join("real");
    put(&real, &entry("foo", Due::Start));

    let link = top.path().join("link");
    symlink(&real, &link).unwrap();
    assert!(ledger(&link).lock().is_err());
    assert!(ledger(&link).read(&service("foo")).is_err());

    let second = top.path().join("second");
    fs::create_dir(&second).unwrap();
    symlink(real.join("ledger"), second.join("ledger")).unwrap();
    assert!(ledger(&second).lock().is_err());
    assert!(ledger(&second).all().is_err());

    symlink(file(&real, "foo.json"), file(&real, "bar.json")).unwrap();
    let error = ledger(&real).read(&service("bar")).unwrap_err();
    assert!(error.to_string().contains("symbolic link"), "{error}");
    fs::remove_file(real.join("lock")).unwrap();
    symlink(real.join("elsewhere"), real.join("lock")).unwrap();
    assert!(ledger(&real).lock().is_err());
    assert!(!real.join("elsewhere").exists());
}

#[test]
fn a_directory_or_an_entry_of_a_foreign_owner_is_refused() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("only root can give a file away: not tested");
        return;
    }
    let top = tempfile::tempdir().unwrap();
    put(top.path(), &entry("foo", Due::Start));
    chown(file(top.path(), "foo.json"), Some(12_345), None).unwrap();
    let error = ledger(top.path()).read(&service("foo")).unwrap_err();
    assert!(
        error.to_string().contains("belongs to user 12345"),
        "{error}"
    );
    chown(top.path().join("ledger"), Some(12_345), None).unwrap();
    assert!(ledger(top.path()).lock().is_err());
    chown(top.path(), Some(12_345), None).unwrap();
    assert!(ledger(top.path()).lock().is_err());
    chown(top.path(), Some(0), None).unwrap();
}

#[test]
fn a_directory_that_others_may_write_to_is_refused() {
    let top = tempfile::tempdir().unwrap();
    put(top.path(), &entry("foo", Due::Start));
    let mode = fs::Permissions::from_mode(0o777);
    fs::set_permissions(top.path().join("ledger"), mode).unwrap();
    assert!(ledger(top.path()).lock().is_err());
}

#[test]
fn many_threads_that_merge_lose_nothing() {
    let top = tempfile::tempdir().unwrap();
    let ledger = ledger(top.path());
    std::thread::scope(|scope| {
        for n in 0..16 {
            let ledger = &ledger;
            scope.spawn(move || {
                for round in 0..8 {
                    merge_one(ledger, n, round);
                    let _ = ledger.read(&service("foo")).unwrap();
                }
            });
        }
    });
    assert_eq!(units_down(&ledger), 16 * 8);
}

fn merge_one(ledger: &Ledger, writer: u32, round: u32) {
    let mut entry = entry("foo", Due::Restart);
    entry.down = Some(Down {
        units: vec![Stopped {
            unit: UnitName::parse(&format!("w{writer}-{round}.socket")).unwrap(),
            was_enabled: Some(true),
            down_since: None,
            dependent: false,
        }],
        ..Down::default()
    });
    ledger.lock().unwrap().merge(entry).unwrap();
}

fn units_down(ledger: &Ledger) -> usize {
    let entry = ledger.read(&service("foo")).unwrap().current().unwrap();
    entry.down.unwrap().units.len()
}

#[test]
fn many_processes_that_merge_lose_nothing() {
    const TEST: &str = "many_processes_that_merge_lose_nothing";
    if let Some(root) = child_root() {
        for round in 0..4 {
            merge_one(&ledger(&root), std::process::id(), round);
        }
        return;
    }
    let top = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| succeeded(&child(&[], TEST, top.path())));
        }
    });
    assert_eq!(units_down(&ledger(top.path())), 16 * 4);
}

#[test]
fn a_lock_that_is_never_given_back_is_an_error_and_not_a_hang() {
    let top = tempfile::tempdir().unwrap();
    let ledger = ledger(top.path()).with_lock_limit(Duration::from_millis(30));
    let held = ledger.lock().unwrap();
    assert!(matches!(ledger.lock(), Err(LedgerError::Busy { .. })));
    drop(held);
    assert!(ledger.lock().is_ok());
}

/// A shell in mount and user namespaces of its own that mounts over its $LEDGER_TEST_ROOT.
fn mounted(options: &str, test: &str) -> Output {
    let top = tempfile::tempdir().unwrap();
    let script =
        format!("mount -t tmpfs -o {options} tmpfs \"$LEDGER_TEST_ROOT\" && exec \"$0\" \"$@\"");
    let mut wrapper = vec!["unshare", "--mount", "--propagation", "private"];
    if !nix::unistd::geteuid().is_root() {
        wrapper.push("--map-root-user");
    }
    wrapper.extend(["sh", "-c", &script]);
    child(&wrapper, test, top.path())
}

#[test]
fn on_a_full_disk_the_error_says_so_and_what_was_noted_stays() {
    const TEST: &str = "on_a_full_disk_the_error_says_so_and_what_was_noted_stays";
    let Some(root) = child_root() else {
        return succeeded(&mounted("size=64k,mode=0755", TEST));
    };
    put(&root, &entry("foo", Due::Reload));
    let filled = fs::write(root.join("filler"), vec![0; 1 << 20]);
    assert!(filled.is_err(), "the disk is full now");
    let ledger = ledger(&root);
    let mut locked = ledger.lock().unwrap();
    for due in [Due::Restart, Due::Stop] {
        let error = locked.merge(entry("foo", due)).unwrap_err();
        assert!(error.is_unwritable(), "{error}");
        assert!(error.to_string().contains("No space left"), "{error}");
    }
    assert!(
        locked
            .put(&entry("new", Due::Start))
            .unwrap_err()
            .is_unwritable()
    );
    assert_eq!(ledger.all().unwrap().entries, [entry("foo", Due::Reload)]);
    assert!(
        locked.strike(&service("foo")).unwrap().is_some(),
        "paying needs no room"
    );
    let left: Vec<_> = fs::read_dir(root.join("ledger")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn on_a_read_only_disk_the_error_says_so_and_reading_goes_on() {
    const TEST: &str = "on_a_read_only_disk_the_error_says_so_and_reading_goes_on";
    let Some(root) = child_root() else {
        return succeeded(&mounted("size=64k,mode=0755", TEST));
    };
    put(&root, &entry("foo", Due::Reload));
    let status = Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(&root)
        .status();
    assert!(status.unwrap().success());
    let ledger = ledger(&root);
    assert_eq!(ledger.all().unwrap().entries, [entry("foo", Due::Reload)]);
    let error = ledger.lock().map(|_| ()).unwrap_err();
    assert!(error.is_unwritable(), "{error}");
    let missing = Ledger::open(&root.join("missing"), life(1));
    let error = missing.lock().map(|_| ()).unwrap_err();
    assert!(error.is_unwritable(), "{error}");
}
