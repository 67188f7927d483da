//! The machine, looked at: what becomes Facts. Thin readers; judgements are pure functions.
pub mod offline;
