//! One look at a service: which directory it is in, whether a supervisor listens there, and what that says
//! of it. Nothing is asked for here, and nothing is waited for.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::unistd::{AccessFlags, access};

use super::status::{LONGEST, Notifies, Stage, Status, Wanted};
use crate::domain::{
    ActiveState, FileState, Known, LoadState, Seen, UnitFacts, UnitKind, UnitName,
};
use crate::files::{Directory, FileError, Kind, Missing};
use crate::init::process::Process;
use crate::init::supervise::clock::Clock;
use crate::init::supervise::place::{Listener, Place, Version};
use crate::init::{Noted, Run};

/// What takes commands.
const CONTROL: &str = "control";
/// Who supervises.
const SUPERVISOR: &str = "s6-supervise";
const STATUS: &str = "status";
/// What makes a directory a service.
const RUN: &str = "run";
/// Where s6-svscan takes commands, below the directory that it scans.
pub(super) const SCANNER_DIRECTORY: &str = ".s6-svscan";
/// Says that it is not started by itself.
const DOWN: &str = "down";
/// Says that it tells when it is ready.
const NOTIFICATION: &str = "notification-fd";

/// A supervisor that is gone is back by then: s6-svscan starts one again within a second.
pub(super) const RESPAWN: Duration = Duration::from_secs(3);

/// What is found behind a unit's name.
#[derive(Debug)]
pub(super) enum Look {
    /// No supervisor has ever been there, and none is to come.
    Missing,
    /// There was one and is none now; or there is to be one, and is none yet.
    Deserted(Desertion),
    /// It is supervised.
    There(Service),
}

/// A supervisor is gone, or another one has not written down yet what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Desertion {
    /// What it left behind.
    pub(super) left: Left,
    /// The status that it wrote last: no other one's.
    last: Option<Version>,
    /// Whether another one listens already, or this one still does.
    pub(super) heard: Heard,
    /// Whether there is who starts another one.
    pub(super) scanner: Scanner,
}

/// Whether an s6-svscan runs on the directory that a service is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scanner {
    /// It does, so that the service is s6's also where nobody supervises it at the moment.
    Runs,
    /// It does not.
    Gone,
}

/// Whether somebody listens whose status is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// Yes, and it writes down in a moment what it does.
    Yes,
    /// No.
    No,
}

/// What a supervisor that is gone left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// Nothing that runs.
    Nothing,
    /// The process of the service, of this number.
    Process(u32),
}

/// A service that somebody supervises.
#[derive(Debug)]
pub(super) struct Service {
    /// Its directory.
    pub(super) place: Place,
    /// What its supervisor says of it.
    pub(super) status: Status,
    /// Whether it says when it is ready.
    pub(super) notifies: Notifies,
    /// Takes commands.
    pub(super) control: File,
    version: Version,
}

/// Looks for `unit` in `directories`, the first of which counts that has it. What was seen of a supervisor
/// that is `gone` is not taken for what the next one says.
///
/// # Errors
/// When others than root may write to what it is in, or something there cannot be read.
pub(super) fn look(
    directories: &[PathBuf],
    unit: &UnitName,
    gone: Option<Desertion>,
) -> Result<Look, FileError> {
    if unit.kind() != UnitKind::Service {
        return Ok(Look::Missing);
    }
    let name = unit.service();
    for directory in directories {
        if let Some(place) = Place::find(directory, name.as_str())? {
            return Ok(match (look_at(place)?, gone) {
                (Look::There(service), Some(gone)) if gone.last == Some(service.version) => {
                    Look::Deserted(gone)
                }
                (Look::Missing, _) => without_status(directory, name.as_str()),
                (Look::Deserted(gone), _) => Look::Deserted(Desertion {
                    scanner: scanner_of(directory),
                    ..gone
                }),
                (found @ Look::There(_), _) => found,
            });
        }
    }
    Ok(Look::Missing)
}

/// Where no supervisor has ever been: one is to come where a scanner finds a `run`, as after its next look
/// around. An init script that is run meanwhile would start the daemon a second time.
fn without_status(directory: &Path, name: &str) -> Look {
    let scanner = scanner_of(directory);
    let runs = directory.join(name).join(RUN).exists();
    match (scanner, runs) {
        (Scanner::Runs, true) => Look::Deserted(Desertion {
            left: Left::Nothing,
            last: None,
            heard: Heard::No,
            scanner,
        }),
        (Scanner::Runs | Scanner::Gone, _) => Look::Missing,
    }
}

/// Whether somebody scans `directory` now: a scanner listens to its pipe for as long as it runs.
fn scanner_of(directory: &Path) -> Scanner {
    let pipe = Directory::open(directory, Missing::Fail)
        .and_then(|directory| directory.enter(SCANNER_DIRECTORY, Missing::Fail))
        .and_then(|own| own.open_entry(CONTROL, OFlag::O_WRONLY, Kind::Fifo));
    match pipe {
        Ok(_) => Scanner::Runs,
        Err(_) => Scanner::Gone,
    }
}

