//! Runs one side of a case: a launcher that enters the world and becomes the tool, with nothing in between, and
//! what then can be seen of it. Never compares.

use std::env;
use std::error::Error;
use std::fs::{self, File};
use std::os::unix::fs::chroot;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};

use nix::sys::stat::{Mode, umask};
use nix::unistd::alarm;

use crate::case::{Case, Stdin};
use crate::record::Record;
use crate::world::{Side, World};

/// The name under which this program is a launcher.
pub(crate) const LAUNCHER: &str = "launch";
/// Seconds after which a tool is killed; none needs a tenth of it.
const LIMIT: u32 = 20;
/// The descriptor that a case may leave open for the tool.
const SPARE: i32 = 7;
/// The environment of every case; a case adds to it.
const ENVIRONMENT: [(&str, &str); 6] = [
    (
        "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ),
    ("LC_ALL", "C.UTF-8"),
    ("HOME", "/root"),
    ("PWD", "/somewhere/else"),
    ("DPKG_MAINTSCRIPT_PACKAGE", "foo"),
    ("ODD", "two\nlines, a 'quote' and \\a backslash"),
];

/// All that can be seen of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// `exit 0`, `signal 14`
    pub(crate) status: String,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) records: Vec<Record>,
}

/// Runs the tool of `side` in `world`, where the case is arranged.
pub(crate) fn run(
    world: &World,
    case: &Case,
    side: Side,
) -> Result<Seen, Box<dyn Error + Send + Sync>> {
    let program = format!("{}/{}", side.directory(), case.tool.file_name());
    let mut command = if case.spare_descriptor {
        let mut shell = Command::new("/bin/sh");
        shell.args([
            "-c",
            "launcher=$1; shift; exec 7</dev/null; exec \"$launcher\" --launch \"$@\"",
            "sh",
        ]);
        shell.arg(env::current_exe()?);
        shell
    } else {
        let mut launcher = Command::new(env::current_exe()?);
        launcher.arg0(LAUNCHER);
        launcher
    };
    let (stdout, stderr) = (
        world.path("compliance/stdout"),
        world.path("compliance/stderr"),
    );
    let status = command
        .arg(&world.root)
        .args([
            case.cwd,
            &format!("{:o}", case.umask),
            stdin_word(case.stdin),
            &program,
        ])
        .args(&case.args)
        .env_clear()
        .envs(ENVIRONMENT)
        .envs(case.env.iter().copied())
        .stdin(stdin(world, case.stdin)?)
        .stdout(File::create(&stdout)?)
        .stderr(File::create(&stderr)?)
        .status()?;
    let status = match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, signal) => format!("signal {}", signal.unwrap_or_default()),
    };
    Ok(Seen {
        status,
        stdout: text(&fs::read(stdout)?, side),
        stderr: text(&fs::read(stderr)?, side),
        records: world.records()?,
    })
}

/// The launcher: from its arguments into the world, and becomes the tool. Returns only on failure.
pub(crate) fn launch(
    mut args: impl Iterator<Item = std::ffi::OsString>,
) -> Result<(), Box<dyn Error>> {
    let mut next = || args.next().ok_or("launcher: too few arguments");
    let (root, cwd, mask, stdin, program) = (next()?, next()?, next()?, next()?, next()?);
    chroot(root)?;
    env::set_current_dir(cwd)?;
    umask(Mode::from_bits_truncate(u32::from_str_radix(
        &mask.to_string_lossy(),
        8,
    )?));
    if stdin == "closed" {
        nix::unistd::close(0)?;
    }
    // What this suite was itself started with is no part of a case.
    close_fds::set_fds_cloexec(3, &[SPARE]);
    alarm::set(LIMIT);
    Err(Command::new(program).args(args).exec().into())
}

/// Bytes as text in which every byte can be told, with the side's own directory taken out.
fn text(bytes: &[u8], side: Side) -> String {
    let text: String = bytes
        .utf8_chunks()
        .map(|chunk| format!("{}{}", chunk.valid(), chunk.invalid().escape_ascii()))
        .collect();
    text.replace(side.directory(), "TOOLS")
}

fn stdin_word(stdin: Stdin) -> &'static str {
    match stdin {
        Stdin::Closed => "closed",
        Stdin::Null | Stdin::File(_) => "open",
    }
}

fn stdin(world: &World, stdin: Stdin) -> Result<Stdio, Box<dyn Error + Send + Sync>> {
    match stdin {
        Stdin::Null | Stdin::Closed => Ok(Stdio::null()),
        Stdin::File(text) => {
            let path = world.path("compliance/stdin");
            fs::write(&path, text)?;
            Ok(File::open(path)?.into())
        }
    }
}
