//! The words of the project: services, units, actions, requests, facts, decisions and jobs.
//! Pure data with total functions; it never reads a file, a clock or the environment.

mod action;
mod boot_order;
mod bus;
mod capabilities;
mod decision;
mod facts;
mod file_stem;
mod init;
mod job;
mod known;
mod life;
mod links;
mod name;
pub mod order;
mod request;
mod seen;
mod stale;
pub mod time;

pub use action::{Action, Verb};
pub use boot_order::{BootOrder, StartPlace};
pub use bus::{BusClient, BusConnection, BusProcess};
pub use capabilities::{Ability, Capabilities};
pub use decision::{Decision, Reason, Source, Until, Verdict};
pub use facts::{ActiveState, Facts, FileState, HelperAnswer, LoadState, Machine, UnitFacts};
pub use init::{InitKind, Manner};
pub use job::{Job, JobFailure, JobOutcome, Loss, Wait};
pub use known::Known;
pub use life::Life;
pub use links::{Links, RunlevelLink};
pub(crate) use name::canonical;
pub use name::{NameError, ServiceName, UnitKind, UnitName};
pub use request::{Caller, Context, Flag, FrontEnd, Phase, Request, Scope};
pub use seen::{Contact, Seen, SeenJob};
pub use stale::Staleness;
