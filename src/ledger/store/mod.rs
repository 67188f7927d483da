//! The ledger on disk: one file a service under ROOT/ledger, changed under the lock ROOT/lock.
//! Reading takes no lock and makes nothing. It decides nothing: what another life of the init
//! left behind and what is damaged is handed to the caller.

mod bus;
mod error;
mod name;
mod read;
mod undertaken;
mod waiting;
mod write;

pub use error::LedgerError;
pub use read::{Ledger, Listing, Reading};
pub use undertaken::Undertaken;
pub use waiting::Waiting;
pub use write::{Locked, Paying};

/// Where the ledger is on a real machine.
pub const DIRECTORY: &str = "/run/rcpolicy";
