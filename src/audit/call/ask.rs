//! What a call asks for: the action, of which services, with which options, as its tool would read it.

use super::{Call, Tool, Word};

/// What a call asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ask {
    /// The action: `start`, `daemon-reload`, `defaults`; none where the call has none.
    pub action: Option<Word>,
    /// What it is about: units, services, jobs, programs; as they are written.
    pub names: Vec<Word>,
    /// The options, with their dashes and without the values that follow them.
    pub options: Vec<Word>,
}

/// Actions that ask, and change nothing.
const QUERIES: [&str; 22] = [
    "status",
    "show",
    "cat",
    "is-active",
    "is-enabled",
    "is-failed",
    "is-system-running",
    "list-units",
    "list-unit-files",
    "list-timers",
    "list-sockets",
    "list-jobs",
    "list-dependencies",
    "get-default",
    "help",
    "was-enabled",
    "debian-installed",
    "list",
    "version",
    "show-environment",
    "test",
    "check",
];

impl Ask {
    /// The action, where it is known.
    pub fn action(&self) -> Option<&str> {
        match self.action.as_ref()? {
            Word::Known(action) => Some(action),
            Word::Unknown(_) => None,
        }
    }

    /// The names that are known.
    pub fn known_names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().filter_map(Word::known)
    }

    /// Whether an option was given, by its whole name.
    pub fn has(&self, option: &str) -> bool {
        self.options.iter().any(|word| word.known() == Some(option))
    }

    /// Whether it changes nothing.
    pub fn is_query(&self) -> bool {
        self.has("--query")
            || self
                .action()
                .is_some_and(|action| QUERIES.contains(&action))
    }
}

impl Word {
    /// What it is, where that is known.
    pub fn known(&self) -> Option<&str> {
        match self {
            Self::Known(text) => Some(text),
            Self::Unknown(_) => None,
        }
    }
}

/// How a tool's command line is read.
struct Grammar {
    /// Options whose value is the next word.
    valued: &'static [&'static str],
    /// Whether options may also stand behind other words.
    options: Options,
    order: Order,
}

/// Where options may stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Options {
    Anywhere,
    /// Only before all else: what follows belongs to somebody else.
    First,
    /// Before the action, which is the second word: what follows is the script's.
    BeforeAction,
}

/// What comes first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// The action, then names.
    Action,
    /// The name, the action, and words that the script gets.
    Name,
    /// No action: this is what it does.
    Only(&'static str),
}

/// What `call` asks for.
pub fn asks(call: &Call) -> Ask {
    asked(call.tool, &call.words)
}

/// What is asked of `tool` by these words, of which the first is its own name.
pub fn asked(tool: Tool, all: &[Word]) -> Ask {
    let words = all.get(1..).unwrap_or_default();
    match tool {
        Tool::InitScript => Ask {
            action: words.first().cloned(),
            names: all.first().map(script_name).into_iter().collect(),
            options: Vec::new(),
        },
        Tool::StartStopDaemon => daemon(words),
        Tool::Kill => kill(words),
        Tool::Background => Ask {
            action: None,
            names: all.first().cloned().into_iter().collect(),
            options: Vec::new(),
        },
        Tool::Initctl => job(all.first(), words),
        Tool::InvokeRcD
        | Tool::DebSystemdInvoke
        | Tool::DebSystemdHelper
        | Tool::Systemctl
        | Tool::Service
        | Tool::UpdateRcD
        | Tool::RcService
        | Tool::Sv
        | Tool::DpkgTrigger => read(words, &grammar(tool)),
    }
}

fn grammar(tool: Tool) -> Grammar {
    let (valued, options, order): (&'static [&'static str], Options, Order) = match tool {
        // original: options may stand between name and action
        Tool::InvokeRcD => (&[], Options::BeforeAction, Order::Name),
        Tool::Service | Tool::RcService => (&[], Options::First, Order::Name),
        Tool::UpdateRcD => (&[], Options::First, Order::Name),
        Tool::Systemctl => (&VALUED_BY_SYSTEMCTL, Options::Anywhere, Order::Action),
        Tool::Sv => (&["-w"], Options::First, Order::Action),
        Tool::DpkgTrigger => (&[], Options::Anywhere, Order::Only("trigger")),
        Tool::DebSystemdInvoke
        | Tool::DebSystemdHelper
        | Tool::InitScript
        | Tool::Initctl
        | Tool::StartStopDaemon
        | Tool::Kill
        | Tool::Background => (&[], Options::Anywhere, Order::Action),
    };
    Grammar {
        valued,
        options,
        order,
    }
}

