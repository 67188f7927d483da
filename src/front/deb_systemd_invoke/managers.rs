//! `daemon-reload` and `daemon-reexec`, of PID 1 or of every user's manager, by a call or (`--no-dbus`) by a signal.
//! Both return when the managers answer again, or a limit is past: nobody who comes after us meets one that is away.

use std::process::Command;
use std::time::{Duration, Instant};

use super::Call;
use super::whole::Whole;
use crate::domain::Scope;
use crate::front::crowd::{Crowd, Event, Limits};
use crate::front::inquiry::Stuck;
use crate::init::InitError;
use crate::init::reexec::Reexecutes;
use crate::init::systemd::{Before, Limit, RunningUser, Systemd};

/// How long PID 1 may take to read its files: with 16,000 sockets it was seen to take 19 s.
const RELOAD: Duration = Duration::from_secs(90);
/// How long users' managers are waited for, in all.
const USERS: Duration = Duration::from_millis(4400);
/// The part of it that may pass before they are sent a signal.
const READY: Duration = Duration::from_millis(1800);

/// Ready to be sent the signal, as far as it can be told.
type Ready = Result<Before, InitError>;

impl Call {
    /// Does it; the exit status. policy-rc.d has been asked about the units that were named.
    pub(super) fn act_on_managers(&mut self, whole: Whole) -> Result<u8, Stuck> {
        match (self.arguments.scope, self.arguments.no_dbus, whole) {
            (Scope::System, false, Whole::Reload) => Ok(self.reload()),
            (Scope::System, false, Whole::Reexec) => Ok(self.reexec()),
            (Scope::System, true, _) => Ok(self.signal_init(whole)),
            (Scope::User, false, _) => self.call_users(whole),
            (Scope::User, true, Whole::Reload) => self.signal_users(whole),
            (Scope::User, true, Whole::Reexec) => self.reexec_users_by_signal(),
        }
    }

    fn wait(&self) -> Duration {
        self.session.policy.settings().init_wait
    }

    fn reload(&mut self) -> u8 {
        match self.systemd.reload(RELOAD) {
            Ok(()) => 0,
            Err(error) => self.failed(Whole::Reload, &error),
        }
    }

    fn reexec(&mut self) -> u8 {
        match self.systemd.reexec(self.wait()) {
            Ok(_) => 0,
            Err(error) => self.failed(Whole::Reexec, &error),
        }
    }

    fn failed(&self, whole: Whole, error: &InitError) -> u8 {
        self.voice.line(&format!("{}: {error}", whole.failed()));
        1
    }

    /// original: a signal that was sent is success, whatever comes of it
    fn signal_init(&mut self, whole: Whole) -> u8 {
        let limit = self.wait();
        let before = match whole {
            Whole::Reload => None,
            // One that cannot be watched is sent the signal all the same.
            Whole::Reexec => self.systemd.before_reexec(limit).ok(),
        };
        if let Err(why) = kill_init(whole.signal()) {
            self.voice
                .warn(&format!("no signal was sent to process 1: {why}"));
            return 0;
        }
        let back = match (whole, before) {
            (Whole::Reload, _) => Ok(Duration::ZERO),
            (Whole::Reexec, Some(before)) => self.systemd.back(before, limit),
            (Whole::Reexec, None) => self.systemd.answers_within(limit),
        };
        if let Err(error) = back {
            let text =
                "process 1 was sent the signal to re-execute itself, and does not answer yet";
            self.voice.warn(&format!("{text}: {error}"));
        }
        0
    }

    fn call_users(&mut self, whole: Whole) -> Result<u8, Stuck> {
        let users = self.systemd.running_users()?;
        let mut crowd = Crowd::new(None);
        for (member, user) in users.iter().copied().enumerate() {
            crowd.send(member, within(USERS), move || {
                let mut manager = manager_of(user, USERS);
                match whole {
                    Whole::Reload => manager.reload(USERS),
                    Whole::Reexec => manager.reexec(USERS).map(|_| ()),
                }
            });
        }
        self.gather(&mut crowd, &users);
        // original: success, whatever became of it
        Ok(0)
    }

    fn signal_users(&mut self, whole: Whole) -> Result<u8, Stuck> {
        for user in self.systemd.running_users()? {
            self.signal_user(user, whole);
        }
        Ok(0)
    }

    fn signal_user(&mut self, user: RunningUser, whole: Whole) {
        let sent = match user.unit() {
            Ok(unit) => self
                .systemd
                .signal(&unit, whole.signal())
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(why) = sent {
            self.left_alone(user, &why);
        }
    }

    /// A connection to each, then the signals, then until each is back.
    fn reexec_users_by_signal(&mut self) -> Result<u8, Stuck> {
        let begun = Instant::now();
        let users = self.systemd.running_users()?;
        let mut getting_ready = Crowd::new(None);
        for (member, user) in users.iter().copied().enumerate() {
            getting_ready.send(member, within(READY), move || -> Ready {
                manager_of(user, READY).before_reexec(READY)
            });
        }
        let mut coming_back = Crowd::new(None);
        while let Some((member, event)) = getting_ready.next() {
            let Some(user) = users.get(member).copied() else {
                continue;
            };
            // One that cannot be watched is sent the signal all the same.
            self.signal_user(user, Whole::Reexec);
            let left = USERS.saturating_sub(begun.elapsed());
            match event {
                Event::Done(Ok(before)) => {
                    coming_back.send(member, within(left), move || {
                        let mut manager = manager_of(user, left);
                        manager.back(before, left).map(|_| ())
                    });
                }
                Event::Done(Err(error)) => self.left_alone(user, &error.to_string()),
                Event::Silent | Event::Overdue => self.left_alone(user, "it does not answer"),
            }
        }
        self.gather(&mut coming_back, &users);
        Ok(0)
    }

    fn gather(&self, crowd: &mut Crowd<Result<(), InitError>>, users: &[RunningUser]) {
        while let Some((member, event)) = crowd.next() {
            let Some(user) = users.get(member).copied() else {
                continue;
            };
            match event {
                Event::Done(Ok(())) => {}
                Event::Done(Err(error)) => self.left_alone(user, &error.to_string()),
                Event::Silent | Event::Overdue => self.left_alone(user, "it does not answer"),
            }
        }
    }

    fn left_alone(&self, user: RunningUser, why: &str) {
        let (line, uid) = (self.line(), user.uid);
        self.voice.warn(&format!(
            "{line} is not known to be done for user {uid}: {why}"
        ));
    }
}

fn within(limit: Duration) -> Limits {
    Limits {
        silence: limit,
        most: limit,
    }
}

fn manager_of(user: RunningUser, limit: Duration) -> Systemd {
    Systemd::of_user(user, Limit::Unit).waiting(limit)
}

/// A shell's own `kill`: signals beyond the named ones cannot be sent in safe code, and the program
/// `kill` is not everywhere.
fn kill_init(signal: i32) -> Result<(), String> {
    let output = Command::new("/bin/sh")
        .args(["-c", &format!("kill -{signal} 1")])
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
