//! The decision log: one JSON line a decision, and the same to the journal.
//! A log that cannot be written never fails or delays an action: errors are values for the caller.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{Gid, fchown};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::journal::{self, Message};
use super::time;
use crate::domain::{Action, Caller, FrontEnd, Reason, ServiceName, UnitName, Until, Verdict};
use crate::files::{Directory, FileError, Missing, may_grow_to};

/// Where the log is on a real machine.
pub const DIRECTORY: &str = "/var/log/rcpolicy";
/// The current file there.
pub const FILE: &str = "decisions.jsonl";
/// The version of the format that this program writes.
pub const VERSION: u32 = 1;
/// What every decision is found by in the journal, on whatever machine it was taken:
/// `journalctl MESSAGE_ID=374dc18f552d49dc992492322e09a148`.
pub const MESSAGE_ID: &str = "374dc18f552d49dc992492322e09a148";
/// So many services that a decision concerns besides are told to the journal; our own log has all.
const MOST_CONCERNED: usize = 16;
/// Journal priority of an ordinary decision (syslog's "info").
const INFO: &str = "6";
/// Journal priority of one whose action failed (syslog's "warning").
const WARNING: &str = "4";

/// Why a decision was not logged, or the log not read.
#[derive(Debug, Error)]
pub enum LogError {
    /// The directory or the file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Writing or reading broke off.
    #[error("cannot {doing} `{}`: {source}", path.display())]
    Io {
        /// A verb.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing that comes from a request is such.
    #[error("cannot write the decision down: {0}")]
    Encode(#[from] serde_json::Error),
}

/// In observe mode: what ours would have done where the stock tool was called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Would {
    /// Our verdict.
    pub verdict: Verdict,
    /// Whether the stock tool does something else.
    pub differs: bool,
}

/// One decision, as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Of the format.
    pub version: u32,
    /// RFC 3339, UTC, to the microsecond.
    pub time: String,
    /// Which command line asked.
    pub front: FrontEnd,
    /// About which service.
    pub service: ServiceName,
    /// Other services that it concerns: what a trigger starts, an alias that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub concerns: Vec<ServiceName>,
    /// Its unit.
    pub unit: UnitName,
    /// What was asked.
    pub action: Action,
    /// What was decided.
    pub verdict: Verdict,
    /// Why.
    #[serde(default)]
    pub reasons: Vec<Reason>,
    /// For whom.
    #[serde(default)]
    pub context: Caller,
    /// What came of it, one line.
    #[serde(default)]
    pub outcome: Option<String>,
    /// The exit status the caller got.
    #[serde(default)]
    pub status: Option<i32>,
    /// In observe mode only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would: Option<Would>,
    /// Our process id.
    #[serde(default)]
    pub pid: u32,
}

impl LogLine {
    /// The verdict's first word: run, stop, defer, ...
    pub fn verdict_word(&self) -> String {
        verdict_word(&self.verdict)
    }

    /// One line for a human.
    pub fn summary(&self) -> String {
        let mut text = format!("{} {}: {}", self.service, self.action, self.verdict_word());
        if let Some(reason) = self.reasons.first() {
            text += &format!(" ({}: {})", reason.source, reason.text);
        }
        if let Some(outcome) = &self.outcome {
            text += &format!("; {outcome}");
        }
        text
    }

    /// The journal's message.
    pub fn message(&self) -> Message {
        let reason = self.reasons.first();
        let source = reason.map(|reason| reason.source.to_string());
        let until = self.verdict.until().map(Until::as_str);
        let would = self
            .would
            .as_ref()
            .map(|would| verdict_word(&would.verdict));
        let failed = self.status.is_some_and(|status| status != 0);
        let status = self.status.map(|status| status.to_string());
        let message = Message::default()
            .with("MESSAGE", &self.summary())
            .with("PRIORITY", if failed { WARNING } else { INFO })
            .with("SYSLOG_IDENTIFIER", "rcpolicy")
            .with("MESSAGE_ID", MESSAGE_ID)
            .with("RCPOLICY_FRONT", self.front.as_str())
            .with("RCPOLICY_SERVICE", self.service.as_str())
            .with("RCPOLICY_ACTION", self.action.as_str())
            .with("RCPOLICY_VERDICT", &self.verdict_word())
            .with_some("RCPOLICY_PACKAGE", self.context.package.as_deref())
            .with_some("RCPOLICY_SCRIPT", self.context.script.as_deref())
            .with("RCPOLICY_PHASE", self.context.phase.as_str())
            .with_some("RCPOLICY_SOURCE", source.as_deref())
            .with_some("RCPOLICY_REASON", reason.map(|reason| reason.text.as_str()))
            .with_some("RCPOLICY_UNTIL", until)
            .with_some("RCPOLICY_OUTCOME", self.outcome.as_deref())
            .with_some("RCPOLICY_STATUS", status.as_deref())
            .with_some("RCPOLICY_WOULD", would.as_deref())
            // `journalctl -u NAME` shows what is told of a unit by these.
            .with("UNIT", self.unit.as_str())
            .with("OBJECT_SYSTEMD_UNIT", self.unit.as_str());
        // A field may come several times.
        let concerns = self.concerns.iter().take(MOST_CONCERNED);
        concerns.fold(message, |message, service| {
            message.with("RCPOLICY_CONCERNS", service.as_str())
        })
    }
}

