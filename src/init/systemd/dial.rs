//! The way to the manager: its private socket first, the system bus where that one is not there.
//! Before the first byte is sent, the socket and the process behind it are checked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::socket::UnixCredentials;
use nix::unistd::Uid;

use zbus::Message;

use super::names::{BUS_NAME, MANAGER, MANAGER_PATH, SYSTEMD};
use super::users::{self, USERS_SYSTEMD, UsersPlace};
use crate::init::InitError;
use crate::init::dbus::connection::{Connection, Peer};
use crate::init::dbus::dial::{connect, enter, is_listened_at, unreachable_at, wrong};
use crate::init::dbus::link::Dial;
use crate::init::dbus::patience::Attempt;

/// systemd itself at the other end.
const DIRECT: Peer = Peer {
    init: SYSTEMD,
    through_bus: None,
};
/// A bus between.
const THROUGH_BUS: Peer = Peer {
    init: SYSTEMD,
    through_bus: Some(BUS_NAME),
};

/// The bus's own name, path and interface.
const BUS: &str = "org.freedesktop.DBus";
const BUS_PATH: &str = "/org/freedesktop/DBus";

/// What PID 1 is called where it is, or is about to become, systemd.
const SYSTEMDS_NAMES: [&str; 2] = ["systemd", "init"];

/// For so long only the private socket is tried where it should be there: while PID 1 executes
/// itself anew it is missing for a moment, and the bus is the slower and the less certain way.
const PRIVATE_ONLY: Duration = Duration::from_secs(2);

/// Where the manager and the bus listen.
#[derive(Debug, Clone)]
pub(super) struct Sockets {
    /// systemd's private socket, for those whom it lets in.
    pub(super) private: Option<PathBuf>,
    /// The system bus, where there is one to fall back to.
    pub(super) bus: Option<PathBuf>,
    /// Set for the manager of a user, which is reached in its own way.
    pub(super) user: Option<UsersPlace>,
    /// Where the name of PID 1 is read.
    pub(super) name: PathBuf,
}

impl Default for Sockets {
    fn default() -> Self {
        Self {
            // Others than root are refused there; systemctl does not even try it for them.
            private: Uid::effective()
                .is_root()
                .then(|| PathBuf::from("/run/systemd/private")),
            bus: Some(PathBuf::from("/run/dbus/system_bus_socket")),
            user: None,
            name: PathBuf::from("/proc/1/comm"),
        }
    }
}

impl Dial for Sockets {
    fn init(&self) -> &'static str {
        match self.user {
            Some(_) => USERS_SYSTEMD,
            None => SYSTEMD,
        }
    }

    /// Connects, checks the peer and authenticates.
    fn dial(&self, attempt: Attempt) -> Result<Connection, InitError> {
        if let Some(user) = &self.user {
            return users::dial(user, attempt.limit);
        }
        match (&self.private, &self.bus) {
            (Some(private), bus) => match dial_private(private, attempt.limit) {
                Err(InitError::Unreachable { why, .. }) => match (self.other_init(), bus) {
                    (Some(other), _) => Err(not_here(format!("{why}, and process 1 is `{other}`"))),
                    (None, Some(bus)) if attempt.away_for >= PRIVATE_ONLY => {
                        dial_bus(bus, attempt.limit)
                    }
                    (None, _) => Err(unreachable(why)),
                },
                other => other,
            },
            (None, Some(bus)) => match dial_bus(bus, attempt.limit) {
                // No other way is open to those whom the private socket does not let in, and a
                // re-exec leaves the bus alone: there is nothing to wait for.
                Err(InitError::Unreachable { why, .. }) if !is_listened_at(bus) => {
                    Err(not_here(why))
                }
                other => other,
            },
            (None, None) => Err(unreachable("no way to it is known".to_owned())),
        }
    }

    fn subscriptions(&self, connection: &Connection) -> Result<Vec<Message>, InitError> {
        // To its private connections the manager sends every signal unasked; `Subscribe` counts for
        // those on a bus alone.
        if !connection.is_through_bus() {
            return Ok(Vec::new());
        }
        let subscribe = connection.call(MANAGER_PATH, MANAGER, "Subscribe", &())?;
        Ok(vec![subscribe])
    }
}

impl Sockets {
    /// The name of a PID 1 that is not systemd, and never will answer as such: a shell in a
    /// container that was given the host's /run, or what is left at the end of a shutdown. Measured
    /// on 252 and 262: PID 1 is `systemd` through all of a re-exec; before its first line it has the
    /// name that it was started by.
    fn other_init(&self) -> Option<String> {
        let name = std::fs::read_to_string(&self.name).ok()?;
        let name = name.trim_end();
        let is_it = SYSTEMDS_NAMES.contains(&name) || name.starts_with("(sd-");
        (!is_it).then(|| name.to_owned())
    }
}

