//! `rcpolicy`, the admin's command line: one file a subcommand, from arguments to exit status.
//! What stands outside (clock, user, root directory) comes in a [`Place`], so that tests choose it.

mod answer_others;
mod audit;
mod batch;
mod bypass;
mod check;
mod definitions;
mod doctor;
mod examples;
mod explain;
mod flush;
mod forget;
mod gate;
mod hint;
mod hold;
mod import;
mod log;
mod look;
mod manual;
mod opening;
mod pending;
mod play;
mod reexec;
mod restart_bus;
mod simulate;
mod wait;
mod waits;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Parser, Subcommand};
use nix::errno::Errno;
use thiserror::Error;

use super::machine::{self, systemd};
use super::script::Surroundings;
use crate::domain::{InitKind, Manner, NameError};
use crate::files::FileError;
use crate::init::systemd::Systemd;
use crate::init::{Init, InitError};
use crate::ledger::{self, Ledger, LedgerError};
use crate::observe::dpkg::DpkgError;
use crate::observe::life::life_under;
use crate::observe::offline::{self, Reach};
use crate::policy::{HoldError, Policy};
use crate::report::Voice;
use crate::report::console::Console;
use crate::report::journal;
use crate::report::log::{self as log_file, Log, LogError};
use crate::report::time::TimeError;

const STATUSES: &str = "\
Exit status:
  0  done; for `status`: it is on
  1  the answer is no: a policy file is broken, something is still owed after a
     flush, nothing to forget, nothing held, the bypass or the answer to others
     is off, what was waited for did not come in time, something did not survive a
     re-exec, or did not come back to a bus, an audit found something (`--fail-on`),
     a policy could not be imported as a whole
  2  wrong usage; of `doctor`: a problem
  3  something could not be read or written, or needs root

Examples:
  rcpolicy pending                          what is owed to the machine, and why
  rcpolicy explain ssh stop --as openssh-server:prerm:upgrade
  rcpolicy flush mariadb                    pay what is owed to mariadb now
  rcpolicy hold db --until 2h --because 'the DBA looks at it'
  rcpolicy log --service ssh --since 2h     what was decided about ssh lately
  rcpolicy wait init --timeout 30s          until the init answers again
  rcpolicy restart-bus --dry-run            who would lose the system bus
  rcpolicy audit ../foo_1.2-1_amd64.deb     what its upgrade does to services
  rcpolicy doctor                           what is wrong here, and what to do about it
  rcpolicy bypass on                        hand every call to the stock tools";

/// How long an init is waited for where a person looks on.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// How a subcommand ended. The one table from endings to exit statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// As asked.
    Done,
    /// The answer is no.
    No,
    /// The arguments make no sense.
    Usage,
    /// Something could not be read or written.
    Failed,
    /// Something is wrong on this machine: `doctor` alone says so.
    Problems,
}

impl Ending {
    /// The exit status.
    pub fn status(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::No => 1,
            Self::Usage | Self::Problems => 2,
            Self::Failed => 3,
        }
    }
}

