//! `restart-bus --user`: a user's own bus, restarted as that user and by that user's manager. Root lets a process
//! of its own become each of them: nothing that a user can change is read, asked or waited for by root itself.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, geteuid, setgid, setgroups, setsid, setuid};

use super::crossing::Crossing;
use super::{Arguments, way};
use crate::domain::{Context, Scope};
use crate::front::crowd::{Crowd, Event, Limits};
use crate::front::perform::Session;
use crate::front::rcpolicy::{Ending, Failure, Place};
use crate::init::bus::BusAddress;
use crate::init::systemd::{Limit, RunningUser, Systemd};
use crate::ledger::Ledger;
use crate::observe::{life, process};
use crate::policy::{ActionLimit, Policy};
use crate::report::Voice;
use crate::report::console::Console;

/// Where users' runtime directories are.
const RUNTIME: &str = "/run/user";
/// Where the note is, below that: as for the system below /run.
const NOTES: &str = "rcpolicy";
/// How long a user's manager or bus may be away or silent.
const ANSWER: Duration = Duration::from_secs(5);
/// How long a job may take where the policy says nothing: the manager tells its units' limits, and may say
/// anything.
const JOBS: Duration = Duration::from_secs(30);
/// Much more than is ever said of one user's clients, in bytes.
const LONGEST: u64 = 64 << 10;
const PAUSE: Duration = Duration::from_millis(50);

/// What one user's process said, and how it ended.
type Said = std::io::Result<(Ending, String, String)>;

/// Becomes the user `uid` for good, in a session of our own: a process that is a user's must not have root's
/// terminal.
pub(super) fn become_user(uid: u32, place: &Place, policy: &Policy) -> Result<(), Failure> {
    place.require_root("restart-bus --become-user")?;
    if uid == 0 {
        return Ok(());
    }
    let user = running(&mut place.systemd(policy)?, uid)?;
    let group = process::group_of(user.main_pid).ok_or(Failure::NoManager(uid))?;
    let refused = |errno: Errno| Failure::NotUser(uid, errno);
    // Refused to the leader of a group, which has no terminal of root's then either: root starts us.
    let _ = setsid();
    setgroups(&[]).map_err(refused)?;
    setgid(Gid::from_raw(group)).map_err(refused)?;
    setuid(Uid::from_raw(uid)).map_err(refused)
}

/// Restarts the bus of the user that we are.
pub(super) fn own(
    policy: Policy,
    arguments: &Arguments,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    let uid = geteuid().as_raw();
    let mut system = Systemd::over_bus(Limit::Unit).waiting(ANSWER);
    let user = running(&mut system, uid)?;
    let limit = match policy.settings().action_limit {
        ActionLimit::Unit => JOBS,
        ActionLimit::After(limit) => limit,
    };
    let runtime = Path::new(RUNTIME).join(uid.to_string());
    let notes = Ledger::open(&runtime.join(NOTES), life::life().ok_or(Failure::NoLife)?);
    let paying = arguments.right(&notes)?;
    let mut crossing = Crossing {
        init: Systemd::of_user(user, Limit::Fixed(limit)).waiting(ANSWER),
        address: BusAddress::of_user(&runtime, uid),
        scope: Scope::User,
        limit: ANSWER,
        session: Session {
            ledger: None,
            log: place.log(),
            now: place.seconds(),
            began: crate::init::monotonic(),
            context: Context::default(),
            voice: Voice::new("rcpolicy"),
            policy,
        },
        notes: &notes,
        paying: paying.as_ref(),
        level: None,
        bus: None,
    };
    way::go(&mut crossing, arguments, console)
}

fn running(init: &mut Systemd, uid: u32) -> Result<RunningUser, Failure> {
    let users = init.running_users();
    let users = users.map_err(|error| Failure::Unreachable(error.to_string()))?;
    let found = users.into_iter().find(|user| user.uid == uid);
    found.ok_or(Failure::NoManager(uid))
}

