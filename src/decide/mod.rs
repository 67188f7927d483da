//! Deciding and planning. Pure: everything here is a function of what was asked, what was
//! observed, what the policy says and what the ledger holds. Nothing here reads, runs or prints.

mod aside;
mod built_in;
pub mod bus;
mod defer;
mod dependents;
mod filter;
mod group;
mod judge;
mod notes;
pub mod others;
mod pay;
mod plan;
mod question;
mod restore;
mod side_by_side;
mod stale;
mod step;
pub mod stock;
mod triggers;
mod until;
mod wanted;

pub use filter::is_down_by_our_stop;
pub use group::{Role, Together, companion, objection, together};
pub use judge::{also_asked, decide, decide_listed};
pub use notes::note_of_failed_restart;
pub use pay::{Payment, has_happened, payment, rest, stopped_since};
pub use plan::{plan, plan_all};
pub use question::{Clearance, clearance};
pub use side_by_side::{Candidate, Company, Places, waves};
pub use stale::{age_in_words, is_judged_later, judge_staleness};
pub use step::{Decided, Part, Plan, Step};
pub use triggers::{facets, is_essential, ledger_services};
pub use wanted::{beside_running, comes_back};

#[cfg(test)]
mod clauses;
#[cfg(test)]
mod comes_back;
#[cfg(test)]
mod deferred;
#[cfg(test)]
mod fallen;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod heals;
#[cfg(test)]
mod holds;
#[cfg(test)]
mod stops;
#[cfg(test)]
mod testing;
