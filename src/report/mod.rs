//! All printing and logging: messages, tables, lines, timelines. It decides nothing, and never
//! fails on a closed pipe.

pub mod problems;
pub mod systemctl;
