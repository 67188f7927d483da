//! A world: a root directory with a minimal Debian userland, on a tmpfs in a mount namespace of ours, in which both
//! tools run unmodified. It puts a case's files in place and takes them away again. Never touches the host's files.

use std::error::Error;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::case::{Case, InitFile, Link, LinkKind, Marker, Policy, Reads, Runlevel, Script, Tool};
use crate::record::{RECORDER, RECORDS, Record};

/// The archive that a world is unpacked from, below the directory of the labs' root filesystems.
const ARCHIVE: &str = "bookworm-sysvinit.tar";
/// What the tools under test leave behind for later calls; no case may see another's.
const STATE: [&str; 3] = ["run/rcpolicy", "var/lib/rcpolicy", "var/log/rcpolicy"];

/// Whose tool is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Theirs,
    Ours,
}

impl Side {
    /// The directory in the world that holds the tools of this side.
    pub(crate) fn directory(self) -> &'static str {
        match self {
            Self::Theirs => "/compliance/theirs",
            Self::Ours => "/compliance/ours",
        }
    }
}

/// A root directory and what the current case put into it.
pub(crate) struct World {
    pub(crate) root: PathBuf,
    placed: Vec<PathBuf>,
}

/// The archive's path, or what to do when it is missing.
pub(crate) fn archive() -> Result<PathBuf, Box<dyn Error + Send + Sync>> {
    let roots = std::env::var("RCPOLICY_LAB_ROOTS")
        .unwrap_or_else(|_| "/var/cache/rcpolicy-lab/roots".to_owned());
    let archive = Path::new(&roots).join(ARCHIVE);
    if archive.is_file() {
        Ok(archive)
    } else {
        Err(format!(
            "no root filesystem `{}`: run tests/run, which builds it",
            archive.display()
        )
        .into())
    }
}

impl World {
    /// Unpacks a world at `root`, which lies on a tmpfs of ours.
    pub(crate) fn unpack(root: &Path) -> Result<Self, Box<dyn Error + Send + Sync>> {
        fs::create_dir_all(root)?;
        let mut tar = Command::new("tar");
        tar.arg("-xf").arg(archive()?).arg("-C").arg(root);
        for unneeded in [
            "./usr/share/doc",
            "./usr/share/man",
            "./usr/share/locale",
            "./var/lib/apt",
            "./var/cache",
            "./dev",
        ] {
            tar.arg(format!("--exclude={unneeded}/*"));
        }
        succeed(&mut tar)?;
        for (source, target) in [("/proc", "proc"), ("/dev", "dev")] {
            succeed(
                Command::new("mount")
                    .args(["--rbind", source])
                    .arg(root.join(target)),
            )?;
        }
        let world = Self {
            root: root.to_owned(),
            placed: Vec::new(),
        };
        fs::create_dir_all(world.path("compliance"))?;
        for directory in ["odd", "elsewhere"] {
            fs::create_dir_all(world.path("compliance").join(directory))?;
        }
        fs::copy(std::env::current_exe()?, world.path(RECORDER))?;
        fs::rename(
            world.path("usr/sbin/runlevel"),
            world.path("compliance/runlevel"),
        )?;
        fs::remove_file(world.path("usr/sbin/init"))?;
        let theirs = world.path(Side::Theirs.directory());
        fs::create_dir_all(&theirs)?;
        fs::copy(
            world.path("usr/sbin/invoke-rc.d"),
            theirs.join(Tool::InvokeRcD.file_name()),
        )?;
        fs::copy(
            world.path("usr/bin/deb-systemd-invoke"),
            theirs.join(Tool::DebSystemdInvoke.file_name()),
        )?;
        // Where our package diverts the stock tools to, and ours hand over to them.
        for stock in ["usr/sbin/invoke-rc.d", "usr/bin/deb-systemd-invoke"] {
            fs::rename(world.path(stock), world.path(&format!("{stock}.distrib")))?;
        }
        Ok(world)
    }

    /// The host's path of a path in the world.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Puts one of our tools in place.
    pub(crate) fn install(&self, tool: Tool, from: &Path) -> io::Result<()> {
        let directory = self.path(Side::Ours.directory());
        fs::create_dir_all(&directory)?;
        let target = directory.join(tool.file_name());
        remove(&target)?;
        fs::copy(from, &target)?;
        fs::set_permissions(&target, Permissions::from_mode(0o755))
    }

