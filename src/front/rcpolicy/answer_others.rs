//! `rcpolicy answer-others on|off|status`: whether other tools that ask `/usr/sbin/policy-rc.d` get our
//! policy's answers. Off until the admin turns it on: that a policy-rc.d is there changes by itself what the
//! stock tools do. What somebody else put there is never touched.

use std::os::unix::fs::MetadataExt;

use super::{Ending, Failure, Place, Telling};
use crate::files::{Directory, FileError, Missing, Placed, errno_of};
use crate::observe::answering::{self, DIRECTORY, NAME, TEXT, TOOL};
use crate::observe::detect::is_executable;
use crate::report::console::Console;

/// Arguments of `rcpolicy answer-others`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    pub(super) telling: Telling,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Subcommand)]
enum What {
    /// Put a small script at /usr/sbin/policy-rc.d that answers by your policy.
    On,
    /// Take it away, if it is still as it was put there.
    Off,
    /// Tell which it is: exit status 0 where others get our answers, 1 where they do not.
    Status,
}

/// What stands at the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Nothing,
    Ours,
    /// Ours, and the callers pass it over: it may not be executed.
    OursDisabled,
    Foreign,
}

pub(super) fn run(
    arguments: &Arguments,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    match arguments.what {
        What::On => on(place, console),
        What::Off => off(place, console),
        What::Status => status(place, console),
    }
}

/// By the file's own mode: whoever cannot be asked whether it may be executed is not taken for a yes.
fn standing(place: &Place) -> Result<Standing, FileError> {
    let path = place.path(DIRECTORY).join(NAME);
    let found = match path.symlink_metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Standing::Nothing),
        Err(error) => {
            return Err(FileError::System {
                doing: "examine",
                path,
                source: errno_of(&error),
            });
        }
    };
    Ok(match (answering::is_ours(&path), found.mode() & 0o111) {
        (false, _) => Standing::Foreign,
        (true, 0) => Standing::OursDisabled,
        (true, _) => Standing::Ours,
    })
}

/// The directory, which the system may have as a link to another.
fn directory(place: &Place) -> Result<Directory, FileError> {
    let path = place.path(DIRECTORY);
    let real = path.canonicalize().unwrap_or(path);
    Directory::open(&real, Missing::Fail)
}

fn on(place: &Place, console: &mut Console<'_>) -> Result<Ending, Failure> {
    place.require_root("answer-others on")?;
    if !is_executable(&place.path(TOOL).to_string_lossy()) {
        return Err(Failure::NoAnswerer(TOOL));
    }
    let directory = directory(place)?;
    directory.clear_unplaced(NAME);
    let found = match standing(place)? {
        Standing::Nothing => match directory.place_program(NAME, TEXT.as_bytes())? {
            Placed::New => Standing::Ours,
            // Somebody was quicker, and that may have been one of us.
            Placed::Taken => standing(place)?,
        },
        found => found,
    };
    match found {
        Standing::Ours => {}
        Standing::OursDisabled => directory.make_executable(NAME)?,
        Standing::Foreign | Standing::Nothing => return Err(Failure::Foreign),
    }
    console.say("on: other tools that ask /usr/sbin/policy-rc.d get your policy's answers");
    Ok(Ending::Done)
}

fn off(place: &Place, console: &mut Console<'_>) -> Result<Ending, Failure> {
    place.require_root("answer-others off")?;
    if let Ok(directory) = directory(place) {
        directory.clear_unplaced(NAME);
    }
    match standing(place)? {
        Standing::Ours | Standing::OursDisabled => {
            let directory = directory(place)?;
            let text = directory.read(NAME, TEXT.len() as u64)?;
            // Again, by the directory and the file that are then taken: names may have changed meanwhile.
            if text != TEXT.as_bytes() {
                return Err(Failure::Foreign);
            }
            let _was_there = directory.remove(NAME)?;
        }
        Standing::Nothing => {}
        Standing::Foreign => return Err(Failure::Foreign),
    }
    console.say("off: there is no /usr/sbin/policy-rc.d");
    Ok(Ending::Done)
}

fn status(place: &Place, console: &mut Console<'_>) -> Result<Ending, Failure> {
    let (text, ending) = match standing(place)? {
        Standing::Ours => (
            "on: other tools that ask /usr/sbin/policy-rc.d get your policy's answers",
            Ending::Done,
        ),
        Standing::OursDisabled => (
            "off: /usr/sbin/policy-rc.d is ours and may not be executed; `rcpolicy answer-others on` mends it",
            Ending::No,
        ),
        Standing::Nothing => ("off: there is no /usr/sbin/policy-rc.d", Ending::No),
        Standing::Foreign => (
            "off: /usr/sbin/policy-rc.d is somebody else's; `rcpolicy doctor` says more",
            Ending::No,
        ),
    };
    console.say(text);
    Ok(ending)
}
