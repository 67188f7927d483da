//! All printing and logging: messages, tables, lines, timelines. It decides nothing, and never
//! fails on a closed pipe.

pub mod capabilities;
pub mod console;
pub mod doctor;
pub mod explain;
pub mod holds;
pub mod initctl;
pub mod journal;
pub mod log;
pub mod markup;
pub mod native;
pub mod pending;
pub mod plain;
pub mod problems;
pub mod systemctl;
pub mod timeline;
pub mod told;
pub mod voice;

pub use crate::domain::time;
pub use voice::Voice;
