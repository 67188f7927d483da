//! A message bus, asked who is connected to it. It is asked and nothing else: what becomes of its clients
//! is not decided here, and the bus itself is restarted by the init. dbus-daemon and dbus-broker alike.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::Uid;
use zbus::Message;

use super::InitError;
use super::dbus::connection::{Answer, Connection, Peer, body};
use super::dbus::dial::{connect, enter};

/// What messages call it.
const BUS: &str = "the bus";
/// Its own name, which is also its interface.
const NAME: &str = "org.freedesktop.DBus";
const PATH: &str = "/org/freedesktop/DBus";
/// So many questions go out in one write: the answers to them fit into what a bus keeps for a client.
const AT_ONCE: usize = 256;

/// Where a bus listens, and whose the socket must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusAddress {
    /// The socket.
    pub path: PathBuf,
    /// The user that owns it.
    pub owner: u32,
}

impl BusAddress {
    /// The system's.
    pub fn system() -> Self {
        Self {
            path: PathBuf::from("/run/dbus/system_bus_socket"),
            owner: 0,
        }
    }

    /// That of the user's sessions, below their runtime directory.
    pub fn of_user(runtime: &Path, uid: u32) -> Self {
        Self {
            path: runtime.join("bus"),
            owner: uid,
        }
    }
}

/// A connection to a bus, as the bus tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// Its process id; `None` where the bus does not tell, or it is of another pid namespace.
    pub pid: Option<u32>,
    /// The well-known names that it owns.
    pub names: Vec<String>,
}

/// A bus that we are connected to.
#[derive(Debug)]
pub struct MessageBus {
    connection: Connection,
    /// Our own unique name.
    own: String,
    /// The processes behind unique names, which a bus never gives twice.
    pids: BTreeMap<String, Option<u32>>,
    limit: Duration,
}

impl MessageBus {
    /// Connects, and logs in as the user that we are. Every answer has to come within `limit`.
    ///
    /// # Errors
    /// When nobody, or somebody else's socket, is there, or there is no answer in time.
    pub fn connect(address: &BusAddress, limit: Duration) -> Result<Self, InitError> {
        let owner = Uid::from_raw(address.owner);
        let stream = connect(BUS, &address.path, owner)?;
        enter(BUS, &stream, &address.path, limit)?;
        let peer = Peer {
            init: BUS,
            through_bus: None,
        };
        let mut connection = Connection::new(stream, peer);
        let hello = connection.bus_call(PATH, NAME, "Hello", &())?;
        let answer = connection.call_all(&[hello], limit)?.pop();
        Ok(Self {
            own: body::<String>(answer.unwrap_or_else(|| Err(no_answer())))?,
            connection,
            pids: BTreeMap::new(),
            limit,
        })
    }

    /// The id that it got when it was started: another one is another bus.
    ///
    /// # Errors
    /// When the bus is gone or silent.
    pub fn id(&mut self) -> Result<String, InitError> {
        let answer = self.ask("GetId", &[()])?.pop();
        body(answer.unwrap_or_else(|| Err(no_answer())))
    }

    /// All connections but our own and the bus's.
    ///
    /// # Errors
    /// When the bus is gone or silent. One that goes away meanwhile is left out.
    pub fn connections(&mut self) -> Result<Vec<Connected>, InitError> {
        let answer = self.ask("ListNames", &[()])?.pop();
        let names: Vec<String> = body(answer.unwrap_or_else(|| Err(no_answer())))?;
        let (unique, well_known): (Vec<String>, Vec<String>) = names
            .into_iter()
            .filter(|name| *name != NAME && *name != self.own)
            .partition(|name| name.starts_with(':'));
        self.learn_pids(&unique)?;
        let owners = self.ask("GetNameOwner", &well_known)?;
        let mut owned: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, answer) in well_known.into_iter().zip(owners) {
            // Given up meanwhile: nobody's.
            if let Ok(owner) = body::<String>(answer) {
                owned.entry(owner).or_default().push(name);
            }
        }
        let connected = |name: &String| {
            let pid = *self.pids.get(name)?;
            let names = owned.get(name).cloned().unwrap_or_default();
            Some(Connected { pid, names })
        };
        Ok(unique.iter().filter_map(connected).collect())
    }

    fn learn_pids(&mut self, unique: &[String]) -> Result<(), InitError> {
        let new = unique.iter().filter(|name| !self.pids.contains_key(*name));
        let new: Vec<String> = new.cloned().collect();
        let answers = self.ask("GetConnectionUnixProcessID", &new)?;
        for (name, answer) in new.into_iter().zip(answers) {
            let gone = matches!(&answer, Err(InitError::Refused { name, .. }) if name.ends_with(".NameHasNoOwner"));
            if !gone {
                let pid = body::<u32>(answer).ok().filter(|pid| *pid > 0);
                self.pids.insert(name, pid);
            }
        }
        Ok(())
    }

    /// Asks `member` of the bus, once for each of `arguments`.
    fn ask<B>(&mut self, member: &str, arguments: &[B]) -> Result<Vec<Answer>, InitError>
    where
        B: serde::Serialize + zbus::DynamicType,
    {
        let mut answers = Vec::with_capacity(arguments.len());
        for some in arguments.chunks(AT_ONCE) {
            let calls = some
                .iter()
                .map(|argument| self.connection.bus_call(PATH, NAME, member, argument));
            let calls: Vec<Message> = calls.collect::<Result<_, _>>()?;
            answers.extend(self.connection.call_all(&calls, self.limit)?);
        }
        Ok(answers)
    }
}

fn no_answer() -> InitError {
    InitError::Lost {
        init: BUS,
        why: "no answer".to_owned(),
    }
}

#[cfg(test)]
mod tests;
