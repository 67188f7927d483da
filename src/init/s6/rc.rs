//! s6-rc's commands, and what their answers mean: `s6-rc` for states and changes, `s6-rc-db` for what there
//! is. Dependencies and bundles are as s6-rc computes them. No Debian suite has s6-rc: this goes by its
//! documentation, by messages that its users quote, and by its releases from 0.5 on.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use thiserror::Error;

use super::program::{self, Ended, ProgramError};

/// Where s6-rc keeps its live state unless it was built or told otherwise.
pub(super) const LIVE: &str = "/run/s6-rc";
/// Where its programs may lie. No PATH is asked: a maintainer script's may be anything.
pub(super) const PROGRAMS: [&str; 5] = ["/usr/bin", "/bin", "/usr/local/bin", "/sbin", "/command"];
/// How long a question may take.
const QUESTION: Duration = Duration::from_secs(10);
/// How much longer than the time that it was given itself a change may take.
const GRACE: Duration = Duration::from_secs(5);
/// Between two attempts where somebody else has its locks.
const PAUSE: Duration = Duration::from_millis(50);
/// How it says so, in lower case: musl says `Resource busy`, which its users quote, glibc `Device or resource busy`. It
/// could wait for them itself; but where that somebody waits for us, as the boot does that runs us, neither would come to
/// an end.
const BUSY: &str = "resource busy";
/// How its own services are called.
const INTERNAL: [&str; 2] = ["s6rc-", "s6-rc-"];

/// Exit statuses that all of its programs share.
const DONE: u8 = 0;
const SOME_FAILED: u8 = 1;
const TIMED_OUT: u8 = 2;
const UNKNOWN: u8 = 3;

/// Why something did not come of it.
#[derive(Debug, Error)]
pub(super) enum RcError {
    /// A program did not come to its end.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// It has no such service.
    #[error("s6-rc has no service {0}")]
    Unknown(String),
    /// It tried, and some services are not as asked.
    #[error("{0}")]
    SomeFailed(String),
    /// Its time ran out; what it has begun may still come to its end.
    #[error("s6-rc had not done it within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// Something else.
    #[error("{0}")]
    Refused(String),
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// A process that s6 supervises.
    Longrun,
    /// Something done once for up and once for down.
    Oneshot,
    /// Several of these under one name.
    Bundle,
}

/// Where a change leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Up, with all that it needs.
    Up,
    /// Down, with all that needs it.
    Down,
}

/// A live s6-rc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rc {
    live: PathBuf,
    programs: PathBuf,
}

impl Rc {
    /// The one of this machine, where it has one.
    pub(super) fn of_machine() -> Option<Self> {
        Self::with(Path::new(LIVE), &PROGRAMS)
    }

    /// The one whose live directory is `live`, with its programs in the first of `directories` that has
    /// them.
    pub(super) fn with<P: AsRef<Path>>(live: &Path, directories: &[P]) -> Option<Self> {
        if !live.join("compiled").exists() {
            return None;
        }
        let mut directories = directories.iter().map(AsRef::as_ref);
        let programs = directories.find(|directory| directory.join("s6-rc").exists())?;
        Some(Self {
            live: live.to_path_buf(),
            programs: programs.to_path_buf(),
        })
    }

    /// The directory behind its link: what it supervises lies there.
    pub(super) fn directory(&self) -> Option<PathBuf> {
        self.live.canonicalize().ok()
    }

