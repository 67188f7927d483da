//! Updates on real directories under a supervisor in memory: cut off at every step, with a service that
//! dies and a machine that boots in between. What the service reads when it starts is always one version.

mod cut_off;
mod disks;
mod gone;
mod meanwhile;
mod places;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::*;
use crate::domain::ServiceName;
use crate::failpoint::{Point, cut};

/// A supervisor, its service, and what that read at each of its starts.
struct Model {
    live: PathBuf,
    supervised: bool,
    wanted: bool,
    running: bool,
    /// What `run` said in each start.
    read: Vec<String>,
    /// A service whose files say this does not stay up.
    broken: Option<&'static str>,
    /// It does not go down.
    stubborn: bool,
    /// Counts starts, ends and supervisors.
    since: u32,
    /// Counts these and what the supervisor was told.
    told: u32,
}

impl Model {
    /// It starts, and reads all that it has.
    fn start(&mut self) {
        let mut versions: Vec<String> = files(&self.live)
            .into_iter()
            .filter(|(path, _)| path != "down" && path != "conf")
            .map(|(_, text)| text)
            .collect();
        versions.dedup();
        self.changed();
        self.read.push(versions.join(" and "));
        self.running = self.broken != Some(versions.join(" and ").as_str());
    }

    /// It dies by itself, and is restarted where it is wanted.
    fn die(&mut self) {
        self.running = false;
        if self.supervised && self.wanted {
            self.start();
        }
    }

    /// It has started or ended, or has another supervisor.
    fn changed(&mut self) {
        (self.since, self.told) = (self.since + 1, self.told + 1);
    }

    /// As `sv down` and `s6-svc -d` do it.
    fn told_down(&mut self) {
        if self.running {
            self.changed();
        }
        self.told += 1;
        (self.wanted, self.running) = (false, false);
    }

    /// As `sv once` and `s6-svc -o` do it.
    fn told_once(&mut self) {
        self.wanted = false;
        if !self.running {
            self.start();
        }
    }

    /// What comes between the cut and the next flush.
    fn undergo(&mut self, what: &str) {
        match what {
            "it dies" => self.die(),
            "boot" => self.boot(),
            _ => {}
        }
    }

    /// The machine boots: a down file alone keeps it from starting.
    fn boot(&mut self) {
        self.running = false;
        self.changed();
        self.wanted = self.supervised && !self.live.join("down").exists();
        if self.wanted {
            self.start();
        }
    }
}

impl Supervisor for Model {
    fn found(&mut self, _: &ServiceName, part: Part) -> Result<Before, String> {
        Ok(
            match (self.supervised && part == Part::Service, self.wanted) {
                (false, _) => Before::Unsupervised,
                (true, true) => Before::Up,
                (true, false) if self.running => Before::Once,
                (true, false) => Before::Down,
            },
        )
    }

    fn take_down(&mut self, _: &ServiceName, _: Part) -> Result<(), String> {
        if self.stubborn {
            return Err("it does not go down".to_owned());
        }
        if self.wanted || self.running {
            self.told_down();
        }
        Ok(())
    }

    fn mark(&mut self, _: &ServiceName, _: Part) -> Option<Mark> {
        Some(Mark {
            since: self.since.to_string(),
            version: self.told.to_string(),
        })
    }

    fn bring_up(&mut self, _: &ServiceName, _: Part) -> Result<(), String> {
        self.wanted = true;
        self.told += 1;
        if !self.running {
            self.start();
        }
        match self.running {
            true => Ok(()),
            false => Err("it does not stay up".to_owned()),
        }
    }
}

