//! The recorder: what policy-rc.d, init scripts and rc-service are in a world. It writes down exactly what it was
//! given, without a shell in between, and then does what its own text says. Never judges.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use nix::sys::signal::{Signal, raise};
use serde::{Deserialize, Serialize};

/// Where the recorder stands in a world: the interpreter of the scripts.
pub(crate) const RECORDER: &str = "/compliance/record";
/// Where it appends what it saw, one JSON object a line.
pub(crate) const RECORDS: &str = "/compliance/records";

/// What one recorder was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The script's path, as it was called.
    pub(crate) who: String,
    pub(crate) args: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    /// What descriptor 0 is, and what was read from it.
    pub(crate) stdin: (String, String),
    /// Open descriptors above 2.
    pub(crate) descriptors: Vec<String>,
    pub(crate) cwd: String,
    pub(crate) umask: String,
}

/// What a recorder's text tells it to do, one word and its value a line.
#[derive(Default)]
struct Text {
    status: u8,
    signal: Option<i32>,
    out: Vec<u8>,
    err: Vec<u8>,
    reads: String,
    silent: bool,
}

/// Runs as the interpreter of `argv[1]`, and returns the exit status that its text asks for.
pub(crate) fn run() -> Result<u8, Box<dyn Error>> {
    let mut args = env::args_os().skip(1);
    let script = args.next().ok_or("a recorder without a script")?;
    let args: Vec<String> = args.map(|arg| escape(&arg.into_vec())).collect();
    let text = Text::parse(
        &fs::read_to_string(&script)?,
        args.first().map(String::as_str),
    );
    if !text.silent {
        let record = Record {
            who: escape(script.as_bytes()),
            args,
            env: env::vars_os()
                .map(|(name, value)| (escape(name.as_bytes()), escape(value.as_bytes())))
                .collect(),
            stdin: (target(0), escape(&read_stdin(&text.reads)?)),
            descriptors: descriptors()?,
            cwd: escape(env::current_dir()?.as_os_str().as_bytes()),
            umask: umask()?,
        };
        append(&record)?;
    }
    io::stdout().write_all(&text.out)?;
    io::stdout().flush()?;
    io::stderr().write_all(&text.err)?;
    if let Some(signal) = text.signal {
        raise(Signal::try_from(signal)?)?;
    }
    Ok(text.status)
}

impl Text {
    fn parse(text: &str, action: Option<&str>) -> Self {
        let mut result = Self::default();
        for line in text.lines().skip(1) {
            let (word, value) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "status" => result.status = value.parse().unwrap_or(99),
                "knows" if !value.split(' ').any(|known| Some(known) == action) => {
                    result.status = 3
                }
                "denies" if Some(value) == action => result.status = 101,
                "signal" => result.signal = value.parse().ok(),
                "out" => result.out.extend(format!("{value}\n").bytes()),
                "out-open" => result.out.extend(value.bytes()),
                "err" => result.err.extend(format!("{value}\n").bytes()),
                "reads" => value.clone_into(&mut result.reads),
                "silent" => result.silent = true,
                _ => {}
            }
        }
        result
    }
}

/// Bytes as text in which every one of them can be told.
fn escape(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn read_stdin(reads: &str) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    let mut stdin = io::stdin().lock();
    match reads {
        "all" => {
            stdin.read_to_end(&mut read)?;
        }
        "line" => {
            // Byte by byte from the descriptor itself: a buffer would take away what belongs to the next reader.
            let mut byte = [0];
            while nix::unistd::read(io::stdin(), &mut byte)? == 1 {
                read.extend(byte);
                if byte == *b"\n" {
                    break;
                }
            }
        }
        _ => {}
    }
    Ok(read)
}

fn target(descriptor: u32) -> String {
    fs::read_link(format!("/proc/self/fd/{descriptor}")).map_or_else(
        |error| error.to_string(),
        |path| escape(path.as_os_str().as_bytes()),
    )
}

fn descriptors() -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let number: u32 = entry?.file_name().to_string_lossy().parse().unwrap_or(0);
        let path = target(number);
        // The directory that is being read is the recorder's own.
        if number > 2 && !path.ends_with("/fd") {
            found.push(format!("{number} {path}"));
        }
    }
    found.sort();
    Ok(found)
}

fn umask() -> io::Result<String> {
    let status = fs::read_to_string("/proc/self/status")?;
    Ok(status
        .lines()
        .find_map(|line| line.strip_prefix("Umask:\t"))
        .unwrap_or("?")
        .to_owned())
}

fn append(record: &Record) -> Result<(), Box<dyn Error>> {
    let mut line = serde_json::to_string(record)?;
    line.push('\n');
    let mut file = OpenOptions::new().append(true).create(true).open(RECORDS)?;
    file.write_all(line.as_bytes())?;
    Ok(())
}
