//! Cases that are about words: wrong arguments, blanks, rare names, and deb-systemd-invoke's command line. Pure.

use crate::case::{Case, Policy, Reads, SERVICE, Script, Stdin, Tool};
use crate::cases::ACTIONS;

/// Command lines, right and wrong.
pub(crate) fn arguments() -> Vec<Case> {
    let lines: [&[&str]; 62] = [
        &[],
        &["foo"],
        &[""],
        &["", ""],
        &[" "],
        &["foo", ""],
        &["foo", " "],
        &["", "start"],
        &["foo bar", "start"],
        &["foo\tbar", "start"],
        &["foo\nbar", "start"],
        &["foo", "sta rt"],
        &["foo", "sta\trt"],
        &["foo ", "start"],
        &[" foo", "start"],
        &["foo", "start "],
        &["foo", " stop"],
        &["foo", "restart\n"],
        &["foo  bar", "start"],
        &["--help"],
        &["--help", "foo", "start"],
        &["foo", "--help"],
        &["foo", "start", "--help"],
        &["--quiet", "--help"],
        &["--bogus", "--help"],
        &["--help", "--bogus"],
        &["--quiet"],
        &["--query"],
        &["--quiet", "foo"],
        &["foo", "--quiet"],
        &["--bogus"],
        &["--bogus", "foo", "start"],
        &["foo", "--bogus", "start"],
        &["foo", "start", "--bogus"],
        &["--quiet", "--bogus", "foo", "start"],
        &["--bogus", "--quiet", "foo", "start"],
        &["--", "foo", "start"],
        &["foo", "--", "start"],
        &["foo", "start", "--"],
        &["--quiet=yes", "foo", "start"],
        &["--QUIET", "foo", "start"],
        &["--quie", "foo", "start"],
        &["--quiet ", "foo", "start"],
        &["-q", "foo", "start"],
        &["-q", "foo"],
        &["-", "start"],
        &["foo", "-"],
        &["-h"],
        &["-h", "foo"],
        &["-n", "start"],
        &["foo", "-n"],
        &["foo", "-e"],
        &["foo", "start", ""],
        &["foo", "start", " "],
        &["foo", "start", "a b", "c\nd"],
        &["foo", "stop", "x", "", "y"],
        &["foo", "status", "--all", "-v"],
        &["foo", "start", "--quiet"],
        &["foo", "start", "--force", "--query"],
        &["foo", "custom", "a'b", "\"c\""],
        &["--quiet", "--quiet", "foo", "stop"],
        &["--query", "--query", "foo", "stop"],
    ];
    let mut cases = Vec::new();
    for line in lines {
        cases.push(Case::new("arguments", line));
        cases.push(Case::new("arguments", line).policy(Policy::Exits(0)));
        cases.push(Case::new("arguments", line).policy(Policy::Exits(101)));
    }
    for extra in [&["one"][..], &["one", "two"], &["--quiet"], &["a b"], &[""]] {
        for action in ACTIONS {
            let words: Vec<&str> = [SERVICE, action].iter().chain(extra).copied().collect();
            cases.push(Case::new("extra", &words).script(Script::Talks(0)));
            cases.push(Case::new("extra", &words).policy(Policy::Says(106, "reload stop", "")));
        }
    }
    cases
}

/// Names that are legal in a file name and rare in a service.
pub(crate) fn odd_words() -> Vec<Case> {
    let mut cases = Vec::new();
    for name in [
        "foo.sh",
        "foo.service",
        "foo@1",
        "foo-bar_2",
        "a.b.c",
        "foo+x",
        "5foo",
        "F:oo",
        "fö",
        "foo'",
        "foo\\n",
        "~",
        "#foo",
        "$HOME",
        "=",
        "%s",
    ] {
        for action in ["start", "stop", "status"] {
            for policy in [Policy::Absent, Policy::Exits(0), Policy::Exits(101)] {
                let case = || {
                    Case::new("name", &[name, action])
                        .service(name)
                        .policy(policy.clone())
                };
                cases.push(case());
                cases.push(case().script(Script::Missing));
            }
        }
    }
    for action in [
        "START", "start.", "st'art", "sta\\nrt", "$HOME", "=", "!", "(", ")", "-a", "a=b", "~",
        "%s",
    ] {
        for policy in [
            Policy::Absent,
            Policy::Exits(0),
            Policy::Exits(101),
            Policy::Exits(105),
        ] {
            let case = Case::new("action", &["foo", action]).policy(policy);
            cases.push(case.clone());
            cases.push(case.script(Script::Exits(2)));
        }
    }
    cases
}

/// What can be compared without a running systemd: wrong arguments, and how policy-rc.d is asked when it denies.
pub(crate) fn deb_systemd_invoke() -> Vec<Case> {
    let mut cases = Vec::new();
    let lines: [&[&str]; 16] = [
        &[],
        &["start"],
        &["--user"],
        &["daemon-reload"],
        &["--help"],
        &["start", "foo.service"],
        &["stop", "foo.service"],
        &["restart", "foo.service", "foo.socket"],
        &["try-restart", "foo.service"],
        &["reload", "foo"],
        &["--system", "start", "foo.service"],
        &["start", "--system", "foo.service"],
        &["--user", "start", "foo.service"],
        &["start", "foo@1.service"],
        &["custom", "foo.service"],
        &["--", "stop", "foo.service"],
    ];
    for line in lines {
        let case = || Case::new("dsi", line).tool(Tool::DebSystemdInvoke);
        if line.len() < 2 {
            cases.push(case());
        }
        let denied = || case().policy(Policy::Exits(101));
        cases.extend([
            denied(),
            case().policy(Policy::Says(101, "denied here", "and there")),
            denied().cwd("/compliance/odd"),
            case()
                .policy(Policy::Reads(101, Reads::Line))
                .stdin(Stdin::File("one\ntwo\n")),
            denied()
                .policy_root("/compliance/odd")
                .env("DPKG_ROOT", "/compliance/odd"),
            case().policy(Policy::NoShebang(101)),
        ]);
    }
    cases
}
