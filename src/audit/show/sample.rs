//! Results to show in tests: an ordinary one, and one of a package that wishes us ill.

use super::about::About;
use crate::audit::audited::{Audited, Input, Timeline, Unreadable};
use crate::audit::finding::{Finding, Severity, Spot};

pub(in crate::audit) const ABOUTS: [About<'static>; 2] = [
    About {
        id: "trigger-not-stopped",
        title: "A socket is left listening while its service is stopped",
        severity: Severity::Error,
        explanation: "The socket starts the service again for the next client, in the middle of the upgrade.",
        change: "Stop the socket with its service.",
    },
    About {
        id: "status-hidden",
        title: "Nobody sees whether the service was stopped",
        severity: Severity::Warning,
        explanation: "A failure is thrown away.",
        change: "Let it fail.",
    },
];

pub(in crate::audit) fn spot(file: &str, line: u32, text: &str, meant: &str) -> Spot {
    let before = text.find(meant).unwrap();
    let count = |text: &str| u32::try_from(text.chars().count()).unwrap();
    Spot {
        file: file.to_owned(),
        line,
        column: count(&text[..before]) + 1,
        width: count(meant),
        text: text.to_owned(),
        label: String::new(),
    }
}

fn finding(check: &str, severity: Severity, message: &str) -> Finding {
    Finding {
        check: check.to_owned(),
        severity,
        package: "acpid".to_owned(),
        version: "1:2.0.34-1".to_owned(),
        message: message.to_owned(),
        spots: Vec::new(),
        suggestion: String::new(),
        assumed: Vec::new(),
        allowed: None,
    }
}

pub(in crate::audit) fn input(path: &str) -> Input {
    Input {
        path: path.to_owned(),
        from: None,
    }
}

pub(in crate::audit) fn unreadable(path: &str) -> Unreadable {
    Unreadable {
        input: input(path),
        error: format!("cannot read `{path}`: it is cut off"),
    }
}

/// Two findings, and one that a comment allows.
pub(in crate::audit) fn acpid() -> Audited {
    let deb = "acpid_2.0.34-1_amd64.deb";
    let mut socket = finding(
        "trigger-not-stopped",
        Severity::Error,
        "acpid.socket goes on listening while acpid.service is stopped",
    );
    let mut unit = spot(
        "/usr/lib/systemd/system/acpid.socket",
        4,
        "ListenStream=/run/acpid.socket",
        "ListenStream",
    );
    unit.label = "this starts acpid.service again".to_owned();
    socket.spots = vec![
        spot(
            &format!("{deb}: prerm"),
            12,
            "\tdeb-systemd-invoke stop acpid.service || true",
            "deb-systemd-invoke stop acpid.service",
        ),
        unit,
    ];
    socket.suggestion = "stop both: deb-systemd-invoke stop acpid.socket acpid.service".to_owned();
    let mut hidden = finding(
        "status-hidden",
        Severity::Warning,
        "a failed stop of acpid.service is not noticed",
    );
    hidden.spots = vec![spot(
        &format!("{deb}: prerm"),
        12,
        "\tdeb-systemd-invoke stop acpid.service || true",
        "|| true",
    )];
    hidden.assumed = vec!["[ -d /run/systemd/system ]".to_owned()];
    let mut allowed = finding(
        "status-hidden",
        Severity::Warning,
        "a failed start of acpid is not noticed",
    );
    allowed.spots = vec![spot(
        &format!("{deb}: postinst"),
        30,
        "invoke-rc.d acpid start || true",
        "|| true",
    )];
    allowed.allowed = Some("it has no ACPI on some machines".to_owned());
    Audited {
        input: input(deb),
        package: "acpid".to_owned(),
        version: "1:2.0.34-1".to_owned(),
        architecture: "amd64".to_owned(),
        from: "1:2.0.33-2".to_owned(),
        services: vec!["acpid.service".to_owned(), "acpid.socket".to_owned()],
        findings: vec![hidden, allowed, socket],
        unread: Vec::new(),
        timelines: vec![Timeline {
            title: "upgrade, systemd".to_owned(),
            svg: "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"600\" height=\"80\" viewBox=\"0 0 600 80\"><rect width=\"600\" height=\"80\" fill=\"#4a7\"/></svg>".to_owned(),
        }],
    }
    .tidied()
}

/// What a terminal, a browser or a CI service must not be steered by.
pub(in crate::audit) const EVIL: &str = "\u{1b}[2J\u{1b}]0;x\u{7}</script><script>alert(1)</script>\u{202e}'\"&\r\u{9b}31m\u{0}\u{2028}";

/// Everything that a package can say is hostile.
pub(in crate::audit) fn hostile() -> Audited {
    let mut bad = finding(EVIL, Severity::Error, EVIL);
    bad.package = EVIL.to_owned();
    bad.version = EVIL.to_owned();
    let mut place = spot(
        EVIL,
        u32::MAX,
        &format!("{EVIL}stop{}", "x".repeat(100_000)),
        "stop",
    );
    place.label = EVIL.to_owned();
    let mut nowhere = spot("prerm", 0, "", "");
    (nowhere.column, nowhere.width) = (u32::MAX, 0);
    bad.spots = vec![place, nowhere];
    bad.suggestion = format!("{EVIL}\n{EVIL}");
    bad.assumed = vec![EVIL.to_owned()];
    let mut allowed = bad.clone();
    allowed.allowed = Some(EVIL.to_owned());
    Audited {
        input: input(EVIL),
        package: EVIL.to_owned(),
        version: EVIL.to_owned(),
        architecture: EVIL.to_owned(),
        from: format!("{EVIL}0"),
        services: vec![EVIL.to_owned()],
        findings: vec![bad, allowed],
        unread: vec![EVIL.to_owned()],
        timelines: vec![Timeline {
            title: EVIL.to_owned(),
            svg: format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(2)</script>{EVIL}"
            ),
        }],
    }
    .tidied()
}
