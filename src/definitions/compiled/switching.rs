//! Switches by s6-rc's programs, played by a stand-in: cut off at each of their steps, failing at each, and on full
//! disks.

use std::fs;
use std::os::unix::fs::symlink;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::*;
use crate::failpoint::{Point, cut};
use crate::testing::small_disk::{Lacks, SmallDisk, from_nothing_to_enough, may_mount};

const LIMIT: Duration = Duration::from_secs(20);

/// A machine with two services, whose sources are compiled, live and booted by.
struct Machine {
    top: tempfile::TempDir,
    s6_rc: S6Rc,
    database: Database,
    compiled: Compiled,
}

impl Machine {
    fn new() -> Self {
        Self::within(tempfile::tempdir().unwrap())
    }

    fn within(top: tempfile::TempDir) -> Self {
        let path = |name: &str| top.path().join(name);
        for name in ["programs", "source/db", "source/web", "boot", "live"] {
            fs::create_dir_all(path(name)).unwrap();
        }
        let stand_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/s6/s6-rc.pl");
        for name in ["s6-rc-compile", "s6-rc-update"] {
            symlink(&stand_in, path("programs").join(name)).unwrap();
        }
        let database = Database {
            sources: vec![path("source")],
            boot: path("boot/compiled"),
            live: path("live"),
            programs: vec![path("programs")],
        };
        let machine = Self {
            s6_rc: S6Rc::of(database.clone(), LIMIT),
            compiled: Compiled::beside(&path("records/s6")),
            database,
            top,
        };
        machine.change("1");
        let first = machine.database.update(LIMIT).unwrap().database;
        symlink(first, machine.top.path().join("live/compiled")).unwrap();
        machine
    }

    /// Its sources are noted.
    fn noted(mut self) -> Self {
        self.flush().unwrap();
        assert_eq!(self.due(), Due::Nothing);
        self
    }

    /// A package brings these.
    fn change(&self, text: &str) {
        for name in ["db", "web"] {
            let source = self.database.sources[0].join(name);
            fs::write(source.join("type"), "oneshot\n").unwrap();
            fs::write(source.join("up"), text).unwrap();
        }
    }

    fn due(&self) -> Due {
        self.compiled.look(&self.s6_rc).unwrap().unwrap().due
    }

    fn flush(&mut self) -> Result<Option<String>, DefinitionError> {
        let found = self.compiled.look(&self.s6_rc)?.unwrap();
        self.compiled.bring(&found, &mut self.s6_rc)
    }

    /// The version of a database, where it is whole.
    fn version(&self, database: &Path) -> Option<String> {
        let text = |name: &str| fs::read_to_string(database.join(name).join("up")).ok();
        let (db, web) = (text("db")?, text("web")?);
        (db == web).then_some(db)
    }

    /// What is live, and what the machine boots by.
    fn versions(&self) -> [Option<String>; 2] {
        let live = self.database.live.join("compiled");
        [self.version(&live), self.version(&self.database.boot)]
    }

    /// One database and the link to it.
    fn is_clean(&self) -> bool {
        fs::read_dir(self.top.path().join("boot")).unwrap().count() == 2
    }

    #[track_caller]
    fn is_at(&self, version: &str, at: &str) {
        let expected = Some(version.to_owned());
        assert_eq!(self.versions(), [expected.clone(), expected], "{at}");
        assert!(self.is_clean(), "{at}");
    }
}

/// Cut off at the `nth` reaching of `point`; whether that was reached.
fn cut_off(machine: &mut Machine, point: Point, nth: usize) -> bool {
    cut::at(Some((point, nth)));
    let ended = catch_unwind(AssertUnwindSafe(|| machine.flush()));
    cut::at(None);
    match ended {
        Ok(_) => false,
        Err(cause) if cause.is::<cut::CutOff>() => true,
        Err(cause) => std::panic::resume_unwind(cause),
    }
}

