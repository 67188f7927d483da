//! The compliance suite on a really booted systemd: to be run as root inside a lab, never on a machine that matters.
//! Small units are brought into a state, the stock tool and ours are called, and everything that can be seen has to be
//! alike. RCPOLICY_THEIRS and RCPOLICY_OURS name the directories that hold `invoke-rc.d` and `deb-systemd-invoke`.
//! An argument keeps the cases whose name contains it; without, a part is run, all where RCPOLICY_COMPLIANCE_FULL is set.

mod fixtures;
mod invocations;
mod record;
mod systemd_cases;
mod systemd_differences;
mod systemd_text;
mod tool;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use systemd_cases::{Case, Machine, Policy};
use systemd_differences::{DIFFERENCES, Delta, Mode};
use systemd_text::normalise;

const POLICY: &str = "/usr/sbin/policy-rc.d";
const STRICT: &str = "/etc/rcpolicy/policy.d/00-strict.toml";
/// What ours leaves behind for later calls; no case may see another's.
const STATE: [&str; 3] = ["/run/rcpolicy", "/var/lib/rcpolicy", "/var/log/rcpolicy"];
/// Set: every case is run.
const FULL: &str = "RCPOLICY_COMPLIANCE_FULL";

pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What was seen, field by field.
type Seen = BTreeMap<String, String>;

/// What came out of one pass.
#[derive(Default)]
struct Report {
    /// Cases with unexplained differences, like ones together.
    groups: BTreeMap<String, Vec<String>>,
    /// How often each entry of the table explained something.
    explained: BTreeMap<&'static str, usize>,
}

