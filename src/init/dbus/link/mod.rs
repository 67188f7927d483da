//! A connection that comes back: made when it is needed, checked by whoever dials it, made anew when
//! it was lost, with what was subscribed to subscribed to again. Questions are asked again after a
//! loss; what may have been done is never asked twice here, its loss is reported.

use std::rc::Rc;
use std::time::{Duration, Instant};

use zbus::Message;

use super::connection::{Answer, Connection, Incoming, Pending};
use super::patience::{Attempt, Next, Patience};
use super::stream::Deadline;
use crate::init::{InitError, Onlooker};

/// How one init is reached.
pub(in crate::init) trait Dial: std::fmt::Debug {
    /// What messages call it.
    fn init(&self) -> &'static str;

    /// Connects once, checks who answers, and logs in.
    ///
    /// # Errors
    /// `Unreachable`, `Lost` and `Silent` are tried again; anything else is an answer.
    fn dial(&self, attempt: Attempt) -> Result<Connection, InitError>;

    /// What is sent first on each connection on which signals are awaited. The answers do not count.
    fn subscriptions(&self, connection: &Connection) -> Result<Vec<Message>, InitError>;
}

/// The connection to one init, there or not.
#[derive(Debug)]
pub(in crate::init) struct Link<D> {
    dial: D,
    connection: Option<Connection>,
    listening: Listening,
    /// How long it is waited for.
    pub(in crate::init) patience: Patience,
}

/// Whether signals are awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listening {
    /// Nobody has asked for any.
    No,
    /// The connection there is, and each that follows, has subscribed.
    Yes,
}

impl<D: Dial> Link<D> {
    /// Contacts nobody yet.
    pub(in crate::init) fn new(dial: D, wait: Duration) -> Self {
        Self {
            patience: Patience::new(dial.init(), wait),
            dial,
            connection: None,
            listening: Listening::No,
        }
    }

    /// Drops the connection; the next contact makes a new one.
    pub(in crate::init) fn disconnect(&mut self) {
        self.connection = None;
    }

    /// How it is reached.
    pub(in crate::init) fn dialer(&self) -> &D {
        &self.dial
    }

    /// Tells `onlooker` of waiting.
    pub(in crate::init) fn set_onlooker(&mut self, onlooker: Rc<dyn Onlooker>) {
        self.patience.set_onlooker(onlooker);
    }

    /// The calls that have to go out on the connection there is before the first that ends with a
    /// signal; none where they have gone out.
    pub(in crate::init) fn listen(&mut self) -> Result<Vec<Message>, InitError> {
        match (self.listening, &self.connection) {
            (Listening::No, Some(connection)) => {
                let calls = self.dial.subscriptions(connection)?;
                self.listening = Listening::Yes;
                Ok(calls)
            }
            (Listening::Yes, _) | (_, None) => Ok(Vec::new()),
        }
    }

    /// The connection there is. It is not looked at whether the other end has closed it.
    pub(in crate::init) fn current(&mut self) -> Result<&mut Connection, InitError> {
        let init = self.dial.init();
        self.connection
            .as_mut()
            .ok_or_else(|| lost(init, "not connected"))
    }

    /// The connection, made where there is none, or only one that the other end has closed. Nothing
    /// is under way between two calls, so making it anew leaves no doubt about anything asked.
    pub(in crate::init) fn connected(&mut self) -> Result<&mut Connection, InitError> {
        let kept = self.connection.take().and_then(Connection::if_open);
        let usable = match kept {
            Some(connection) => connection,
            None => self.dial_patiently()?,
        };
        Ok(self.connection.insert(usable))
    }

    fn dial_patiently(&mut self) -> Result<Connection, InitError> {
        loop {
            let begun = Instant::now();
            let result = self.dial_once();
            match result {
                Err(error) if is_absence(&error) => {
                    if self.patience.failed(begun, &error) == Next::GiveUp {
                        return Err(self.whole(error, begun));
                    }
                }
                other => return other,
            }
        }
    }

    /// `error`, of something that began at `since`; of a silence with the whole time that was waited.
    fn whole(&mut self, error: InitError, since: Instant) -> InitError {
        match error {
            InitError::Silent { .. } => self.patience.gave_up(since),
            other => other,
        }
    }

