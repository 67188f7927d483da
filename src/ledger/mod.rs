//! The durable note of what is owed to the machine: one small file a service, changed under a lock.
//! `entry` and `merge` are pure; `store` alone touches the disk. Nothing here decides or prints.

mod due;
mod entry;
mod merge;
mod notice;
mod store;

pub use due::{Due, NotDeferrable};
pub use entry::{Down, Entry, EntryError, Owed, Quiesced, Run, Stopped, VERSION, Who};
pub use merge::{Event, after, merge};
pub use notice::Notice;
pub use store::{DIRECTORY, Ledger, LedgerError, Listing, Locked, Paying, Reading};
