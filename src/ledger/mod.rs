//! The durable note of what is owed to the machine: one small file a service, changed under a lock.
//! `entry` and `merge` are pure; `store` alone touches the disk. Nothing here decides or prints.

mod bus;
mod due;
mod entry;
mod merge;
mod notice;
mod store;
mod undertaking;

pub use bus::BusRestart;
pub use due::{Due, NotDeferrable};
pub use entry::{Begun, Down, Entry, EntryError, Failed, Owed, Quiesced, Stopped, VERSION, Who};
pub use merge::{Event, after, merge};
pub use notice::Notice;
pub use store::{
    DIRECTORY, Ledger, LedgerError, Listing, Locked, Paying, Reading, Undertaken, Waiting,
};
pub use undertaking::{Task, Undertaking};
