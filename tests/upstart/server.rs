//! A stand-in for Upstart: its interface over an abstract socket, and its re-execs, at any moment that
//! is asked for. One loop, one message after the other, as in Upstart itself.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::time::{Duration, Instant};

use zbus::Message;

use crate::calls::{Said, Verdict};
use crate::jobs::{Jobs, Out, Until, Waiter};
use crate::wire::{Brought, Client};

/// When it re-executes itself: counted in points, which are all the moments at which what a client
/// asked for is somewhere on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    Never,
    /// Once, at this point.
    At(usize),
    /// Each time that so many points have passed.
    Every(usize),
}

/// What a re-exec does to what it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Kept,
    Forgotten,
}

/// How a re-exec looks from outside.
#[derive(Debug, Clone, Copy)]
pub struct Reexec {
    pub cut: Cut,
    pub state: State,
    /// How long connections pile up in the backlog, to be reset.
    pub stalled: Duration,
    /// How long nobody listens.
    pub refused: Duration,
}

impl Default for Reexec {
    fn default() -> Self {
        Self {
            cut: Cut::Never,
            state: State::Kept,
            stalled: Duration::ZERO,
            refused: Duration::from_millis(7),
        }
    }
}

/// Which Upstart it is.
#[derive(Debug, Clone, Copy)]
pub struct Kindness {
    /// Before 1.10 there is no `Reload`.
    pub reloads: bool,
    /// Older ones cannot be asked to re-execute themselves.
    pub restarts: bool,
    /// Whether clients may stay once they have said BEGIN.
    pub welcomes: bool,
    /// What it says that it is.
    pub version: &'static str,
}

impl Default for Kindness {
    fn default() -> Self {
        Self {
            reloads: true,
            restarts: true,
            welcomes: true,
            version: "init (upstart 1.13.2)",
        }
    }
}

/// What happens at one moment.
enum Now {
    Going,
    Cut,
}

/// The server.
#[derive(Debug)]
pub struct Server {
    name: String,
    listener: Option<UnixListener>,
    /// Until when nobody accepts, and until when nobody listens, in a re-exec.
    stalled_until: Option<Instant>,
    back_at: Option<Instant>,
    clients: Vec<Client>,
    pub clients_so_far: u64,
    pub jobs: Jobs,
    pub reexec: Reexec,
    pub kind: Kindness,
    /// It is busy: connections pile up and nobody is answered.
    pub busy_until: Option<Instant>,
    /// How many points there were, and how many re-execs.
    pub points: usize,
    pub cuts: usize,
    /// What each point was, for whoever looks for one that went wrong.
    pub trail: Vec<String>,
}