/// Why a subcommand did not do what was asked.
#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Time(#[from] TimeError),
    #[error("cannot write the list as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("{0} needs root")]
    NeedsRoot(&'static str),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("`{0}` is over already: a hold ends later than now")]
    Past(String),
    #[error("`{0}` stands for its instances: hold each of them, or deny it in a policy file")]
    Template(String),
    #[error(transparent)]
    Hold(#[from] HoldError),
    #[error(transparent)]
    Dpkg(#[from] DpkgError),
    #[error("cannot reach the init: {0}")]
    Unreachable(String),
    #[error("{0} cannot re-execute itself, as far as rcpolicy knows")]
    NoReexec(&'static str),
    #[error("cannot listen for signals: {0}")]
    Unheard(String),
    #[error("restart-bus needs systemd: under {0} nobody can tell which services a bus has")]
    NoClients(&'static str),
    #[error("there is no `{0}` here, and so no bus to restart")]
    NoBus(String),
    #[error("nobody can tell who is connected: {1}; `systemctl restart {0}` restarts it blindly")]
    SilentBus(String, InitError),
    #[error("no manager of user {0} runs")]
    NoManager(u32),
    #[error("cannot become user {0}: {1}")]
    NotUser(u32, Errno),
    #[error(transparent)]
    Play(#[from] play::PlayFailure),
    #[error(transparent)]
    Audit(#[from] audit::AuditFailure),
    #[error(transparent)]
    Import(#[from] import::ImportFailure),
    #[error("nobody waits at `{path}`: {why}", path = .0.display(), why = .1)]
    NobodyWaits(PathBuf, std::io::Error),
    #[error("cannot write `{}`: {source}", path.display())]
    Page { path: PathBuf, source: io::Error },
    #[error("`/usr/sbin/policy-rc.d` is not ours, and is left alone")]
    Foreign,
    #[error("`{0}` is missing")]
    NoAnswerer(&'static str),
    #[error("there is no running init here (a chroot, or no /proc), and so no ledger")]
    NoLife,
}

impl Failure {
    fn ending(&self) -> Ending {
        match self {
            Self::Time(_) | Self::Name(_) | Self::Past(_) | Self::Template(_) => Ending::Usage,
            Self::Audit(failure) => failure.ending(),
            Self::Import(import::ImportFailure::Whose(_)) => Ending::Usage,
            Self::Play(_)
            | Self::Import(_)
            | Self::Ledger(_)
            | Self::Log(_)
            | Self::File(_)
            | Self::Json(_)
            | Self::NeedsRoot(_)
            | Self::Dpkg(_)
            | Self::Hold(_)
            | Self::Unreachable(_)
            | Self::NoReexec(_)
            | Self::Unheard(_)
            | Self::NoClients(_)
            | Self::NoBus(_)
            | Self::SilentBus(..)
            | Self::NoManager(_)
            | Self::NotUser(..)
            | Self::NobodyWaits(..)
            | Self::Page { .. }
            | Self::Foreign
            | Self::NoAnswerer(_)
            | Self::NoLife => Ending::Failed,
        }
    }
}

/// Where and when the command runs.
#[derive(Debug, Clone)]
pub struct Place {
    /// The root directory of the machine in question.
    pub root: PathBuf,
    /// Microseconds since the epoch.
    pub now: i64,
    /// Whether we are root.
    pub is_root: bool,
}

impl Place {
    /// This machine, now.
    pub fn here() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = since.map_or(0, |since| since.as_micros().try_into().unwrap_or(i64::MAX));
        Self {
            root: PathBuf::from("/"),
            now,
            is_root: nix::unistd::geteuid().is_root(),
        }
    }

    fn path(&self, absolute: &str) -> PathBuf {
        self.root.join(Path::new(absolute.trim_start_matches('/')))
    }

    fn seconds(&self) -> u64 {
        u64::try_from(self.now / 1_000_000).unwrap_or(0)
    }

    fn ledger(&self) -> Result<Ledger, Failure> {
        let life = life_under(&self.root).ok_or(Failure::NoLife)?;
        Ok(Ledger::open(&self.path(ledger::DIRECTORY), life))
    }

    /// This machine's systemd. Nobody is contacted yet, and nobody may be from a chroot.
    fn systemd(&self, policy: &Policy) -> Result<Systemd, Failure> {
        let unreachable = |why: &str| Err(Failure::Unreachable(why.to_owned()));
        if self.root != Path::new("/") {
            return unreachable("it belongs to another root directory");
        }
        match offline::reach() {
            Reach::Offline => unreachable("we are in a chroot, or told to stay offline"),
            Reach::Online => Ok(systemd(policy, &Voice::new("rcpolicy"))),
        }
    }

    /// The init that carries out what is asked for where `kind` runs; `None` where scripts do.
    fn init(&self, kind: InitKind, policy: &Policy) -> Result<Option<Box<dyn Init>>, Failure> {
        match kind.manner() {
            Manner::Units => Ok(Some(Box::new(self.systemd(policy)?))),
            Manner::Jobs | Manner::Services | Manner::Scripts => {
                let voice = Voice::new("rcpolicy");
                Ok(machine::init(kind, policy, &voice, Surroundings::Plain))
            }
        }
    }

    fn log(&self) -> Log {
        Log::at(&self.path(log_file::DIRECTORY), &self.path(journal::SOCKET))
    }

    fn require_root(&self, what: &'static str) -> Result<(), Failure> {
        if self.is_root {
            Ok(())
        } else {
            Err(Failure::NeedsRoot(what))
        }
    }
}

/// Look into and steer what rcpolicy does with service actions in package upgrades.
#[derive(Debug, Parser)]
#[command(name = "rcpolicy", version, after_help = STATUSES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what is owed to the machine: actions put off, units taken down and not yet restored.
    #[command(after_help = examples::PENDING)]
    Pending(pending::Arguments),
    /// Check the policy files and show all their problems.
    #[command(after_help = examples::CHECK)]
    Check(check::Arguments),
    /// Show what a call would come to, why, and on which facts. Changes nothing.
    #[command(after_help = examples::EXPLAIN)]
    Explain(explain::Arguments),
    /// Do what is owed now, as far as policies allow it.
    #[command(after_help = examples::FLUSH)]
    Flush(flush::Arguments),
    /// Drop what is owed to a service, without doing it.
    #[command(after_help = examples::FORGET)]
    Forget(forget::Arguments),
    /// Deny all that packages ask of a service until a time; alone, show what is held.
    #[command(after_help = examples::HOLD)]
    Hold(hold::Arguments),
    /// End a hold before its time.
    #[command(after_help = examples::UNHOLD)]
    Unhold(hold::Lifted),
    /// Show what was decided, the oldest first.
    #[command(after_help = examples::LOG)]
    Log(log::Arguments),
    /// Wait until the init answers, or until nothing is owed. Changes nothing.
    #[command(after_help = examples::WAIT)]
    Wait(wait::Arguments),
    /// Let the init re-execute itself, and check that its services survived.
    #[command(after_help = examples::REEXEC)]
    Reexec(reexec::Arguments),
    /// Restart a message bus, and what does not come back to it by itself.
    #[command(after_help = examples::RESTART_BUS)]
    RestartBus(restart_bus::Arguments),
    /// Put rcpolicy aside: every call goes to the stock tools.
    #[command(after_help = examples::BYPASS)]
    Bypass(bypass::Arguments),
    /// Answer other tools that ask /usr/sbin/policy-rc.d by your policy.
    #[command(after_help = examples::ANSWER_OTHERS)]
    AnswerOthers(answer_others::Arguments),
    /// Turn another tool's policy into a policy file, and say what could not be carried over.
    #[command(after_help = examples::IMPORT)]
    Import(import::Arguments),
    /// Find out what is wrong on this machine, and say what to do about it. Changes nothing.
    Doctor(doctor::Arguments),
    /// Read packages as dpkg will run them, and show what goes wrong with their services.
    Audit(audit::Arguments),
    /// Hold the gate of `[flush] gate` for a flush that waits at it: what the gate runs.
    #[command(hide = true)]
    GateHeld(gate::Arguments),
    /// Play an upgrade on a simulated init: a demonstration, or packages; touches nothing.
    #[command(after_help = examples::SIMULATE)]
    Simulate(simulate::Arguments),
    /// Write the man pages and the shells' completions below a directory.
    #[command(hide = true)]
    Manual(manual::Arguments),
}

/// How a subcommand that does something tells what came of it.
#[derive(Debug, Clone, Copy, clap::Args)]
struct Telling {
    /// In the end one JSON document of all that was said, in place of lines.
    #[arg(long, global = true)]
    json: bool,
}

impl Command {
    /// Whether what it says is collected; the others make documents of their own.
    fn is_told_in_json(&self) -> bool {
        match self {
            Self::Flush(flush::Arguments { telling, .. })
            | Self::Forget(forget::Arguments { telling, .. })
            | Self::Unhold(hold::Lifted { telling, .. })
            | Self::Wait(wait::Arguments { telling, .. })
            | Self::Reexec(reexec::Arguments { telling, .. })
            | Self::RestartBus(restart_bus::Arguments { telling, .. })
            | Self::AnswerOthers(answer_others::Arguments { telling, .. })
            | Self::Bypass(bypass::Arguments { telling, .. }) => telling.json,
            Self::Hold(arguments) => arguments.is_told_in_json(),
            Self::Pending(_)
            | Self::Check(_)
            | Self::Explain(_)
            | Self::Log(_)
            | Self::Audit(_)
            | Self::GateHeld(_)
            | Self::Manual(_)
            | Self::Doctor(_)
            | Self::Import(_)
            | Self::Simulate(_) => false,
        }
    }
}

/// Runs `rcpolicy` with `arguments` (the program's name included).
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    place: &Place,
    console: &mut Console<'_>,
) -> Ending {
    let ending = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => dispatch(&arguments.command, place, console),
        Err(error) => usage(&error, console),
    };
    match console.finish() {
        Ok(()) => ending,
        Err(error) => {
            console.complain(format_args!("cannot write the output: {error}"));
            Ending::Failed
        }
    }
}

fn dispatch(command: &Command, place: &Place, console: &mut Console<'_>) -> Ending {
    if command.is_told_in_json() {
        console.collect();
    }
    let result = match command {
        Command::Pending(arguments) => pending::run(arguments, place, console),
        Command::Check(arguments) => check::run(arguments, place, console),
        Command::Explain(arguments) => explain::run(arguments, place, console),
        Command::Flush(arguments) => batch::run(arguments, place, console),
        Command::Forget(arguments) => forget::run(arguments, place, console),
        Command::Hold(arguments) => hold::run(arguments, place, console),
        Command::Unhold(arguments) => hold::lift(arguments, place, console),
        Command::Log(arguments) => log::run(arguments, place, console),
        Command::Wait(arguments) => wait::run(arguments, place, console),
        Command::Reexec(arguments) => reexec::run(arguments, place, console),
        Command::RestartBus(arguments) => restart_bus::run(arguments, place, console),
        Command::Bypass(arguments) => bypass::run(arguments, place, console),
        Command::AnswerOthers(arguments) => answer_others::run(arguments, place, console),
        Command::Import(arguments) => import::run(arguments, console),
        Command::Doctor(arguments) => doctor::run(arguments, place, console),
        Command::Audit(arguments) => audit::run(arguments, console),
        Command::GateHeld(arguments) => gate::run(arguments),
        Command::Simulate(arguments) => simulate::run(arguments, console),
        Command::Manual(arguments) => manual::run(arguments, place, console),
    };
    let ending = result.unwrap_or_else(|failure| {
        console.complain(&failure);
        if let Some(hint) = failure.hint() {
            console.complain(hint);
        }
        failure.ending()
    });
    if let Some(told) = console.collected() {
        console.say(told.json(ending.status()));
    }
    ending
}

/// Help and version are answers; the rest is wrong usage.
fn usage(error: &clap::Error, console: &mut Console<'_>) -> Ending {
    let text = error.render().to_string();
    if error.use_stderr() {
        console.complain_at_length(text.trim_end());
        return Ending::Usage;
    }
    console.say(text.trim_end());
    Ending::Done
}