    /// The policy of ours; without text there is none.
    pub(crate) fn admin_policy(&self, text: Option<&str>) -> io::Result<()> {
        let directory = self.path("etc/rcpolicy/policy.d");
        fs::create_dir_all(&directory)?;
        let file = directory.join("00-strict.toml");
        match text {
            Some(text) => fs::write(file, text),
            None => remove(&file),
        }
    }

    /// Puts in place what the case needs.
    pub(crate) fn arrange(&mut self, case: &Case) -> io::Result<()> {
        let script = format!("/etc/init.d/{}", case.service);
        self.script(&script, &case.script)?;
        for link in &case.links {
            self.link(link, &case.service)?;
        }
        self.runlevel(&case.runlevel)?;
        if case.init == InitFile::Present {
            self.file("/usr/sbin/init", "#!/bin/false\n", 0o755)?;
        }
        self.policy(
            &format!("{}/usr/sbin/policy-rc.d", case.policy_root),
            &case.policy,
        )?;
        self.marker(&case.marker)
    }

    /// Takes away what `arrange` put in place and what the tools left.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        for path in std::mem::take(&mut self.placed).iter().rev() {
            remove(path)?;
        }
        for state in STATE {
            remove(&self.path(state))?;
        }
        Ok(())
    }

    /// What the recorders wrote since the last call.
    pub(crate) fn records(&self) -> Result<Vec<Record>, Box<dyn Error + Send + Sync>> {
        let path = self.path(RECORDS);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        fs::remove_file(&path)?;
        text.lines()
            .map(|line| Ok(serde_json::from_str(line)?))
            .collect()
    }

    fn file(&mut self, path: &str, text: &str, mode: u32) -> io::Result<()> {
        let path = self.place(path)?;
        fs::write(&path, text)?;
        fs::set_permissions(&path, Permissions::from_mode(mode))
    }

    fn directory(&mut self, path: &str) -> io::Result<()> {
        fs::create_dir_all(self.place(path)?)
    }

    fn symlink(&mut self, path: &str, target: &str) -> io::Result<()> {
        symlink(target, self.place(path)?)
    }

    /// Notes that the case put something there, below directories that may be new.
    fn place(&mut self, path: &str) -> io::Result<PathBuf> {
        let path = self.path(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        remove(&path)?;
        self.placed.push(path.clone());
        Ok(path)
    }

    fn recorder(&mut self, path: &str, lines: &str) -> io::Result<()> {
        self.file(path, &format!("#!{RECORDER}\n{lines}"), 0o755)
    }

    /// A script that only a shell runs, and that hands over to the recorder.
    fn shell_script(&mut self, path: &str, status: u8) -> io::Result<()> {
        let text = format!("{path}.text");
        self.recorder(&text, &format!("status {status}\n"))?;
        self.file(path, &format!("exec {RECORDER} {text} \"$@\"\n"), 0o755)
    }

    fn script(&mut self, path: &str, script: &Script) -> io::Result<()> {
        match script {
            Script::Exits(status) => self.recorder(path, &format!("status {status}\nreads all\n")),
            Script::Knows(actions) => {
                self.recorder(path, &format!("knows {}\n", actions.join(" ")))
            }
            Script::Talks(status) => self.recorder(
                path,
                &format!("status {status}\nout Doing it.\nerr It was hard.\n"),
            ),
            Script::Killed(signal) => self.recorder(path, &format!("signal {signal}\n")),
            Script::Missing => Ok(()),
            Script::NotExecutable => self.file(path, &format!("#!{RECORDER}\n"), 0o644),
            Script::Directory => self.directory(path),
            Script::Dangling => self.symlink(path, "/compliance/nowhere"),
            Script::Link => {
                self.recorder("/compliance/elsewhere/script", "")?;
                self.symlink(path, "/compliance/elsewhere/script")
            }
            Script::NoShebang(status) => self.shell_script(path, *status),
            Script::BadInterpreter => self.file(path, "#!/compliance/nowhere\n", 0o755),
        }
    }

    fn link(&mut self, link: &Link, service: &str) -> io::Result<()> {
        let path = format!("/etc/rc{}.d/{}{service}", link.level, link.prefix);
        match link.kind {
            LinkKind::ToScript => self.symlink(&path, &format!("../init.d/{service}")),
            LinkKind::Dangling => self.symlink(&path, "../init.d/nowhere"),
            LinkKind::RegularFile => self.file(&path, "#!/bin/sh\n", 0o755),
            LinkKind::RegularNotExecutable => self.file(&path, "#!/bin/sh\n", 0o644),
            LinkKind::Directory => self.directory(&path),
        }
    }

    fn runlevel(&mut self, runlevel: &Runlevel) -> io::Result<()> {
        let path = "/usr/sbin/runlevel";
        match runlevel {
            Runlevel::Says(text, status) => {
                self.recorder(path, &format!("silent\nout {text}\nstatus {status}\n"))
            }
            Runlevel::Absent => Ok(()),
            Runlevel::NotExecutable => self.file(path, "#!/bin/sh\necho N 2\n", 0o644),
            Runlevel::Real(utmp) => {
                self.symlink(path, "/compliance/runlevel")?;
                match utmp {
                    None => Ok(()),
                    Some((previous, current)) => {
                        let path = self.place("/run/utmp")?;
                        fs::write(path, utmp_record(*previous, *current))
                    }
                }
            }
        }
    }

    fn policy(&mut self, path: &str, policy: &Policy) -> io::Result<()> {
        match policy {
            Policy::Absent => Ok(()),
            Policy::Exits(status) => self.recorder(path, &format!("status {status}\n")),
            Policy::Says(status, out, err) => {
                let mut text = format!("status {status}\n");
                for (word, said) in [("out", out), ("err", err)] {
                    for line in said.lines() {
                        text.push_str(&format!("{word} {line}\n"));
                    }
                }
                self.recorder(path, &text)
            }
            Policy::Reads(status, reads) => {
                let amount = match reads {
                    Reads::Line => "line",
                    Reads::All => "all",
                };
                self.recorder(path, &format!("status {status}\nreads {amount}\n"))
            }
            Policy::Killed(signal) => self.recorder(path, &format!("signal {signal}\n")),
            Policy::NotExecutable => self.file(path, &format!("#!{RECORDER}\nstatus 101\n"), 0o644),
            Policy::NoShebang(status) => self.shell_script(path, *status),
            Policy::Empty => self.file(path, "", 0o755),
            Policy::Directory => self.directory(path),
            Policy::Dangling => self.symlink(path, "/compliance/nowhere"),
            Policy::Link(status) => {
                self.recorder(
                    "/compliance/elsewhere/policy",
                    &format!("status {status}\n"),
                )?;
                self.symlink(path, "/compliance/elsewhere/policy")
            }
            Policy::BadInterpreter => self.file(path, "#!/compliance/nowhere\n", 0o755),
            Policy::OneLine => self.file(path, "#!/bin/sh\\nexit 0\n", 0o755),
        }
    }

    fn marker(&mut self, marker: &Marker) -> io::Result<()> {
        match marker {
            Marker::None => Ok(()),
            Marker::SystemdDirectory => self.directory("/run/systemd/system"),
            Marker::SystemdFile => self.file("/run/systemd/system", "", 0o644),
            Marker::Openrc(service) => {
                self.file("/run/openrc/softlevel", "default\n", 0o644)?;
                match service {
                    Some(status) => self.recorder(
                        "/usr/sbin/rc-service",
                        &format!("status {status}\nreads all\n"),
                    ),
                    None => Ok(()),
                }
            }
        }
    }
}

/// One utmp entry that names a runlevel: 384 bytes, type RUN_LVL, both levels in the pid.
fn utmp_record(previous: u8, current: u8) -> Vec<u8> {
    const SIZE: usize = 384;
    const RUN_LVL: i16 = 1;
    let mut record = Vec::with_capacity(SIZE);
    record.extend(RUN_LVL.to_ne_bytes());
    record.extend([0, 0]);
    record.extend((i32::from(current) + 256 * i32::from(previous)).to_ne_bytes());
    record.extend(b"~");
    record.resize(SIZE, 0);
    record
}

/// Removes whatever is there; nothing is fine.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Runs a command that has to succeed.
pub(crate) fn succeed(command: &mut Command) -> Result<(), Box<dyn Error + Send + Sync>> {
    let status = command.status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{command:?}: {status}").into())
    }
}
