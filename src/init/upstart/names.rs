//! Upstart's names on D-Bus, and its errors as far as they make a difference here.
//! Paths of jobs and instances are never built: Upstart is asked for them.

use crate::init::InitError;

/// What messages call it.
pub(super) const UPSTART: &str = "Upstart";
/// The manager's object.
pub(super) const MANAGER_PATH: &str = "/com/ubuntu/Upstart";
/// The manager's interface.
pub(super) const MANAGER: &str = "com.ubuntu.Upstart0_6";
/// A job's interface.
pub(super) const JOB: &str = "com.ubuntu.Upstart0_6.Job";
/// An instance's interface.
pub(super) const INSTANCE: &str = "com.ubuntu.Upstart0_6.Instance";
/// D-Bus's own interface for properties.
pub(super) const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// Names an error that Upstart would give.
pub(super) const UNKNOWN_JOB: &str = "com.ubuntu.Upstart0_6.Error.UnknownJob";
/// The same for an instance.
pub(super) const UNKNOWN_INSTANCE: &str = "com.ubuntu.Upstart0_6.Error.UnknownInstance";
/// An instance's variable is missing.
pub(super) const INVALID_ARGS: &str = "org.freedesktop.DBus.Error.InvalidArgs";

/// What an error of Upstart's means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// There is no such job.
    UnknownJob,
    /// The job has no such instance.
    UnknownInstance,
    /// Its goal is to be started already.
    AlreadyStarted,
    /// Its goal is to be stopped already.
    AlreadyStopped,
    /// It was tried, and failed.
    JobFailed,
    /// The instance cannot be told without its variables.
    InvalidArgs,
    /// An older Upstart, or an object that is gone.
    UnknownMethod,
    /// Any other error.
    Other,
}

impl Trouble {
    /// The meaning of `error`, where Upstart answered with one.
    pub(super) fn of(error: &InitError) -> Option<Self> {
        let InitError::Refused { name, .. } = error else {
            return None;
        };
        Some(match name.as_str() {
            UNKNOWN_JOB => Self::UnknownJob,
            UNKNOWN_INSTANCE => Self::UnknownInstance,
            "com.ubuntu.Upstart0_6.Error.AlreadyStarted" => Self::AlreadyStarted,
            "com.ubuntu.Upstart0_6.Error.AlreadyStopped" => Self::AlreadyStopped,
            "com.ubuntu.Upstart0_6.Error.JobFailed" => Self::JobFailed,
            INVALID_ARGS => Self::InvalidArgs,
            // libdbus says UnknownObject from 1.5.6 on, where nih-dbus does not answer first.
            "org.freedesktop.DBus.Error.UnknownMethod"
            | "org.freedesktop.DBus.Error.UnknownObject" => Self::UnknownMethod,
            _ => Self::Other,
        })
    }
}
