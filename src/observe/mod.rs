//! The machine, read into facts. Thin: it looks and runs policy-rc.d, and decides nothing.

pub mod above;
pub mod answering;
pub mod boot_order;
pub mod bypass;
pub mod children;
pub mod context;
pub mod detect;
pub mod dpkg;
pub mod helper;
pub mod installed;
pub mod life;
pub mod links;
pub mod locks;
pub mod offline;
pub mod process;
pub mod runlevel;
pub mod stale;
mod supervision;
mod upstart;
pub mod zone;
