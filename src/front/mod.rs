//! The command lines, each from its arguments to its exit status. Front ends do not use each other,
//! and nothing imports one; what the two drop-ins share is in `perform` and `handover`.

pub mod deb_systemd_invoke;
mod handover;
pub mod invoke_rc_d;
mod perform;
pub mod policy_rc_d;
pub mod rcpolicy;
