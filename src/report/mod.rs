//! All printing and logging.
pub mod console;
pub mod journal;
pub mod log;
pub mod pending;
pub mod time;
