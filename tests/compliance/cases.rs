//! Generation: full products of what interacts in the stock script (options and policy answers, links and runlevels,
//! positions of options), and a random cover of everything with everything. Deterministic; the seed is fixed here.

use std::collections::HashSet;
use std::error::Error;

use crate::case::{
    Case, InitFile, Link, Marker, Policy, Reads, Runlevel, SERVICE, Script, Stdin, Tool,
};
use crate::cover::cover;
use crate::invocations;
use crate::shapes::{link_shapes, runlevel_sources};
use crate::words::{arguments, deb_systemd_invoke, odd_words};

/// The seed of the random cover.
pub(crate) const SEED: u64 = 0x0072_6370_6f6c_6963;
/// How many cases the random cover has.
pub(crate) const COVER: usize = 800;

pub(crate) const OPTIONS: [&str; 7] = [
    "--quiet",
    "--force",
    "--try-anyway",
    "--disclose-deny",
    "--query",
    "--no-fallback",
    "--skip-systemd-native",
];
pub(crate) const ACTIONS: [&str; 9] = [
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

/// Which PID 1 the cases see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pid1 {
    /// Anything.
    Ordinary,
    /// Its command line says `init boot`: the machine is in runlevel S, whatever utmp says.
    Boot,
}

/// Every case to be run under that PID 1.
pub(crate) fn all(pid1: Pid1) -> Result<Vec<Case>, Box<dyn Error + Send + Sync>> {
    let mut cases = match pid1 {
        Pid1::Boot => booting(),
        Pid1::Ordinary => {
            let groups = [
                arguments(),
                positions(),
                policy_answers(),
                policy_statuses(),
                policy_files(),
                fallbacks(),
                links(),
                runlevels(),
                scripts(),
                markers(),
                surroundings(),
                odd_words(),
                deb_systemd_invoke(),
                cover(),
            ];
            groups
                .into_iter()
                .flatten()
                .chain(real_invocations()?)
                .collect()
        }
    };
    let mut seen = HashSet::new();
    cases.retain(|case| seen.insert(case.name.clone()));
    Ok(cases)
}

/// Groups that are full products; elsewhere every case is about something of its own.
const PRODUCTS: [&str; 9] = [
    "answer",
    "fallback",
    "links",
    "marker",
    "policy file",
    "position",
    "runlevel",
    "script",
    "status",
];
/// So many of every so many cases of a product are run every time. A prime, so that no value of any factor is left out.
const PART: (usize, usize) = (4, 11);

/// The part of the cases that is run every time.
pub(crate) fn part(cases: Vec<Case>) -> Vec<Case> {
    let (kept, of) = PART;
    let is_kept = |(number, case): &(usize, Case)| {
        number % of < kept || !PRODUCTS.iter().any(|group| case.name.starts_with(group))
    };
    let numbered = cases.into_iter().enumerate();
    numbered.filter(is_kept).map(|(_, case)| case).collect()
}

/// Every subset of `words`, in their order.
fn subsets<'a>(words: &[&'a str]) -> Vec<Vec<&'a str>> {
    words.iter().fold(vec![Vec::new()], |subsets, word| {
        let with = subsets
            .iter()
            .map(|subset| subset.iter().copied().chain([*word]).collect());
        subsets
            .iter()
            .cloned()
            .chain(with.collect::<Vec<_>>())
            .collect()
    })
}

/// A call of the service with options in front.
pub(crate) fn call(options: &[&str], action: &str) -> Vec<String> {
    options
        .iter()
        .copied()
        .chain([SERVICE, action])
        .map(str::to_owned)
        .collect()
}

/// Options alone, in pairs and triples, in every position: before the name, before the action, after it.
fn positions() -> Vec<Case> {
    let place = |options: &[(&str, usize)]| {
        let mut words = Vec::new();
        for (slot, word) in [Some(SERVICE), Some("start"), None].into_iter().enumerate() {
            words.extend(
                options
                    .iter()
                    .filter(|(_, at)| *at == slot)
                    .map(|(option, _)| *option),
            );
            words.extend(word);
        }
        Case::new("position", &words)
    };
    let mut cases = Vec::new();
    for first in OPTIONS {
        for one in 0..3 {
            cases.push(place(&[(first, one)]));
            cases.push(place(&[(first, one)]).policy(Policy::Exits(101)));
            for second in OPTIONS {
                cases.extend(
                    (0..3).map(|two| {
                        place(&[(first, one), (second, two)]).policy(Policy::Exits(102))
                    }),
                );
            }
        }
        for second in OPTIONS {
            for third in OPTIONS {
                let options = [(first, 0), (second, 0), (third, 1)];
                cases.push(place(&options).policy(Policy::Exits(101)));
            }
        }
    }
    cases
}

