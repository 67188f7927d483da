//! One request that changes something: sent once, never twice, and followed until it is answered.
//! What Upstart signals meanwhile is kept: it tells of a request whose answer was lost how far it came.

use std::rc::Rc;
use std::time::{Duration, Instant};

use zbus::Message;

use super::address::Address;
use super::names::{INSTANCE, MANAGER, MANAGER_PATH, PROPERTIES, UPSTART};
use super::state::Goal;
use crate::domain::{Contact, Job};
use crate::init::dbus::connection::{Connection, Incoming, serial};
use crate::init::dbus::link::Link;
use crate::init::dbus::stream::Deadline;
use crate::init::{InitError, Onlooker};

/// After so long without a word Upstart is asked whether it is still there.
pub(super) const QUIET: Duration = Duration::from_secs(10);

/// A request.
#[derive(Debug)]
pub(super) struct Request<'a, B> {
    /// The object.
    pub(super) path: &'a str,
    /// Its interface.
    pub(super) interface: &'a str,
    /// The method.
    pub(super) member: &'a str,
    /// Its arguments.
    pub(super) arguments: B,
    /// The job that it concerns: below this path lie its instances.
    pub(super) job: &'a str,
    /// What Upstart wants of the instance once it has taken the request on; `None` where no goal
    /// changes with it.
    pub(super) goal: Option<Goal>,
}

/// For whom an answer is awaited, and how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch<'a> {
    /// The job.
    pub(super) job: &'a Job,
    /// When it was begun.
    pub(super) begun: Instant,
    /// When it is left to itself.
    pub(super) limit: Deadline,
    /// How long Upstart itself may be silent.
    pub(super) answer: Duration,
}

/// What became of a request.
#[derive(Debug)]
pub(super) enum Reply {
    /// Done, says Upstart; whether `running` was reached is told by its signals.
    Success(Heard),
    /// An error.
    Error(InitError),
    /// No answer; how far the request came.
    Lost(Contact, String),
    /// No answer within the limit: it goes on.
    TimedOut,
}

/// What Upstart signalled about the job while the answer was awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Heard {
    /// The goal became what was asked for.
    pub(super) taken: bool,
    /// An instance came to run.
    pub(super) ran: bool,
}

/// Sends `request` and waits for its answer.
pub(super) fn send<B>(link: &mut Link<Address>, request: &Request<'_, B>, watch: Watch<'_>) -> Reply
where
    B: serde::Serialize + zbus::DynamicType,
{
    let answer = watch.answer;
    let onlooker = Rc::clone(link.patience.onlooker());
    let connection = match link.connected() {
        Ok(connection) => connection,
        Err(error @ InitError::Refused { .. }) => return Reply::Error(error),
        Err(error) => return Reply::Lost(Contact::Unread, error.to_string()),
    };
    let (path, interface) = (request.path, request.interface);
    let call = match connection.call(path, interface, request.member, &request.arguments) {
        Ok(call) => call,
        Err(error) => return Reply::Error(error),
    };
    let calls = [call];
    // What was written in part is never carried out: it is no message.
    if let Err(error) = connection.send(&calls, answer) {
        link.disconnect();
        return Reply::Lost(Contact::Unread, error.to_string());
    }
    let [call] = &calls;
    let mut heard = Heard::default();
    let mut on_signal = |signal: &Message| heard.note(signal, request.job, request.goal);
    let mut listen = Listening {
        connection,
        asked: serial(call),
        watch,
        onlooker: onlooker.as_ref(),
    };
    let reply = listen.for_the_answer(&mut on_signal);
    if let Err(Reply::Lost(..)) = &reply {
        link.disconnect();
    }
    match reply {
        Ok(()) => Reply::Success(heard),
        // A goal that was changed as we asked was changed by us, or by somebody who asked the same.
        Err(Reply::Lost(Contact::Sent, why)) if heard.taken => Reply::Lost(Contact::Taken, why),
        Err(reply) => reply,
    }
}

/// The wait for one answer.
struct Listening<'a> {
    connection: &'a mut Connection,
    /// The serial number of the request.
    asked: u32,
    watch: Watch<'a>,
    onlooker: &'a dyn Onlooker,
}

