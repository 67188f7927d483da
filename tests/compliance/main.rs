//! The compliance suite: every case runs the stock script and ours in the same world, and everything that can be seen
//! from outside has to be alike: exit status, output, and what policy-rc.d and the init script were given.
//!
//! `cargo test --test compliance -- WORDS` runs the cases whose name contains WORDS and shows both sides.
//! Without words a part of the large products is run, all of them where RCPOLICY_COMPLIANCE_FULL is set.
//! `--list` names them all, `--against FILE` puts a script in our tool's place, `--mutants` proves that faults are seen.

mod case;
mod cases;
mod compare;
mod cover;
mod differences;
mod invocations;
mod pass;
mod record;
mod run;
mod shapes;
mod tool;
mod words;
mod world;

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, thread};

use case::Tool;
use cases::Pid1;
use differences::Mode;
use pass::Pass;
use world::World;

/// Set for the process inside the namespaces: where its tmpfs goes.
const SCRATCH: &str = "RCPOLICY_COMPLIANCE_SCRATCH";
/// The command line of PID 1 by which the stock script knows that the machine is booting.
const BOOTING: &str = "init boot";
/// How many worlds cases run in at the same time.
const LANES: usize = 2;
/// Set: every case is run, also where a part of a large product shows the same.
const FULL: &str = "RCPOLICY_COMPLIANCE_FULL";
/// Every how many-eth case also runs in default mode.
const DEFAULT_MODE_STEP: usize = 9;
/// Every how many-eth case the suite itself is tried on.
const CHECK_STEP: usize = 29;

/// Faults that the suite must see: what is replaced in the stock script, and by what.
const MUTANTS: [(&str, &str); 12] = [
    ("RC=4\n", "RC=3\n"),
    ("0)   RC=104", "0)   RC=105"),
    ("exit 103", "exit 100"),
    ("policyaction=\"(${ACTION})\"", "policyaction=\"${ACTION}\""),
    ("\"${policyaction}\" ${RL}", "\"${policyaction}\""),
    ("${POLICYHELPER} ${BEQUIET} ", "${POLICYHELPER} "),
    ("if testexec ${SLINK}", "if testexec ${KLINK}"),
    ("RL=${RL#* }", "RL=${RL% *}"),
    (
        "\"${saction}\" \"$@\" && exit 0\n\t    fi",
        "\"${saction}\" && exit 0\n\t    fi",
    ),
    (
        "\"${INITDPREFIX}${INITSCRIPTID}\" \"${saction}\" \"$@\"",
        "X=1 \"${INITDPREFIX}${INITSCRIPTID}\" \"${saction}\" \"$@\"",
    ),
    (
        "\"${INITDPREFIX}${INITSCRIPTID}\" \"${saction}\" \"$@\"",
        "\"${INITDPREFIX}${INITSCRIPTID}\" \"${saction}\" \"$@\" </dev/null",
    ),
    ("trying next action...", "giving up..."),
];

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The command line.
#[derive(Default)]
struct Options {
    filter: Option<String>,
    against: Option<PathBuf>,
    list: bool,
    mutants: bool,
}

fn main() -> ExitCode {
    let name = env::args().next().unwrap_or_default();
    let result = if name == record::RECORDER {
        return match record::run() {
            Ok(status) => ExitCode::from(status),
            Err(error) => fail(&error.to_string()),
        };
    } else if name == run::LAUNCHER {
        run::launch(env::args_os().skip(1)).map_err(|error| error.to_string())
    } else if env::args().nth(1).is_some_and(|arg| arg == "--launch") {
        run::launch(env::args_os().skip(2)).map_err(|error| error.to_string())
    } else if let Some(scratch) = env::var_os(SCRATCH) {
        inside(
            Path::new(&scratch),
            if name == BOOTING {
                Pid1::Boot
            } else {
                Pid1::Ordinary
            },
        )
        .map_err(|error| error.to_string())
    } else {
        outside().map_err(|error| error.to_string())
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &str) -> ExitCode {
    // A closed standard error is no reason to say more.
    let _ = writeln!(io::stderr(), "compliance: {error}");
    ExitCode::FAILURE
}

fn parse_options() -> Outcome<Options> {
    let mut options = Options::default();
    let mut args = env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--list" => options.list = true,
            "--mutants" => options.mutants = true,
            "--against" => {
                options.against = Some(args.next().ok_or("--against takes a file")?.into())
            }
            libtest if libtest.starts_with("--") => {}
            words => options.filter = Some(words.to_owned()),
        }
    }
    Ok(options)
}