/// As root: the bus of each user whose manager runs, all at once.
pub(super) fn all(
    arguments: &Arguments,
    policy: &Policy,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    let users = place.systemd(policy)?.running_users();
    let users = users.map_err(|error| Failure::Unreachable(error.to_string()))?;
    if users.is_empty() {
        console.say("no user's manager runs");
    }
    let most = most(arguments, policy);
    let limits = Limits {
        silence: most + ANSWER,
        most: most + ANSWER,
    };
    let mut crowd = Crowd::new(None);
    for (member, user) in users.iter().enumerate() {
        let words = words(arguments, user.uid);
        crowd.send(member, limits, move || run_one(&words, most));
    }
    let mut ending = Ending::Done;
    while let Some((member, event)) = crowd.next() {
        let Some(user) = users.get(member) else {
            continue;
        };
        let said = match event {
            Event::Done(said) => said,
            Event::Silent | Event::Overdue => Err(std::io::ErrorKind::TimedOut.into()),
        };
        let one = tell(*user, said, console);
        if one.status() > ending.status() {
            ending = one;
        }
    }
    Ok(ending)
}

/// How long one user may take: twice the grace, the jobs between, and a manager and a bus that are slow. However
/// many users there are, and whatever they do, it takes no longer than that in all.
fn most(arguments: &Arguments, policy: &Policy) -> Duration {
    let jobs = match policy.settings().action_limit {
        ActionLimit::Unit => JOBS,
        ActionLimit::After(limit) => limit,
    };
    let waits = if arguments.dry_run {
        ANSWER
    } else {
        arguments
            .grace
            .saturating_mul(2)
            .saturating_add(jobs.saturating_mul(2))
    };
    waits.saturating_add(ANSWER)
}

fn words(arguments: &Arguments, uid: u32) -> Vec<String> {
    let mut words = vec!["restart-bus".to_owned(), "--user".to_owned()];
    words.push(format!("--become-user={uid}"));
    words.push(format!("--grace={}ms", arguments.grace.as_millis().max(1)));
    words.extend(arguments.all.then(|| "--all".to_owned()));
    words.extend(arguments.dry_run.then(|| "--dry-run".to_owned()));
    words
}

fn run_one(words: &[String], most: Duration) -> Said {
    let mut child = Command::new("/proc/self/exe")
        .args(words)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let begun = Instant::now();
    let mut at_work = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if !process::is_stopped(child.id()) {
            at_work = Instant::now();
        }
        if begun.elapsed() >= most || at_work.elapsed() >= ANSWER {
            // The user can keep it from ending, and no more than that.
            child.kill()?;
            child.wait()?;
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        std::thread::sleep(PAUSE);
    };
    let ending = match status.code() {
        Some(0) => Ending::Done,
        Some(1) => Ending::No,
        Some(2) => Ending::Usage,
        Some(_) | None => Ending::Failed,
    };
    let (out, err) = output(&mut child)?;
    Ok((ending, out, err))
}

/// What it said, as far as a pipe holds it.
fn output(child: &mut Child) -> std::io::Result<(String, String)> {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    if let Some(stdout) = child.stdout.take() {
        stdout.take(LONGEST).read_to_end(&mut out)?;
    }
    if let Some(stderr) = child.stderr.take() {
        stderr.take(LONGEST).read_to_end(&mut err)?;
    }
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok((text(out), text(err)))
}

fn tell(user: RunningUser, said: Said, console: &mut Console<'_>) -> Ending {
    let uid = user.uid;
    match said {
        Ok((ending, out, err)) => {
            for line in out.lines() {
                console.say(format_args!("user {uid}: {line}"));
            }
            for line in err.lines() {
                let line = line.strip_prefix("rcpolicy: ").unwrap_or(line);
                console.complain(format_args!("user {uid}: {line}"));
            }
            ending
        }
        Err(error) => {
            console.complain(format_args!(
                "user {uid}: whether its bus was restarted is not known: {error}"
            ));
            Ending::No
        }
    }
}
