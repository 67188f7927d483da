//! The compliance suite on a really booted systemd: to be run as root inside a lab, never on a machine that matters.
//! Small units are brought into a state, the stock tool and ours are called, and everything that can be seen has to be
//! alike. RCPOLICY_THEIRS and RCPOLICY_OURS name the directories that hold `invoke-rc.d` and `deb-systemd-invoke`.
//! An argument keeps the cases whose name contains it.

mod fixtures;
mod invocations;
mod record;
mod tool;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use fixtures::{KINDS, Kind, State};
use tool::Tool;

const POLICY: &str = "/usr/sbin/policy-rc.d";
const STRICT: &str = "/etc/rcpolicy/policy.d/00-strict.toml";
const ACTIONS: [&str; 9] = [
    "start",
    "stop",
    "restart",
    "try-restart",
    "reload",
    "force-reload",
    "force-stop",
    "status",
    "custom",
];

pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// One call in one state.
struct Case {
    name: String,
    tool: Tool,
    args: Vec<String>,
    /// The units that are looked at, with the state they are brought into.
    units: Vec<(String, State)>,
    /// policy-rc.d's exit status and stdout; none: no policy-rc.d.
    policy: Option<(u8, &'static str)>,
}

/// What was seen, field by field.
type Seen = BTreeMap<String, String>;

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

/// Runs every case, and returns how many differ.
fn suite() -> Outcome<usize> {
    let directory = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .ok_or(format!("{name} is not set"))
    };
    let (theirs, ours) = (directory("RCPOLICY_THEIRS")?, directory("RCPOLICY_OURS")?);
    if !Path::new("/run/systemd/system").is_dir() {
        return Err("no systemd runs here: this belongs into a lab".into());
    }
    let filter = std::env::args()
        .skip(1)
        .find(|arg| !arg.starts_with("--"))
        .unwrap_or_default();
    let real = real_invocations()?;
    prepare(&real)?;
    let mut cases = generated();
    cases.extend(real);
    cases.retain(|case| case.name.contains(&filter));
    writeln!(io::stdout(), "compliance on systemd: {} cases", cases.len())?;
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for case in &cases {
        let (left, right) = (run(case, &theirs)?, run(case, &ours)?);
        let differing: Vec<&String> = left
            .keys()
            .filter(|field| left.get(*field) != right.get(*field))
            .collect();
        if differing.is_empty() {
            continue;
        }
        let mut text = case.name.clone();
        for field in &differing {
            text.push_str(&format!(
                "\n  {field}\n    theirs: {:?}\n    ours:   {:?}",
                left.get(*field),
                right.get(*field)
            ));
        }
        let kinds: Vec<&str> = differing
            .iter()
            .map(|field| field.split(' ').next().unwrap_or(""))
            .collect();
        let group = format!(
            "{} {}: {}",
            case.tool.file_name(),
            case.name.split(" | ").next().unwrap_or(""),
            kinds.join(", ")
        );
        groups.entry(group).or_default().push(text);
    }
    report(&groups)
}

fn report(groups: &BTreeMap<String, Vec<String>>) -> Outcome<usize> {
    let mut out = io::stdout().lock();
    for (group, cases) in groups {
        writeln!(out, "\n{} cases differ in {group}", cases.len())?;
        if let Some(first) = cases.first() {
            writeln!(out, "{first}")?;
        }
    }
    let differing = groups.values().map(Vec::len).sum();
    writeln!(out, "{differing} cases differ")?;
    Ok(differing)
}

/// Both tools, all actions, all kinds of units, running and not; the policy's answers where they matter.
fn generated() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in KINDS {
        for state in [State::Running, State::Stopped] {
            if state == State::Running && !kind.can_run() {
                continue;
            }
            for action in ACTIONS {
                cases.push(invoke_rc_d(kind, state, &[], action, None));
                cases.push(deb_systemd_invoke(kind, state, action, None));
                if matches!(action, "start" | "stop" | "restart" | "reload")
                    && kind == Kind::Enabled
                {
                    for policy in [
                        (0, ""),
                        (1, ""),
                        (100, ""),
                        (101, "no"),
                        (102, ""),
                        (104, ""),
                        (106, "reload stop"),
                        (77, ""),
                    ] {
                        cases.push(invoke_rc_d(kind, state, &[], action, Some(policy)));
                        // 106 is honoured by ours and ignored by theirs, strict or not there is no fallback.
                        cases.push(deb_systemd_invoke(kind, state, action, Some(policy)));
                    }
                }
            }
            for option in [
                "--query",
                "--force",
                "--skip-systemd-native",
                "--disclose-deny",
                "--try-anyway",
                "--quiet",
            ] {
                for action in ["start", "stop", "restart", "status"] {
                    cases.push(invoke_rc_d(kind, state, &[option], action, None));
                    cases.push(invoke_rc_d(kind, state, &[option], action, Some((101, ""))));
                }
            }
        }
    }
    cases
}