/// Those of systemctl's options that take the next word (systemctl(1)).
const VALUED_BY_SYSTEMCTL: [&str; 26] = [
    "-t",
    "--type",
    "--state",
    "-p",
    "--property",
    "-P",
    "-H",
    "--host",
    "-M",
    "--machine",
    "-n",
    "--lines",
    "-o",
    "--output",
    "-s",
    "--signal",
    "--kill-whom",
    "--kill-who",
    "--kill-value",
    "--job-mode",
    "--root",
    "--image",
    "--what",
    "--preset-mode",
    "--when",
    "--timestamp",
];

fn read(words: &[Word], grammar: &Grammar) -> Ask {
    let (mut ask, mut plain) = (Ask::default(), Vec::new());
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let may = match grammar.options {
            Options::Anywhere => true,
            Options::First => plain.is_empty(),
            Options::BeforeAction => plain.len() < 2,
        };
        match word
            .known()
            .filter(|text| may && text.len() > 1 && text.starts_with('-'))
        {
            Some("--") => {
                plain.extend(rest.cloned());
                break;
            }
            Some(option) => {
                ask.options.push(word.clone());
                if grammar.valued.contains(&option) {
                    rest.next();
                }
            }
            None => plain.push(word.clone()),
        }
    }
    let mut plain = plain.into_iter();
    match grammar.order {
        Order::Action => {
            ask.action = plain.next();
            ask.names = plain.collect();
        }
        Order::Name => {
            ask.names = plain.next().into_iter().collect();
            ask.action = plain.next();
        }
        Order::Only(action) => {
            ask.action = Some(Word::Known(action.to_owned()));
            ask.names = plain.collect();
        }
    }
    ask
}

/// The service whose init script this is.
fn script_name(path: &Word) -> Word {
    let name = |text: &str| {
        text.rsplit('/')
            .next()
            .unwrap_or(text)
            .trim_end_matches('"')
            .to_owned()
    };
    match path {
        Word::Known(text) => Word::Known(name(text)),
        Word::Unknown(text) => Word::Unknown(name(text)),
    }
}

/// `initctl ACTION JOB`, `start JOB`
fn job(program: Option<&Word>, words: &[Word]) -> Ask {
    let program = program.and_then(Word::known).unwrap_or_default();
    let program = program.rsplit('/').next().unwrap_or(program);
    let order = match program {
        "start" => Order::Only("start"),
        "stop" => Order::Only("stop"),
        "restart" => Order::Only("restart"),
        "reload" => Order::Only("reload"),
        _ => Order::Action,
    };
    let mut ask = read(
        words,
        &Grammar {
            valued: &["--dest"],
            options: Options::Anywhere,
            order,
        },
    );
    // What has an equals sign is a variable for the job.
    ask.names
        .retain(|word| !word.known().is_some_and(|text| text.contains('=')));
    ask
}

/// start-stop-daemon's action is an option of its, and so is the program that it is about.
fn daemon(words: &[Word]) -> Ask {
    let mut ask = Ask::default();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let Some(text) = word.known() else {
            continue;
        };
        let (option, value) = match text.split_once('=') {
            Some((option, value)) => (option, Some(value)),
            None => (text, None),
        };
        match option {
            "--" => break,
            "-S" | "--start" => ask.action = Some(Word::Known("start".to_owned())),
            "-K" | "--stop" => ask.action = Some(Word::Known("stop".to_owned())),
            "-T" | "--status" => ask.action = Some(Word::Known("status".to_owned())),
            "-t" | "--test" => ask.action = Some(Word::Known("test".to_owned())),
            "-x" | "--exec" | "-n" | "--name" | "-a" | "--startas" => {
                let value = value.map(|value| Word::Known(value.to_owned()));
                ask.names.extend(value.or_else(|| rest.next().cloned()));
            }
            "-p" | "--pidfile" | "-u" | "--user" | "-g" | "--group" | "-r" | "--chroot" | "-d"
            | "--chdir" | "-N" | "--nicelevel" | "-R" | "--retry" | "-s" | "--signal" | "-c"
            | "--chuid" | "-k" | "--umask" | "-P" | "--procsched" | "-I" | "--iosched" | "-O"
            | "--output" => {
                if value.is_none() {
                    rest.next();
                }
                ask.options.push(word.clone());
            }
            _ => ask.options.push(word.clone()),
        }
    }
    ask
}

/// `kill`: signal 0 only asks whether a process is there.
fn kill(words: &[Word]) -> Ask {
    let mut ask = read(
        words,
        &Grammar {
            valued: &["-s", "--signal", "-u", "--user"],
            options: Options::Anywhere,
            order: Order::Only("kill"),
        },
    );
    if ask.has("-0") {
        ask.action = Some(Word::Known("test".to_owned()));
    }
    ask
}