impl Listening<'_> {
    fn for_the_answer(&mut self, on_signal: &mut dyn FnMut(&Message)) -> Result<(), Reply> {
        let mut heard_at = Instant::now();
        let mut asked_after = false;
        loop {
            let quiet = if asked_after {
                self.watch.answer
            } else {
                QUIET
            };
            let deadline = Deadline(heard_at.checked_add(quiet)).or(self.watch.limit);
            let incoming = self.connection.receive(deadline).map_err(lost)?;
            match incoming {
                Some(Incoming::Answer(to, result)) if to == self.asked => {
                    return result.map(drop).map_err(Reply::Error);
                }
                Some(Incoming::Signal(signal)) => on_signal(&signal),
                Some(Incoming::Answer(..)) => {}
                None if self.watch.limit.passed() => return Err(Reply::TimedOut),
                None if asked_after => return Err(self.silent()),
                None => {
                    let (job, begun) = (self.watch.job, self.watch.begun);
                    self.onlooker.working(&[job], begun.elapsed());
                    ask_after(self.connection, self.watch.answer).map_err(lost)?;
                    (heard_at, asked_after) = (Instant::now(), true);
                    continue;
                }
            }
            (heard_at, asked_after) = (Instant::now(), false);
        }
    }

    fn silent(&self) -> Reply {
        let silent = InitError::Silent {
            init: UPSTART,
            seconds: self.watch.answer.as_secs(),
        };
        Reply::Lost(Contact::Pending, silent.to_string())
    }
}

fn lost(error: InitError) -> Reply {
    Reply::Lost(Contact::Sent, error.to_string())
}

/// A job may take for ever, Upstart itself may not: it is asked something that it answers at once.
fn ask_after(connection: &Connection, limit: Duration) -> Result<(), InitError> {
    let version = (MANAGER, "version");
    let question = connection.call(MANAGER_PATH, PROPERTIES, "Get", &version)?;
    connection.send(&[question], limit)
}

impl Heard {
    fn note(&mut self, signal: &Message, job: &str, goal: Option<Goal>) {
        let Some((member, word)) = of_instance(signal, job) else {
            return;
        };
        match member.as_str() {
            "GoalChanged" if goal.is_some() && Goal::parse(&word) == goal => self.taken = true,
            "StateChanged" if word == "running" => self.ran = true,
            _ => {}
        }
    }
}

/// Name and argument of a signal that tells of an instance of the job at the path `job`.
pub(super) fn of_instance(signal: &Message, job: &str) -> Option<(String, String)> {
    let header = signal.header();
    let below = header.path()?.as_str().strip_prefix(job)?;
    let is_instance = header.interface()?.as_str() == INSTANCE && below.starts_with('/');
    let member = header.member()?.to_string();
    let word = signal.body().deserialize::<String>().unwrap_or_default();
    is_instance.then_some((member, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(path: &str, member: &str, word: &str) -> Message {
        Message::signal(path, INSTANCE, member)
            .build(&word)
            .unwrap()
    }

    #[test]
    fn signals_of_the_jobs_own_instances_count_and_no_others() {
        let job = "/com/ubuntu/Upstart/jobs/foo";
        let mut heard = Heard::default();
        for path in [
            "/com/ubuntu/Upstart/jobs/foo_2d2/_",
            "/com/ubuntu/Upstart/jobs/fo/_",
        ] {
            heard.note(&signal(path, "GoalChanged", "start"), job, Some(Goal::Up));
            heard.note(
                &signal(path, "StateChanged", "running"),
                job,
                Some(Goal::Up),
            );
        }
        heard.note(
            &signal(&format!("{job}/_"), "GoalChanged", "stop"),
            job,
            Some(Goal::Up),
        );
        heard.note(
            &signal(&format!("{job}/_"), "StateChanged", "killed"),
            job,
            Some(Goal::Up),
        );
        assert_eq!(heard, Heard::default());
        heard.note(
            &signal(&format!("{job}/_"), "GoalChanged", "respawn"),
            job,
            Some(Goal::Up),
        );
        assert!(heard.taken && !heard.ran);
        heard.note(
            &signal(&format!("{job}/x"), "StateChanged", "running"),
            job,
            Some(Goal::Up),
        );
        assert!(heard.ran);
    }
}