/// All files below `top`, with what they hold.
fn files(top: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(top) else {
        return found;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            let inside = files(&path).into_iter();
            found.extend(inside.map(|(path, text)| (format!("{name}/{path}"), text)));
        } else {
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    found.sort();
    found
}

/// A machine with one service.
struct Room {
    top: tempfile::TempDir,
    model: Model,
}

const OLD: [&str; 4] = ["check", "env/A", "finish", "run"];
const NEW: [&str; 4] = ["control/t", "env/B", "finish", "run"];

impl Room {
    /// Version 1 is live, recorded, and runs.
    fn new() -> Self {
        // In memory, where there is such a place: what is tried here synchronises some ten thousand times.
        let top = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self::within(top.unwrap())
    }

    /// The same in `top`.
    fn within(top: tempfile::TempDir) -> Self {
        for directory in ["stock", "live"] {
            fs::create_dir(top.path().join(directory)).unwrap();
        }
        let live = top.path().join("live/foo");
        let model = Model {
            live,
            supervised: true,
            wanted: true,
            running: true,
            read: Vec::new(),
            broken: None,
            stubborn: false,
            since: 0,
            told: 0,
        };
        let mut room = Self { top, model };
        room.ship(&OLD, "1");
        room.write("live", &OLD, "1");
        assert_eq!(room.flush(), [Outcome::Noted]);
        room
    }

    fn write(&self, place: &str, paths: &[&str], text: &str) {
        for path in paths {
            let path = self.top.path().join(place).join("foo").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    /// A package brings this as the stock version.
    fn ship(&self, paths: &[&str], text: &str) {
        let stock = self.top.path().join("stock/foo");
        let _ = fs::remove_dir_all(&stock);
        self.write("stock", paths, text);
    }

    fn places(&self) -> Places {
        Places {
            stock: self.top.path().join("stock"),
            live: self.top.path().join("live"),
            records: self.top.path().join("records"),
            compiles: Compiles::Nothing,
        }
    }

    fn look(&self) -> Vec<Looked> {
        Definitions::open(self.places()).unwrap().survey().unwrap()
    }

    /// Brings all up to date, until nothing is left that changes by itself.
    fn flush(&mut self) -> Vec<Outcome> {
        let tried = self.try_flush().into_iter();
        tried.map(Result::unwrap).collect()
    }

    /// The same, and why something did not come of it.
    fn try_flush(&mut self) -> Vec<Result<Outcome, DefinitionError>> {
        let changing = match Definitions::change(self.places()) {
            Ok(changing) => changing,
            Err(error) => return vec![Err(error)],
        };
        let mut outcomes = Vec::new();
        for _ in 0..2 {
            let looked = changing.survey().unwrap();
            for looked in looked {
                if matches!(looked.standing, Standing::Current) {
                    continue;
                }
                outcomes.push(changing.bring(&looked, &mut self.model, Starts::Allowed));
            }
        }
        outcomes
    }

    /// The version that is live, where that is one and complete.
    fn live(&self) -> Option<&'static str> {
        let is = |paths: &[&str], text: &str| {
            let mut expected: Vec<_> = paths
                .iter()
                .map(|path| ((*path).to_owned(), text.to_owned()))
                .collect();
            expected.sort();
            files(&self.model.live) == expected
        };
        match () {
            () if is(&OLD, "1") => Some("1"),
            () if is(&NEW, "2") => Some("2"),
            () => None,
        }
    }

    /// Nothing hidden is left beside the live definition.
    fn is_clean(&self) -> bool {
        fs::read_dir(self.top.path().join("live")).unwrap().count() == 1
    }
}

/// Flushes and is cut off at the `nth` step; whether that was reached.
fn cut_off(room: &mut Room, nth: usize) -> bool {
    cut::at(Some((Point::Defining, nth)));
    let ended = catch_unwind(AssertUnwindSafe(|| room.flush()));
    cut::at(None);
    match ended {
        Ok(_) => false,
        Err(cause) if cause.is::<cut::CutOff>() => true,
        Err(cause) => std::panic::resume_unwind(cause),
    }
}

#[test]
fn what_nobody_changed_is_brought_up_to_date_and_comes_up_again() {
    let mut room = Room::new();
    room.ship(&NEW, "2");
    assert!(matches!(room.look()[0].standing, Standing::Outdated(_)));
    assert_eq!(room.flush(), [Outcome::Ended(Ended::Updated)]);
    assert_eq!(room.live(), Some("2"));
    assert_eq!(room.model.read, ["2"]);
    assert!(room.model.running && room.is_clean());
    assert_eq!(room.look()[0].standing, Standing::Current);
    assert!(room.flush().is_empty());
}

#[test]
fn a_service_that_is_down_is_updated_without_being_started() {
    let mut room = Room::new();
    room.ship(&NEW, "2");
    (room.model.wanted, room.model.running) = (false, false);
    assert_eq!(room.flush(), [Outcome::Ended(Ended::Updated)]);
    assert_eq!((room.live(), room.model.read.len()), (Some("2"), 0));
    assert!(!room.model.wanted);
}

#[test]
fn a_down_file_of_the_admins_stays_and_one_of_ours_goes() {
    let mut room = Room::new();
    room.ship(&NEW, "2");
    (room.model.wanted, room.model.running) = (false, false);
    fs::write(room.model.live.join("down"), "").unwrap();
    assert_eq!(room.flush(), [Outcome::Ended(Ended::Updated)]);
    assert!(room.model.live.join("down").exists());
    fs::remove_file(room.model.live.join("down")).unwrap();
    assert_eq!(room.live(), Some("2"));
}

#[test]
fn one_that_does_not_come_up_is_rolled_back_and_the_try_is_kept() {
    let mut room = Room::new();
    room.ship(&NEW, "2");
    room.model.broken = Some("2");
    let outcomes = room.flush();
    let Some(Outcome::Ended(Ended::RolledBack(why))) = outcomes.first() else {
        panic!("{outcomes:?}");
    };
    assert_eq!(why, "it does not stay up");
    assert_eq!(room.live(), Some("1"));
    assert!(room.model.running && room.is_clean());
    let looked = room.look().remove(0);
    assert_eq!(
        looked.failed.unwrap(),
        (2, "it does not stay up".to_owned())
    );
    room.ship(&NEW, "3");
    assert_eq!(room.look()[0].failed, None);
}

#[test]
fn one_that_does_not_go_down_keeps_its_old_version_and_runs_on() {
    let mut room = Room::new();
    room.ship(&NEW, "2");
    room.model.stubborn = true;
    let outcomes = room.flush();
    assert!(matches!(outcomes[0], Outcome::Ended(Ended::RolledBack(_))));
    assert_eq!(room.live(), Some("1"));
    assert!(room.model.running && room.model.read.is_empty());
}

#[test]
fn what_somebody_changed_is_kept_and_told() {
    let mut room = Room::new();
    room.write("live", &["run"], "mine");
    room.write("live", &["conf"], "mine");
    assert_eq!(room.look()[0].edited, ["run"]);
    room.ship(&NEW, "2");
    let Standing::Outdated(outdated) = room.look().remove(0).standing else {
        panic!();
    };
    assert_eq!(outdated.plan.kept, ["run"]);
    assert_eq!(room.flush(), [Outcome::Ended(Ended::Updated)]);
    let read = |name: &str| fs::read_to_string(room.model.live.join(name)).unwrap();
    assert_eq!((read("run"), read("finish")), ("mine".into(), "2".into()));
    assert_eq!(read("conf"), "mine");
    assert_eq!(room.look()[0].edited, ["run"]);
}

#[test]
fn what_somebody_changes_after_the_look_is_not_overwritten() {
    let mut room = Room::new();
    room.ship(&NEW, "2");
    let changing = Definitions::change(room.places()).unwrap();
    let looked = changing.survey().unwrap().remove(0);
    room.write("live", &["run"], "mine");
    let error = changing
        .bring(&looked, &mut room.model, Starts::Allowed)
        .unwrap_err();
    assert!(matches!(error, DefinitionError::Changed { .. }), "{error}");
    let run = fs::read_to_string(room.model.live.join("run")).unwrap();
    assert_eq!(run, "mine");
    assert!(room.model.running && room.model.read.is_empty());
}

#[test]
fn a_service_of_which_nothing_is_known_is_left_as_it_is() {
    let mut room = Room::new();
    fs::remove_dir_all(room.top.path().join("records")).unwrap();
    room.ship(&NEW, "2");
    assert_eq!(room.look()[0].standing, Standing::New);
    assert_eq!(room.flush(), [Outcome::Noted]);
    assert_eq!(room.live(), Some("1"));
    assert!(!room.look()[0].edited.is_empty());
}

#[test]
fn a_down_file_that_the_new_version_brings_no_more_goes() {
    let mut room = Room::new();
    let old = [&OLD[..], &["down"]].concat();
    room.ship(&old, "1");
    room.write("live", &["down"], "1");
    assert!(matches!(room.flush().as_slice(), [_]));
    room.ship(&NEW, "2");
    assert_eq!(room.flush(), [Outcome::Ended(Ended::Updated)]);
    assert_eq!(room.live(), Some("2"));
}