/// The verdict in words: run start, stop, defer restart, ...
pub fn verdict_word(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Run(action) => format!("run {action}"),
        Verdict::Stop => "stop".to_owned(),
        Verdict::Quiesce => "quiesce".to_owned(),
        Verdict::Restart => "restart".to_owned(),
        Verdict::IfStale => "if-stale".to_owned(),
        Verdict::Reload => "reload".to_owned(),
        Verdict::Defer { action, .. } => format!("defer {action}"),
        Verdict::Hold => "hold".to_owned(),
        Verdict::FallBack(actions) => format!("fall back to {}", actions.join(" ")),
        Verdict::Deny => "deny".to_owned(),
        Verdict::Emulate(status) => format!("emulate {status}"),
        Verdict::Nothing => "nothing".to_owned(),
    }
}

/// The log of one machine.
#[derive(Debug, Clone)]
pub struct Log {
    directory: PathBuf,
    journal: PathBuf,
}

impl Default for Log {
    fn default() -> Self {
        Self::at(Path::new(DIRECTORY), Path::new(journal::SOCKET))
    }
}

impl Log {
    /// The log in `directory`, and the journal behind `journal`.
    pub fn at(directory: &Path, journal: &Path) -> Self {
        Self {
            directory: directory.to_path_buf(),
            journal: journal.to_path_buf(),
        }
    }

    /// Writes `line` to both. A journal that is not there is not worth a word.
    ///
    /// # Errors
    /// When the file could not be written; the journal was told all the same.
    pub fn write(&self, line: &LogLine) -> Result<(), LogError> {
        let _ = journal::send(&self.journal, &line.message());
        let text = serde_json::to_string(line)?;
        self.append(&text)
    }

    fn append(&self, text: &str) -> Result<(), LogError> {
        let directory = Directory::open(&self.directory, Missing::Create)?;
        let file = open_log(&directory)?;
        let path = self.directory.join(FILE);
        let wrong = |source| LogError::Io {
            doing: "write",
            path: path.clone(),
            source,
        };
        let end = file.metadata().map_err(wrong)?.len();
        let whole = format!("{}{text}\n", separator(&file, end).map_err(wrong)?);
        may_grow_to(end.saturating_add(whole.len() as u64)).map_err(|errno| wrong(errno.into()))?;
        // One call: lines of several writers never mix.
        let written = (&file).write(whole.as_bytes()).map_err(wrong)?;
        if written < whole.len() {
            return Err(wrong(io::ErrorKind::WriteZero.into()));
        }
        Ok(())
    }
}

/// A newline where a writer before us was cut off in the middle of its line by a full disk.
fn separator(file: &File, end: u64) -> io::Result<&'static str> {
    let mut last = [b'\n'];
    if end > 0 {
        file.read_at(&mut last, end - 1)?;
    }
    Ok(if last == *b"\n" { "" } else { "\n" })
}

fn open_log(directory: &Directory) -> Result<File, FileError> {
    let flags = OFlag::O_RDWR | OFlag::O_APPEND;
    match directory.open_file(FILE, flags, 0) {
        Err(error) if error.is_missing() => {}
        other => return other,
    }
    match directory.open_file(FILE, flags | OFlag::O_CREAT | OFlag::O_EXCL, 0o640) {
        // Somebody else made it meanwhile.
        Err(error) if error.errno() == Some(nix::errno::Errno::EEXIST) => {
            directory.open_file(FILE, flags, 0)
        }
        Ok(file) => {
            let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
            // Where that fails only root reads the log, which is no reason not to write it.
            let _ = fchmod(&file, Mode::from_bits_truncate(0o640));
            let _ = group_id(&groups, "adm").map(|gid| fchown(&file, None, Some(gid)));
            Ok(file)
        }
        other => other,
    }
}

/// The id of a local group. No NSS: it would load modules into a drop-in.
fn group_id(groups: &str, name: &str) -> Option<Gid> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let found = fields.next() == Some(name);
        let id = fields.nth(1)?.parse().ok()?;
        found.then_some(Gid::from_raw(id))
    })
}

/// Which lines are wanted; times in microseconds since the epoch, both included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Of this package's scripts.
    pub package: Option<String>,
    /// About this service.
    pub service: Option<ServiceName>,
    /// Not before.
    pub since: Option<i64>,
    /// Not after.
    pub until: Option<i64>,
}