fn look_at(place: Place) -> Result<Look, FileError> {
    let Some(supervise) = place.supervise()? else {
        return Ok(Look::Missing);
    };
    // Listening comes first: a supervisor that begins listens before it writes.
    let listener = supervise.listener(CONTROL)?;
    let (status, version) = match supervise.read(STATUS, LONGEST)? {
        Some((bytes, version)) => match Status::parse(&bytes) {
            Some(status) => (status, version),
            None => return Err(unreadable(&place)),
        },
        None => return Ok(none_yet(&listener)),
    };
    let last = Some(version);
    Ok(match listener {
        Listener::There(control) if is_its_own(&status) => Look::There(Service {
            notifies: if place.has(NOTIFICATION) {
                Notifies::Yes
            } else {
                Notifies::No
            },
            place,
            status,
            control,
            version,
        }),
        Listener::There(_) => Look::Deserted(Desertion {
            left: left(&status),
            last,
            heard: Heard::Yes,
            scanner: Scanner::Gone,
        }),
        Listener::Nobody => Look::Deserted(Desertion {
            left: left(&status),
            last,
            heard: Heard::No,
            scanner: Scanner::Gone,
        }),
    })
}

/// Without a status a supervisor has begun this moment, or there has never been one.
fn none_yet(listener: &Listener) -> Look {
    match listener {
        Listener::There(_) => Look::Deserted(Desertion {
            left: Left::Nothing,
            last: None,
            heard: Heard::Yes,
            scanner: Scanner::Gone,
        }),
        Listener::Nobody => Look::Missing,
    }
}

/// Whether the process that `status` names is one that a supervisor runs: not what is left of one that was
/// killed, which the next one knows nothing of.
fn is_its_own(status: &Status) -> bool {
    match status.stage {
        Stage::Down => true,
        Stage::Up { pid, .. } | Stage::Finishing { pid } => {
            Process::of(pid).is_some_and(|process| process.is_child_of(SUPERVISOR))
        }
    }
}

fn unreadable(place: &Place) -> FileError {
    FileError::Untrusted {
        path: place.path().join("supervise").join(STATUS),
        why: "it is no status of an s6 that is known".to_owned(),
    }
}

fn left(status: &Status) -> Left {
    match Process::of(status.main_pid()) {
        Some(process) if process.is_alive() => Left::Process(process.pid),
        Some(_) | None => Left::Nothing,
    }
}

impl Service {
    /// What its supervisor has noted.
    pub(super) fn noted(&self) -> Noted {
        Noted {
            since: self.status.stamp.to_string(),
            version: self.version.to_string(),
            run: match (self.status.stage, self.status.wanted) {
                (Stage::Up { .. }, Wanted::Down) => Run::Once,
                (Stage::Up { .. } | Stage::Finishing { .. } | Stage::Down, _) => Run::Lasting,
            },
        }
    }

    /// Whether what is to be started can be: s6 tries again every ten seconds and says nothing.
    pub(super) fn can_run(&self) -> bool {
        access(&self.place.path().join(RUN), AccessFlags::X_OK).is_ok()
    }

    /// Whether s6-rc keeps it, in a live directory `live` of its own: what is down there is so by its
    /// dependencies, and marked with a file of the same name as what the admin has down.
    pub(super) fn is_below(&self, live: &Path) -> bool {
        self.place.path().starts_with(live)
    }

    /// Whether it is not started by itself. Of what s6-rc keeps: whether s6-rc has it down.
    pub(super) fn is_kept_down(&self) -> bool {
        self.place.has(DOWN)
    }

    fn file(&self, keeper: Keeper) -> Known<FileState> {
        match keeper {
            Keeper::Rc => Known::Unknown("s6-rc does not say".to_owned()),
            Keeper::Admin if self.is_kept_down() => Known::Is(FileState::Disabled),
            Keeper::Admin => Known::Is(FileState::Enabled),
        }
    }
}

/// Who puts the file `down` into a service's directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeper {
    /// The admin, or the package.
    Admin,
    /// s6-rc.
    Rc,
}

/// What `recover` compares.
pub(super) fn seen(unit: &UnitName, look: &Look, clock: &Clock) -> Seen {
    let mut seen = Seen::unknown(unit, "");
    match look {
        Look::Missing => {
            seen.load = Known::Is(LoadState::NotFound);
            seen.active = Known::Is(ActiveState::Inactive);
            seen.job = Known::Is(None);
        }
        Look::Deserted(gone) => {
            seen = Seen::unknown(unit, &deserted(gone.left));
            seen.load = Known::Is(LoadState::Loaded);
        }
        Look::There(service) => {
            let status = &service.status;
            seen.load = Known::Is(LoadState::Loaded);
            seen.active = Known::Is(status.active(service.notifies));
            seen.job = Known::Is(status.job(service.notifies));
            seen.invocation = status.invocation();
            seen.main_pid = status.main_pid();
            seen.changed = clock.monotonic(status.stamp, service.version.made());
            if seen.main_pid != 0 {
                seen.started = seen.changed;
            }
            status.ended.result().clone_into(&mut seen.result);
        }
    }
    seen
}

/// What decisions go by.
pub(super) fn facts(unit: &UnitName, look: &Look, keeper: Keeper, clock: &Clock) -> UnitFacts {
    let seen = seen(unit, look, clock);
    let mut facts = UnitFacts {
        load: seen.load,
        active: seen.active,
        source_path: Known::Is(String::new()),
        // SIGHUP is all that a reload is.
        can_reload: Known::Is(true),
        main_pid: seen.main_pid,
        invocation: seen.invocation,
        ..UnitFacts::unknown(unit, "")
    };
    if let Look::There(service) = look {
        facts.file = service.file(keeper);
        if facts.is_down() {
            facts.down_since = seen.changed;
            facts.down_since_epoch = service.status.stamp.epoch_seconds();
        }
    }
    facts
}

/// Why nothing is known of a service without a supervisor.
pub(super) fn deserted(left: Left) -> String {
    match left {
        Left::Nothing => "nobody supervises it".to_owned(),
        Left::Process(pid) => format!("nobody supervises it, and its process {pid} still runs"),
    }
}
