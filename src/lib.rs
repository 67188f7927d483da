//! rcpolicy: a policy layer for service actions in package upgrades.
//!
//! The way of one request: arguments become a `Request`, observing adds `Facts`, `decide` makes a
//! `Decision` and a plan of it, `act` carries the plan out on an init and keeps the ledger, and the
//! front end turns what came of it into an exit status.
//!
//! | Layer | What it owns | May use |
//! |---|---|---|
//! | [`domain`] | the words; pure | nothing |
//! | [`failpoint`] | where a test may cut us off; empty in what is shipped | nothing |
//! | [`ending`] | how a child ends, within a limit | nothing |
//! | [`files`] | durable writes and trusted reads | failpoint |
//! | [`policy`] | the policy files, and what is held; pure but for its `load` | domain, files |
//! | [`ledger`] | what is owed; pure but for its `store` | domain, failpoint, files |
//! | [`decide`] | verdicts and plans; pure | domain, and the pure parts of policy and ledger |
//! | [`batch`] | when a batch of package operations is over; pure | nothing |
//! | [`recover`] | what a lost reply means; pure | domain |
//! | [`init`] | one trait, one folder for each init | domain, ending, failpoint, files |
//! | [`observe`] | the machine, as facts | domain, ending, files |
//! | [`definitions`] | stock and live service definitions, and bringing these up to date; pure but for its files | domain, failpoint, files, init |
//! | [`report`] | all printing and logging | domain, files, ledger, policy |
//! | [`act`] | carrying a plan out | decide, domain, failpoint, init, ledger, recover |
//! | [`simulate`] | an upgrade played on the simulated init | all of the above |
//! | [`audit`] | packages, and what their scripts will do to services | domain, files, policy, ledger, decide, init, report, simulate |
//! | [`import`] | other tools' policies, read into ours; pure | domain, policy, decide, audit |
//! | [`front`] | the four command lines | all of the above |
//!
//! To add an init: its folder under [`init`], its lines in `domain::init` and in the capability table
//! (`domain::capabilities`), where its definitions are (`definitions::way`), how it is told that it runs
//! (`observe::detect`), and its arm in the one match that picks it (`front::machine`). Everything else goes by what these say of it.
//!
//! Invariants, which `tests/layering.rs` reads off the `use` lines: pure modules import only pure
//! ones, inits do not import each other, nothing imports a front end, no two modules import each
//! other. And others that tests hold: what is not known is never taken for a no; what the admin
//! denies as `start` is brought up by no job of ours and by no trigger that we start; whatever a
//! stop takes down is noted before it goes down, and its note is struck only after it is back.
pub mod act;
pub mod audit;
pub mod batch;
pub mod decide;
pub mod definitions;
pub mod domain;
pub mod ending;
pub mod failpoint;
pub mod files;
pub mod front;
pub mod import;
pub mod init;
pub mod ledger;
pub mod observe;
pub mod policy;
pub mod recover;
pub mod report;
pub mod simulate;
#[cfg(test)]
mod testing;
