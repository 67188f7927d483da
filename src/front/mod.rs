//! The command lines, each from its arguments to its exit status. Front ends do not use each other,
//! and nothing imports one; what they share is in the files beside them: `local` (links, unit state,
//! runlevel), `perform` (observe, decide, act), `way` (how a decision is carried out), `notes` and
//! `decisions` (ledger and log), `handover` (to the stock tool).

pub mod deb_systemd_invoke;
mod decisions;
mod handover;
pub mod invoke_rc_d;
mod local;
mod notes;
mod perform;
pub mod policy_rc_d;
pub mod rcpolicy;
mod script;
mod spoken;
mod undertake;
mod way;