/// Every documented answer with every subset of the options that change how it is taken.
fn policy_answers() -> Vec<Case> {
    let mut cases = Vec::new();
    for status in [0, 1, 100, 101, 102, 103, 104, 105, 106] {
        for options in subsets(&[
            "--force",
            "--try-anyway",
            "--disclose-deny",
            "--query",
            "--no-fallback",
        ]) {
            for action in ["start", "stop", "status"] {
                let policy = if status == 106 {
                    Policy::Says(106, "reload restart", "")
                } else {
                    Policy::Exits(status)
                };
                cases.push(Case::new("answer", &call(&options, action)).policy(policy.clone()));
                if action == "start" {
                    let stopped = Case::new("answer", &call(&options, action)).policy(policy);
                    cases.push(stopped.links("K", &[Link::kill("2")]));
                }
            }
        }
    }
    cases
}

/// Every exit status there is, and signals.
fn policy_statuses() -> Vec<Case> {
    let mut cases = Vec::new();
    for status in 0..=255 {
        cases.push(Case::new("status", &["foo", "start"]).policy(Policy::Exits(status)));
        if status < 128 {
            cases.push(
                Case::new("status", &["--query", "foo", "stop"]).policy(Policy::Exits(status)),
            );
            cases.push(
                Case::new("status", &["--try-anyway", "--quiet", "foo", "restart"])
                    .policy(Policy::Exits(status)),
            );
        }
    }
    for signal in [1, 2, 9, 15] {
        for options in [&[][..], &["--query"], &["--force"], &["--try-anyway"]] {
            cases.push(Case::new("signal", &call(options, "start")).policy(Policy::Killed(signal)));
        }
    }
    cases
}

/// What else can stand in policy-rc.d's place.
fn policy_files() -> Vec<Case> {
    let mut policies = vec![
        Policy::Absent,
        Policy::NotExecutable,
        Policy::Empty,
        Policy::Directory,
        Policy::Dangling,
        Policy::Link(101),
        Policy::Link(0),
        Policy::BadInterpreter,
        Policy::OneLine,
        Policy::Says(0, "hello", "on stderr"),
        Policy::Says(101, "two lines\non stdout", "and\ntwo on stderr"),
        Policy::Says(104, "", "only stderr"),
        Policy::Says(106, "", ""),
    ];
    policies.extend([0, 1, 100, 101, 102, 104, 106, 127].map(Policy::NoShebang));
    let mut cases = Vec::new();
    for policy in policies {
        for options in [
            &[][..],
            &["--quiet"],
            &["--query"],
            &["--force"],
            &["--try-anyway"],
            &["--disclose-deny"],
        ] {
            for action in ["start", "stop", "status"] {
                cases.push(Case::new("policy file", &call(options, action)).policy(policy.clone()));
            }
        }
        let none = Case::new("policy file", &["foo", "start"])
            .policy(policy.clone())
            .init(InitFile::Absent);
        cases.push(none);
    }
    for options in subsets(&["--quiet", "--force", "--disclose-deny", "--query"]) {
        for action in ACTIONS {
            cases.push(Case::new("no init", &call(&options, action)).init(InitFile::Absent));
        }
    }
    cases
}

