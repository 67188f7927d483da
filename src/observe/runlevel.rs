//! The current runlevel: from the `runlevel` program, or from what that would read where it is systemctl's
//! or sysvinit's, without a child.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use nix::errno::Errno;

use super::detect::is_executable;

const RUNLEVEL: &str = "/sbin/runlevel";
const UTMP: &str = "/run/utmp";
/// Size of one record, in bytes, on every Debian architecture: utmp(5).
const UTMP_RECORD: usize = 384;
/// ut_type of the record that holds the runlevel.
const RUN_LVL: u8 = 1;
/// How a program begins that is no script.
const COMPILED: [u8; 4] = *b"\x7fELF";

/// What there is to know of the runlevel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runlevel {
    /// Told, without the previous one.
    Is(String),
    /// Nobody could tell.
    Unknown,
    /// Nobody could be asked, and why: the machine is out of something.
    Unasked(String),
}

/// Whose program answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Teller {
    /// systemctl, by another name.
    Systemctl,
    /// A compiled one of that name, as sysvinit's is: it prints the record in utmp where there is one.
    Sysvinit,
    /// Anybody's.
    Other,
}

/// Asks `/sbin/runlevel`. What sysvinit's or systemctl would read is read here.
pub fn ask() -> Runlevel {
    if !is_executable(RUNLEVEL) {
        return Runlevel::Unknown;
    }
    match teller(Path::new(RUNLEVEL)) {
        Teller::Systemctl => from_environment()
            .or_else(from_utmp)
            .unwrap_or(Runlevel::Unknown),
        Teller::Sysvinit => from_utmp().unwrap_or_else(run),
        Teller::Other => run(),
    }
}

fn teller(program: &Path) -> Teller {
    let Ok(path) = fs::canonicalize(program) else {
        return Teller::Other;
    };
    if path.ends_with("systemctl") {
        Teller::Systemctl
    } else if path.ends_with("runlevel") && is_compiled(&path) {
        Teller::Sysvinit
    } else {
        Teller::Other
    }
}

fn is_compiled(path: &Path) -> bool {
    let mut start = [0; COMPILED.len()];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == COMPILED
}

/// Whether `/sbin/runlevel` is systemctl, which ignores the question in a chroot: no answer, and no failure.
pub fn is_systemctl() -> bool {
    teller(Path::new(RUNLEVEL)) == Teller::Systemctl
}

/// The runlevel of the machine whose root directory is `root`: another one's is in its records alone.
pub fn ask_under(root: &Path) -> Runlevel {
    if root == Path::new("/") {
        return ask();
    }
    let records = fs::read(root.join(UTMP.trim_start_matches('/'))).ok();
    records
        .and_then(|bytes| parse_utmp(&bytes))
        .unwrap_or(Runlevel::Unknown)
}

fn run() -> Runlevel {
    let output = Command::new(RUNLEVEL)
        .stderr(Stdio::inherit())
        .stdin(Stdio::inherit())
        .output();
    match output {
        Ok(output) if output.status.success() => {
            Runlevel::Is(current(&String::from_utf8_lossy(&output.stdout)))
        }
        Err(error) if is_shortage(&error) => {
            Runlevel::Unasked(format!("cannot run {RUNLEVEL}: {error}"))
        }
        Ok(_) | Err(_) => Runlevel::Unknown,
    }
}

/// Whether it says nothing of the program, but that the machine cannot run any now.
fn is_shortage(error: &io::Error) -> bool {
    use Errno::{EAGAIN, EINTR, EIO, EMFILE, ENFILE, ENOMEM};
    let errno = error.raw_os_error().map(Errno::from_raw);
    errno.is_some_and(|errno| [EAGAIN, EINTR, EIO, EMFILE, ENFILE, ENOMEM].contains(&errno))
}

