//! `rcpolicy reexec [--sessions]`: lets the init re-execute itself, returns when it answers again, and says what
//! did not survive. With `--sessions` the users' managers too, all of them at once.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::{Ending, Failure, Place, Telling};
use crate::domain::{InitKind, Manner};
use crate::front::crowd::{Crowd, Event, Limits};
use crate::front::machine::upstart;
use crate::init::InitError;
use crate::init::reexec::{Change, Reexecutes, Standing, changes};
use crate::init::systemd::{Limit, RunningUser, Systemd};
use crate::init::upstart::{Upstart, sessions as sessions_in};
use crate::observe::detect;
use crate::observe::process::Process;
use crate::policy::{self, Keep, Policy, Roots, positive_duration};
use crate::report::Voice;
use crate::report::console::Console;

/// How long users' managers are waited for, in all.
const SESSIONS: Duration = Duration::from_secs(5);

/// Where users' runtime directories are.
const RUNTIME: &str = "/run/user";

/// Arguments of `rcpolicy reexec`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The users' managers too, as far as they run.
    #[arg(long)]
    sessions: bool,
    /// At most so long for the init, such as `30s`; by default what the policy says of an init that
    /// is away (`[init] wait`).
    #[arg(long, value_name = "TIME", value_parser = positive_duration)]
    timeout: Option<Duration>,
    #[command(flatten)]
    pub(super) telling: Telling,
}

/// An init or a user's manager that was re-executed.
struct Back {
    took: Duration,
    /// So many active units stand as before.
    kept: usize,
    changes: Vec<Change>,
}

/// Whose manager, and what came of it.
type Session = (String, Result<Back, InitError>);

