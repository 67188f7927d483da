//! An init that exists only in memory: units, jobs, sockets, paths, timers, bus names and clients.
//! Its clock counts microseconds and moves only when it is told to; the same calls with the same
//! seed give the same history. It never touches the machine it runs on.

mod answer;
mod clients;
mod clock;
mod connection;
mod interruption;
mod jobs;
mod line;
mod machine;
mod pending;
mod record;
mod standing;
mod triggers;
mod unit;

#[cfg(test)]
mod measured;
#[cfg(test)]
mod properties;

pub use clock::Micros;
pub use connection::{Client, Connection, Outcome};
pub use line::{Break, Interruption};
pub use machine::{Flavour, Simulated};
pub use record::{Happened, Moment};
pub use standing::{Answers, Standing};
pub use unit::{Course, Family, Image, Process, Schedule, Spec, View};
