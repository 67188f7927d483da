//! What s6-rc keeps, with a stand-in for s6-rc that does as its documentation says, and the real s6 below it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcpolicy::definitions::{Compiled, Due, S6Rc};
use rcpolicy::domain::{ActiveState, JobFailure, Known, Verb};
use rcpolicy::init::s6::{Database, DatabaseError, S6};
use rcpolicy::init::{Depth, Init};

use super::tree::{FOREVER, Tree, unit, write_service};

/// `db` is needed by `web`, which a oneshot `prepare` comes before; `all` is both.
struct Rc {
    tree: Tree,
    place: tempfile::TempDir,
    database: Database,
}

const LIMIT: Duration = Duration::from_secs(20);

impl Rc {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        let programs = path("programs");
        fs::create_dir(&programs).unwrap();
        let stand_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/s6/s6-rc.pl");
        for name in ["s6-rc", "s6-rc-db", "s6-rc-compile", "s6-rc-update"] {
            symlink(&stand_in, programs.join(name)).unwrap();
        }
        let source = path("source");
        write_service(&source.join("prepare"), &[("type", "oneshot\n")]);
        let db = [("type", "longrun\n"), ("dependencies", "prepare\n")];
        write_service(&source.join("db"), &db);
        let web = [("type", "longrun\n"), ("dependencies", "db\n")];
        write_service(&source.join("web"), &web);
        let all = [("type", "bundle\n"), ("contents", "db\nweb\n")];
        write_service(&source.join("all"), &all);
        let real = path("live:1");
        write_service(&real, &[("state", "prepare\ndb\nweb\n")]);
        symlink("live:1", path("live")).unwrap();
        for name in ["db", "web"] {
            write_service(&real.join("servicedirs").join(name), &[("run", FOREVER)]);
        }
        fs::create_dir(path("boot")).unwrap();
        let database = Database {
            sources: vec![source],
            boot: path("boot/compiled"),
            live: path("live"),
            programs: vec![programs.clone()],
        };
        // As the machine would have it after its installation.
        let first = database.update(LIMIT).unwrap().database;
        symlink(first, real.join("compiled")).unwrap();
        let mut tree = Tree::with(&[("plain", &[("run", FOREVER)])]);
        for name in ["db", "web"] {
            let service = path("live").join("servicedirs").join(name);
            symlink(service, tree.file(name)).unwrap();
        }
        tree.s6.reread().unwrap();
        tree.until(|| tree.pid("db") > Some(0) && tree.pid("web") > Some(0));
        let s6 = std::mem::replace(&mut tree.s6, S6::scanning(Vec::new()));
        tree.s6 = s6.kept_by(&path("live"), &programs);
        Self {
            tree,
            place,
            database,
        }
    }

    fn live(&self, name: &str) -> PathBuf {
        self.place.path().join("live").join(name)
    }

    fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.live("calls")).unwrap_or_default();
        let changes = text.lines().filter(|line| line.contains("change"));
        changes.map(str::to_owned).collect()
    }

    fn up(&self) -> Vec<String> {
        let text = fs::read_to_string(self.live("state")).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn booted(&self) -> PathBuf {
        self.database.boot.canonicalize().unwrap()
    }

    fn databases(&self) -> usize {
        fs::read_dir(self.place.path().join("boot"))
            .unwrap()
            .count()
            - 1
    }
}

#[test]
fn up_and_down_are_s6_rc_s_changes_with_all_that_hangs_on_them() {
    let mut rc = Rc::new();
    assert_eq!(rc.tree.active("db"), ActiveState::Active);
    let names = [unit("db")];
    let facts = rc
        .tree
        .s6
        .units(&names, Depth::Relations)
        .unwrap()
        .remove(0);
    assert_eq!(facts.required_by, [unit("web")]);
    assert!(facts.file.is_unknown(), "what is down is so by s6-rc");
    rc.tree.done(Verb::Stop, "db");
    assert_eq!(rc.up(), ["prepare"]);
    assert_eq!(rc.tree.pid("web"), Some(0));
    assert_eq!(rc.tree.active("db"), ActiveState::Inactive);
    rc.tree.done(Verb::TryRestart, "db");
    rc.tree.done(Verb::Restart, "web");
    assert_eq!(rc.up(), ["db", "prepare", "web"]);
    assert!(rc.tree.pid("db") > Some(0));
    let expected = ["s6-rc -d change db", "s6-rc -u change web"];
    assert_eq!(rc.calls(), expected);
}

