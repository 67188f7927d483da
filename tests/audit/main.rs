//! Packages as they are given to `rcpolicy audit`: real ones that dpkg-deb builds here, and hostile ones
//! that are put together byte by byte; their scripts against the real dash, and dpkg's order of these against
//! the real dpkg.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "what a test cannot do ends it"
)]

mod archives;
mod command;
mod course;
mod dash;
mod debs;
mod dpkg;
mod hostile;
mod versions;