fn invoke_rc_d(
    kind: Kind,
    state: State,
    options: &[&str],
    action: &str,
    policy: Option<(u8, &'static str)>,
) -> Case {
    let words = options.iter().copied().chain([kind.name(), action]);
    case(
        Tool::InvokeRcD,
        kind,
        state,
        words.map(str::to_owned).collect(),
        policy,
    )
}

fn deb_systemd_invoke(
    kind: Kind,
    state: State,
    action: &str,
    policy: Option<(u8, &'static str)>,
) -> Case {
    let args = vec![action.to_owned(), format!("{}.service", kind.name())];
    case(Tool::DebSystemdInvoke, kind, state, args, policy)
}

fn case(
    tool: Tool,
    kind: Kind,
    state: State,
    args: Vec<String>,
    policy: Option<(u8, &'static str)>,
) -> Case {
    let name = format!(
        "{kind:?} {state:?} | {} {} | policy {policy:?}",
        tool.file_name(),
        args.join(" ")
    );
    let units = kind.units().into_iter().map(|unit| (unit, state)).collect();
    Case {
        name,
        tool,
        args,
        units,
        policy,
    }
}

/// Every deb-systemd-invoke call of the real packages, on units of the same names with a prefix of ours.
fn real_invocations() -> Outcome<Vec<Case>> {
    let mut cases = Vec::new();
    for invocation in invocations::all()? {
        let user = invocation.args.iter().any(|arg| arg == "--user");
        let Some((action, units)) = invocation.args.split_first() else {
            continue;
        };
        if invocation.tool != Tool::DebSystemdInvoke || user {
            continue;
        }
        let units: Vec<String> = units.iter().map(|unit| fixtures::prefixed(unit)).collect();
        for state in [State::Running, State::Stopped] {
            let name = format!(
                "real {state:?} {} | {action} {}",
                invocation.origin,
                units.join(" ")
            );
            let args = std::iter::once(action).chain(&units).cloned().collect();
            let units = units.iter().map(|unit| (unit.clone(), state)).collect();
            cases.push(Case {
                name,
                tool: invocation.tool,
                args,
                units,
                policy: None,
            });
        }
    }
    Ok(cases)
}

fn prepare(real: &[Case]) -> Outcome<()> {
    if let Some(directory) = Path::new(record::RECORDER).parent() {
        fs::create_dir_all(directory)?;
    }
    fs::copy(std::env::current_exe()?, record::RECORDER)?;
    if let Some(directory) = Path::new(STRICT).parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(STRICT, "[compat]\nstrict = true\n")?;
    fixtures::write(
        real.iter()
            .flat_map(|case| case.units.iter().map(|(unit, _)| unit.as_str())),
    )
}

/// Brings the units into their state, calls the tool, and looks.
fn run(case: &Case, directory: &Path) -> Outcome<Seen> {
    match case.policy {
        None if Path::new(POLICY).exists() => fs::remove_file(POLICY)?,
        None => {}
        Some((status, out)) => {
            fs::write(
                POLICY,
                format!("#!{}\nstatus {status}\nout-open {out}\n", record::RECORDER),
            )?;
            fs::set_permissions(POLICY, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        }
    }
    fixtures::bring(&case.units)?;
    let names: Vec<&str> = case.units.iter().map(|(unit, _)| unit.as_str()).collect();
    let before = fixtures::look(&names)?;
    let output = Command::new(directory.join(case.tool.file_name()))
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
        .output()?;
    let mut seen = Seen::new();
    let side = directory.to_string_lossy();
    let text =
        |bytes: &[u8]| normalise(&String::from_utf8_lossy(bytes).replace(side.as_ref(), "TOOLS"));
    seen.insert("status".to_owned(), format!("{}", output.status));
    seen.insert("stdout".to_owned(), text(&output.stdout));
    seen.insert("stderr".to_owned(), text(&output.stderr));
    seen.insert(
        "policy".to_owned(),
        text(&fs::read(record::RECORDS).unwrap_or_default()),
    );
    if Path::new(record::RECORDS).exists() {
        fs::remove_file(record::RECORDS)?;
    }
    let after = fixtures::settled(&names)?;
    for ((unit, after), before) in names.iter().zip(after).zip(before) {
        let life = match after.is_same_life(&before) {
            true => "the same life",
            false => "another life",
        };
        seen.insert(format!("unit {unit}"), format!("{} ({life})", after.text()));
    }
    Ok(seen)
}

/// Text without what no two runs have in common: numbers (pids, times, sizes), ids, journal lines.
fn normalise(text: &str) -> String {
    const MONTHS: [&str; 12] = [
        "Jan ", "Feb ", "Mar ", "Apr ", "May ", "Jun ", "Jul ", "Aug ", "Sep ", "Oct ", "Nov ",
        "Dec ",
    ];
    let lines = text
        .lines()
        .filter(|line| !MONTHS.iter().any(|month| line.starts_with(month)));
    let mut result = String::new();
    for line in lines {
        let line = line
            .split_once("Invocation: ")
            .map_or(line, |(before, _)| before);
        let line = line
            .split_once("Active: ")
            .map_or(line.to_owned(), |(before, after)| {
                format!(
                    "{before}Active: {}",
                    after.split(" since ").next().unwrap_or(after)
                )
            });
        // CPU and memory come and go with accounting that has not been read yet.
        if ["CPU:", "Memory:", "Tasks:", "Mem peak:"]
            .iter()
            .any(|mark| line.trim_start().starts_with(mark))
        {
            continue;
        }
        let mut digits = false;
        for character in line.chars() {
            if !character.is_ascii_digit() {
                result.push(character);
            } else if !digits {
                result.push('N');
            }
            digits = character.is_ascii_digit();
        }
        result.push('\n');
    }
    result
}
