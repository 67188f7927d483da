//! What is wrong in packages of Debian bookworm, known before there was an audit, is found in them. `tests/corpus --known`
//! fetches them into RCPOLICY_CORPUS.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what a test cannot do ends it"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rcpolicy::audit::audited::{Audited, Line};
use rcpolicy::audit::finding::Severity::{self, Note, Warning};

/// A package, a check, how bad it is at least, and what it says of which unit or call.
type Hit = (&'static str, &'static str, Severity, &'static str);

const HITS: [Hit; 12] = [
    // An error where it is on by default, as in some of bookworm's versions.
    (
        "mariadb-server",
        "trigger-not-stopped",
        Warning,
        "`mariadb.socket` is never stopped",
    ),
    // These two fall with libvirtd.socket, to which they are bound, and which is stopped: no more than a note.
    (
        "libvirt-daemon-system",
        "trigger-not-stopped",
        Note,
        "`libvirtd-tcp.socket` is stopped by no name",
    ),
    (
        "libvirt-daemon-system",
        "trigger-not-stopped",
        Note,
        "`libvirtd-tls.socket` is stopped by no name",
    ),
    (
        "cups-daemon",
        "combined-restart",
        Warning,
        "`cups.service` and `cups.path`",
    ),
    (
        "avahi-daemon",
        "combined-restart",
        Warning,
        "`avahi-daemon.service` and `avahi-daemon.socket`",
    ),
    (
        "podman",
        "combined-restart",
        Warning,
        "`podman.service` and `podman.socket`",
    ),
    (
        "uuid-runtime",
        "combined-restart",
        Warning,
        "`uuidd.service` and `uuidd.socket`",
    ),
    (
        "acpid",
        "systemctl-called",
        Warning,
        "`systemctl stop acpid.socket`",
    ),
    (
        "rsyslog",
        "systemctl-called",
        Warning,
        "`systemctl stop syslog.socket`",
    ),
    (
        "udev",
        "systemctl-called",
        Warning,
        "`systemctl stop systemd-udevd.service`",
    ),
    ("snapd", "systemctl-called", Warning, "`systemctl stop "),
    (
        "dovecot-core",
        "branch-never-run",
        Warning,
        "dpkg never passes `triggered` to a postrm",
    ),
];

fn corpus() -> PathBuf {
    let root = std::env::var_os("RCPOLICY_CORPUS");
    let root = root.unwrap_or_else(|| "/var/cache/rcpolicy-lab/corpus".into());
    Path::new(&root).join("bookworm")
}

/// The file of a package.
fn deb(name: &str) -> PathBuf {
    let entries = fs::read_dir(corpus()).expect("tests/corpus --known has fetched packages");
    let mut paths = entries.map(|entry| entry.unwrap().path());
    let is = |path: &PathBuf| {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        file.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('_'))
    };
    paths
        .find(is)
        .unwrap_or_else(|| panic!("no {name} in {}", corpus().display()))
}

fn audited(name: &str) -> Box<Audited> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rcpolicy"));
    command.args(["audit", "--json", "--fail-on", "never"]);
    let output = command.arg(deb(name)).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    match Line::parse(text.trim_end()).unwrap() {
        Line::Package(audited) => audited,
        Line::Unreadable(unreadable) => panic!("{}", unreadable.error),
    }
}

#[test]
fn what_was_known_to_be_wrong_is_found_with_its_place() {
    let mut missed = Vec::new();
    for hit in HITS {
        let (package, check, severity, said) = hit;
        let audited = audited(package);
        let mut findings = audited.findings.iter();
        let is_found = findings.any(|finding| {
            let same = finding.check == check && finding.severity >= severity;
            same && finding.message.contains(said) && !finding.spots.is_empty()
        });
        if !is_found {
            missed.push((hit, audited.findings));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}