/// Lists of actions that policy-rc.d asks for instead.
fn fallbacks() -> Vec<Case> {
    let lists = [
        "",
        " ",
        "stop",
        "reload restart",
        "custom stop start",
        "reload\nrestart",
        "  reload \n\n restart  ",
        "start start",
        "restart",
        "try-restart reload",
        "status",
        "--force stop",
        "re\tload",
        "stop\n\n",
    ];
    let mut cases = Vec::new();
    for list in lists {
        for options in [
            &[][..],
            &["--quiet"],
            &["--query"],
            &["--force"],
            &["--no-fallback"],
            &["--no-fallback", "--disclose-deny"],
            &["--try-anyway"],
        ] {
            let base = Case::new("fallback", &call(options, "restart"))
                .policy(Policy::Says(106, list, ""));
            cases.push(base.clone());
            cases.push(base.clone().script(Script::Knows(&["stop", "restart"])));
            cases.push(base.clone().script(Script::Exits(4)));
            cases.push(base.links("none", &[]));
        }
    }
    cases
}

fn links() -> Vec<Case> {
    let mut cases = Vec::new();
    for (shape, links) in link_shapes() {
        for action in ["start", "stop", "try-restart"] {
            for options in [
                &[][..],
                &["--query"],
                &["--try-anyway"],
                &["--force"],
                &["--disclose-deny"],
            ] {
                for policy in [Policy::Absent, Policy::Exits(0)] {
                    let case = Case::new("links", &call(options, action))
                        .links(shape, &links)
                        .policy(policy);
                    cases.push(case);
                }
            }
        }
        let dangling = Case::new("links", &["foo", "start"]).links(shape, &links);
        cases.push(dangling.script(Script::NotExecutable));
    }
    cases
}

fn runlevels() -> Vec<Case> {
    let mut cases = Vec::new();
    for source in runlevel_sources() {
        for action in ["start", "stop", "status"] {
            for options in [&[][..], &["--quiet"], &["--query"]] {
                for policy in [Policy::Absent, Policy::Exits(101)] {
                    let case = Case::new("runlevel", &call(options, action)).policy(policy);
                    cases.push(case.runlevel(source.clone()));
                }
            }
        }
        let call = || Case::new("runlevel", &["foo", "start"]).runlevel(source.clone());
        cases.push(call().links("SS", &[Link::start("S")]));
        cases.push(call().links("S5", &[Link::start("5")]));
        cases.push(call().links("K0, K6", &[Link::kill("0"), Link::kill("6")]));
        cases.push(call().script(Script::Missing));
        cases.push(call().script(Script::Exits(7)));
        cases.push(call().env("RUNLEVEL", "5").env("PREVLEVEL", "N"));
    }
    cases
}

/// The same machine while `init boot` is PID 1.
fn booting() -> Vec<Case> {
    let mut cases = Vec::new();
    let levels = ["0", "6", "S", "2"].map(|level| match level {
        "0" => Runlevel::Says("2 0", 0),
        "6" => Runlevel::Says("2 6", 0),
        "S" => Runlevel::Says("N S", 0),
        _ => Runlevel::Says("N 2", 0),
    });
    for level in levels
        .into_iter()
        .chain([Runlevel::Absent, Runlevel::Real(Some((b'2', b'6')))])
    {
        for (shape, links) in [
            ("S", vec![Link::start("2")]),
            ("SS", vec![Link::start("S")]),
            ("K6", vec![Link::kill("6")]),
        ] {
            for action in ["start", "stop"] {
                for policy in [Policy::Absent, Policy::Exits(0), Policy::Exits(101)] {
                    let case = Case::new("booting", &["foo", action])
                        .links(shape, &links)
                        .policy(policy);
                    cases.push(case.runlevel(level.clone()));
                }
            }
        }
    }
    cases
}

fn scripts() -> Vec<Case> {
    let scripts = [
        Script::Exits(0),
        Script::Exits(1),
        Script::Exits(3),
        Script::Exits(101),
        Script::Exits(255),
        Script::Knows(&["start"]),
        Script::Talks(0),
        Script::Talks(5),
        Script::Killed(9),
        Script::Killed(15),
        Script::Missing,
        Script::NotExecutable,
        Script::Directory,
        Script::Dangling,
        Script::Link,
        Script::NoShebang(0),
        Script::NoShebang(6),
        Script::BadInterpreter,
    ];
    let mut cases = Vec::new();
    for script in scripts {
        for action in ACTIONS {
            for options in [&[][..], &["--force"], &["--query"]] {
                cases.push(Case::new("script", &call(options, action)).script(script.clone()));
            }
            cases.push(
                Case::new("script", &["foo", action])
                    .script(script.clone())
                    .policy(Policy::Exits(0)),
            );
        }
        let gone = Case::new("script", &["foo", "start"])
            .script(script.clone())
            .init(InitFile::Absent);
        cases.push(gone);
        let fallback =
            Case::new("script", &["foo", "start"]).policy(Policy::Says(106, "reload stop", ""));
        cases.push(fallback.script(script));
    }
    cases
}

