//! Many packages at once, on all cores, in a bounded space: what is in work, and the results that wait for
//! an earlier one, are never more than a few for each worker.
//!
//! | Room | What it owns |
//! |---|---|
//! | this | the workers, and the order of what they made |
//! | [`asked`] | what is to be audited: arguments, a list, the older versions; it looks at directories |
//! | [`kept`] | lines of JSON in a file that a killed run leaves and another goes on with |
//! | [`merged`] | such files put together |
pub mod asked;
pub mod kept;
pub mod merged;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::{io, thread};

/// Results that may wait for an earlier one, for each worker.
const AHEAD: usize = 8;
/// A worker's stack, in bytes; only what is used of it costs memory. Scripts may be nested deeply.
const STACK: usize = 64 << 20;

/// Whether more is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Go {
    /// Yes.
    On,
    /// No: nobody takes the results any more.
    Stop,
}

/// What the workers share.
struct Shared<R> {
    /// The next piece of work.
    next: usize,
    /// The next result to be handed over.
    due: usize,
    /// Results that are ready.
    ready: BTreeMap<usize, R>,
    /// No more work is begun.
    stopped: bool,
    /// Workers that could be started.
    workers: usize,
    /// A worker ended in a panic: its result never comes.
    lost: bool,
}

struct Hall<R> {
    shared: Mutex<Shared<R>>,
    changed: Condvar,
}

impl<R> Hall<R> {
    fn enter(&self) -> MutexGuard<'_, Shared<R>> {
        // Nothing is left half done under the lock.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, shared: MutexGuard<'a, Shared<R>>) -> MutexGuard<'a, Shared<R>> {
        let woken = self.changed.wait(shared);
        woken.unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the next piece of work, once there is room for its result.
    fn next(&self, all: usize) -> Option<usize> {
        let mut shared = self.enter();
        loop {
            if shared.stopped || shared.next >= all {
                return None;
            }
            if shared.next < shared.due + AHEAD * shared.workers.max(1) {
                shared.next += 1;
                return Some(shared.next - 1);
            }
            shared = self.wait(shared);
        }
    }

    fn hand_in(&self, number: usize, result: R) {
        self.enter().ready.insert(number, result);
        self.changed.notify_all();
    }

    /// The result that is due, once it is there; `None` where it will never be.
    fn due(&self) -> Option<R> {
        let mut shared = self.enter();
        loop {
            let due = shared.due;
            if let Some(result) = shared.ready.remove(&due) {
                shared.due += 1;
                self.changed.notify_all();
                return Some(result);
            }
            if shared.lost {
                shared.stopped = true;
                self.changed.notify_all();
                return None;
            }
            shared = self.wait(shared);
        }
    }

    fn stop(&self) {
        self.enter().stopped = true;
        self.changed.notify_all();
    }
}

/// Tells of a worker that ends in a panic, so that nobody waits for it.
struct Witness<'a, R>(&'a Hall<R>);

impl<R> Drop for Witness<'_, R> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.enter().lost = true;
            self.0.changed.notify_all();
        }
    }
}

/// Has `jobs` workers do `work` on all of `inputs`, and hands the results to `take` in the order of the
/// inputs, each as soon as it and all before it are there. What `take` does is done in the caller's thread.
///
/// # Errors
/// When not one worker can be started.
pub fn each<T: Sync, R: Send>(
    inputs: &[T],
    jobs: NonZeroUsize,
    work: impl Fn(&T) -> R + Sync,
    mut take: impl FnMut(R) -> Go,
) -> io::Result<()> {
    let hall = Hall {
        shared: Mutex::new(Shared {
            next: 0,
            due: 0,
            ready: BTreeMap::new(),
            stopped: false,
            workers: 0,
            lost: false,
        }),
        changed: Condvar::new(),
    };
    let (hall, work) = (&hall, &work);
    thread::scope(|scope| {
        for _ in 0..jobs.get().min(inputs.len()) {
            let worker = thread::Builder::new().stack_size(STACK);
            let started = worker.spawn_scoped(scope, move || {
                let _witness = Witness(hall);
                while let Some(number) = hall.next(inputs.len()) {
                    if let Some(input) = inputs.get(number) {
                        hall.hand_in(number, work(input));
                    }
                }
            });
            match started {
                Ok(_) => hall.enter().workers += 1,
                // With fewer it takes longer.
                Err(_) if hall.enter().workers > 0 => break,
                Err(error) => return Err(error),
            }
        }
        for _ in inputs {
            let Some(result) = hall.due() else { break };
            if take(result) == Go::Stop {
                hall.stop();
                break;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests;
