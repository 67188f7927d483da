//! The connection to one Upstart: made when it is needed, waited for while Upstart re-executes itself,
//! made anew when it was lost. Questions are put again after a loss; requests never are.

use std::rc::Rc;
use std::time::{Duration, Instant};

use zbus::Message;

use super::address::Address;
use super::names::UPSTART;
use crate::init::dbus::connection::{Answer, Connection};
use crate::init::{InitError, Onlooker, Unwatched};

/// How long Upstart may take for one answer: as long as systemctl waits for its init.
const ANSWER: Duration = Duration::from_secs(30);
/// How long nobody may listen.
const WAIT: Duration = Duration::from_secs(30);
/// How long a handshake may take: a busy Upstart has connections pile up and answers none, and one
/// caught in the pile by a re-exec is never answered.
const HANDSHAKE: Duration = Duration::from_secs(2);
/// The first pause between two attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(3);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// A shorter absence is not spoken of.
const NOTICE: Duration = Duration::from_secs(1);

/// The connection, there or not.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) address: Address,
    pub(super) answer: Duration,
    pub(super) wait: Duration,
    pub(super) handshake: Duration,
    pub(super) onlooker: Rc<dyn Onlooker>,
    connection: Option<Connection>,
}

impl Link {
    /// Contacts nobody yet.
    pub(super) fn new(address: Address) -> Self {
        Self {
            address,
            answer: ANSWER,
            wait: WAIT,
            handshake: HANDSHAKE,
            onlooker: Rc::new(Unwatched),
            connection: None,
        }
    }

    /// Drops the connection; the next contact makes a new one.
    pub(super) fn disconnect(&mut self) {
        self.connection = None;
    }

    /// The connection as it is.
    pub(super) fn current(&mut self) -> Option<&mut Connection> {
        self.connection.as_mut()
    }

    /// The connection, made where there is none, or only one that the other end has closed. Nothing
    /// is under way between two calls, so making it anew leaves no doubt about anything asked.
    pub(super) fn connected(&mut self) -> Result<&mut Connection, InitError> {
        let kept = self.connection.take().and_then(Connection::if_open);
        let usable = match kept {
            Some(connection) => connection,
            None => {
                let mut absence = Absence::new(self);
                absence.through(|| self.address.dial(self.handshake))?
            }
        };
        Ok(self.connection.insert(usable))
    }

    /// Puts questions that change nothing, in one write, and returns the answers in their order.
    /// They are made anew for each connection on which they are put.
    pub(super) fn ask(
        &mut self,
        questions: impl Fn(&Connection) -> Result<Vec<Message>, InitError>,
    ) -> Result<Vec<Answer>, InitError> {
        let mut absence = Absence::new(self);
        absence.through(|| {
            let answer = self.answer;
            let connection = self.connected()?;
            let calls = questions(connection)?;
            let answers = connection.call_all(&calls, answer);
            if answers.is_err() {
                self.disconnect();
            }
            answers
        })
    }
}

/// One stretch of time in which nobody answers.
#[derive(Debug)]
struct Absence {
    since: Instant,
    wait: Duration,
    pause: Duration,
    told: bool,
    onlooker: Rc<dyn Onlooker>,
}

impl Absence {
    fn new(link: &Link) -> Self {
        Self {
            since: Instant::now(),
            wait: link.wait,
            pause: FIRST_PAUSE,
            told: false,
            onlooker: Rc::clone(&link.onlooker),
        }
    }

    /// Tries until somebody answers or the time is over.
    fn through<T>(
        &mut self,
        mut attempt: impl FnMut() -> Result<T, InitError>,
    ) -> Result<T, InitError> {
        loop {
            match attempt() {
                Err(error) if is_absence(&error) && self.since.elapsed() < self.wait => {
                    self.pause_after(&error);
                }
                other => {
                    if self.told {
                        self.onlooker.back(UPSTART, self.since.elapsed());
                    }
                    return other;
                }
            }
        }
    }

    fn pause_after(&mut self, why: &InitError) {
        if !self.told && self.since.elapsed() >= NOTICE {
            self.told = true;
            self.onlooker.away(UPSTART, &why.to_string(), self.wait);
        }
        let left = self.wait.saturating_sub(self.since.elapsed());
        std::thread::sleep(self.pause.min(left));
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

/// Whether nobody was there, so that trying again makes sense.
fn is_absence(error: &InitError) -> bool {
    match error {
        InitError::Unreachable { .. } | InitError::Lost { .. } | InitError::Silent { .. } => true,
        InitError::WrongPeer { .. } | InitError::Refused { .. } => false,
    }
}
