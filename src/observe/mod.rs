//! The machine, read into facts. Thin: it looks and runs policy-rc.d, and decides nothing.

pub mod bypass;
pub mod life;
pub mod offline;
