//! The command lines, each from its arguments to its exit status. Front ends do not use each other,
//! and nothing imports one; what they share is in the files beside them: `local` (links, unit state,
//! runlevel), `gate` and `inquiry` (who is asked what, in which order), `perform` (observe, decide,
//! act), `outright` (what need not be observed), `case` and `telling` (one request, and what is said of it), `company` and `template` (who goes
//! along with what was named), `unconfigured` (what dpkg has unpacked only), `way` (how a decision is carried out), `notes`,
//! `failed` and `decisions` (ledger and log), `handover` (to the stock tool), `lookout` and `waiter` (who pays at
//! a batch's end), `called` and `program` (a process into a call), `options` (the words of the drop-ins), `crowd` (many at once).

mod called;
mod case;
mod company;
mod crowd;
pub mod deb_systemd_invoke;
mod decisions;
mod failed;
mod gate;
mod glimpse;
mod handover;
mod inquiry;
pub mod invoke_rc_d;
mod local;
mod lookout;
mod machine;
mod notes;
mod options;
mod outright;
mod perform;
pub mod policy_rc_d;
pub mod program;
pub mod rcpolicy;
mod reboot;
mod relations;
mod script;
mod scripts;
mod spoken;
mod stale;
mod telling;
mod template;
mod unconfigured;
mod undertake;
mod waiter;
mod way;
