//! `rcpolicy simulate`: plays an upgrade on the simulated init and shows what becomes of it.
//! Reads and changes nothing of the machine but the look of its terminal.

use clap::ValueEnum;

use super::look::look;
use super::{Ending, Failure, play};
use crate::report::console::Console;
use crate::simulate::{Format, Options, Way, run as demonstrate};

/// Arguments of `rcpolicy simulate`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Which way of stopping and starting to play.
    #[arg(long, value_enum, default_value_t = Ways::All, conflicts_with = "packages")]
    way: Ways,
    #[command(flatten)]
    packages: play::Arguments,
    /// How many clients connect to the socket, of packages to each socket and bus name.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=100))]
    clients: u32,
    /// Milliseconds between two connections of a client.
    #[arg(long, value_name = "MS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1000))]
    every: u64,
    /// Decides the clients' small irregularities: the same seed, the same result.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The figures as one JSON document.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Ways {
    /// As the stock tools do it.
    Stock,
    /// The service and all that can start it.
    Stop,
    /// The service alone, by `--quiesce`.
    Quiesce,
    /// No stop, one restart, by a rule.
    Restart,
    /// All of these.
    All,
}

impl Ways {
    fn chosen(self) -> Vec<Way> {
        match self {
            Self::Stock => vec![Way::Stock],
            Self::Stop => vec![Way::Stop],
            Self::Quiesce => vec![Way::Quiesce],
            Self::Restart => vec![Way::Restart],
            Self::All => Way::ALL.to_vec(),
        }
    }
}

pub(super) fn run(arguments: &Arguments, console: &mut Console<'_>) -> Result<Ending, Failure> {
    if !arguments.packages.packages.is_empty() {
        let manner = play::Manner {
            clients: arguments.clients,
            every_ms: arguments.every,
            seed: arguments.seed,
            json: arguments.json,
        };
        return play::run(&arguments.packages, &manner, console);
    }
    let options = Options {
        format: if arguments.json {
            Format::Json
        } else {
            Format::Text(look())
        },
        seed: arguments.seed,
        clients: arguments.clients,
        every_ms: arguments.every,
        ways: arguments.way.chosen(),
    };
    let mut text = Vec::new();
    let status = demonstrate(&options, &mut text);
    console.hand_out(&String::from_utf8_lossy(&text));
    Ok(match status {
        0 => Ending::Done,
        _ => Ending::Failed,
    })
}
