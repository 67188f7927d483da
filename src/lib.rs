//! rcpolicy: a policy layer for service actions in package upgrades.
pub mod domain;
pub mod init;
pub mod observe;
pub mod policy;
pub mod report;
