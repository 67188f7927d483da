//! Where an Upstart listens, and who must be listening there. An abstract socket's name is free for
//! any user to take while Upstart is away, and reaches into chroots: nothing is believed, and no
//! byte is sent, before the kernel has told which process listens.

use std::time::Instant;

use nix::sys::socket::UnixCredentials;
use nix::unistd::geteuid;
use zbus::Message;
use zbus::wire::OwnedVariant;

use super::names::{MANAGER, MANAGER_PATH, PROPERTIES, UPSTART};
use crate::init::InitError;
use crate::init::dbus::abstract_socket::connect_abstract;
use crate::init::dbus::connection::{Connection, Peer, body};
use crate::init::dbus::dial::{enter, unreachable_at, wrong};
use crate::init::dbus::link::Dial;
use crate::init::dbus::patience::Attempt;

/// The system's Upstart.
const SYSTEM: &str = "/com/ubuntu/upstart";
/// A user's, followed by user and process id.
const SESSION: &str = "/com/ubuntu/upstart-session";
/// Upstart itself at the other end.
const DIRECT: Peer = Peer {
    init: UPSTART,
    through_bus: None,
};

/// An Upstart's abstract socket, and the process that must listen there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The socket's name, without the leading zero byte.
    pub name: String,
    /// The user that the listening process must run as.
    pub uid: u32,
    /// Its process id, which a re-exec does not change.
    pub pid: u32,
}

impl Address {
    /// PID 1's.
    pub fn system() -> Self {
        Self {
            name: SYSTEM.to_owned(),
            uid: 0,
            pid: 1,
        }
    }

    /// The one of the user `uid`'s Session Init with the process id `pid`.
    pub fn session(uid: u32, pid: u32) -> Self {
        Self {
            name: format!("{SESSION}/{uid}/{pid}"),
            uid,
            pid,
        }
    }

    fn check(&self, peer: UnixCredentials) -> Result<(), String> {
        let is = (peer.uid(), u32::try_from(peer.pid()).ok());
        if is == (self.uid, Some(self.pid)) {
            return Ok(());
        }
        Err(format!(
            "it is process {} of user {}",
            peer.pid(),
            peer.uid()
        ))
    }

    /// Whether Upstart lets our user in. It says `OK` to everybody and closes the connection then,
    /// which for others than root and its owner is an answer and no re-exec.
    fn lets_us_in(&self) -> bool {
        let ours = geteuid();
        ours.is_root() || ours.as_raw() == self.uid
    }

    fn no_entry(&self, why: &str) -> InitError {
        InitError::Refused {
            name: "org.freedesktop.DBus.Error.AccessDenied".to_owned(),
            message: format!("{UPSTART} lets only root and user {} in: {why}", self.uid),
        }
    }
}

impl Dial for Address {
    fn init(&self) -> &'static str {
        UPSTART
    }

    /// Connects, checks who listens, logs in, and has it say that it is Upstart.
    fn dial(&self, attempt: Attempt) -> Result<Connection, InitError> {
        let begun = Instant::now();
        let left = || attempt.limit.saturating_sub(begun.elapsed());
        let place = std::path::PathBuf::from(format!("@{}", self.name));
        let stream = connect_abstract(UPSTART, &self.name)?;
        let peer = stream
            .peer()
            .map_err(|error| wrong(UPSTART, &place, &error))?;
        self.check(peer)
            .map_err(|why| wrong(UPSTART, &place, &why))?;
        enter(UPSTART, &stream, &place, left())?;
        let mut connection = Connection::new(stream, DIRECT);
        let question = connection.call(MANAGER_PATH, PROPERTIES, "Get", &(MANAGER, "version"))?;
        let answer = connection.call_all(&[question], left());
        match answer.map(|mut answers| answers.pop()) {
            Ok(Some(answer)) => is_upstart(&text(answer)?)
                .then_some(connection)
                .ok_or_else(|| wrong(UPSTART, &place, &"it does not say that it is Upstart")),
            Ok(None) => Err(unreachable_at(UPSTART, &place, "no answer")),
            Err(InitError::Lost { why, .. }) if !self.lets_us_in() => Err(self.no_entry(&why)),
            Err(error) => Err(error),
        }
    }

    /// Every signal goes to everybody.
    fn subscriptions(&self, _: &Connection) -> Result<Vec<Message>, InitError> {
        Ok(Vec::new())
    }
}

fn text(answer: Result<Message, InitError>) -> Result<String, InitError> {
    let variant: OwnedVariant = body(answer)?;
    Ok(String::try_from(variant).unwrap_or_default())
}

/// `init (upstart 1.13.2)`
fn is_upstart(version: &str) -> bool {
    version.contains("upstart")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_upstart_has_a_socket_and_a_process_of_its_own() {
        let session = Address::session(1000, 42);
        assert_eq!(session.name, "/com/ubuntu/upstart-session/1000/42");
        assert_eq!((session.uid, session.pid), (1000, 42));
        let system = Address::system();
        assert_eq!((system.uid, system.pid), (0, 1));
    }

    #[test]
    fn upstart_says_so_in_its_version() {
        assert!(is_upstart("init (upstart 1.13.2)"));
        assert!(!is_upstart("systemd 257") && !is_upstart(""));
    }
}
