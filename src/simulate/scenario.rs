//! The upgrade that is played: which units there are, who connects, and what dpkg does when.

use crate::domain::{NameError, UnitName};
use crate::init::simulated::{Client, Flavour, Image, Micros, Simulated, Spec};

use super::Options;

/// The version that is replaced.
pub(super) const OLD: Image = Image::Whole(1);
/// The version that replaces it.
pub(super) const NEW: Image = Image::Whole(2);

/// Microseconds in a millisecond.
pub(super) const MS: Micros = 1000;

/// An upgrade of one service with one socket. Times are microseconds from the first one shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// The service.
    pub service: UnitName,
    /// Its socket.
    pub socket: UnitName,
    /// Decides the clients' small irregularities.
    pub seed: u64,
    /// Clients that connect to the socket.
    pub clients: u32,
    /// Microseconds between two connections of a client.
    pub every: Micros,
    /// When prerm asks for the stop.
    pub prerm: Micros,
    /// When dpkg begins to replace files.
    pub unpack: Micros,
    /// When the last file is replaced.
    pub unpacked: Micros,
    /// When postinst asks for the start.
    pub postinst: Micros,
    /// When nobody looks any more.
    pub end: Micros,
}

impl Scenario {
    /// acpid, a daemon behind one socket: the package of Debian bug 736258.
    ///
    /// # Errors
    /// Never with the names it uses.
    pub fn acpid(options: &Options) -> Result<Self, NameError> {
        Ok(Self {
            service: UnitName::parse("acpid.service")?,
            socket: UnitName::parse("acpid.socket")?,
            seed: options.seed,
            clients: options.clients,
            every: options.every_ms.max(1).saturating_mul(MS),
            prerm: 60 * MS,
            unpack: 150 * MS,
            unpacked: 270 * MS,
            postinst: 330 * MS,
            end: 460 * MS,
        })
    }

    /// The machine as it is before anybody connects: service and socket there, and down.
    pub(super) fn machine(&self) -> Simulated {
        let mut machine = Simulated::new(Flavour::Systemd, self.seed);
        let mut service = Spec::new(self.service.clone());
        service.start_takes = 25 * MS;
        service.stop_takes = 20 * MS;
        service.serve_takes = MS / 2;
        service.requires = vec![self.socket.clone()];
        machine.add(service, OLD);
        let socket = Spec::trigger(self.socket.clone(), self.service.clone());
        machine.add(socket, OLD);
        machine
    }

    /// Lets the clients come.
    pub(super) fn open(&self, machine: &mut Simulated) {
        for _ in 0..self.clients {
            machine.connect_every(Client {
                to: self.socket.clone(),
                every: self.every,
            });
        }
    }
}