fn unreachable(why: String) -> InitError {
    let init = SYSTEMD;
    InitError::Unreachable { init, why }
}

fn not_here(why: String) -> InitError {
    let init = SYSTEMD;
    InitError::NotHere { init, why }
}

fn dial_private(path: &Path, limit: Duration) -> Result<Connection, InitError> {
    let stream = connect(SYSTEMD, path, Uid::from_raw(0))?;
    let peer = stream
        .peer()
        .map_err(|error| wrong(SYSTEMD, path, &error))?;
    check_manager(peer).map_err(|why| wrong(SYSTEMD, path, &why))?;
    enter(SYSTEMD, &stream, path, limit)?;
    Ok(Connection::new(stream, DIRECT))
}

/// PID 1 listens there itself. A pid of 0 means a process outside of our pid namespace: another
/// machine's or the host's manager, which is not ours to command.
fn check_manager(peer: UnixCredentials) -> Result<(), String> {
    match (peer.uid(), peer.pid()) {
        (0, 1) => Ok(()),
        (uid, pid) => Err(format!("it is process {pid} of user {uid}")),
    }
}

fn dial_bus(path: &Path, limit: Duration) -> Result<Connection, InitError> {
    let stream = connect(SYSTEMD, path, Uid::from_raw(0))?;
    enter(SYSTEMD, &stream, path, limit)?;
    let mut connection = Connection::new(stream, THROUGH_BUS);
    let name = BUS_NAME;
    let calls = [
        connection.bus_call(BUS_PATH, BUS, "Hello", &())?,
        connection.bus_call(BUS_PATH, BUS, "GetConnectionUnixProcessID", &name)?,
        connection.bus_call(BUS_PATH, BUS, "AddMatch", &job_removed_rule())?,
        connection.bus_call(BUS_PATH, BUS, "AddMatch", &owner_changed_rule())?,
    ];
    let answers = connection.call_all(&calls, limit)?;
    for answer in &answers {
        if let Err(error) = answer {
            // Nobody owns the name: the manager is not on the bus, or not yet again.
            return Err(unreachable_at(SYSTEMD, path, error));
        }
    }
    let pid = answers.get(1).and_then(|answer| answer.as_ref().ok());
    match pid.and_then(|message| message.body().deserialize::<u32>().ok()) {
        Some(1) => Ok(connection),
        other => {
            let owner = other.map_or("unknown".to_owned(), |pid| pid.to_string());
            Err(wrong(
                SYSTEMD,
                path,
                &format!("process {owner} owns {name}"),
            ))
        }
    }
}

fn job_removed_rule() -> String {
    format!(
        "type='signal',sender='{}',interface='org.freedesktop.systemd1.Manager',member='JobRemoved'",
        BUS_NAME
    )
}

fn owner_changed_rule() -> String {
    format!("type='signal',sender='{BUS}',member='NameOwnerChanged',arg0='{BUS_NAME}'")
}

