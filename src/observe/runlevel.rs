//! The current runlevel: from the `runlevel` program, or under systemd from utmp without a child.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::detect::is_executable;

const RUNLEVEL: &str = "/sbin/runlevel";
const UTMP: &str = "/run/utmp";
/// Size of one record, in bytes, on every Debian architecture: utmp(5).
const UTMP_RECORD: usize = 384;
/// ut_type of the record that holds the runlevel.
const RUN_LVL: u8 = 1;

/// What there is to know of the runlevel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runlevel {
    /// Told, without the previous one.
    Is(String),
    /// Nobody could tell.
    Unknown,
}

/// Asks `/sbin/runlevel`. Where that is systemctl, what it would read is read here.
pub fn ask() -> Runlevel {
    if !is_executable(RUNLEVEL) {
        return Runlevel::Unknown;
    }
    if is_systemctl() {
        from_environment()
            .or_else(from_utmp)
            .unwrap_or(Runlevel::Unknown)
    } else {
        run()
    }
}

/// Whether `/sbin/runlevel` is systemctl, which ignores the question in a chroot: no answer, and no failure.
pub fn is_systemctl() -> bool {
    fs::canonicalize(RUNLEVEL).is_ok_and(|path| path.ends_with("systemctl"))
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
        Ok(_) | Err(_) => Runlevel::Unknown,
    }
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
}
