//! `rcpolicy bypass on|off|status`: the flag that sends every call to the stock tools.
//! It stands under /etc, so that it survives a reboot.

use super::{Ending, Failure, Place, Telling};
use crate::files::{Directory, Missing};
use crate::observe::bypass::{DIRECTORY, NAME};
use crate::report::console::Console;
use crate::report::time;

/// Arguments of `rcpolicy bypass`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What to do with the flag.
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    pub(super) telling: Telling,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Subcommand)]
enum What {
    /// Hand every call to the stock tools, until `off`.
    On,
    /// Apply policies again.
    Off,
    /// Tell which it is: exit status 0 where the bypass is on, 1 where it is off.
    Status,
}

pub(super) fn run(
    arguments: &Arguments,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    match arguments.what {
        What::On => on(place, console),
        What::Off => off(place, console),
        What::Status => Ok(status(place, console)),
    }
}

fn on(place: &Place, console: &mut Console<'_>) -> Result<Ending, Failure> {
    place.require_root("bypass on")?;
    let directory = Directory::open(&place.path(DIRECTORY), Missing::Create)?;
    let text = format!(
        "set by `rcpolicy bypass on` at {}\n",
        time::rfc3339(place.now)
    );
    directory.replace(NAME, text.as_bytes())?;
    console.say("bypass is on: every call goes to the stock tools");
    Ok(Ending::Done)
}

fn off(place: &Place, console: &mut Console<'_>) -> Result<Ending, Failure> {
    place.require_root("bypass off")?;
    match Directory::open(&place.path(DIRECTORY), Missing::Fail) {
        Ok(directory) => {
            let _was_on = directory.remove(NAME)?;
        }
        Err(error) if error.is_missing() => {}
        Err(error) => return Err(error.into()),
    }
    console.say("bypass is off: policies apply");
    Ok(Ending::Done)
}

fn status(place: &Place, console: &mut Console<'_>) -> Ending {
    // As the front ends ask: whatever stands there counts.
    if place.path(DIRECTORY).join(NAME).exists() {
        console.say("bypass is on");
        Ending::Done
    } else {
        console.say("bypass is off");
        Ending::No
    }
}