#[test]
fn a_switch_that_is_cut_off_at_any_step_is_whole_and_finished_by_the_next_flush() {
    let mut steps = 0;
    for point in [Point::Defining, Point::Replacing] {
        for nth in 1.. {
            let mut machine = Machine::new().noted();
            machine.change("2");
            let reached = cut_off(&mut machine, point, nth);
            let at = format!("{point:?}, step {nth}");
            assert!(machine.versions().iter().all(Option::is_some), "{at}");
            if machine.due() != Due::Nothing {
                machine.flush().unwrap();
            }
            machine.is_at("2", &at);
            assert_eq!(machine.due(), Due::Nothing, "{at}");
            if !reached {
                break;
            }
            steps += 1;
        }
    }
    assert!(steps > 7, "{steps} steps");
}

#[test]
fn cut_off_and_changed_back_it_ends_with_one_database_for_both() {
    for nth in 1.. {
        let mut machine = Machine::new().noted();
        machine.change("2");
        let reached = cut_off(&mut machine, Point::Defining, nth);
        machine.change("1");
        if machine.due() != Due::Nothing {
            machine.flush().unwrap();
        }
        assert_eq!(machine.versions()[0], machine.versions()[1], "step {nth}");
        assert_eq!(machine.due(), Due::Nothing, "step {nth}");
        if !reached {
            break;
        }
    }
}

#[test]
fn what_does_not_compile_or_does_not_become_live_leaves_all_as_it_was_and_is_told() {
    let type_of_web = |machine: &Machine, text: &str| {
        fs::write(machine.database.sources[0].join("web/type"), text).unwrap();
    };
    let mut machine = Machine::new().noted();
    machine.change("2");
    type_of_web(&machine, "nosuch\n");
    let error = machine.flush().unwrap_err().to_string();
    assert!(error.contains("must be oneshot"), "{error}");
    machine.is_at("1", "it does not compile");
    let found = machine.compiled.look(&machine.s6_rc).unwrap().unwrap();
    assert_eq!(found.failed.map(|(tries, _)| tries), Some(1));
    type_of_web(&machine, "oneshot\n");
    let killed = machine.database.live.join("killed-before");
    fs::write(&killed, "").unwrap();
    assert!(machine.flush().is_err());
    machine.is_at("1", "s6-rc-update was killed");
    fs::remove_file(killed).unwrap();
    assert_eq!(machine.flush().unwrap(), None);
    machine.is_at("2", "all is well");
}

#[test]
fn a_switch_that_its_program_did_not_survive_is_told_and_counts_where_it_is_live() {
    let mut machine = Machine::new().noted();
    machine.change("2");
    fs::write(machine.database.live.join("killed-after"), "").unwrap();
    assert!(machine.flush().unwrap().is_some());
    machine.is_at("2", "s6-rc-update was killed");
    assert_eq!(machine.due(), Due::Nothing);
}

const DISKS: &str =
    "definitions::compiled::switching::a_disk_that_is_full_at_any_write_keeps_a_whole_database";

#[test]
fn a_disk_that_is_full_at_any_write_keeps_a_whole_database() {
    if may_mount(DISKS) {
        from_nothing_to_enough(with);
    }
}

/// Switches with as much to `spare`, and once more with enough; whether the first one did all.
fn with(lacks: Lacks, spare: usize) -> bool {
    let at = format!("{lacks:?}, {spare}");
    let top = tempfile::tempdir().unwrap();
    let disk = SmallDisk::over(top.path());
    let mut machine = Machine::within(top).noted();
    machine.change("2");
    disk.fill(lacks, spare);
    let told = machine.flush();
    assert!(machine.versions().iter().all(Option::is_some), "{at}");
    disk.free();
    if machine.due() != Due::Nothing {
        machine.flush().unwrap();
    }
    machine.is_at("2", &at);
    drop(disk);
    match told {
        Ok(None) => true,
        Ok(Some(_)) => false,
        Err(error) => {
            let error = error.to_string();
            assert!(error.contains("No space left on device"), "{at}: {error}");
            false
        }
    }
}
