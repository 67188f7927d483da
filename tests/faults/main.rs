//! Faults, put into the real tools one at a time: each call of the kernel that they make fails in each way that it can,
//! or is the moment at which they are killed; or the clock jumps. Afterwards the service runs in its new version, or
//! as the admin said, and nothing is owed. Needs root and strace, as tests/run has them; the host is not touched.
//! A sample of the faults, or with `FAULTS=all` every one.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test cannot do ends it"
)]
#![allow(clippy::print_stdout, reason = "how many faults it were is counted")]

use std::collections::BTreeMap;
use std::fmt;

mod answer;
#[path = "../hostile/world.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod world;

use world::World;

const PLAY: &str = include_str!("play.sh");
/// A service that is nothing but files: what version runs, and a line for each start.
const SERVICE: &str = "#!/bin/sh
case $1 in
start) cat /srv/version >/srv/running && echo start >>/srv/starts ;;
stop) rm -f /srv/running ;;
restart) \"$0\" stop; \"$0\" start ;;
reload) ;;
status) [ -e /srv/running ] || exit 3 ;;
esac
";
/// What is called where ours cannot tell what to do: it does it.
const STOCK: &str = "#!/bin/sh
while [ \"${1#--}\" != \"$1\" ]; do shift; done
[ ! -x /usr/sbin/policy-rc.d ] || /usr/sbin/policy-rc.d $1 $2 || exit 0
exec /etc/init.d/$1 $2
";
const DEFER: &str = "[[rule]]\nservice = \"foo\"\naction = [\"restart\", \"reload\"]\ndecide = \"defer\"\nuntil = \"flush\"\nbecause = \"not now\"\n";
const HOLD: &str = "[[rule]]\nservice = \"foo\"\nphase = \"upgrade\"\ndecide = \"restart\"\nbecause = \"one restart\"\n";
const DENY: &str = "[[rule]]\nservice = \"foo\"\naction = \"start\"\ndecide = \"deny\"\nbecause = \"the admin says no\"\n";

/// In which ways a call of the kernel fails for a process that has done nothing wrong; also where the machine is out of
/// files, of room, of memory, or its disk fails.
const ERRORS: [(&str, &[&str]); 30] = [
    ("openat", &["EMFILE", "ENOSPC", "EROFS", "EIO", "EINTR"]),
    ("read", &["EIO", "EINTR"]),
    ("pread64", &["EIO"]),
    ("write", &["ENOSPC", "EIO", "EINTR"]),
    ("fsync", &["EIO", "ENOSPC"]),
    ("fdatasync", &["EIO", "ENOSPC"]),
    ("ftruncate", &["EIO", "EROFS"]),
    ("fchmod", &["EROFS", "EIO"]),
    ("rename", &["ENOSPC", "EROFS", "EIO"]),
    ("renameat", &["ENOSPC", "EROFS", "EIO"]),
    ("renameat2", &["ENOSPC", "EROFS", "EIO"]),
    ("linkat", &["ENOSPC", "EROFS"]),
    ("unlink", &["EROFS", "EIO"]),
    ("unlinkat", &["EROFS", "EIO"]),
    ("mkdir", &["ENOSPC", "EROFS"]),
    ("mkdirat", &["ENOSPC", "EROFS"]),
    ("flock", &["EINTR", "ENOLCK"]),
    ("fcntl", &["EMFILE"]),
    ("statx", &["EIO"]),
    ("access", &["EIO"]),
    ("readlink", &["EIO"]),
    ("newfstatat", &["EIO"]),
    ("getdents64", &["EIO"]),
    ("socket", &["EMFILE"]),
    ("pipe2", &["EMFILE"]),
    ("clone3", &["EAGAIN", "ENOMEM"]),
    ("vfork", &["EAGAIN", "ENOMEM"]),
    ("poll", &["EINTR"]),
    ("wait4", &["EINTR"]),
    ("mmap", &["ENOMEM"]),
];
/// How many faults of a story are played where not all are.
const SAMPLE: usize = 110;

/// One fault: which call of the kernel, what becomes of it, and the how-manieth such call it is.
#[derive(Debug, Clone)]
struct Fault {
    kind: String,
    what: String,
    number: usize,
}

impl Fault {
    fn new(kind: &str, what: String, number: usize) -> Self {
        Self {
            kind: kind.to_owned(),
            what,
            number,
        }
    }

    /// Whether nothing could be said because just that failed, or nobody was left to say it.
    fn silences(&self) -> bool {
        self.kind == "write" || self.what.contains("KILL")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {} {}", self.kind, self.what, self.number)
    }
}

/// What is asked of a story, whatever fails in it.
struct Story {
    name: &'static str,
    policy: &'static str,
    /// What runs at its end.
    runs: &'static str,
    /// What is said to be owed at its end.
    owed: &'static str,
}

/// What came of one playing.
#[derive(Debug)]
struct Played {
    fault: String,
    status: i32,
    runs: String,
    starts: usize,
    owed: String,
    said: String,
    /// The call that failed, as strace shows it.
    #[allow(dead_code, reason = "shown where a story goes wrong")]
    met: String,
}

impl Played {
    /// Memory of the runtime's own that is not there ends the process; and no pipe that a child has written to fails.
    fn is_of_no_machine(&self) -> bool {
        self.fault.contains("ENOMEM") || self.said.contains("library/std/src/sys/process/")
    }
}

impl Story {
    fn world(&self) -> World {
        let world = World::new().policy(self.policy);
        let world = match self.name {
            "forbidden" => world.helper("#!/bin/sh\nexit 101\n"),
            _ => world,
        };
        world
            .program("etc/init.d/foo", SERVICE)
            .program("usr/sbin/invoke-rc.d.distrib", STOCK)
            .file("srv/play", PLAY.as_bytes(), 0o644)
    }

    fn play(&self, world: World, plan: &[Fault]) -> (World, Vec<Played>) {
        let lines: String = plan.iter().map(|fault| format!("{fault}\n")).collect();
        let world = world.file("srv/plan", lines.as_bytes(), 0o644);
        let seen = world.call(&format!("sh /srv/play {} </srv/plan", self.name));
        seen.ended(0);
        let played: Vec<Played> = seen.stdout.lines().map(played).collect();
        assert_eq!(played.len(), plan.len(), "{seen:#?}");
        (world, played)
    }

    /// Every fault that there can be, by the calls of a playing without one.
    fn faults(&self, world: World) -> (World, Vec<Fault>) {
        let none = Fault::new("none", "-".to_owned(), 0);
        let (world, played) = self.play(world, &[none]);
        self.judge(&played);
        assert_eq!(played.first().map(|played| played.status), Some(0));
        let trace = std::fs::read_to_string(world.path("srv/trace")).unwrap();
        let mut faults = faults_of(&trace);
        let jumps = [
            "-4000d", "-400d", "-1h", "-2s", "+2s", "+1h", "+400d", "+4000d",
        ];
        faults.extend(jumps.map(|jump| Fault::new("clock", jump.to_owned(), 0)));
        (world, faults)
    }

    fn judge(&self, played: &[Played]) {
        let lost = |played: &&Played| {
            played.runs != self.runs
                || played.owed != self.owed
                || played.said.contains("panicked") && !played.is_of_no_machine()
                || played.starts > 2
        };
        let lost: Vec<&Played> = played.iter().filter(lost).collect();
        assert!(
            lost.is_empty(),
            "{} of {}: {lost:#?}",
            lost.len(),
            played.len()
        );
    }

    /// Plays it with its faults, and prints how many these were.
    fn told(&self) {
        let (world, all) = self.faults(self.world());
        let plan = sample(&all);
        let (_, played) = self.play(world, &plan);
        self.judge(&played);
        let silent: Vec<&Played> = plan
            .iter()
            .zip(&played)
            .filter(|(fault, played)| {
                played.status != 0 && played.said.is_empty() && !fault.silences()
            })
            .map(|(_, played)| played)
            .collect();
        assert!(silent.is_empty(), "failed and said nothing: {silent:#?}");
        let failed = played.iter().filter(|played| played.status != 0).count();
        println!(
            "faults: {}: {} of {} faults, at {failed} of which it failed: 0 lost",
            self.name,
            plan.len(),
            all.len()
        );
    }
}

/// Every fault that there can be in a playing with these calls of the kernel.
fn faults_of(trace: &str) -> Vec<Fault> {
    let mut calls: BTreeMap<&str, usize> = BTreeMap::new();
    for name in trace
        .lines()
        .filter_map(|line| Some(line.split_once('(')?.0))
    {
        *calls.entry(name).or_default() += 1;
    }
    let mut faults = Vec::new();
    for (name, count) in &calls {
        let errors = ERRORS.iter().find(|(call, _)| call == name);
        let errors = errors.map_or(&[][..], |(_, errors)| errors);
        for number in 1..=*count {
            faults.push(Fault::new(name, "signal=KILL".to_owned(), number));
            let errors = errors.iter().map(|error| format!("error={error}"));
            faults.extend(errors.map(|error| Fault::new(name, error, number)));
        }
    }
    faults
}

/// All of them, or some.
fn sample(all: &[Fault]) -> Vec<Fault> {
    let every = match std::env::var("FAULTS").is_ok_and(|value| value == "all") {
        true => 1,
        false => all.len().div_ceil(SAMPLE),
    };
    all.iter().step_by(every).cloned().collect()
}

fn played(line: &str) -> Played {
    let words: Vec<&str> = line.split(' ').collect();
    let [kind, what, number, status, runs, starts, owed, said, met] = words[..] else {
        panic!("not a line of play.sh: {line}");
    };
    Played {
        fault: format!("{kind} {what} {number}"),
        status: status.parse().unwrap(),
        runs: runs.to_owned(),
        starts: starts.parse().unwrap(),
        owed: owed.to_owned(),
        said: said.to_owned(),
        met: met.to_owned(),
    }
}

const NOTHING: &str = "nothing_is_owed_";

fn story(name: &'static str, policy: &'static str, runs: &'static str) {
    let story = Story {
        name,
        policy,
        runs,
        owed: NOTHING,
    };
    story.told();
}

#[test]
fn a_restart_that_is_put_off_is_done_or_owed() {
    story("deferred", DEFER, "new");
}

#[test]
fn a_restart_that_is_added_to_what_is_owed_keeps_both() {
    story("merged", DEFER, "new");
}

#[test]
fn a_flush_pays_or_leaves_it_owed() {
    story("flushed", DEFER, "new");
}

#[test]
fn what_is_forgotten_stays_forgotten_and_what_is_not_is_paid() {
    story("forgotten", DEFER, "old");
}

#[test]
fn a_stop_that_becomes_a_restart_never_leaves_the_old_version_running() {
    story("stopped", HOLD, "new");
}

#[test]
fn a_start_that_brings_back_what_was_stopped_brings_it_back() {
    story("started", HOLD, "new");
}

#[test]
fn what_is_held_is_held() {
    story("held", "", "old");
}

#[test]
fn without_a_policy_a_restart_is_done() {
    story("restarted", "", "new");
}

#[test]
fn what_policy_rc_d_forbids_is_never_started() {
    story("forbidden", "", "down");
}

#[test]
fn what_is_denied_is_never_started() {
    story("denied", DENY, "down");
}
