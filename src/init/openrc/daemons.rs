//! What runs for a service that is started, by what was noted down when it was: OpenRC's own
//! start-stop-daemon and supervise-daemon note each daemon; with dpkg's, which Debian has, only the
//! values are left that the script kept.
//!
//! A file with a process id is the daemon's own and says what its user likes: its number is looked at,
//! and never sent a signal.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::unistd::geteuid;

use super::places::Places;
use super::script::open_plainly;
use crate::files::{Directory, Missing};
use crate::init::process::Process;

/// No note of OpenRC's, and no file with a process id, is longer than that, in bytes.
const LONGEST_NOTE: u64 = 64 * 1024;
const LONGEST_PID: u64 = 64;

/// What starts daemons, as far as the kernel keeps a name.
const STARTERS: [&str; 2] = ["start-stop-daem", "supervise-daemo"];

/// What is known of a service's processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Daemons {
    /// The one that is the service.
    pub(super) main: Option<Process>,
    /// One of them has ended without being stopped.
    pub(super) gone: bool,
    /// What its supervisor left behind when that was killed: a stop does not reach it.
    pub(super) orphan: Option<Process>,
}

/// One daemon, as it was noted down.
#[derive(Debug, Default, PartialEq, Eq)]
struct Note {
    program: Option<String>,
    pid_file: Option<PathBuf>,
}

/// What runs for the service `name`, which is started.
pub(super) fn of(places: &Places, name: &str) -> Daemons {
    let values = Values::of(places, name);
    let chroot = values.get("chroot");
    let mut notes = noted(places, name);
    if notes.is_empty() {
        notes.push(Note {
            program: values.get("command"),
            pid_file: values.get("pidfile").map(PathBuf::from),
        });
    }
    let rooted = |path: &PathBuf| match &chroot {
        Some(root) => PathBuf::from(format!("{root}{}", path.display())),
        None => path.clone(),
    };
    let mut daemons = Daemons::default();
    for note in &mut notes {
        note.pid_file = note.pid_file.as_ref().map(rooted);
        let number = note.pid_file.as_deref().and_then(number_in);
        let process = number.and_then(Process::living);
        daemons.gone |= match number {
            Some(_) => process.is_none(),
            None => is_gone(note),
        };
        daemons.main = daemons.main.or(process);
    }
    // The supervisor's own number stands in the file.
    let child = values.get("child_pid").and_then(|text| text.parse().ok());
    let child = child.and_then(Process::living);
    if daemons.gone {
        let program = values.get("exec").unwrap_or_default();
        daemons.orphan = child.filter(|child| is_of(*child, &program));
        daemons.main = daemons.orphan;
    } else {
        daemons.main = child.or(daemons.main);
    }
    daemons
}

/// A file that is missing may just as well have been taken along by a daemon that ended in good order, or
/// never have been written: then it is looked for by its program.
fn is_gone(note: &Note) -> bool {
    match (&note.pid_file, &note.program) {
        (Some(_), Some(program)) => !runs(program),
        (Some(_) | None, _) => false,
    }
}

/// The daemons that OpenRC's own tools noted down.
fn noted(places: &Places, name: &str) -> Vec<Note> {
    let Ok(directory) = Directory::open(&places.run.join("daemons").join(name), Missing::Fail)
    else {
        return Vec::new();
    };
    let names = directory.names().unwrap_or_default();
    let read = |name: &std::ffi::OsString| directory.read(name.to_str()?, LONGEST_NOTE).ok();
    let texts = names.iter().filter_map(read);
    texts
        .map(|bytes| parse(&String::from_utf8_lossy(&bytes)))
        .collect()
}

/// `exec=...`, `argv_0=...`, `pidfile=...`, a line each; what is half written has no such line.
fn parse(text: &str) -> Note {
    let value = |key: &str| {
        let mut values = text.lines().filter_map(|line| line.strip_prefix(key));
        values.find(|value| !value.is_empty()).map(str::to_owned)
    };
    Note {
        program: value("exec=").or_else(|| value("argv_0=")),
        pid_file: value("pidfile=").map(PathBuf::from),
    }
}

