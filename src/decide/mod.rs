//! Deciding and planning. Pure: everything here is a function of what was asked, what was
//! observed, what the policy says and what the ledger holds. Nothing here reads, runs or prints.

mod judge;
mod plan;
mod step;
pub mod stock;
mod triggers;

pub use judge::{Clearance, clearance, decide, ledger_services};
pub use plan::{Decided, Plan, plan, plan_all};
pub use step::Step;
pub use triggers::facets;