    fn dial_once(&self) -> Result<Connection, InitError> {
        let attempt = self.patience.attempt();
        let connection = self.dial.dial(attempt)?;
        if self.listening == Listening::Yes {
            let calls = self.dial.subscriptions(&connection)?;
            connection.send(&calls, attempt.limit)?;
        }
        Ok(connection)
    }

    /// Puts questions that change nothing, in one write, and returns the answers in their order.
    /// They are made anew for each connection on which they are put.
    pub(in crate::init) fn ask(
        &mut self,
        questions: impl Fn(&Connection) -> Result<Vec<Message>, InitError>,
    ) -> Result<Vec<Answer>, InitError> {
        self.repeat(|link| link.ask_once(&questions))
    }

    /// Does `work`, which does no harm when it is done twice, again where the connection broke.
    pub(in crate::init) fn repeat<T>(
        &mut self,
        mut work: impl FnMut(&mut Self) -> Result<T, InitError>,
    ) -> Result<T, InitError> {
        loop {
            let begun = Instant::now();
            match self.once(&mut work) {
                Err(error @ InitError::Lost { .. }) => {
                    if self.patience.failed(begun, &error) == Next::GiveUp {
                        return Err(error);
                    }
                }
                other => return other,
            }
        }
    }

    /// Does `work` once, and drops a connection that failed.
    pub(in crate::init) fn once<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, InitError>,
    ) -> Result<T, InitError> {
        let result = work(self);
        match &result {
            Err(error) if is_absence(error) => self.disconnect(),
            Ok(_) | Err(_) => self.patience.answered(),
        }
        result
    }

    fn ask_once(
        &mut self,
        questions: impl Fn(&Connection) -> Result<Vec<Message>, InitError>,
    ) -> Result<Vec<Answer>, InitError> {
        let calls = questions(self.connected()?)?;
        let answers = self.call_all(&calls)?;
        // A bus answers for whoever has gone away.
        let gone = |answer: &Answer| answer.as_ref().is_err_and(is_absence);
        match answers.iter().any(gone) {
            true => Err(lost(self.dial.init(), "it left the bus")),
            false => Ok(answers),
        }
    }

    /// Sends `calls` on the connection there is and waits for all answers, in the order of the
    /// calls, for as long as the init may be away. Never sends anything twice.
    pub(in crate::init) fn call_all(
        &mut self,
        calls: &[Message],
    ) -> Result<Vec<Answer>, InitError> {
        let deadline = self.patience.deadline();
        self.call_all_until(calls, deadline, self.patience.wait())
    }

    /// The same for what keeps the init from answering as long as it is at it: for so long as
    /// `limit`.
    pub(in crate::init) fn call_all_within(
        &mut self,
        calls: &[Message],
        limit: Duration,
    ) -> Result<Vec<Answer>, InitError> {
        self.call_all_until(calls, Deadline::after(limit), limit)
    }

    fn call_all_until(
        &mut self,
        calls: &[Message],
        deadline: Deadline,
        limit: Duration,
    ) -> Result<Vec<Answer>, InitError> {
        let begun = Instant::now();
        if let Err(error) = self.current()?.send_until(calls, deadline) {
            return Err(self.whole(error, begun));
        }
        let mut pending = Pending::of(calls);
        while !pending.is_complete() {
            let notice = self.patience.notice(begun).unwrap_or(Deadline(None));
            match self.current()?.receive(notice.or(deadline))? {
                Some(Incoming::Answer(to, answer)) => {
                    pending.answer(to, answer);
                    continue;
                }
                // A peer that floods us with signals never lets a read time out.
                Some(Incoming::Signal(_)) | None => {}
            }
            if deadline.passed() {
                return Err(self.patience.gave_up(begun));
            }
            if notice.passed() {
                self.patience.silent_within(begun, limit);
            }
        }
        Ok(pending.answers())
    }
}

/// Whether nobody was there, or nobody answered, so that trying again makes sense.
fn is_absence(error: &InitError) -> bool {
    match error {
        InitError::Unreachable { .. } | InitError::Lost { .. } | InitError::Silent { .. } => true,
        InitError::WrongPeer { .. } | InitError::NotHere { .. } | InitError::Refused { .. } => {
            false
        }
    }
}

fn lost(init: &'static str, why: &str) -> InitError {
    InitError::Lost {
        init,
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests;
