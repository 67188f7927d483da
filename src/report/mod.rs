//! All that is shown to people. Nothing here decides anything.

pub mod problems;