    /// What `name` stands for; `None` where there is nothing of this name.
    pub(super) fn sort(&self, name: &str) -> Result<Option<Sort>, RcError> {
        match self.database(&["type", name]) {
            Ok(text) => sort(&text).map(Some),
            Err(RcError::Unknown(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The processes and oneshots that `name` stands for.
    pub(super) fn members(&self, name: &str) -> Result<BTreeSet<String>, RcError> {
        Ok(names(&self.database(&["atomics", name])?))
    }

    /// All that needs `name`, directly or not, and what it stands for.
    pub(super) fn fall_with(&self, name: &str) -> Result<BTreeSet<String>, RcError> {
        let words = ["-d", "all-dependencies", name];
        Ok(names(&self.database(&words)?))
    }

    /// All that is up.
    pub(super) fn up(&self) -> Result<BTreeSet<String>, RcError> {
        let ended = self.patiently("s6-rc", &["-a", "list"], QUESTION)?;
        answer(ended, "").map(|text| names(&text))
    }

    /// Brings `services` up or down within `limit`.
    pub(super) fn change(
        &self,
        direction: Direction,
        services: &[&str],
        limit: Duration,
    ) -> Result<(), RcError> {
        let millis = limit.as_millis().to_string();
        let way = match direction {
            Direction::Up => "-u",
            Direction::Down => "-d",
        };
        // Its options end at the first word that is none: all that follows `change` is a name.
        let mut words = vec!["-t", millis.as_str(), way, "--", "change"];
        words.extend(services);
        let ended = self.patiently("s6-rc", &words, limit.saturating_add(GRACE))?;
        match ended.status {
            TIMED_OUT => Err(RcError::TimedOut(limit)),
            _ => answer(ended, &services.join(" ")).map(drop),
        }
    }

    fn database(&self, words: &[&str]) -> Result<String, RcError> {
        let ended = self.patiently("s6-rc-db", words, QUESTION)?;
        answer(ended, words.last().unwrap_or(&""))
    }

    fn patiently(&self, name: &str, words: &[&str], limit: Duration) -> Result<Ended, RcError> {
        let live = self.live.to_string_lossy();
        let arguments = [&["-l", live.as_ref()], words].concat();
        Ok(patiently(&self.programs.join(name), &arguments, limit)?)
    }
}

/// Runs one of its programs, and again as long as somebody else has its locks.
pub(super) fn patiently<A: AsRef<OsStr>>(
    program: &Path,
    arguments: &[A],
    limit: Duration,
) -> Result<Ended, ProgramError> {
    let begun = Instant::now();
    loop {
        let left = limit.saturating_sub(begun.elapsed());
        let ended = program::run(program, arguments, left)?;
        if !is_busy(&ended) || left <= PAUSE {
            return Ok(ended);
        }
        std::thread::sleep(PAUSE);
    }
}

fn is_busy(ended: &Ended) -> bool {
    let complaints = ended.complaints.trim_end().to_ascii_lowercase();
    ended.status != DONE && complaints.ends_with(BUSY)
}

/// What a program wrote, where it did what it was asked.
fn answer(ended: Ended, name: &str) -> Result<String, RcError> {
    match ended.status {
        DONE => Ok(ended.out),
        SOME_FAILED => Err(RcError::SomeFailed(complaint(&ended))),
        UNKNOWN => Err(RcError::Unknown(name.to_owned())),
        _ => Err(RcError::Refused(complaint(&ended))),
    }
}

/// Its last words, without those that only say who speaks.
pub(super) fn complaint(ended: &Ended) -> String {
    let mut lines = ended.complaints.lines().map(str::trim);
    let Some(last) = lines.rfind(|line| !line.is_empty()) else {
        return format!("s6-rc ended with status {}", ended.status);
    };
    let words = ["s6-rc", "s6-rc-db", "s6-rc-compile", "s6-rc-update"];
    let grave = ["fatal", "warning", "info"];
    let mut rest = last;
    if let Some((who, what)) = rest.split_once(": ")
        && words.contains(&who)
    {
        rest = what;
    }
    if let Some((how, what)) = rest.split_once(": ")
        && grave.contains(&how)
    {
        rest = what;
    }
    rest.to_owned()
}

fn sort(text: &str) -> Result<Sort, RcError> {
    match text.trim() {
        "longrun" => Ok(Sort::Longrun),
        "oneshot" => Ok(Sort::Oneshot),
        "bundle" => Ok(Sort::Bundle),
        other => Err(RcError::Refused(format!(
            "s6-rc-db names a type that is not known: `{}`",
            other.escape_debug()
        ))),
    }
}

/// One name a line; its own services are nobody's business.
fn names(text: &str) -> BTreeSet<String> {
    let is_own = |name: &&str| INTERNAL.iter().any(|prefix| name.starts_with(prefix));
    let lines = text.lines().filter(|line| !line.is_empty());
    lines
        .filter(|name| !is_own(name))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(status: u8, complaints: &str) -> Ended {
        Ended {
            status,
            out: "foo\n".to_owned(),
            complaints: complaints.to_owned(),
        }
    }

    #[test]
    fn statuses_mean_what_its_documentation_says() {
        // As its users quote them.
        let failed = "s6-rc: info: service foo: starting\n\
            s6-rc: warning: unable to start service foo: command exited 1\n";
        let cases = [
            (1, failed, "unable to start service foo: command exited 1"),
            (
                3,
                "s6-rc: fatal: foo is not a recognized identifier",
                "s6-rc has no service foo",
            ),
            (
                111,
                "s6-rc: fatal: unable to take locks: No such file or directory\n",
                "unable to take locks: No such file or directory",
            ),
            (4, "", "s6-rc ended with status 4"),
            (139, "s6-rc: nobody knows: why\n", "nobody knows: why"),
        ];
        for (status, complaints, expected) in cases {
            let error = answer(ended(status, complaints), "foo").unwrap_err();
            assert_eq!(error.to_string(), expected, "{status}");
        }
        assert_eq!(answer(ended(0, failed), "foo").unwrap(), "foo\n");
    }

    #[test]
    fn locks_that_somebody_else_has_are_told_in_the_words_of_either_library() {
        for (complaints, expected) in [
            ("s6-rc: fatal: unable to take locks: Resource busy\n", true),
            (
                "s6-rc: fatal: unable to take locks: Device or resource busy\n",
                true,
            ),
            (
                "s6-rc: fatal: unable to take locks: Permission denied\n",
                false,
            ),
        ] {
            assert_eq!(is_busy(&ended(111, complaints)), expected, "{complaints}");
        }
        assert!(!is_busy(&ended(0, "Resource busy")));
    }

    #[test]
    fn names_stand_one_a_line_and_may_hold_blanks() {
        let found = names("foo\ns6rc-oneshot-runner\nb a r\n\ns6rc-fdholder\n");
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        assert_eq!(found, ["b a r", "foo"]);
    }

    #[test]
    fn a_type_that_is_not_known_is_no_answer() {
        assert_eq!(sort("bundle\n").unwrap(), Sort::Bundle);
        assert!(sort("funnel\n").is_err());
        assert!(sort("").is_err());
    }

    #[test]
    fn without_a_live_state_or_without_its_programs_there_is_none() {
        let place = tempfile::tempdir().unwrap();
        let live = place.path().join("live");
        assert_eq!(Rc::with(&live, &[place.path()]), None);
        std::fs::create_dir_all(live.join("compiled")).unwrap();
        assert_eq!(Rc::with(&live, &[place.path()]), None);
        std::fs::write(place.path().join("s6-rc"), "").unwrap();
        assert!(Rc::with(&live, &[Path::new("/no/such"), place.path()]).is_some());
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let said = "s6-rc: info: service foo: starting\ns6-rc: warning: unable to start service foo: command exited 1\n";
        let seeds = [
            said,
            "foo\ns6rc-oneshot-runner\nb a r\n",
            "longrun\n",
            "s6-rc: fatal: unable to take locks: Resource busy\n",
        ];
        crate::testing::mutations::mutated_text(
            &seeds,
            &["\n", ": ", "s6-rc: ", "fatal: ", "bundle"],
            |text| {
                let _ = (sort(text), names(text), is_busy(&ended(111, text)));
                let told = complaint(&ended(1, text));
                assert!(!told.contains('\n'), "{told:?}");
            },
        );
    }
}
