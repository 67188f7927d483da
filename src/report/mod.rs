//! All that is printed: messages, tables and lines, written through a `Write` of the caller's.
pub mod systemctl;
