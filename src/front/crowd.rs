//! Many at once, each with a thread of its own, and none of them trusted to come back: whoever is not heard of for
//! too long is given up, and nobody else waits for it. It knows nothing of what the threads do.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Of the time that a member may be silent, this part passes before it is asked whether it lives.
const ASKED_AFTER: u32 = 3;
/// The longest sleep between two looks at the clock.
const TICK: Duration = Duration::from_millis(100);

/// How long a member is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Without any sign of life.
    pub(super) silence: Duration,
    /// At all.
    pub(super) most: Duration,
}

/// What came of a member.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event<T> {
    /// Its work is done.
    Done(T),
    /// It was silent for too long.
    Silent,
    /// It lives, but its work has taken all the time that it may take.
    Overdue,
}

/// Asks the member with this number for a sign of life, on a thread of its own.
pub(super) type AreYouThere = Arc<dyn Fn(usize) -> bool + Send + Sync>;

#[derive(Debug)]
enum News<T> {
    Done(T),
    Alive,
}

/// A member that is waited for.
#[derive(Debug)]
struct Waiting {
    member: usize,
    /// Which of the member's works it is: what an earlier one tells late means nothing.
    turn: usize,
    begun: Instant,
    heard: Instant,
    asked: bool,
    limits: Limits,
}

/// The members, as far as they are at work.
pub(super) struct Crowd<T> {
    tell: Sender<(usize, News<T>)>,
    hear: Receiver<(usize, News<T>)>,
    waiting: Vec<Waiting>,
    turns: usize,
    are_you_there: Option<AreYouThere>,
}

impl<T: Send + 'static> Crowd<T> {
    /// A crowd in which nobody works yet. Without `are_you_there` silence is all until the work is done.
    pub(super) fn new(are_you_there: Option<AreYouThere>) -> Self {
        let (tell, hear) = channel();
        Self {
            tell,
            hear,
            waiting: Vec::new(),
            turns: 0,
            are_you_there,
        }
    }

    /// Lets `member` do `work`.
    pub(super) fn send(
        &mut self,
        member: usize,
        limits: Limits,
        work: impl FnOnce() -> T + Send + 'static,
    ) {
        self.turns += 1;
        let (tell, turn, now) = (self.tell.clone(), self.turns, Instant::now());
        // Without a thread nothing will be heard of it, and it is given up in time.
        let _ = thread::Builder::new().spawn(move || {
            // Nobody listens to a member that was given up.
            let _ = tell.send((turn, News::Done(work())));
        });
        self.waiting.push(Waiting {
            member,
            turn,
            begun: now,
            heard: now,
            asked: false,
            limits,
        });
    }

    /// The next that is done or given up; nothing when nobody works any more.
    pub(super) fn next(&mut self) -> Option<(usize, Event<T>)> {
        let mut news = self.hear.try_recv().ok();
        while !self.waiting.is_empty() {
            if let Some((turn, news)) = news.take() {
                if let Some(event) = self.heard(turn, news) {
                    return Some(event);
                }
            } else if let Some(event) = self.look_at_the_clock() {
                // All whose time is over are told one after the other, without a pause between.
                return Some(event);
            }
            news = self.hear.recv_timeout(TICK).ok();
        }
        None
    }

    fn heard(&mut self, turn: usize, news: News<T>) -> Option<(usize, Event<T>)> {
        let place = self.waiting.iter().position(|one| one.turn == turn)?;
        match news {
            News::Done(result) => {
                let one = self.waiting.swap_remove(place);
                Some((one.member, Event::Done(result)))
            }
            News::Alive => {
                if let Some(one) = self.waiting.get_mut(place) {
                    one.heard = Instant::now();
                    one.asked = false;
                }
                None
            }
        }
    }

    fn look_at_the_clock(&mut self) -> Option<(usize, Event<T>)> {
        let silent = |one: &Waiting| one.heard.elapsed() >= one.limits.silence;
        let overdue = |one: &Waiting| one.begun.elapsed() >= one.limits.most;
        let mut waiting = self.waiting.iter();
        if let Some(place) = waiting.position(|one| silent(one) || overdue(one)) {
            let one = self.waiting.swap_remove(place);
            let event = match silent(&one) {
                true => Event::Silent,
                false => Event::Overdue,
            };
            return Some((one.member, event));
        }
        if let Some(are_you_there) = &self.are_you_there {
            for one in self.waiting.iter_mut().filter(|one| is_to_be_asked(one)) {
                one.asked = true;
                ask(Arc::clone(are_you_there), one, self.tell.clone());
            }
        }
        None
    }
}