impl Filter {
    /// Whether `line` is wanted. A line whose time is no time is wanted where no time is asked for.
    pub fn wants(&self, line: &LogLine) -> bool {
        let package = self.package.is_none() || self.package == line.context.package;
        let service = self.service.as_ref();
        let service = service.is_none_or(|s| *s == line.service || line.concerns.contains(s));
        package && service && self.wants_time(&line.time)
    }

    fn wants_time(&self, text: &str) -> bool {
        if self.since.is_none() && self.until.is_none() {
            return true;
        }
        time::parse(text, 0).is_ok_and(|time| {
            self.since.is_none_or(|since| since <= time)
                && self.until.is_none_or(|until| time <= until)
        })
    }
}

/// What reading the log came across besides lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Passed {
    /// Damaged lines: file, line from 1, what is wrong.
    pub damaged: Vec<(PathBuf, usize, String)>,
    /// Rotated and compressed files, which are not read.
    pub compressed: Vec<PathBuf>,
}

/// Hands every wanted line to `each`, the oldest first, over rotated files too.
///
/// # Errors
/// When the directory or a file cannot be read; a missing log is an empty one.
pub fn read(
    directory: &Path,
    filter: &Filter,
    each: &mut dyn FnMut(&LogLine),
) -> Result<Passed, LogError> {
    let mut passed = Passed::default();
    let directory = match Directory::open(directory, Missing::Fail) {
        Err(error) if error.is_missing() => return Ok(passed),
        other => other?,
    };
    let names = directory.names()?;
    let names: Vec<&str> = names.iter().filter_map(|name| name.to_str()).collect();
    for name in rotated(&names) {
        let file = directory.open_file(&name, OFlag::O_RDONLY, 0)?;
        let path = directory.path().join(&name);
        read_file(&path, file, &mut passed, &mut |line| {
            if filter.wants(&line) {
                each(&line);
            }
        })?;
    }
    let compressed = names.iter().filter(|n| is_compressed(n));
    passed.compressed = compressed.map(|n| directory.path().join(n)).collect();
    Ok(passed)
}

/// The log's files among `names` that can be read, the oldest first.
fn rotated(names: &[&str]) -> Vec<String> {
    let mut numbered: Vec<(u32, &str)> = names
        .iter()
        .filter_map(|name| Some((rotation(name)?, *name)))
        .collect();
    numbered.sort_by(|a, b| b.cmp(a));
    numbered
        .iter()
        .map(|(_, name)| (*name).to_owned())
        .collect()
}

/// 0 for the current file, n for `.n`.
fn rotation(name: &str) -> Option<u32> {
    match name.strip_prefix(FILE)? {
        "" => Some(0),
        rest => rest.strip_prefix('.')?.parse().ok(),
    }
}

fn is_compressed(name: &str) -> bool {
    let packed = [".gz", ".xz", ".zst", ".bz2"];
    name.starts_with(FILE) && packed.iter().any(|end| name.ends_with(end))
}

fn read_file(
    path: &Path,
    mut file: File,
    passed: &mut Passed,
    each: &mut dyn FnMut(LogLine),
) -> Result<(), LogError> {
    let wrong = |source| LogError::Io {
        doing: "read",
        path: path.to_path_buf(),
        source,
    };
    // Only what stands there now: a busy machine's log may grow while it is read.
    let end = file.seek(SeekFrom::End(0)).map_err(wrong)?;
    file.rewind().map_err(wrong)?;
    let mut reader = BufReader::new(file.take(end));
    let (mut bytes, mut number) = (Vec::new(), 0);
    while reader.read_until(b'\n', &mut bytes).map_err(wrong)? > 0 {
        number += 1;
        match decode(&bytes) {
            Ok(Some(line)) => each(line),
            Ok(None) => {}
            Err(why) => passed.damaged.push((path.to_path_buf(), number, why)),
        }
        bytes.clear();
    }
    Ok(())
}

fn decode(bytes: &[u8]) -> Result<Option<LogLine>, String> {
    if bytes.trim_ascii().is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(bytes)
        .map(Some)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let line = r#"{"version":1,"time":"2026-11-21T03:00:43.000000Z","front":"deb-systemd-invoke","service":"ssh","unit":"ssh.service",
"action":"restart","verdict":{"defer":{"action":"restart","until":"batch"}},"reasons":[{"source":{"rule":{"path":"/etc/a.toml","line":3}},
"text":"the DBA restarts databases"}],"context":{"package":"ssh","script":"postinst","phase":"upgrade"},"outcome":"put off","status":0,"pid":1}"#;
        crate::testing::mutations::mutated_text(
            &[line],
            &["null", "\"\"", "{}", "[]", "-1", "1e400", "\\u0000"],
            |text| {
                if let Ok(Some(line)) = decode(text.as_bytes()) {
                    let again = serde_json::to_vec(&line).unwrap();
                    assert_eq!(decode(&again).unwrap(), Some(line));
                }
                let _ = (rotation(text), is_compressed(text));
            },
        );
    }
}
