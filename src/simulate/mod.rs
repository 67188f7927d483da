//! `rcpolicy simulate`: plays the upgrade of Debian bug 736258 on the simulated init under several
//! ways of stopping and starting, and shows what became of the service and its clients.
//! Every figure comes out of the model; nothing on the real machine is read or changed.

mod company;
mod considered;
mod figures;
mod play;
mod scenario;
mod show;
mod tool;

use std::io::{self, Write};

use crate::report::timeline::Look;

pub use figures::Figures;
pub use play::{Played, Way, play};
pub use scenario::Scenario;
pub use tool::{Answered, Tool};

/// Exit status where the output could not be written, or the simulation could not be set up.
const FAILED: u8 = 1;

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How the result is shown.
    pub format: Format,
    /// Decides the clients' small irregularities.
    pub seed: u64,
    /// Clients that connect to the socket.
    pub clients: u32,
    /// Milliseconds between two connections of a client, at least 1.
    pub every_ms: u64,
    /// The ways to play, in order.
    pub ways: Vec<Way>,
}

/// How the result is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Timelines and a table.
    Text(Look),
    /// One JSON object.
    Json,
}

/// Plays the ways that `options` name, writes the result to `out`, and returns the exit status.
pub fn run(options: &Options, out: &mut dyn Write) -> u8 {
    status(show(options, out))
}

fn show(options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let scenario = Scenario::acpid(options).map_err(io::Error::other)?;
    let played = options.ways.iter().map(|way| play(&scenario, *way));
    let played: Vec<Played> = played.collect::<Result<_, _>>().map_err(io::Error::other)?;
    match options.format {
        Format::Text(look) => show::text(&scenario, &played, look, out),
        Format::Json => show::json(&scenario, &played, out),
    }
}

/// A reader that went away is no failure of the simulation.
fn status(written: io::Result<()>) -> u8 {
    match written {
        Ok(()) => 0,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(_) => FAILED,
    }
}