fn is_to_be_asked(one: &Waiting) -> bool {
    !one.asked && one.heard.elapsed() >= one.limits.silence / ASKED_AFTER
}

fn ask<T: Send + 'static>(
    are_you_there: AreYouThere,
    one: &Waiting,
    tell: Sender<(usize, News<T>)>,
) {
    let (member, turn) = (one.member, one.turn);
    let _ = thread::Builder::new().spawn(move || {
        if are_you_there(member) {
            let _ = tell.send((turn, News::Alive));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Limits = Limits {
        silence: Duration::from_millis(300),
        most: Duration::from_secs(20),
    };
    const NEVER: Duration = Duration::from_secs(60);

    fn all(crowd: &mut Crowd<usize>) -> Vec<(usize, Event<usize>)> {
        let mut events: Vec<_> = std::iter::from_fn(|| crowd.next()).collect();
        events.sort_by_key(|(member, _)| *member);
        events
    }

    #[test]
    fn fifty_silent_ones_cost_no_more_than_one_and_keep_nobody_from_being_heard() {
        let begun = Instant::now();
        let mut crowd = Crowd::new(None);
        for member in 0..50 {
            crowd.send(member, SHORT, || {
                thread::sleep(NEVER);
                0
            });
        }
        crowd.send(50, SHORT, || 7);
        assert_eq!(crowd.next(), Some((50, Event::Done(7))));
        assert!(begun.elapsed() < SHORT.silence, "{:?}", begun.elapsed());
        let events = all(&mut crowd);
        assert_eq!(events.len(), 50);
        assert!(events.iter().all(|(_, event)| *event == Event::Silent));
        assert!(begun.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn one_that_says_that_it_lives_is_waited_for_until_its_work_is_done() {
        let lives: AreYouThere = Arc::new(|_| true);
        let mut crowd = Crowd::new(Some(lives));
        crowd.send(3, SHORT, || {
            thread::sleep(Duration::from_millis(900));
            1
        });
        assert_eq!(all(&mut crowd), [(3, Event::Done(1))]);
    }

    #[test]
    fn one_that_lives_and_never_ends_is_left_at_the_limit() {
        let lives: AreYouThere = Arc::new(|_| true);
        let mut crowd = Crowd::new(Some(lives));
        let limits = Limits {
            most: Duration::from_millis(700),
            ..SHORT
        };
        crowd.send(3, limits, || {
            thread::sleep(NEVER);
            1
        });
        assert_eq!(all(&mut crowd), [(3, Event::Overdue)]);
    }

    #[test]
    fn one_that_falls_silent_while_it_works_is_given_up_soon_after() {
        let silent: AreYouThere = Arc::new(|_| {
            thread::sleep(NEVER);
            true
        });
        let begun = Instant::now();
        let mut crowd = Crowd::new(Some(silent));
        crowd.send(3, SHORT, || {
            thread::sleep(NEVER);
            1
        });
        assert_eq!(all(&mut crowd), [(3, Event::Silent)]);
        assert!(begun.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn what_comes_too_late_is_not_taken_for_the_next_work() {
        let mut crowd = Crowd::new(None);
        crowd.send(1, SHORT, || {
            thread::sleep(Duration::from_millis(500));
            10
        });
        assert_eq!(crowd.next(), Some((1, Event::Silent)));
        crowd.send(
            1,
            Limits {
                silence: NEVER,
                ..SHORT
            },
            || {
                thread::sleep(Duration::from_millis(600));
                20
            },
        );
        assert_eq!(crowd.next(), Some((1, Event::Done(20))));
    }
}