/// OpenRC, and the mark of a systemd that does not run.
fn markers() -> Vec<Case> {
    let mut cases = Vec::new();
    for marker in [
        Marker::Openrc(Some(0)),
        Marker::Openrc(Some(4)),
        Marker::Openrc(None),
        Marker::SystemdFile,
    ] {
        for action in ACTIONS {
            for policy in [
                Policy::Absent,
                Policy::Exits(0),
                Policy::Exits(101),
                Policy::Says(106, "reload stop", ""),
            ] {
                let case = || {
                    Case::new("marker", &["foo", action, "extra"])
                        .marker(marker.clone())
                        .policy(policy.clone())
                };
                cases.push(case());
                cases.push(case().script(Script::Missing));
                cases.push(case().links("none", &[]));
            }
        }
    }
    for action in ["start", "stop", "status"] {
        for policy in [Policy::Exits(101), Policy::Exits(100)] {
            for options in [&[][..], &["--disclose-deny"], &["--query"], &["--quiet"]] {
                let case = Case::new("marker", &call(options, action)).policy(policy.clone());
                cases.push(case.marker(Marker::SystemdDirectory));
            }
        }
    }
    cases
}

/// Environment, stdin, working directory, umask, DPKG_ROOT, open descriptors.
fn surroundings() -> Vec<Case> {
    let mut cases = Vec::new();
    for policy in [
        Policy::Absent,
        Policy::Exits(0),
        Policy::Exits(101),
        Policy::Reads(0, Reads::Line),
        Policy::Reads(104, Reads::All),
    ] {
        for args in [
            &["foo", "start"][..],
            &["foo", "status"],
            &["--query", "foo", "restart"],
        ] {
            let case = || Case::new("around", args).policy(policy.clone());
            let input = Stdin::File("first line\nsecond line\n");
            cases.extend([
                case().stdin(Stdin::Closed),
                case().stdin(Stdin::File("")),
                case().stdin(input),
                case().cwd("/compliance/odd"),
                case().cwd("/etc/init.d"),
                case().umask(0o077),
                case().umask(0),
                case().env("DPKG_ROOT", ""),
                case().env("DPKG_ROOT", "/compliance/odd"),
                case()
                    .policy_root("/compliance/odd")
                    .env("DPKG_ROOT", "/compliance/odd"),
                case().policy_root("/compliance/odd"),
                case().env("LC_ALL", "C"),
                case().env("LC_ALL", "de_DE.UTF-8"),
                case().env("PATH", "/usr/bin:/bin"),
                case().env("EMPTY", ""),
                case().env("SHLVL", "7").env("_", "/bin/x"),
                case().env("OLDPWD", "/tmp"),
                case().env("PWD", "/"),
                case().env("SYSTEMD_OFFLINE", "1"),
                case().env("DPKG_MAINTSCRIPT_NAME", "postinst"),
                case().env("DEBIAN_FRONTEND", "noninteractive"),
                case().spare_descriptor(),
            ]);
        }
    }
    cases
}

/// Each invocation-rc.d call that real packages make, on a machine that allows, denies, and has nothing of it.
fn real_invocations() -> Result<Vec<Case>, Box<dyn Error + Send + Sync>> {
    let mut cases = Vec::new();
    for invocation in invocations::all()? {
        if invocation.tool != Tool::InvokeRcD {
            continue;
        }
        let service = invocation
            .args
            .iter()
            .find(|arg| !arg.starts_with("--"))
            .cloned()
            .unwrap_or_default();
        let case = || {
            Case::new(&format!("real {}", invocation.origin), &invocation.args).service(&service)
        };
        cases.extend([
            case(),
            case().policy(Policy::Exits(101)),
            case().script(Script::Missing),
        ]);
    }
    Ok(cases)
}
