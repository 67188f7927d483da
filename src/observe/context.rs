//! The maintainer script that asks: from dpkg's environment variables and from the command lines
//! of our ancestors, for the environment does not tell whether dpkg upgrades or removes.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};

use crate::domain::{Context, Phase};

/// Clock ticks a second in /proc; the same on all Linux architectures.
const TICKS: u64 = 100;
/// How far up we look, against loops in a /proc that is not ours.
const GENERATIONS: usize = 64;
/// Programs that a batch of package operations begins with, as the kernel shortens their names.
const BATCH_PROGRAMS: [&str; 9] = [
    "dpkg",
    "apt",
    "apt-get",
    "aptitude",
    "unattended-upgr",
    "packagekitd",
    "synaptic",
    "debootstrap",
    "apt.systemd.dai",
];

/// Seconds since the epoch.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// One ancestor of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ancestor {
    name: String,
    arguments: Vec<String>,
    started_ticks: u64,
}

/// Who asks, as far as it can be told. Without dpkg's variables: nobody.
pub fn observe() -> Context {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let package = variable("DPKG_MAINTSCRIPT_PACKAGE");
    let script = variable("DPKG_MAINTSCRIPT_NAME");
    let (Some(package), Some(script)) = (package, script) else {
        return Context::default();
    };
    let ancestors = ancestors();
    let arguments = script_arguments(&ancestors, &package, &script);
    let phase = arguments.map_or_else(|| guess(&script), |arguments| phase(&script, &arguments));
    let ticks = batch_start(&ancestors);
    let started = ticks.and_then(to_epoch);
    let started = started.filter(|began| !unpacked_before(&package, *began));
    let began = ticks.and_then(to_monotonic).filter(|_| started.is_some());
    Context {
        batch_started: started.map(|began| began.as_secs()),
        batch_began: began.and_then(|began| began.as_micros().try_into().ok()),
        phase,
        package: Some(package),
        script: Some(script),
    }
}

fn ancestors() -> Vec<Ancestor> {
    let mut pid = std::os::unix::process::parent_id();
    let mut found = Vec::new();
    while pid > 0 && found.len() < GENERATIONS {
        let Some((ancestor, parent)) = read_process(pid) else {
            break;
        };
        found.push(ancestor);
        pid = parent;
    }
    found
}

fn read_process(pid: u32) -> Option<(Ancestor, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let (name, parent, started_ticks) = parse_stat(&stat)?;
    let words = line
        .split(|byte| *byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned());
    let arguments = words.collect();
    Some((
        Ancestor {
            name,
            arguments,
            started_ticks,
        },
        parent,
    ))
}

/// Name, parent and start time of a `/proc/PID/stat` line: proc(5). The name may hold anything.
pub(super) fn parse_stat(stat: &str) -> Option<(String, u32, u64)> {
    let (head, tail) = stat.rsplit_once(')')?;
    let name = head.split_once('(')?.1.to_owned();
    let mut fields = tail.split_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let started = fields.nth(17)?.parse().ok()?;
    Some((name, parent, started))
}

/// The arguments dpkg gave to the maintainer script, found in the nearest ancestor that runs it.
fn script_arguments(ancestors: &[Ancestor], package: &str, script: &str) -> Option<Vec<String>> {
    let plain = format!("/{package}.{script}");
    let unpacking = format!("/tmp.ci/{script}");
    ancestors.iter().find_map(|ancestor| {
        let at = ancestor.arguments.iter().position(|argument| {
            argument.ends_with(&plain)
                || argument.ends_with(&unpacking)
                || is_multiarch(argument, package, script)
        })?;
        Some(
            ancestor
                .arguments
                .iter()
                .skip(at + 1)
                .filter(|word| !word.is_empty())
                .cloned()
                .collect(),
        )
    })
}

/// `/var/lib/dpkg/info/libc6:amd64.postinst`
fn is_multiarch(argument: &str, package: &str, script: &str) -> bool {
    let file = argument.rsplit('/').next().unwrap_or(argument);
    file.strip_prefix(package)
        .and_then(|rest| rest.strip_prefix(':'))
        .and_then(|rest| rest.strip_suffix(script))
        .is_some_and(|architecture| architecture.ends_with('.'))
}

