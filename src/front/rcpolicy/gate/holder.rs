//! `rcpolicy gate-held PATH`: what a gate runs. It tells whoever waits at PATH that it is their turn, and ends when they do.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use crate::front::rcpolicy::{Ending, Failure};

/// How it is called.
pub(in crate::front::rcpolicy) const WORD: &str = "gate-held";

/// Arguments of `rcpolicy gate-held`.
#[derive(Debug, clap::Args)]
pub(in crate::front::rcpolicy) struct Arguments {
    /// The socket of the flush that waits at the gate.
    path: PathBuf,
}

/// Holds the gate until the other side is gone.
///
/// # Errors
/// When nobody waits there any more.
pub(in crate::front::rcpolicy) fn run(arguments: &Arguments) -> Result<Ending, Failure> {
    let gone = |error: std::io::Error| Failure::NobodyWaits(arguments.path.clone(), error);
    let mut stream = UnixStream::connect(&arguments.path).map_err(gone)?;
    let mut nothing = [0; 16];
    loop {
        match stream.read(&mut nothing) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => return Ok(Ending::Done),
            Ok(_) => {}
        }
    }
}
