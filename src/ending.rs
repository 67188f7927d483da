//! How a child ends: waited for within a limit, and without a thread. It knows nothing of what the child does.
//!
//! Its end rings a bell, so that no time is lost between two looks. Where the bell cannot be hung, or whoever called us
//! keeps SIGCHLD from us, it is looked now and then all the same.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use signal_hook::SigId;
use signal_hook::consts::SIGCHLD;
use signal_hook::low_level::{pipe, unregister};

/// Between two looks where nothing rings; the next is twice as long, up to the longest.
const SHORTEST: Duration = Duration::from_micros(100);
const LONGEST: Duration = Duration::from_millis(50);

/// The end of `child`, which is reaped by that; `None` where it goes on at `until`.
///
/// # Errors
/// When its end was taken away, as by a caller that ignores SIGCHLD.
pub fn by(child: &mut Child, until: Instant) -> io::Result<Option<ExitStatus>> {
    // Mostly its output is closed by now, and it is gone or about to go.
    if let Some(status) = child.try_wait()? {
        return Ok(Some(status));
    }
    let bell = Bell::hang().ok();
    let mut pause = match bell {
        Some(_) => LONGEST,
        None => SHORTEST,
    };
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        match &bell {
            Some(bell) => bell.wait(left.min(pause)),
            None => thread::sleep(left.min(pause)),
        }
        pause = (pause * 2).min(LONGEST);
    }
}

/// Waits until something can be read from `pipe`, or it is closed. `false` where neither has come to be at `until`.
pub fn is_readable_by(pipe: &impl AsFd, until: Instant) -> bool {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match poll_in(pipe, left) {
            Ok(0) if left.is_zero() => return false,
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) | Err(_) => return true,
        }
    }
}

fn poll_in(pipe: &impl AsFd, left: Duration) -> nix::Result<i32> {
    let mut fds = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
    ppoll(&mut fds, Some(TimeSpec::from_duration(left)), None)
}

/// Rings when some child has ended.
struct Bell {
    ear: UnixStream,
    rope: SigId,
}

impl Bell {
    fn hang() -> io::Result<Self> {
        let (ear, clapper) = UnixStream::pair()?;
        ear.set_nonblocking(true)?;
        let rope = pipe::register(SIGCHLD, clapper)?;
        Ok(Self { ear, rope })
    }

    /// Until it rings, or so long.
    fn wait(&self, left: Duration) {
        // Interrupted by the very signal it is read all the same: the next wait would end at once.
        let _ = poll_in(&self.ear, left);
        let _ = io::Read::read(&mut &self.ear, &mut [0; 16]);
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        unregister(self.rope);
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    fn shell(script: &str) -> Child {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdout(Stdio::piped());
        command.spawn().unwrap()
    }

    #[test]
    fn the_end_of_a_child_is_seen_with_its_status_and_one_that_goes_on_is_left() {
        let mut quick = shell("exit 3");
        let status = by(&mut quick, Instant::now() + SOON).unwrap();
        assert_eq!(status.and_then(|status| status.code()), Some(3));
        let mut slow = shell("exec sleep 1000");
        let until = Instant::now() + Duration::from_millis(30);
        assert_eq!(by(&mut slow, until).unwrap(), None);
        assert!(Instant::now() >= until);
        slow.kill().unwrap();
        let status = by(&mut slow, Instant::now() + SOON).unwrap().unwrap();
        assert!(!status.success());
    }

    #[test]
    fn many_are_waited_for_at_once_and_each_is_heard() {
        let threads: Vec<_> = (0..20)
            .map(|number| {
                thread::spawn(move || {
                    let mut child = shell(&format!("sleep 0.0{}; exit {number}", number % 10));
                    by(&mut child, Instant::now() + SOON).unwrap().unwrap()
                })
            })
            .collect();
        for (number, thread) in threads.into_iter().enumerate() {
            let code = thread.join().unwrap().code();
            assert_eq!(code, Some(i32::try_from(number).unwrap()));
        }
    }

    #[test]
    fn a_caller_that_blocks_the_signal_costs_a_moment_and_not_the_limit() {
        use nix::sys::signal::{SigSet, Signal};
        thread::spawn(|| {
            let mut set = SigSet::empty();
            set.add(Signal::SIGCHLD);
            set.thread_block().unwrap();
            let mut child = shell("sleep 0.05");
            let begun = Instant::now();
            assert!(by(&mut child, begun + SOON).unwrap().is_some());
            assert!(begun.elapsed() < SOON / 2);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn what_nobody_writes_to_and_nobody_closes_is_not_readable() {
        let mut child = shell("read line; echo $line");
        let until = Instant::now() + Duration::from_millis(30);
        child.stdin.take();
        let (quiet, _other) = UnixStream::pair().unwrap();
        assert!(!is_readable_by(&quiet, until));
        let output = child.stdout.take().unwrap();
        assert!(is_readable_by(&output, Instant::now() + SOON));
        child.wait().unwrap();
    }
}
