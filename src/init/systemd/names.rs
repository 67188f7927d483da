//! What systemd is called: in messages and on a bus.

/// What messages call this init.
pub(super) const SYSTEMD: &str = "systemd";
/// The manager's name on a bus.
pub(super) const BUS_NAME: &str = "org.freedesktop.systemd1";
/// The interface of its manager object.
pub(super) const MANAGER: &str = "org.freedesktop.systemd1.Manager";
/// That object's path.
pub(super) const MANAGER_PATH: &str = "/org/freedesktop/systemd1";
/// The interface of a job.
pub(super) const JOB: &str = "org.freedesktop.systemd1.Job";
/// The interface that every unit has.
pub(super) const UNIT: &str = "org.freedesktop.systemd1.Unit";
/// What a service has besides.
pub(super) const SERVICE: &str = "org.freedesktop.systemd1.Service";
/// What a socket has besides.
pub(super) const SOCKET: &str = "org.freedesktop.systemd1.Socket";
