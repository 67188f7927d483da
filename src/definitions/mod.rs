//! Stock and live definitions as one concept: packages bring the stock ones, a supervisor reads the live
//! ones, and whoever flushes brings these up to date. [`Way`] says what that means for each init.
//!
//! Where both are directories of files, they cannot be replaced at once: the scanner knows a service's
//! directory by device and inode, and a service that dies in the middle would run a mixed set. So the
//! service is down while its files are replaced, from a copy that was staged whole before, and a journal
//! leads whoever is cut off to the old or to the new version (`record`, `update`). What s6-rc has compiled is
//! switched as a whole (`compiled`).

mod by_init;
mod compiled;
mod error;
mod plan;
mod put;
mod read;
mod record;
mod removal;
mod stage;
mod standing;
mod store;
mod supervisor;
mod survey;
mod tree;
mod update;
mod upgrading;
mod way;

pub use self::by_init::{Asked, ByInit, Patience};
pub use self::compiled::{Compiled, Compiler, Due, S6Rc, Sources};
pub use self::error::DefinitionError;
pub use self::plan::{Plan, Versions, edited, plan};
pub use self::record::{Before, Failed, Mark, Phase, Record, Touched};
pub use self::standing::{Looked, Outdated, Standing};
pub use self::supervisor::Supervisor;
pub use self::survey::{Changing, Definitions};
pub use self::tree::{Node, Part, Tree};
pub use self::update::{Ended, Outcome, Starts};
pub use self::upgrading::Upgrading;
pub use self::way::{Compiles, Places, Told, Way, is_anything_kept};

#[cfg(test)]
mod tests;
