//! The machine as it is, read and never changed.
pub mod bypass;
pub mod life;
