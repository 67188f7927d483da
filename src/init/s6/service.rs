//! One look at a service: which directory it is in, whether a supervisor listens there, and what that says
//! of it. Nothing is asked for here, and nothing is waited for.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{AccessFlags, access};

use super::status::{LONGEST, Notifies, Status};
use crate::domain::{
    ActiveState, FileState, Known, LoadState, Seen, UnitFacts, UnitKind, UnitName,
};
use crate::files::FileError;
use crate::init::process::Process;
use crate::init::supervise::clock::Clock;
use crate::init::supervise::place::{Listener, Place};

/// What takes commands.
const CONTROL: &str = "control";
const STATUS: &str = "status";
/// Says that it is not started by itself.
const DOWN: &str = "down";
/// Says that it tells when it is ready.
const NOTIFICATION: &str = "notification-fd";

/// A supervisor that is gone is back by then: s6-svscan starts one again within a second.
pub(super) const RESPAWN: Duration = Duration::from_secs(3);

/// What is found behind a unit's name.
#[derive(Debug)]
pub(super) enum Look {
    /// No supervisor has ever been there.
    Missing,
    /// There was one and is none now; whether something of the service may still run.
    Deserted(Left),
    /// It is supervised.
    There(Service),
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
}

/// Looks for `unit` in `directories`, the first of which counts that has it.
///
/// # Errors
/// When others than root may write to what it is in, or something there cannot be read.
pub(super) fn look(directories: &[PathBuf], unit: &UnitName) -> Result<Look, FileError> {
    if unit.kind() != UnitKind::Service {
        return Ok(Look::Missing);
    }
    let name = unit.service();
    for directory in directories {
        if let Some(place) = Place::find(directory, name.as_str())? {
            return look_at(place);
        }
    }
    Ok(Look::Missing)
}

fn look_at(place: Place) -> Result<Look, FileError> {
    let Some(supervise) = place.supervise()? else {
        return Ok(Look::Missing);
    };
    // Listening comes first: a supervisor that begins listens before it writes.
    let listener = supervise.listener(CONTROL)?;
    let read = supervise.read(STATUS, LONGEST)?;
    let status = match read.map(|(bytes, _)| Status::parse(&bytes)) {
        Some(None) => {
            return Err(FileError::Untrusted {
                path: place.path().join("supervise").join(STATUS),
                why: "it is no status of an s6 that is known".to_owned(),
            });
        }
        found => found.flatten(),
    };
    Ok(match (listener, status) {
        (Listener::There(control), Some(status)) => Look::There(Service {
            notifies: if place.has(NOTIFICATION) {
                Notifies::Yes
            } else {
                Notifies::No
            },
            place,
            status,
            control,
        }),
        (Listener::Nobody, None) => Look::Missing,
        (Listener::Nobody, Some(status)) => Look::Deserted(left(&status)),
        // It has begun this moment.
        (Listener::There(_), None) => Look::Deserted(Left::Nothing),
    })
}

fn left(status: &Status) -> Left {
    match Process::of(status.main_pid()) {
        Some(process) if process.is_alive() => Left::Process(process.pid),
        Some(_) | None => Left::Nothing,
    }
}

impl Service {
    /// Whether what is to be started can be: s6 tries again every ten seconds and says nothing.
    pub(super) fn can_run(&self) -> bool {
        access(&self.place.path().join("run"), AccessFlags::X_OK).is_ok()
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
        Look::Deserted(left) => {
            seen = Seen::unknown(unit, &deserted(*left));
            seen.load = Known::Is(LoadState::Loaded);
        }
        Look::There(service) => {
            let status = &service.status;
            seen.load = Known::Is(LoadState::Loaded);
            seen.active = Known::Is(status.active(service.notifies));
            seen.job = Known::Is(status.job(service.notifies));
            seen.invocation = status.invocation();
            seen.main_pid = status.main_pid();
            seen.changed = clock.monotonic(status.stamp);
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
