//! What an update asks of whoever supervises a service.

use super::record::{Before, Mark};
use super::tree::Part;
use crate::domain::ServiceName;

/// Whoever supervises services. Errors say why in words.
pub trait Supervisor {
    /// How it stands with `part` of `service`.
    ///
    /// # Errors
    /// When that cannot be told: nothing is touched then.
    fn found(&mut self, service: &ServiceName, part: Part) -> Result<Before, String>;

    /// Takes it down, and waits until nothing of it runs, its finish script included. Afterwards it is not
    /// restarted by itself. Nothing to do where nothing supervises it.
    ///
    /// # Errors
    /// When something of it still runs after as long as that may take.
    fn take_down(&mut self, service: &ServiceName, part: Part) -> Result<(), String>;

    /// How it stands in its supervisor's own words, for telling later whether somebody has had a hand in it; `None`
    /// where nobody can say.
    fn mark(&mut self, _service: &ServiceName, _part: Part) -> Option<Mark> {
        None
    }

    /// Brings it up, and waits until it is up and has stayed so for a while.
    ///
    /// # Errors
    /// When it does not come up, or does not stay.
    fn bring_up(&mut self, service: &ServiceName, part: Part) -> Result<(), String>;
}