impl Server {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            listener: bound(name),
            stalled_until: None,
            back_at: None,
            clients: Vec::new(),
            clients_so_far: 0,
            jobs: Jobs::default(),
            reexec: Reexec::default(),
            kind: Kindness::default(),
            busy_until: None,
            points: 0,
            cuts: 0,
            trail: Vec::new(),
        }
    }

    /// One turn of its loop.
    pub fn turn(&mut self) {
        if self.is_away() || self.busy_until.is_some_and(|until| Instant::now() < until) {
            return;
        }
        self.accept();
        if let Now::Cut = self.serve() {
            return self.go_away();
        }
        if let Now::Cut = self.advance() {
            self.go_away();
        }
    }

    /// Re-executes itself at once.
    pub fn go_away(&mut self) {
        self.clients.clear();
        self.jobs.forget_waiters();
        if self.reexec.state == State::Forgotten {
            self.jobs.forget();
        }
        let stalled = Instant::now() + self.reexec.stalled;
        self.stalled_until = Some(stalled);
        self.back_at = Some(stalled + self.reexec.refused);
        self.cuts += 1;
    }

    fn is_away(&mut self) -> bool {
        let now = Instant::now();
        let Some(back_at) = self.back_at else {
            return false;
        };
        if self.stalled_until.is_none_or(|until| now >= until) {
            self.listener = None;
        }
        if now < back_at {
            return true;
        }
        // A process that is just being started by another test may hold the old one for a moment.
        self.listener = bound(&self.name);
        if self.listener.is_none() {
            return true;
        }
        (self.stalled_until, self.back_at) = (None, None);
        false
    }

    fn accept(&mut self) {
        let listener = self.listener.as_ref().unwrap();
        while let Ok((socket, _)) = listener.accept() {
            self.clients_so_far += 1;
            self.clients.push(Client::new(self.clients_so_far, socket));
        }
    }

    /// At most one message of each client.
    fn serve(&mut self) -> Now {
        for index in (0..self.clients.len()).rev() {
            match self.clients[index].next() {
                Brought::Nothing => {}
                Brought::Entered if self.kind.welcomes => {}
                Brought::Gone | Brought::Entered => drop(self.clients.remove(index)),
                Brought::Message(call) => {
                    let client = self.clients[index].id;
                    if let Now::Cut = self.handle(client, &call) {
                        return Now::Cut;
                    }
                }
            }
        }
        Now::Going
    }

    fn handle(&mut self, client: u64, call: &Message) -> Now {
        let member = call.header().member().unwrap().to_string();
        if let Now::Cut = self.point(|| format!("{member} came, and was not read")) {
            return Now::Cut;
        }
        let mut out = Vec::new();
        let verdict = Said::by(call).answer(&mut self.jobs, self.kind, &mut out);
        match verdict {
            Verdict::Answer(answer) => {
                if let Now::Cut = self.point(|| format!("{member} was done, and not answered")) {
                    return Now::Cut;
                }
                self.send_all(out);
                self.send(client, &answer);
            }
            Verdict::Waits(path, until) => {
                if let Now::Cut = self.point(|| format!("{member} was begun, and nothing said")) {
                    return Now::Cut;
                }
                self.send_all(out);
                let waiter = Waiter {
                    client,
                    call: call.clone(),
                    until,
                };
                let instance = self.jobs.instance_at(&path).unwrap();
                instance.waiters.push(waiter);
            }
            Verdict::Reexec => return Now::Cut,
        }
        self.point(|| format!("{member} was handled"))
    }

    /// Every instance takes a step.
    fn advance(&mut self) -> Now {
        let out = self.jobs.step();
        if out.is_empty() {
            return Now::Going;
        }
        let what = format!("{out:?}");
        if let Now::Cut = self.point(|| format!("unsaid: {what}")) {
            return Now::Cut;
        }
        self.send_all(out);
        self.point(|| format!("said: {what}"))
    }

    fn point(&mut self, what: impl Fn() -> String) -> Now {
        self.points += 1;
        let what = what();
        let short: String = what.chars().take(100).collect();
        self.trail.push(short);
        let cut = match self.reexec.cut {
            Cut::Never => false,
            Cut::At(point) => self.points == point,
            Cut::Every(points) => self.points.is_multiple_of(points),
        };
        if cut { Now::Cut } else { Now::Going }
    }

    fn send_all(&mut self, out: Vec<Out>) {
        for one in out {
            match one {
                Out::Signal(path, name, argument) => {
                    let signal = Message::signal(path, crate::calls::INSTANCE, name);
                    let signal = signal.build(&argument).unwrap();
                    for client in self.clients.iter_mut().filter(|client| client.is_inside()) {
                        client.send(&signal);
                    }
                }
                Out::Answer(waiter, result) => {
                    let answer = crate::calls::late(&waiter.call, result);
                    self.send(waiter.client, &answer);
                }
            }
        }
    }

    fn send(&mut self, client: u64, message: &Message) {
        if let Some(client) = self.clients.iter_mut().find(|one| one.id == client) {
            client.send(message);
        }
    }
}

fn bound(name: &str) -> Option<UnixListener> {
    let address = SocketAddr::from_abstract_name(name).unwrap();
    let listener = UnixListener::bind_addr(&address).ok()?;
    listener.set_nonblocking(true).unwrap();
    Some(listener)
}

impl Until {
    /// What a call of this name waits for.
    pub fn of(member: &str) -> Self {
        if member == "Stop" {
            Self::Down
        } else {
            Self::Up
        }
    }
}