pub(super) fn run(
    arguments: &Arguments,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Ending, Failure> {
    place.require_root("reexec")?;
    let policy = policy::load(&Roots::under(&place.root, Keep::No));
    let limit = arguments.timeout.unwrap_or(policy.settings().init_wait);
    let kind = detect::init_under(&place.root);
    let mut init = init(kind, place, &policy)?;
    let mut ending = told(kind.as_str(), reexec(init.as_mut(), limit), console);
    if arguments.sessions {
        for (whose, result) in sessions(kind, place, &policy)? {
            ending = worse(ending, told(&whose, result, console));
        }
    }
    Ok(ending)
}

/// The init of the machine, as far as it can re-execute itself.
fn init(kind: InitKind, place: &Place, policy: &Policy) -> Result<Box<dyn Reexecutes>, Failure> {
    match kind.manner() {
        Manner::Units => Ok(Box::new(place.systemd(policy)?)),
        Manner::Jobs => Ok(Box::new(upstart(policy, &Voice::new("rcpolicy")))),
        Manner::Services | Manner::Scripts => Err(Failure::NoReexec(kind.as_str())),
    }
}

/// Every session's manager, by a name for its user, with what came of it.
fn sessions(kind: InitKind, place: &Place, policy: &Policy) -> Result<Vec<Session>, Failure> {
    match kind.manner() {
        Manner::Units => users_managers(&mut place.systemd(policy)?),
        Manner::Jobs => Ok(session_inits(&place.path(RUNTIME))),
        Manner::Services | Manner::Scripts => Ok(Vec::new()),
    }
}

fn users_managers(systemd: &mut Systemd) -> Result<Vec<Session>, Failure> {
    let users = systemd
        .running_users()
        .map_err(|error| Failure::Unreachable(error.to_string()))?;
    let managers = users.into_iter().map(|user| {
        let manager = move || Systemd::of_user(user, Limit::Unit).waiting(SESSIONS);
        (name_of(user), manager)
    });
    Ok(all_at_once(managers.collect()))
}

/// Upstart's own cascade asks the same of them, where a session has its event bridge: once more does no
/// harm.
fn session_inits(runtime: &Path) -> Vec<Session> {
    let (found, troubles) = sessions_in(runtime);
    let inits = found.into_iter().map(|session| {
        let name = format!("the Session Init {} of user {}", session.pid, session.uid);
        let init = move || Upstart::at(session.address()).waiting(SESSIONS);
        (name, init)
    });
    let mut results = all_at_once(inits.collect());
    let unread = troubles.into_iter().map(|error| {
        let why = error.to_string();
        let init = "Upstart";
        let error = InitError::Unreachable { init, why };
        ("a user's Session Init".to_owned(), Err(error))
    });
    results.extend(unread);
    results
}

/// Re-executes what each of `inits` makes, none waiting for another.
fn all_at_once<I: Reexecutes>(
    inits: Vec<(String, impl FnOnce() -> I + Send + 'static)>,
) -> Vec<Session> {
    let mut crowd = Crowd::new(None);
    let limits = Limits {
        silence: SESSIONS,
        most: SESSIONS,
    };
    let mut names = Vec::new();
    for (member, (name, init)) in inits.into_iter().enumerate() {
        names.push(name);
        crowd.send(member, limits, move || reexec(&mut init(), SESSIONS));
    }
    let mut results = Vec::new();
    while let Some((member, event)) = crowd.next() {
        let result = match event {
            Event::Done(result) => result,
            Event::Silent | Event::Overdue => Err(silent()),
        };
        results.extend(names.get(member).map(|name| (name.clone(), result)));
    }
    results
}

fn name_of(user: RunningUser) -> String {
    format!("the manager of user {}", user.uid)
}

fn silent() -> InitError {
    InitError::Silent {
        init: "it",
        seconds: SESSIONS.as_secs(),
    }
}

fn reexec(init: &mut dyn Reexecutes, limit: Duration) -> Result<Back, InitError> {
    let before = init.standing()?;
    let processes: BTreeMap<u32, Process> = before
        .iter()
        .filter_map(|unit| Some((unit.main_pid, Process::of(unit.main_pid)?)))
        .collect();
    let took = init.reexec(limit)?;
    let runs = |pid: u32| processes.get(&pid).is_some_and(|process| process.runs());
    let after = init.standing()?;
    let is_kept = |was: &&Standing| {
        let same =
            |is: &Standing| (&is.unit, is.active, is.main_pid) == (&was.unit, true, was.main_pid);
        was.active && after.iter().any(same)
    };
    Ok(Back {
        took,
        kept: before.iter().filter(is_kept).count(),
        changes: changes(&before, &after, &runs),
    })
}

/// Says what came of it.
fn told(whose: &str, result: Result<Back, InitError>, console: &mut Console<'_>) -> Ending {
    match result {
        Ok(back) => {
            let (kept, seconds) = (back.kept, back.took.as_secs_f32());
            console.say(format_args!(
                "{whose} is back after {seconds:.1} s; {kept} active units are as before"
            ));
            for change in &back.changes {
                console.complain(format_args!("{whose}: {change}"));
            }
            match back.changes.is_empty() {
                true => Ending::Done,
                false => Ending::No,
            }
        }
        Err(error) => {
            console.complain(format_args!(
                "{whose} is not known to be re-executed: {error}"
            ));
            Ending::No
        }
    }
}

fn worse(one: Ending, other: Ending) -> Ending {
    match one.status() >= other.status() {
        true => one,
        false => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::UnitName;

    /// An init that is asked before and after, and keeps what it is told to keep.
    struct Fake {
        before: Vec<Standing>,
        after: Option<Vec<Standing>>,
    }

    impl Reexecutes for Fake {
        fn standing(&mut self) -> Result<Vec<Standing>, InitError> {
            Ok(self.before.clone())
        }

        fn reexec(&mut self, _: Duration) -> Result<Duration, InitError> {
            self.before = self.after.take().ok_or_else(silent)?;
            Ok(Duration::from_millis(300))
        }
    }

    fn unit(name: &str, main_pid: u32) -> Standing {
        Standing {
            unit: UnitName::parse(name).unwrap(),
            active: true,
            main_pid,
            result: String::new(),
        }
    }

    fn tell(mut fake: Fake) -> String {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut console = Console::new(&mut out, &mut err);
        let result = reexec(&mut fake, Duration::ZERO);
        let ending = told("systemd", result, &mut console);
        console.finish().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        format!("{} {}{}", ending.status(), text(out), text(err))
    }

    #[test]
    fn what_survived_is_counted_and_what_did_not_is_named() {
        let (one, other) = (std::process::id(), std::os::unix::process::parent_id());
        let before = vec![unit("a", one), unit("b", other)];
        let same = Fake {
            before: before.clone(),
            after: Some(before.clone()),
        };
        assert_eq!(
            tell(same),
            "0 systemd is back after 0.3 s; 2 active units are as before\n"
        );
        let lost = Fake {
            before,
            after: Some(vec![unit("a", 9)]),
        };
        assert_eq!(
            tell(lost),
            format!(
                "1 systemd is back after 0.3 s; 0 active units are as before\n\
                 rcpolicy: systemd: a.service had main process {one} and has 9 now\n\
                 rcpolicy: systemd: b.service was active and is not any more\n"
            )
        );
    }

    #[test]
    fn a_service_that_ended_or_restarted_by_itself_meanwhile_did_survive() {
        // No process has these numbers.
        let before = vec![unit("once", u32::MAX), unit("restarts", u32::MAX - 1)];
        let fake = Fake {
            before,
            after: Some(vec![unit("restarts", std::process::id())]),
        };
        assert_eq!(
            tell(fake),
            "0 systemd is back after 0.3 s; 0 active units are as before\n"
        );
    }

    #[test]
    fn one_that_does_not_come_back_is_no_success() {
        let gone = Fake {
            before: Vec::new(),
            after: None,
        };
        assert_eq!(
            tell(gone),
            "1 rcpolicy: systemd is not known to be re-executed: it did not answer within 5 s\n"
        );
    }
}