#[test]
fn a_process_is_restarted_without_what_depends_on_it_and_without_s6_rc() {
    let mut rc = Rc::new();
    let (db, web) = (rc.tree.pid("db"), rc.tree.pid("web"));
    rc.tree.done(Verb::Restart, "db");
    assert_ne!(rc.tree.pid("db"), db);
    assert_eq!(rc.tree.pid("web"), web);
    assert!(rc.calls().is_empty());
    // What the admin took down behind s6-rc's back is up after a start.
    rc.tree.svc("-d", "db");
    rc.tree.until_active("db", ActiveState::Inactive);
    rc.tree.done(Verb::Start, "db");
    assert_eq!(rc.tree.active("db"), ActiveState::Active);
    rc.tree.done(Verb::Restart, "plain");
}

#[test]
fn bundles_and_oneshots_are_restarted_with_what_was_up() {
    let mut rc = Rc::new();
    let web = rc.tree.pid("web");
    assert_eq!(rc.tree.active("all"), ActiveState::Active);
    rc.tree.done(Verb::Restart, "prepare");
    assert_eq!(rc.up(), ["db", "prepare", "web"]);
    assert_ne!(rc.tree.pid("web"), web);
    assert_eq!(rc.tree.facts("prepare").can_reload, Known::Is(false));
    assert!(
        rc.tree
            .failure(Verb::Reload, "prepare")
            .to_string()
            .contains("cannot be reloaded")
    );
    rc.tree.done(Verb::Stop, "all");
    assert_eq!(rc.tree.active("all"), ActiveState::Inactive);
    assert_eq!(rc.tree.active("prepare"), ActiveState::Active);
    rc.tree.done(Verb::TryRestart, "all");
    assert_eq!(rc.up(), ["prepare"]);
    rc.tree.done(Verb::Start, "all");
    assert_eq!(rc.up(), ["db", "prepare", "web"]);
    assert!(rc.tree.facts("nosuch").is_missing());
}

#[test]
fn what_s6_rc_cannot_start_has_failed_for_its_reason() {
    let mut rc = Rc::new();
    rc.tree.done(Verb::Stop, "web");
    fs::write(rc.live("fails"), "web\n").unwrap();
    let expected = JobFailure::Ended {
        result: "failed".to_owned(),
        service_result: "unable to start service web: command exited 1".to_owned(),
    };
    assert_eq!(rc.tree.failure(Verb::Start, "web"), expected);
}

#[test]
fn locks_that_somebody_else_has_are_waited_for() {
    let mut rc = Rc::new();
    fs::write(rc.live("busy"), "").unwrap();
    let (busy, calls) = (rc.live("busy"), rc.live("calls"));
    let other = std::thread::spawn(move || {
        while !fs::read_to_string(&calls).is_ok_and(|text| text.contains("change")) {
            std::thread::sleep(Duration::from_millis(5));
        }
        fs::remove_file(busy).unwrap();
    });
    rc.tree.done(Verb::Stop, "web");
    other.join().unwrap();
    assert_eq!(rc.up(), ["db", "prepare"]);
}

#[test]
fn new_definitions_become_live_and_then_what_the_machine_boots_by() {
    let rc = Rc::new();
    let old = rc.booted();
    write_service(
        &rc.database.sources[0].join("new"),
        &[("type", "oneshot\n")],
    );
    let updated = rc.database.update(LIMIT).unwrap();
    assert_eq!(updated.trouble, None);
    assert!(updated.database.join("new").exists());
    assert_eq!(rc.booted(), updated.database.canonicalize().unwrap());
    assert_eq!(rc.live("compiled").canonicalize().unwrap(), rc.booted());
    assert!(rc.database.is_settled());
    assert!(!old.exists() && rc.databases() == 1);
}

