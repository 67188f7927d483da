//! The words of a case: what is called, in which world, with what around it. Pure data; a case is built
//! like a sentence and named so that one can be repeated by its name.

use std::ffi::OsString;

pub(crate) use crate::tool::Tool;

/// The service that most cases are about.
pub(crate) const SERVICE: &str = "foo";

/// What stands in `/etc/init.d`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Script {
    /// A recorder with this exit status.
    Exits(u8),
    /// A recorder that knows only some actions; others exit with 3.
    Knows(&'static [&'static str]),
    /// A recorder that talks on stdout and stderr, then exits so.
    Talks(u8),
    /// A recorder that ends by a signal.
    Killed(u8),
    Missing,
    NotExecutable,
    Directory,
    Dangling,
    /// A link to a recorder elsewhere.
    Link,
    /// Text without `#!`: only a shell runs it.
    NoShebang(u8),
    /// The interpreter does not exist.
    BadInterpreter,
}

/// One link in an `rc?.d` directory, or what stands there in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) level: &'static str,
    pub(crate) prefix: &'static str,
    pub(crate) kind: LinkKind,
}

/// What such an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkKind {
    ToScript,
    Dangling,
    RegularFile,
    RegularNotExecutable,
    Directory,
}

/// What `/sbin/runlevel` is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Runlevel {
    /// A stand-in with this output and exit status.
    Says(&'static str, u8),
    Absent,
    NotExecutable,
    /// sysvinit's own, with no utmp or one that names this runlevel (previous, current).
    Real(Option<(u8, u8)>),
}

/// Whether `/sbin/init` exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InitFile {
    Present,
    Absent,
}

/// What `/usr/sbin/policy-rc.d` is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Policy {
    Absent,
    Exits(u8),
    /// Exit status, stdout, stderr.
    Says(u8, &'static str, &'static str),
    /// Reads one line of its stdin, or all of it.
    Reads(u8, Reads),
    Killed(u8),
    NotExecutable,
    NoShebang(u8),
    Empty,
    Directory,
    Dangling,
    Link(u8),
    BadInterpreter,
    /// `echo '#!/bin/sh\nexit 0'` by an echo that kept the backslash.
    OneLine,
}

/// How much of its stdin a recorder reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    Line,
    All,
}

/// Which init's mark is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Marker {
    None,
    /// `/run/systemd/system` is a directory, but no systemd runs and no systemctl is installed.
    SystemdDirectory,
    /// The same name is a regular file: no mark.
    SystemdFile,
    /// `/run/openrc/softlevel`, and an rc-service with this exit status (none: not installed).
    Openrc(Option<u8>),
}

/// What the process finds on descriptor 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stdin {
    Null,
    Closed,
    File(&'static str),
}

/// One case.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) tool: Tool,
    pub(crate) service: String,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<(&'static str, &'static str)>,
    pub(crate) stdin: Stdin,
    pub(crate) cwd: &'static str,
    pub(crate) umask: u32,
    /// A descriptor 7 is open when the tool starts.
    pub(crate) spare_descriptor: bool,
    pub(crate) script: Script,
    pub(crate) links: Vec<Link>,
    pub(crate) runlevel: Runlevel,
    pub(crate) init: InitFile,
    pub(crate) policy: Policy,
    /// policy-rc.d stands under this root instead.
    pub(crate) policy_root: &'static str,
    pub(crate) marker: Marker,
}

impl Case {
    /// `invoke-rc.d ARGS` on a sysv machine in runlevel 2 with an S link, a script that succeeds, no policy-rc.d.
    pub(crate) fn new<S: AsRef<str>>(group: &str, args: &[S]) -> Self {
        let words: Vec<&str> = args.iter().map(AsRef::as_ref).collect();
        Self {
            name: format!("{group}: {}", words.join(" ").escape_debug()),
            tool: Tool::InvokeRcD,
            service: SERVICE.to_owned(),
            args: words.iter().map(OsString::from).collect(),
            env: Vec::new(),
            stdin: Stdin::Null,
            cwd: "/",
            umask: 0o022,
            spare_descriptor: false,
            script: Script::Exits(0),
            links: vec![Link::start("2")],
            runlevel: Runlevel::Says("N 2", 0),
            init: InitFile::Present,
            policy: Policy::Absent,
            policy_root: "",
            marker: Marker::None,
        }
    }

    fn tag(mut self, tag: &str) -> Self {
        self.name = format!("{} | {tag}", self.name);
        self
    }

    pub(crate) fn tool(mut self, tool: Tool) -> Self {
        self.tool = tool;
        self
    }

    pub(crate) fn service(mut self, service: &str) -> Self {
        service.clone_into(&mut self.service);
        self
    }

    pub(crate) fn policy(self, policy: Policy) -> Self {
        let tag = format!("policy {policy:?}");
        Self { policy, ..self }.tag(&tag)
    }

    pub(crate) fn policy_root(self, root: &'static str) -> Self {
        Self {
            policy_root: root,
            ..self
        }
        .tag(&format!("under {root}"))
    }

    pub(crate) fn script(self, script: Script) -> Self {
        let tag = format!("script {script:?}");
        Self { script, ..self }.tag(&tag)
    }

    pub(crate) fn runlevel(self, runlevel: Runlevel) -> Self {
        let tag = format!("runlevel {runlevel:?}");
        Self { runlevel, ..self }.tag(&tag)
    }

    pub(crate) fn init(self, init: InitFile) -> Self {
        Self { init, ..self }.tag(&format!("init {init:?}"))
    }

    pub(crate) fn marker(self, marker: Marker) -> Self {
        let tag = format!("marker {marker:?}");
        Self { marker, ..self }.tag(&tag)
    }

    pub(crate) fn links(self, shape: &str, links: &[Link]) -> Self {
        let links = links.to_vec();
        Self { links, ..self }.tag(&format!("links {shape}"))
    }

    pub(crate) fn stdin(self, stdin: Stdin) -> Self {
        Self { stdin, ..self }.tag(&format!("stdin {stdin:?}"))
    }

    pub(crate) fn cwd(self, cwd: &'static str) -> Self {
        Self { cwd, ..self }.tag(&format!("cwd {cwd}"))
    }

    pub(crate) fn umask(self, umask: u32) -> Self {
        Self { umask, ..self }.tag(&format!("umask {umask:03o}"))
    }

    pub(crate) fn env(mut self, name: &'static str, value: &'static str) -> Self {
        self.env.push((name, value));
        self.tag(&format!("{name}={}", value.escape_debug()))
    }

    pub(crate) fn spare_descriptor(mut self) -> Self {
        self.spare_descriptor = true;
        self.tag("descriptor 7 open")
    }
}

impl Link {
    /// `S01` in the runlevel.
    pub(crate) fn start(level: &'static str) -> Self {
        Self {
            level,
            prefix: "S01",
            kind: LinkKind::ToScript,
        }
    }

    /// `K01` in the runlevel.
    pub(crate) fn kill(level: &'static str) -> Self {
        Self {
            level,
            prefix: "K01",
            kind: LinkKind::ToScript,
        }
    }

    pub(crate) fn prefix(self, prefix: &'static str) -> Self {
        Self { prefix, ..self }
    }

    pub(crate) fn kind(self, kind: LinkKind) -> Self {
        Self { kind, ..self }
    }
}