/// The part after the previous runlevel: `N 2` is `2`.
fn current(output: &str) -> String {
    let line = output.trim_end_matches('\n');
    line.split_once(' ')
        .map_or(line, |(_, current)| current)
        .trim()
        .to_owned()
}

fn from_environment() -> Option<Runlevel> {
    let value = std::env::var("RUNLEVEL").ok()?;
    value
        .chars()
        .next()
        .map(|level| Runlevel::Is(level.to_string()))
}

fn from_utmp() -> Option<Runlevel> {
    parse_utmp(&fs::read(UTMP).ok()?)
}

fn parse_utmp(bytes: &[u8]) -> Option<Runlevel> {
    let record = bytes
        .chunks_exact(UTMP_RECORD)
        .find(|r| r.first() == Some(&RUN_LVL))?;
    // ut_pid holds the current level in its lowest byte and the previous one in the next.
    let level = *record.get(4)?;
    level
        .is_ascii_graphic()
        .then(|| Runlevel::Is(char::from(level).to_string()))
}

/// Whether PID 1 is still in the boot runlevel, in which utmp holds the last shutdown's.
pub fn init_is_booting() -> bool {
    fs::read("/proc/1/cmdline").is_ok_and(|line| {
        let text = String::from_utf8_lossy(&line).replace('\0', " ");
        text.contains("init boot")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_previous_runlevel_is_left_out() {
        for (output, level) in [
            ("N 2\n", "2"),
            ("2 5\n", "5"),
            ("5\n", "5"),
            ("unknown\n", "unknown"),
        ] {
            assert_eq!(current(output), level);
        }
    }

    #[test]
    fn only_a_compiled_program_of_that_name_is_taken_for_sysvinits() {
        let top = tempfile::tempdir().unwrap();
        let make = |name: &str, bytes: &[u8]| {
            fs::write(top.path().join(name), bytes).unwrap();
        };
        make("systemctl", b"\x7fELF...");
        make("initctl", b"\x7fELF...");
        make("busybox", b"\x7fELF...");
        for (bytes, expected) in [
            (&b"\x7fELF..."[..], Teller::Sysvinit),
            (b"#!/bin/sh\necho N 2\n", Teller::Other),
            (b"\x7fEL", Teller::Other),
        ] {
            make("runlevel", bytes);
            assert_eq!(teller(&top.path().join("runlevel")), expected);
        }
        fs::remove_file(top.path().join("runlevel")).unwrap();
        assert_eq!(teller(&top.path().join("runlevel")), Teller::Other);
        for (target, expected) in [
            ("systemctl", Teller::Systemctl),
            ("initctl", Teller::Other),
            ("busybox", Teller::Other),
        ] {
            let link = top.path().join("runlevel");
            std::os::unix::fs::symlink(target, &link).unwrap();
            assert_eq!(teller(&link), expected, "{target}");
            fs::remove_file(link).unwrap();
        }
    }

    #[test]
    fn the_runlevel_is_found_among_other_records() {
        let mut bytes = vec![0; 2 * UTMP_RECORD];
        bytes[0] = 2;
        bytes[UTMP_RECORD] = RUN_LVL;
        bytes[UTMP_RECORD + 4] = b'5';
        bytes[UTMP_RECORD + 5] = b'N';
        assert_eq!(parse_utmp(&bytes), Some(Runlevel::Is("5".to_owned())));
        assert_eq!(parse_utmp(&bytes[..UTMP_RECORD]), None);
        assert_eq!(parse_utmp(b"short"), None);
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let mut utmp = vec![0; 2 * UTMP_RECORD];
        utmp[0] = 2;
        utmp[UTMP_RECORD..UTMP_RECORD + 6].copy_from_slice(&[RUN_LVL, 0, 0, 0, b'5', b'N']);
        crate::testing::mutations::mutated(&[&utmp, b"N 2\n"], &[" ", "\n", "\0"], |bytes| {
            let _ = parse_utmp(bytes);
            let _ = current(&String::from_utf8_lossy(bytes));
        });
    }
}
