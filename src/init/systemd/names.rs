//! What systemd is called: in messages and on a bus.

/// What messages call this init.
pub(super) const SYSTEMD: &str = "systemd";
/// The manager's name on a bus.
pub(super) const BUS_NAME: &str = "org.freedesktop.systemd1";
/// The interface of its manager object.
pub(super) const MANAGER: &str = "org.freedesktop.systemd1.Manager";
/// That object's path.
pub(super) const MANAGER_PATH: &str = "/org/freedesktop/systemd1";
