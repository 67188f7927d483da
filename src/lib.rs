//! rcpolicy: a policy layer for service actions in package upgrades.
pub mod act;
pub mod decide;
pub mod domain;
pub mod files;
pub mod front;
pub mod init;
pub mod ledger;
pub mod observe;
pub mod policy;
pub mod report;
pub mod simulate;