/// Starts the suite in namespaces of its own: as an ordinary PID 1, then as one that is booting.
fn outside() -> Outcome<()> {
    let options = parse_options()?;
    if options.list {
        for pid1 in [Pid1::Ordinary, Pid1::Boot] {
            for case in cases::all(pid1)? {
                writeln!(io::stdout(), "{}", case.name)?;
            }
        }
        return Ok(());
    }
    if !nix::unistd::geteuid().is_root() {
        return Err("needs root: the cases run in a chroot".into());
    }
    world::archive()?;
    let scratch = tempfile::tempdir()?;
    let mut failed = false;
    for arg0 in ["compliance", BOOTING] {
        let mut unshare = Command::new("unshare");
        unshare.args([
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "--",
            "/bin/bash",
            "-c",
        ]);
        unshare
            .args(["exec -a \"$0\" \"$@\"", arg0])
            .arg(env::current_exe()?)
            .args(env::args().skip(1));
        failed |= !unshare.env(SCRATCH, scratch.path()).status()?.success();
    }
    if failed {
        Err("there are differences that nobody intended, or the suite itself failed".into())
    } else {
        Ok(())
    }
}

/// The suite itself, with a mount and a pid namespace of its own.
fn inside(scratch: &Path, pid1: Pid1) -> Outcome<()> {
    let options = parse_options()?;
    let mut cases = cases::all(pid1)?;
    if let Some(filter) = &options.filter {
        cases.retain(|case| case.name.contains(filter.as_str()));
        if cases.is_empty() {
            return Ok(());
        }
    }
    let whole = options.filter.is_none();
    if whole && !options.mutants && env::var_os(FULL).is_none() {
        cases = cases::part(cases);
    }
    writeln!(
        io::stdout(),
        "compliance ({pid1:?} PID 1): {} cases, seed {:#x}",
        cases.len(),
        cases::SEED
    )?;
    world::succeed(
        Command::new("mount")
            .args(["-t", "tmpfs", "compliance"])
            .arg(scratch),
    )?;
    let mut worlds = unpack(scratch)?;
    if options.mutants {
        if pid1 == Pid1::Boot {
            return Ok(());
        }
        return mutants(&mut worlds, &cases, scratch);
    }
    if whole && pid1 == Pid1::Ordinary {
        check_suite(&mut worlds, &cases, scratch)?;
    }
    install_ours(&worlds, options.against.as_deref())?;
    let mut clean = true;
    for mode in [Mode::Strict, Mode::Default] {
        let pass = Pass {
            cases: cases
                .iter()
                .enumerate()
                .filter(|(number, case)| {
                    mode == Mode::Strict || !whole || in_default_mode(*number, case)
                })
                .map(|(_, case)| case)
                .collect(),
            mode,
            show: cases.len() <= 5,
        };
        let report = pass.run(&mut worlds)?;
        report.print(&pass)?;
        clean &= report.is_clean();
        if whole && pid1 == Pid1::Ordinary {
            clean &= report.every_difference_seen(mode)?;
        }
    }
    if clean {
        Ok(())
    } else {
        Err(format!("{pid1:?}: see above").into())
    }
}