#[test]
fn definitions_that_do_not_compile_leave_all_as_it_was() {
    let rc = Rc::new();
    let old = rc.booted();
    let cases = [
        ("type", "longrun\r\n", "must be oneshot, longrun, or bundle"),
        ("dependencies", "nosuch\n", "undefined service name nosuch"),
    ];
    for (file, text, expected) in cases {
        let path = rc.database.sources[0].join("web").join(file);
        let good = fs::read(&path).unwrap();
        fs::write(&path, text).unwrap();
        let error = rc.database.update(LIMIT).unwrap_err();
        assert!(matches!(error, DatabaseError::Compile(_)), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        fs::write(&path, good).unwrap();
        assert_eq!((rc.booted(), rc.databases()), (old.clone(), 1));
        assert_eq!(rc.live("compiled").canonicalize().unwrap(), old);
    }
}

#[test]
fn an_update_that_is_killed_leaves_whole_databases_and_the_next_one_settles_it() {
    let rc = Rc::new();
    let old = rc.booted();
    fs::write(rc.live("killed-before"), "").unwrap();
    let error = rc.database.update(LIMIT).unwrap_err();
    assert!(matches!(error, DatabaseError::Update(_)), "{error}");
    assert_eq!((rc.booted(), rc.databases()), (old.clone(), 1));
    fs::remove_file(rc.live("killed-before")).unwrap();
    // It became live all the same.
    fs::write(rc.live("killed-after"), "").unwrap();
    let updated = rc.database.update(LIMIT).unwrap();
    assert!(updated.trouble.is_some());
    assert!(rc.database.is_settled() && rc.booted() != old);
    fs::remove_file(rc.live("killed-after")).unwrap();
    // We were killed ourselves: once before anything was live, with half a database, once before the link.
    let live = rc.database.boot.with_file_name("compiled.rcpolicy-7");
    fs::create_dir(&live).unwrap();
    let half = rc.database.boot.with_file_name("compiled.rcpolicy-8");
    fs::create_dir(&half).unwrap();
    symlink("nowhere", rc.database.boot.with_file_name(".rcpolicy-link")).unwrap();
    fs::remove_file(rc.live("compiled")).unwrap();
    symlink(&live, rc.live("compiled")).unwrap();
    assert!(!rc.database.is_settled());
    let _ = rc.database.update(LIMIT).unwrap();
    assert!(rc.database.is_settled());
    assert!(!live.exists() && !half.exists() && rc.databases() == 1);
}

#[test]
fn services_that_do_not_come_up_with_new_definitions_are_told() {
    let rc = Rc::new();
    fs::write(rc.live("fails"), "web\n").unwrap();
    let updated = rc.database.update(LIMIT).unwrap();
    let expected = "unable to start service web: command exited 1";
    assert_eq!(updated.trouble.as_deref(), Some(expected));
    assert!(rc.database.is_settled());
}

#[test]
fn a_database_that_is_no_link_and_sources_that_others_may_write_to_are_refused() {
    use std::os::unix::fs::PermissionsExt;
    let rc = Rc::new();
    let directory = Database {
        boot: rc.booted(),
        ..rc.database.clone()
    };
    let error = directory.update(LIMIT).unwrap_err();
    assert!(matches!(error, DatabaseError::NoLink(_)), "{error}");
    let source = &rc.database.sources[0];
    fs::set_permissions(source, fs::Permissions::from_mode(0o777)).unwrap();
    let error = rc.database.update(LIMIT).unwrap_err();
    assert!(matches!(error, DatabaseError::File(_)), "{error}");
}

#[test]
fn without_a_live_s6_rc_only_what_the_machine_boots_by_changes() {
    let rc = Rc::new();
    let database = Database {
        live: rc.place.path().join("none"),
        ..rc.database.clone()
    };
    let live = rc.live("compiled").canonicalize().unwrap();
    let updated = database.update(LIMIT).unwrap();
    assert_eq!(rc.booted(), updated.database.canonicalize().unwrap());
    assert_eq!(
        rc.live("compiled").canonicalize().ok(),
        live.canonicalize().ok()
    );
    assert!(database.is_settled());
}

#[test]
fn sources_that_changed_are_compiled_and_live_once_and_what_cannot_be_compiled_changes_nothing() {
    let rc = Rc::new();
    let compiled = Compiled::beside(&rc.place.path().join("records/s6"));
    let mut s6_rc = S6Rc::of(rc.database.clone(), LIMIT);
    let look = |s6_rc: &S6Rc| compiled.look(s6_rc).unwrap().unwrap();
    compiled.bring(&look(&s6_rc), &mut s6_rc).unwrap();
    let first = rc.booted();
    assert_eq!(look(&s6_rc).due, Due::Nothing);
    let source = rc.place.path().join("source");
    write_service(&source.join("web"), &[("env", "changed\n")]);
    let found = look(&s6_rc);
    assert_eq!(
        (found.due, found.changed.as_slice()),
        (Due::Switch, &["web".to_owned()][..])
    );
    compiled.bring(&found, &mut s6_rc).unwrap();
    let second = rc.booted();
    assert_ne!(first, second);
    assert_eq!(rc.live("compiled").canonicalize().unwrap(), second);
    assert_eq!(look(&s6_rc).due, Due::Nothing);
    write_service(&source.join("web"), &[("dependencies", "nosuch\n")]);
    let found = look(&s6_rc);
    assert!(compiled.bring(&found, &mut s6_rc).is_err());
    assert_eq!(rc.booted(), second);
    assert_eq!(look(&s6_rc).failed.map(|(tries, _)| tries), Some(1));
}
