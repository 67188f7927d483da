//! When a batch of package operations is over: from what was observed of dpkg and apt to what is done
//! about the debts that wait for it. Pure; looking, flushing and waiting are the front end's.

mod readiness;
mod vigil;

pub use readiness::{BatchFacts, Driver, Net, Readiness, readiness};
pub use vigil::{Look, Next, Trace, Vigil};