fn unpack(scratch: &Path) -> Outcome<Vec<World>> {
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES)
            .map(|lane| {
                let root = scratch.join(format!("lane{lane}"));
                scope.spawn(move || World::unpack(&root))
            })
            .collect();
        lanes
            .into_iter()
            .map(|lane| lane.join().map_err(|_| "unpacking a world failed")?)
            .collect()
    })
}

fn install_ours(worlds: &[World], against: Option<&Path>) -> Outcome<()> {
    let invoke = against.unwrap_or(Path::new(env!("CARGO_BIN_EXE_invoke-rc-d")));
    for world in worlds {
        world.install(Tool::InvokeRcD, invoke)?;
        let theirs = world
            .path(world::Side::Theirs.directory())
            .join(Tool::DebSystemdInvoke.file_name());
        let other = Path::new(env!("CARGO_BIN_EXE_deb-systemd-invoke"));
        world.install(
            Tool::DebSystemdInvoke,
            if against.is_some() { &theirs } else { other },
        )?;
    }
    Ok(())
}

/// The suite proves itself: the stock script against itself shows nothing, a broken copy shows.
fn check_suite(worlds: &mut [World], cases: &[case::Case], scratch: &Path) -> Outcome<()> {
    let stock = stock(worlds)?;
    let same = differing(worlds, cases, scratch, &stock)?;
    let broken = differing(
        worlds,
        cases,
        scratch,
        &stock.replace("exit 103", "exit 100"),
    )?;
    writeln!(
        io::stdout(),
        "the suite itself: theirs against theirs differs in {same} cases, against a broken copy in {broken}"
    )?;
    if same != 0 || broken == 0 {
        Err("the suite cannot be trusted".into())
    } else {
        Ok(())
    }
}

/// Every fault in turn, on a part of the cases.
fn mutants(worlds: &mut [World], cases: &[case::Case], scratch: &Path) -> Outcome<()> {
    let stock = stock(worlds)?;
    let mut unseen = 0;
    for (from, to) in MUTANTS {
        if !stock.contains(from) {
            return Err(format!("the stock script has no {from:?}").into());
        }
        let seen = differing(worlds, cases, scratch, &stock.replace(from, to))?;
        writeln!(io::stdout(), "{seen:6} cases see {from:?} -> {to:?}")?;
        unseen += usize::from(seen == 0);
    }
    if unseen == 0 {
        Ok(())
    } else {
        Err(format!("{unseen} faults are not seen").into())
    }
}

fn stock(worlds: &[World]) -> Outcome<String> {
    let world = worlds.first().ok_or("no world")?;
    let path = world
        .path(world::Side::Theirs.directory())
        .join(Tool::InvokeRcD.file_name());
    Ok(std::fs::read_to_string(path)?)
}

/// In how many of a part of the cases the stock script and this text differ.
fn differing(
    worlds: &mut [World],
    cases: &[case::Case],
    scratch: &Path,
    text: &str,
) -> Outcome<usize> {
    let script = scratch.join("invoke-rc.d");
    std::fs::write(&script, text)?;
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    install_ours(worlds, Some(&script))?;
    let pass = Pass {
        cases: sample(cases),
        mode: Mode::Strict,
        show: false,
    };
    Ok(pass.run(worlds)?.differing())
}

/// A part of the cases; of those that are about the surroundings, which few others see, a larger one.
fn sample(cases: &[case::Case]) -> Vec<&case::Case> {
    let numbered = cases.iter().enumerate();
    let taken = numbered.filter(|(number, case)| {
        number % CHECK_STEP == 0 || number % 3 == 0 && case.name.starts_with("around")
    });
    taken.map(|(_, case)| case).collect()
}

/// Whether a case also runs in default mode: a part of all, and those that the table of differences is about.
fn in_default_mode(number: usize, case: &case::Case) -> bool {
    number.is_multiple_of(DEFAULT_MODE_STEP)
        || case.spare_descriptor
        || case.marker == case::Marker::SystemdDirectory
        || case.policy == case::Policy::Says(106, " ", "")
}