/// Whether `signal` says that the manager has left the bus, or come back to it.
pub(super) fn is_owner_change(signal: &Message) -> bool {
    let header = signal.header();
    let member = header.member();
    member.is_some_and(|name| name.as_str() == "NameOwnerChanged")
        && header.interface().is_some_and(|name| name.as_str() == BUS)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::time::Instant;

    use super::*;
    use crate::init::dbus::stream::Stream;

    /// A PID 1 whose name cannot be read.
    const NAMELESS: &str = "/nonexistent/comm";

    fn is_unreachable(result: &Result<Connection, InitError>) -> bool {
        matches!(result, Err(InitError::Unreachable { .. }))
    }

    fn only(private: PathBuf) -> Sockets {
        Sockets {
            private: Some(private),
            bus: None,
            user: None,
            name: NAMELESS.into(),
        }
    }

    fn dial(sockets: &Sockets, limit: Duration) -> Result<Connection, InitError> {
        sockets.dial(Attempt {
            limit,
            away_for: PRIVATE_ONLY,
        })
    }

    #[test]
    fn a_missing_socket_and_one_without_listener_are_unreachable() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("private");
        assert!(is_unreachable(&dial(
            &only(path.clone()),
            Duration::from_secs(1)
        )));
        drop(UnixListener::bind(&path).unwrap());
        assert!(is_unreachable(&dial(&only(path), Duration::from_secs(1))));
    }

    #[test]
    fn where_process_1_is_no_systemd_its_absence_is_an_answer_and_else_it_may_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let name = dir.path().join("comm");
        let bus = dir.path().join("bus");
        let listener = UnixListener::bind(&bus).unwrap();
        listener.set_nonblocking(true).unwrap();
        let sockets = Sockets {
            bus: Some(bus),
            name: name.clone(),
            ..only(dir.path().join("private"))
        };
        let at_once = |sockets: &Sockets| {
            sockets.dial(Attempt {
                limit: Duration::from_secs(1),
                away_for: Duration::ZERO,
            })
        };
        for other in ["bash", "systemd-shutdow", "docker-init", "systemd-executo"] {
            std::fs::write(&name, format!("{other}\n")).unwrap();
            let result = dial(&sockets, Duration::from_secs(1));
            assert!(
                matches!(&result, Err(InitError::NotHere { why, .. }) if why.ends_with(&format!("process 1 is `{other}`"))),
                "{result:?}"
            );
        }
        assert!(listener.accept().is_err(), "the bus was contacted");
        for systemd in ["systemd", "init", "(sd-mkuserns)"] {
            std::fs::write(&name, format!("{systemd}\n")).unwrap();
            assert!(is_unreachable(&at_once(&sockets)), "{systemd}");
        }
    }

    #[test]
    fn who_has_only_the_bus_does_not_wait_for_one_that_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let bus = dir.path().join("bus");
        let sockets = Sockets {
            private: None,
            bus: Some(bus.clone()),
            user: None,
            name: NAMELESS.into(),
        };
        let limit = Duration::from_millis(200);
        for _ in 0..2 {
            let result = dial(&sockets, limit);
            assert!(
                matches!(result, Err(InitError::NotHere { .. })),
                "{result:?}"
            );
            // A socket that nobody listens at any more.
            drop(UnixListener::bind(&bus));
        }
        std::fs::remove_file(&bus).unwrap();
        let _slow = UnixListener::bind(&bus).unwrap();
        let result = dial(&sockets, limit);
        assert!(
            matches!(result, Err(InitError::Silent { .. })),
            "{result:?}"
        );
    }

    #[test]
    fn a_listener_that_is_not_process_1_is_refused_before_a_byte_is_sent_and_without_fallback() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("private");
        let listener = UnixListener::bind(&path).unwrap();
        let bus = dir.path().join("bus");
        let fallback = UnixListener::bind(&bus).unwrap();
        fallback.set_nonblocking(true).unwrap();
        let sockets = Sockets {
            private: Some(path),
            bus: Some(bus),
            user: None,
            name: NAMELESS.into(),
        };
        let result = dial(&sockets, Duration::from_secs(1));
        assert!(
            matches!(result, Err(InitError::WrongPeer { .. })),
            "{result:?}"
        );
        let (mut peer, _) = listener.accept().unwrap();
        let mut heard = Vec::new();
        std::io::Read::read_to_end(&mut peer, &mut heard).unwrap();
        assert!(heard.is_empty(), "{heard:?}");
        assert!(fallback.accept().is_err(), "the bus was contacted");
    }

    #[test]
    fn a_link_or_a_file_in_the_sockets_place_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().join("real");
        let _listener = UnixListener::bind(&real).unwrap();
        let link = dir.path().join("private");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let result = dial(&only(link), Duration::from_secs(1));
        assert!(
            matches!(result, Err(InitError::WrongPeer { .. })),
            "{result:?}"
        );
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        let result = dial(&only(file), Duration::from_secs(1));
        assert!(
            matches!(result, Err(InitError::WrongPeer { .. })),
            "{result:?}"
        );
    }

    #[test]
    fn a_bus_that_stays_silent_is_left_at_the_time_limit() {
        let dir = tempfile::tempdir().unwrap();
        let bus = dir.path().join("bus");
        let _listener = UnixListener::bind(&bus).unwrap();
        let sockets = Sockets {
            private: Some(dir.path().join("private")),
            bus: Some(bus),
            user: None,
            name: NAMELESS.into(),
        };
        let begun = Instant::now();
        let result = dial(&sockets, Duration::from_millis(200));
        assert!(
            matches!(result, Err(InitError::Silent { .. })),
            "{result:?}"
        );
        assert!(begun.elapsed() < Duration::from_secs(3));
    }

    #[test]
    fn only_process_1_of_root_is_the_manager() {
        // SO_PEERCRED of a pair: ourselves.
        let (one, _two) = UnixStream::pair().unwrap();
        let ourselves = Stream::new(one).peer().unwrap();
        assert!(check_manager(ourselves).is_err());
    }
}
