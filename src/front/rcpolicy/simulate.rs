//! `rcpolicy simulate`: plays an upgrade on the simulated init and shows what becomes of it.
//! Reads and changes nothing of the machine but the look of its terminal.

use std::ffi::OsString;
use std::io::IsTerminal;

use clap::ValueEnum;

use super::{Ending, Failure};
use crate::report::console::Console;
use crate::report::timeline::{Charset, Color, Look};
use crate::simulate::{Format, Options, Way, run as play};

/// Arguments of `rcpolicy simulate`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Which way of stopping and starting to play.
    #[arg(long, value_enum, default_value_t = Ways::All)]
    way: Ways,
    /// How many clients connect to the socket.
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
    let status = play(&options, &mut text);
    console.say(String::from_utf8_lossy(&text).trim_end());
    Ok(match status {
        0 => Ending::Done,
        _ => Ending::Failed,
    })
}

/// Colours on a terminal alone, and not where NO_COLOR asks for none; lines as the locale has them.
fn look() -> Look {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let plain = set("NO_COLOR").is_some() || set("TERM").is_some_and(|term| term == "dumb");
    let color = match !plain && std::io::stdout().is_terminal() {
        true => Color::Ansi,
        false => Color::None,
    };
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
    Look {
        color,
        charset: charset(locale),
    }
}

/// Fresh machines set no locale at all, and their terminals show UTF-8.
fn charset(locale: Option<OsString>) -> Charset {
    let Some(locale) = locale else {
        return Charset::Unicode;
    };
    let locale = locale.to_string_lossy().to_lowercase();
    match locale.contains("utf-8") || locale.contains("utf8") {
        true => Charset::Unicode,
        false => Charset::Ascii,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_ascii_only_where_a_locale_says_that_it_has_nothing_else() {
        for (locale, expected) in [
            (None, Charset::Unicode),
            (Some("C.UTF-8"), Charset::Unicode),
            (Some("de_DE.utf8"), Charset::Unicode),
            (Some("C"), Charset::Ascii),
            (Some("de_DE@euro"), Charset::Ascii),
        ] {
            assert_eq!(charset(locale.map(OsString::from)), expected, "{locale:?}");
        }
    }
}