fn main() -> ExitCode {
    let result = if std::env::args()
        .next()
        .is_some_and(|name| name == record::RECORDER)
    {
        return record::run().map_or(ExitCode::from(98), ExitCode::from);
    } else {
        suite()
    };
    match result {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            // A closed standard error is no reason to say more.
            let _ = writeln!(io::stderr(), "compliance_systemd: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the cases in both modes, and returns how much is wrong.
fn suite() -> Outcome<usize> {
    let directory = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .ok_or(format!("{name} is not set"))
    };
    let sides = (directory("RCPOLICY_THEIRS")?, directory("RCPOLICY_OURS")?);
    if !Path::new("/run/systemd/system").is_dir() {
        return Err("no systemd runs here: this belongs into a lab".into());
    }
    let filter = std::env::args()
        .skip(1)
        .find(|arg| !arg.starts_with("--"))
        .unwrap_or_default();
    let mut cases = systemd_cases::all()?;
    prepare(&cases)?;
    let version = fixtures::version()?;
    let all = std::env::var_os(FULL).is_some() || !filter.is_empty();
    cases.retain(|case| case.name.contains(&filter) && (all || case.always));
    let mut wrong = 0;
    for mode in [Mode::Strict, Mode::Default] {
        let chosen = cases
            .iter()
            .filter(|case| mode == Mode::Strict || case.in_default_mode);
        let chosen: Vec<&Case> = chosen.collect();
        set_mode(mode)?;
        let began = Instant::now();
        let report = pass(&chosen, mode, (&sides.0, &sides.1))?;
        writeln!(
            io::stdout(),
            "{mode:?}: {} cases in {:.1} s on systemd {version}",
            chosen.len(),
            began.elapsed().as_secs_f32()
        )?;
        wrong += report.print()?;
        if filter.is_empty() {
            wrong += report.unseen(mode, version)?;
        }
    }
    set_policy(Policy::None)?;
    writeln!(io::stdout(), "{wrong} unexplained")?;
    Ok(wrong)
}

fn pass(cases: &[&Case], mode: Mode, sides: (&Path, &Path)) -> Outcome<Report> {
    let mut report = Report::default();
    for case in cases {
        let (theirs, ours) = (run(case, sides.0)?, run(case, sides.1)?);
        report.note(case, mode, &theirs, &ours);
    }
    Ok(report)
}

impl Report {
    fn note(&mut self, case: &Case, mode: Mode, theirs: &Seen, ours: &Seen) {
        let mut text = String::new();
        let mut kinds = Vec::new();
        for (field, theirs) in theirs {
            let ours = ours.get(field).map_or("", String::as_str);
            if theirs == ours {
                continue;
            }
            let delta = Delta {
                field,
                theirs,
                ours,
            };
            let entry = DIFFERENCES
                .iter()
                .find(|entry| entry.modes.contains(&mode) && (entry.explains)(case, &delta));
            if let Some(entry) = entry {
                *self.explained.entry(entry.name).or_default() += 1;
                continue;
            }
            kinds.push(field.split(' ').next().unwrap_or(""));
            text.push_str(&format!(
                "\n  {field}\n    theirs: {theirs:?}\n    ours:   {ours:?}"
            ));
        }
        if !kinds.is_empty() {
            let about = case.name.split(" | ").next().unwrap_or("");
            let group = format!("{} {about}: {}", case.tool.file_name(), kinds.join(", "));
            let text = format!("{}{text}", case.name);
            self.groups.entry(group).or_default().push(text);
        }
    }

    /// Prints what was explained and what was not; returns in how many cases something was not.
    fn print(&self) -> Outcome<usize> {
        let mut out = io::stdout().lock();
        for (name, count) in &self.explained {
            let reason = DIFFERENCES
                .iter()
                .find(|entry| entry.name == *name)
                .map_or("", |entry| entry.reason);
            writeln!(out, "  intended, {count} times: {name} ({reason})")?;
        }
        for (group, cases) in &self.groups {
            writeln!(out, "\n{} cases differ in {group}", cases.len())?;
            if let Some(first) = cases.first() {
                writeln!(out, "{first}")?;
            }
        }
        Ok(self.groups.values().map(Vec::len).sum())
    }

    /// Names the entries of the table that explained nothing; how many.
    fn unseen(&self, mode: Mode, version: u32) -> Outcome<usize> {
        let allowed = DIFFERENCES.iter().filter(|entry| {
            entry.modes.contains(&mode) && (entry.from..=entry.up_to).contains(&version)
        });
        let mut count = 0;
        for entry in allowed.filter(|entry| !self.explained.contains_key(entry.name)) {
            count += 1;
            writeln!(
                io::stdout(),
                "{mode:?}: the intended difference \"{}\" explains nothing: take it out",
                entry.name
            )?;
        }
        Ok(count)
    }
}

fn prepare(cases: &[Case]) -> Outcome<()> {
    if let Some(directory) = Path::new(record::RECORDER).parent() {
        fs::create_dir_all(directory)?;
    }
    fs::copy(std::env::current_exe()?, record::RECORDER)?;
    let units = cases.iter().flat_map(|case| &case.units);
    fixtures::write(units.map(|(unit, _)| unit.as_str()))
}

fn set_mode(mode: Mode) -> Outcome<()> {
    if let Some(directory) = Path::new(STRICT).parent() {
        fs::create_dir_all(directory)?;
    }
    match mode {
        Mode::Strict => fs::write(STRICT, "[compat]\nstrict = true\n")?,
        Mode::Default => remove(Path::new(STRICT))?,
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = match path.is_dir() {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Takes away what lies in a directory; the directory is the package's.
fn empty(directory: &Path) -> io::Result<()> {
    if !directory.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(directory)? {
        remove(&entry?.path())?;
    }
    Ok(())
}

fn set_policy(policy: Policy) -> Outcome<()> {
    let text = match policy {
        Policy::None => return Ok(remove(Path::new(POLICY))?),
        Policy::Says(status, out) => format!("status {status}\nout-open {out}\n"),
        Policy::Denies(unit) => format!("status 0\ndenies {unit}\n"),
    };
    fs::write(POLICY, format!("#!{}\n{text}", record::RECORDER))?;
    Ok(fs::set_permissions(
        POLICY,
        fs::Permissions::from_mode(0o755),
    )?)
}

/// Brings the units into their state, calls the tool, and looks.
fn run(case: &Case, directory: &Path) -> Outcome<Seen> {
    for directory in STATE {
        empty(Path::new(directory))?;
    }
    remove(Path::new(record::RECORDS))?;
    set_policy(case.policy)?;
    match case.machine {
        Machine::Any => {}
        Machine::Running => fixtures::heal()?,
        Machine::Degraded => fixtures::degrade()?,
    }
    let before = fixtures::bring(&case.units)?;
    let names: Vec<&str> = case.units.iter().map(|(unit, _)| unit.as_str()).collect();
    let output = call(case, directory)?;
    let mut seen = Seen::new();
    if case.looks_at_once {
        let at_once: Vec<String> = fixtures::look(&names)?
            .iter()
            .map(fixtures::Look::text)
            .collect();
        seen.insert("at once".to_owned(), at_once.join("; "));
    }
    let side = directory.to_string_lossy();
    let text =
        |bytes: &[u8]| normalise(&String::from_utf8_lossy(bytes).replace(side.as_ref(), "TOOLS"));
    seen.insert("status".to_owned(), output.status.to_string());
    seen.insert("stdout".to_owned(), text(&output.stdout));
    seen.insert("stderr".to_owned(), text(&output.stderr));
    let records = fs::read(record::RECORDS).unwrap_or_default();
    seen.insert("policy".to_owned(), text(&records));
    let after = if case.has("force-stop") {
        fixtures::killed(&names)?
    } else {
        fixtures::settled(&names)?
    };
    for ((unit, after), before) in names.iter().zip(after).zip(before) {
        let life = match after.is_same_life(&before) {
            true => "the same life",
            false => "another life",
        };
        seen.insert(format!("unit {unit}"), format!("{} ({life})", after.text()));
    }
    Ok(seen)
}

fn call(case: &Case, directory: &Path) -> io::Result<std::process::Output> {
    Command::new(directory.join(case.tool.file_name()))
        .args(&case.args)
        .env_clear()
        .envs([
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
            ("LC_ALL", "C.UTF-8"),
            ("HOME", "/root"),
            ("PWD", "/"),
        ])
        .current_dir("/")
        .stdin(Stdio::null())
        .output()
}
