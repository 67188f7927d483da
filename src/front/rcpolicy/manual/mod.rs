//! `rcpolicy manual`: the man pages and the shells' completions, written into a directory when the package is
//! built. They come out of what parses: clap's tables, the drop-ins' options, the words of the policy language.

mod commands;
mod drop_ins;
mod policy;
mod roff;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate};

use self::commands::is_shown;
use self::roff::{Edition, Page};
use super::{Ending, Failure, Place};
use crate::report::console::Console;
use crate::report::time;

/// Arguments of `rcpolicy manual`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Where `man5`, `man8` and `completions` are made.
    directory: PathBuf,
    /// The day that stands in the pages, in seconds since the epoch.
    #[arg(long, value_name = "SECONDS")]
    date: Option<u64>,
}

/// The shells that are completed for.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

pub(super) fn run(
    arguments: &Arguments,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    let now = arguments.date.unwrap_or(place.seconds());
    let directory = &arguments.directory;
    let mut written = 0;
    for page in pages(now) {
        let file = page.file();
        write(directory, &file, page.finish().as_bytes())?;
        written += 1;
    }
    for shell in SHELLS {
        let (file, text) = completion(shell);
        write(directory, &file, &text)?;
        written += 1;
    }
    let directory = directory.display();
    console.say(format_args!("{written} files written below {directory}"));
    Ok(Ending::Done)
}

/// All pages, of the day of `now` in seconds since the epoch.
fn pages(now: u64) -> Vec<Page> {
    let minute = time::minute(now);
    let edition = Edition {
        date: minute.split([' ', 'T']).next().unwrap_or_default(),
        version: env!("CARGO_PKG_VERSION"),
    };
    let mut root = super::Arguments::command();
    root.build();
    let mut pages = commands::pages(&root, edition);
    pages.extend(drop_ins::pages(edition));
    pages.push(policy::page(edition));
    pages
}

/// A shell's completion: its file's name below the directory, and the text.
fn completion(shell: Shell) -> (String, Vec<u8>) {
    let mut command = shown(&super::Arguments::command());
    let mut text = Vec::new();
    generate(shell, &mut command, "rcpolicy", &mut text);
    let name = match shell {
        Shell::Zsh => "_rcpolicy",
        Shell::Fish => "rcpolicy.fish",
        _ => "rcpolicy",
    };
    (format!("completions/{shell}/{name}"), text)
}

/// A command without what is hidden from people, which the shells' files would offer.
fn shown(command: &Command) -> Command {
    let arguments = command.get_arguments().filter(|one| !one.is_hide_set());
    let commands = command.get_subcommands().filter(|one| is_shown(one));
    let made = Command::new(command.get_name().to_owned())
        .args(arguments)
        .subcommand_required(command.is_subcommand_required_set())
        .subcommands(commands.map(shown));
    match command.get_about() {
        Some(about) => made.about(about.clone()),
        None => made,
    }
}

fn write(directory: &Path, file: &str, text: &[u8]) -> Result<(), Failure> {
    let path = directory.join(file);
    let made = path.parent().map_or(Ok(()), fs::create_dir_all);
    let written = made.and_then(|()| fs::write(&path, text));
    written.map_err(|source: io::Error| Failure::Page { path, source })
}