/// What dpkg does, from the arguments of the script: Debian policy, chapter 6.
fn phase(script: &str, arguments: &[String]) -> Phase {
    let word = |at: usize| arguments.get(at).map(String::as_str).unwrap_or_default();
    match (script, word(0)) {
        ("postinst", "triggered") => Phase::Trigger,
        ("postinst", "configure") if word(1).is_empty() => Phase::Install,
        ("preinst", "install") => Phase::Install,
        ("prerm", "remove" | "deconfigure") => Phase::Remove,
        ("postrm", "remove" | "purge" | "disappear") => Phase::Remove,
        ("postrm", "abort-install") => Phase::Install,
        // All that is left replaces one version by another, or unwinds such an attempt.
        _ => Phase::Upgrade,
    }
}

/// Without the arguments: what a stop or a start in that script most likely belongs to. A wrong
/// guess towards upgrade keeps a note too many; towards remove it would lose one.
fn guess(script: &str) -> Phase {
    match script {
        "postrm" => Phase::Remove,
        _ => Phase::Upgrade,
    }
}

/// Start of the outermost program of the batch, in ticks since boot, time in suspend included.
fn batch_start(ancestors: &[Ancestor]) -> Option<u64> {
    let batch = |ancestor: &&Ancestor| BATCH_PROGRAMS.contains(&ancestor.name.as_str());
    ancestors
        .iter()
        .rev()
        .find(batch)
        .map(|ancestor| ancestor.started_ticks)
}

/// When a process started that did so many ticks after boot, and not later; since the epoch.
pub(super) fn to_epoch(ticks: u64) -> Option<Duration> {
    // First the clock, then the uptime: what passes in between makes the batch older.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    began(now, read_clock(ClockId::CLOCK_BOOTTIME)?, ticks)
}

/// The same on the clock that systemd's monotonic times are told by.
fn to_monotonic(ticks: u64) -> Option<Duration> {
    // In this order what passes in between makes the batch older.
    let now = read_clock(ClockId::CLOCK_MONOTONIC)?;
    began(now, read_clock(ClockId::CLOCK_BOOTTIME)?, ticks)
}

fn read_clock(clock: ClockId) -> Option<Duration> {
    clock_gettime(clock).ok().map(Duration::from)
}

/// When a process began that started so many ticks after boot, on the clock that says `now`.
/// INVARIANT: never later than it really was, for what is down since before that is taken as the
/// admin's will. The ticks have a grain; nothing else is rounded. The monotonic clock stands still in
/// suspend, which `uptime` and `ticks` count: a suspend after the start is taken off too.
fn began(now: Duration, uptime: Duration, ticks: u64) -> Option<Duration> {
    let grain = Duration::from_millis(1000 / TICKS);
    let started = Duration::from_millis(ticks.checked_mul(1000 / TICKS)?);
    now.checked_sub(uptime.saturating_sub(started) + grain)
}

