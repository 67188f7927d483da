//! The words of the project: services, units, actions, requests, facts, decisions and steps.
//! Pure data with total functions; it never reads a file, a clock or the environment.

mod action;
mod decision;
mod facts;
mod known;
mod name;
mod request;
mod step;

pub use action::{Action, Verb};
pub use decision::{Decision, Reason, Source, Until, Verdict};
pub use facts::{
    ActiveState, Capabilities, Facts, FileState, HelperAnswer, InitKind, LoadState, Machine,
    UnitFacts,
};
pub use known::Known;
pub use name::{NameError, ServiceName, UnitKind, UnitName};
pub use request::{Context, Flag, FrontEnd, Phase, Request, Scope};
pub use step::{Job, JobFailure, JobOutcome, Step, Wait};
