//! A small machine: a directory with the host's programs bound into it, pivoted to in namespaces of its own, with a
//! shell as its init, no systemd, and one service `foo` whose init script records its calls. Judges nothing.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the calls are noted, a directory for each: that needs no space and no right to write files.
const RAN: &str = "ran";
/// Notes down its own name and arguments.
const RECORDER: &str = "#!/bin/sh\nn=1\nuntil mkdir \"/ran/$n ${0##*/} $*\" 2>/dev/null || [ $n = 9 ]; do n=$((n+1)); done\n";
/// The setup of a call failed; no tool returns this.
const SETUP_FAILED: i32 = 250;
/// Becomes PID 1 of the machine. Arguments: its root, the setup, the command.
const ENTER: &str = r#"
set -eu
root=$1
mount --make-rprivate /
mount --bind "$root" "$root"
for directory in usr/bin usr/lib usr/lib64 usr/lib32; do
    [ -d "/$directory" ] && [ ! -L "/$directory" ] || continue
    mkdir -p "$root/$directory"
    mount --bind "/$directory" "$root/$directory"
    mount -o remount,bind,ro "$root/$directory"
done
for tool in invoke-rc.d deb-systemd-invoke policy-rc-d rcpolicy; do
    eval "from=\$$(echo "$tool" | tr -d .-)"
    mount --bind "$from" "$root/tools/$tool"
done
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 dev "$root/dev"
for node in null zero full urandom; do
    : >"$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
done
setup=$2 command=$3
cd "$root"
pivot_root . old
export PATH=/tools:/usr/sbin:/usr/bin:/sbin:/bin
umount -l /old
cd /
unset invokercd debsystemdinvoke policyrcd rcpolicy
env -i PATH="$PATH" sh -eu -c "$setup" || exit 250
env -i PATH="$PATH" sh -c "$command"
exit $?
"#;

/// What came of a call.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// `1 foo start`: how often what was called with which arguments.
    pub(crate) ran: BTreeSet<String>,
}

impl Seen {
    /// Fails unless every word is on standard error.
    #[track_caller]
    pub(crate) fn says(&self, words: &[&str]) {
        for word in words {
            assert!(self.stderr.contains(word), "no `{word}` in {self:#?}");
        }
    }

    /// Fails unless exactly these calls were made.
    #[track_caller]
    pub(crate) fn ran(&self, calls: &[&str]) {
        let got: Vec<&str> = self.ran.iter().map(String::as_str).collect();
        assert_eq!(got, calls, "{self:#?}");
    }

    /// Fails unless the call ended so, without a panic.
    #[track_caller]
    pub(crate) fn ended(&self, status: i32) {
        assert_eq!(self.status, status, "{self:#?}");
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
    }
}

/// The machine before it is entered.
pub(crate) struct World {
    top: tempfile::TempDir,
    setup: String,
}

impl World {
    /// A machine in runlevel 2, with the service `foo` to be started in it.
    pub(crate) fn new() -> Self {
        assert!(
            nix::unistd::geteuid().is_root(),
            "these tests need root: they mount"
        );
        let world = Self {
            top: tempfile::tempdir().unwrap(),
            setup: String::new(),
        };
        for directory in [
            "",
            "usr",
            "usr/sbin",
            "etc",
            "etc/init.d",
            "etc/rc2.d",
            "etc/rcpolicy/policy.d",
            "run",
            "var/lib/rcpolicy",
            "var/log",
            "tools",
            "old",
            "proc",
            "dev",
        ] {
            let path = world.path(directory);
            fs::create_dir_all(&path).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        }
        for open in [RAN, "tmp"] {
            fs::create_dir(world.path(open)).unwrap();
            fs::set_permissions(world.path(open), Permissions::from_mode(0o1777)).unwrap();
        }
        for link in ["bin", "sbin", "lib", "lib64"] {
            symlink(format!("usr/{link}"), world.path(link)).unwrap();
        }
        if Path::new("/usr/lib64").is_symlink() {
            symlink(
                fs::read_link("/usr/lib64").unwrap(),
                world.path("usr/lib64"),
            )
            .unwrap();
        }
        for tool in [
            "invoke-rc.d",
            "deb-systemd-invoke",
            "policy-rc-d",
            "rcpolicy",
        ] {
            fs::write(world.path("tools").join(tool), "").unwrap();
        }
        symlink("../init.d/foo", world.path("etc/rc2.d/S01foo")).unwrap();
        world
            .program("etc/init.d/foo", RECORDER)
            .program("usr/sbin/invoke-rc.d.distrib", RECORDER)
            .program("usr/sbin/init", "#!/bin/false\n")
            .program("usr/sbin/runlevel", "#!/bin/sh\necho N 2\n")
    }

    /// Where something of the machine is.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.top.path().join(path.trim_start_matches('/'))
    }

    pub(crate) fn program(self, path: &str, text: &str) -> Self {
        self.file(path, text.as_bytes(), 0o755)
    }

    pub(crate) fn file(self, path: &str, text: &[u8], mode: u32) -> Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        self
    }

    /// An executable that notes down its calls.
    pub(crate) fn recorder(self, path: &str) -> Self {
        self.program(path, RECORDER)
    }

    /// A policy file of the admin's.
    pub(crate) fn policy(self, text: &str) -> Self {
        self.file("etc/rcpolicy/policy.d/10-test.toml", text.as_bytes(), 0o644)
    }

    /// policy-rc.d.
    pub(crate) fn helper(self, text: &str) -> Self {
        self.program("usr/sbin/policy-rc.d", text)
    }

    pub(crate) fn owned_by(self, path: &str, uid: u32) -> Self {
        chown(self.path(path), Some(uid), None).unwrap();
        self
    }

    /// Shell commands that are run inside before each call.
    pub(crate) fn setup(self, commands: &str) -> Self {
        Self {
            setup: format!("{}{commands}\n", self.setup),
            ..self
        }
    }

    /// Enters the machine, runs the shell command, and forgets the calls noted before it.
    pub(crate) fn call(&self, command: &str) -> Seen {
        let noted = self.path(RAN);
        for note in fs::read_dir(&noted).unwrap() {
            fs::remove_dir(note.unwrap().path()).unwrap();
        }
        let output = Command::new("unshare")
            .args(["--mount", "--pid", "--ipc", "--fork", "--kill-child"])
            .args(["sh", "-c", ENTER, "enter"])
            .arg(self.top.path())
            .args([&self.setup, command])
            .env("invokercd", env!("CARGO_BIN_EXE_invoke-rc-d"))
            .env("debsystemdinvoke", env!("CARGO_BIN_EXE_deb-systemd-invoke"))
            .env("policyrcd", env!("CARGO_BIN_EXE_policy-rc-d"))
            .env("rcpolicy", env!("CARGO_BIN_EXE_rcpolicy"))
            .output()
            .unwrap();
        let seen = Seen {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            ran: names(&noted),
        };
        assert_ne!(seen.status, SETUP_FAILED, "{seen:#?}");
        seen
    }

    /// Every path of the machine that a tool could have made.
    pub(crate) fn everything(&self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        let mut left: Vec<PathBuf> = ["etc", "run", "var", "tmp", "ran", "usr/sbin"]
            .map(|directory| self.path(directory))
            .into();
        while let Some(directory) = left.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() && !path.is_symlink() {
                    left.push(path.clone());
                }
                found.insert(path);
            }
        }
        found
    }
}

fn names(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}