/// The values that the service's script kept, where there are any.
struct Values(Option<Directory>);

impl Values {
    fn of(places: &Places, name: &str) -> Self {
        let path = places.values().join(name);
        Self(Directory::open(&path, Missing::Fail).ok())
    }

    fn get(&self, key: &str) -> Option<String> {
        let bytes = self.0.as_ref()?.read(key, LONGEST_NOTE).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let text = text.trim_end_matches('\n');
        (!text.is_empty()).then(|| text.to_owned())
    }
}

/// The number of a process that stands in a file, whether or not it still runs.
fn number_in(path: &Path) -> Option<u32> {
    let file = open_plainly(path, OFlag::empty()).ok()?;
    let mut text = String::new();
    file.take(LONGEST_PID).read_to_string(&mut text).ok()?;
    let digits = text.trim_start();
    let end = digits.find(|c: char| !c.is_ascii_digit());
    let number = digits.get(..end.unwrap_or(digits.len()))?.parse().ok();
    number.filter(|number| *number != 0)
}

/// Whether some process runs this program.
fn runs(program: &str) -> bool {
    let real = fs::canonicalize(program).ok();
    any_process(|process, words| is_running(process, words, (program, real.as_deref())))
}

/// Whether that process runs this program: its number may be another's by now.
fn is_of(process: Process, program: &str) -> bool {
    let directory = PathBuf::from(format!("/proc/{}", process.pid));
    let words = fs::read(directory.join("cmdline")).unwrap_or_default();
    let real = fs::canonicalize(program).ok();
    is_running(&directory, &words, (program, real.as_deref()))
}

/// Whether a process is that program, or an interpreter that runs it.
fn is_running(process: &Path, words: &[u8], (program, real): (&str, Option<&Path>)) -> bool {
    let own = fs::read_link(process.join("exe")).ok();
    let mut first = words.split(|byte| *byte == 0).take(2);
    (own.is_some() && own.as_deref() == real) || first.any(|word| word == program.as_bytes())
}

/// Whether a process is still what starts a daemon, and not yet that daemon.
pub(super) fn is_being_started(process: Process) -> bool {
    let name = fs::read_to_string(format!("/proc/{}/comm", process.pid)).unwrap_or_default();
    STARTERS.contains(&name.trim_end()) && process.is_alive()
}

/// Whether OpenRC is running the script at `path`, as whoever runs us: nobody else's process counts, which
/// may look as it likes.
pub(super) fn is_run_by_openrc(path: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::MetadataExt;
    let path = path.as_os_str().as_bytes();
    let own = geteuid().as_raw();
    any_process(|process, words| {
        let words: Vec<&[u8]> = words.split(|byte| *byte == 0).collect();
        let runner =
            |word: &&[u8]| word.ends_with(b"/openrc-run") || word.ends_with(b"/openrc-run.sh");
        let is_ours = || fs::metadata(process).is_ok_and(|found| found.uid() == own);
        words.contains(&path) && words.iter().any(runner) && is_ours()
    })
}

/// Whether one of all processes is such a one, by its directory in /proc and its command line.
fn any_process(is_it: impl Fn(&Path, &[u8]) -> bool) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten();
    let numbered = processes.filter_map(|entry| {
        let entry = entry.ok()?;
        entry.file_name().to_str()?.parse::<u32>().ok()?;
        Some(entry.path())
    });
    numbered
        .into_iter()
        .any(|path| fs::read(path.join("cmdline")).is_ok_and(|words| is_it(&path, &words)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let note =
            "exec=/usr/sbin/foo\nargv_0=/usr/sbin/foo\nargv_1=-D\nname=\npidfile=/run/foo.pid\n";
        crate::testing::mutations::mutated_text(
            &[note],
            &["exec=", "pidfile=", "argv_0=", "\n"],
            |text| {
                let _ = parse(text);
            },
        );
    }
}