/// Whether dpkg unpacked the package in an earlier run: then a stop before this batch may have
/// been a script's.
fn unpacked_before(package: &str, began: Duration) -> bool {
    let mut lists = [format!("/var/lib/dpkg/info/{package}.list")].to_vec();
    if let Ok(architecture) = std::env::var("DPKG_MAINTSCRIPT_ARCH") {
        lists.push(format!("/var/lib/dpkg/info/{package}:{architecture}.list"));
    }
    let written = lists
        .iter()
        .find_map(|list| fs::metadata(list).ok()?.modified().ok());
    written
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .is_none_or(|time| time < began)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_never_begins_later_than_it_did_wherever_the_seconds_turn() {
        let began_at = Duration::from_millis(1_795_000_035_200);
        for booted in (0..1000).step_by(7) {
            let boot = began_at - Duration::from_millis(99_000 + booted);
            let ticks = (began_at - boot).as_millis() as u64 / 10;
            let floor = |time: Duration| Duration::from_millis(time.as_millis() as u64 / 10 * 10);
            for passed in (0..4000).step_by(30) {
                let now = began_at + Duration::from_millis(passed);
                let found = began(now, floor(now - boot), ticks);
                let earliest = began_at - Duration::from_millis(20);
                assert!(
                    found.is_some_and(|found| found >= earliest && found <= began_at),
                    "booted {booted} ms after the second, asked after {passed} ms: {found:?}"
                );
            }
        }
    }

    #[test]
    fn a_suspend_before_or_in_the_batch_does_not_make_it_begin_later() {
        let seconds = Duration::from_secs;
        // Booted 1000 s ago, of which 300 s in suspend; the batch started after 900 s, or after 500 s.
        let (monotonic, uptime) = (seconds(700), seconds(1000));
        for (ticks, slept_before, exact) in [(90_000, 300, true), (50_000, 0, false)] {
            let really = seconds(ticks / TICKS - slept_before);
            let found = began(monotonic, uptime, ticks).unwrap();
            assert!(found <= really, "{found:?}");
            let grain = Duration::from_millis(10);
            assert!(!exact || found >= really - grain, "{found:?}");
        }
    }

    #[test]
    fn this_process_began_between_boot_and_now_on_both_clocks() {
        let stat = fs::read_to_string("/proc/self/stat").unwrap();
        let (_, _, ticks) = parse_stat(&stat).unwrap();
        let monotonic = to_monotonic(ticks).unwrap();
        let now = read_clock(ClockId::CLOCK_MONOTONIC).unwrap();
        assert!(monotonic < now && now - monotonic < Duration::from_secs(600));
        let epoch = to_epoch(ticks).unwrap();
        let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() - epoch;
        let difference = passed.abs_diff(now - monotonic);
        assert!(difference < Duration::from_secs(1), "{difference:?}");
    }

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn phases_follow_the_arguments_of_the_maintainer_script() {
        let table = [
            ("preinst", "install", Phase::Install),
            ("preinst", "upgrade 1.0", Phase::Upgrade),
            ("postinst", "configure", Phase::Install),
            ("postinst", "configure 1.0", Phase::Upgrade),
            ("postinst", "triggered libc-upgrade", Phase::Trigger),
            ("postinst", "abort-upgrade 2.0", Phase::Upgrade),
            ("postinst", "abort-remove", Phase::Upgrade),
            ("prerm", "upgrade 2.0", Phase::Upgrade),
            ("prerm", "failed-upgrade 1.0", Phase::Upgrade),
            ("prerm", "remove", Phase::Remove),
            ("prerm", "deconfigure in-favour x 1", Phase::Remove),
            ("postrm", "remove", Phase::Remove),
            ("postrm", "purge", Phase::Remove),
            ("postrm", "upgrade 2.0", Phase::Upgrade),
        ];
        for (script, line, expected) in table {
            assert_eq!(phase(script, &words(line)), expected, "{script} {line}");
        }
        assert_eq!(phase("postinst", &words("configure ")), Phase::Install);
    }

    #[test]
    fn the_arguments_are_found_through_debconf_and_in_unpacked_packages() {
        let ancestor = |line: &str| Ancestor {
            name: "sh".to_owned(),
            arguments: words(line),
            started_ticks: 0,
        };
        let table = [
            "/bin/sh /var/lib/dpkg/info/foo.postinst configure 1.0",
            "/usr/bin/perl -w /usr/share/debconf/frontend /var/lib/dpkg/info/foo.postinst configure 1.0",
            "/bin/sh /var/lib/dpkg/info/foo:amd64.postinst configure 1.0",
            "/bin/sh /var/lib/dpkg/tmp.ci/postinst configure 1.0",
        ];
        for line in table {
            let found = script_arguments(&[ancestor("sh -c x"), ancestor(line)], "foo", "postinst");
            assert_eq!(found, Some(words("configure 1.0")), "{line}");
        }
        let other = [ancestor(
            "/bin/sh /var/lib/dpkg/info/foobar.postinst configure",
        )];
        assert_eq!(script_arguments(&other, "foo", "postinst"), None);
    }

    #[test]
    fn a_process_name_with_parentheses_does_not_shift_the_fields() {
        let stat = "42 (a) b (c) S 7 42 42 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 12345 1 1";
        assert_eq!(parse_stat(stat), Some(("a) b (c".to_owned(), 7, 12345)));
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let stat = "9 (a) b) c) S 0 1 1 0 -1 4194560 5 6 7 8 9 10 11 12 20 0 1 0 42 99 100\n";
        crate::testing::mutations::mutated_text(&[stat], &[") ", "(", ")", "-1"], |text| {
            let _ = parse_stat(text);
        });
    }
}
