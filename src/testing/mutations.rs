//! What others write, mutated, and given to what reads it, beside that reader's own tests: a panic fails the test, and the
//! input is shown. `MUTATIONS=N` says how many inputs each reader gets (default 2,000). Readers that are public are mutated
//! by tests/mutations, in processes of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

#[path = "../../tests/mutations/mutate.rs"]
mod mutate;
#[path = "../../tests/mutations/random.rs"]
mod random;

use random::Random;

const DEFAULT: u64 = 2_000;
/// No input takes nearly so long, on a machine however busy.
const HANG: Duration = Duration::from_secs(60);

/// Gives mutations of `seeds` to `read`; `words`, which mean something to it, are put in between.
pub(crate) fn mutated(seeds: &[&[u8]], words: &[&str], read: impl Fn(&[u8])) {
    let seeds: Vec<Vec<u8>> = seeds.iter().map(|seed| seed.to_vec()).collect();
    let count = std::env::var("MUTATIONS").ok();
    let count = count.map_or(DEFAULT, |count| count.parse().unwrap());
    let watch = Watch::new();
    for number in 0..count {
        watch.at.store(number, Ordering::Relaxed);
        let mut random = Random::of(number);
        let mut bytes = random.pick(&seeds).clone();
        match words.is_empty() || random.one_in(4) {
            true => mutate::raw(&mut bytes, &mut random),
            false => mutate::text(&mut bytes, &mut random, &seeds, words),
        }
        let shown = Shown(number, &bytes);
        read(&bytes);
        std::mem::forget(shown);
    }
}

/// The same for what reads text.
pub(crate) fn mutated_text(seeds: &[&str], words: &[&str], read: impl Fn(&str)) {
    let seeds: Vec<&[u8]> = seeds.iter().map(|seed| seed.as_bytes()).collect();
    mutated(&seeds, words, |bytes| read(&String::from_utf8_lossy(bytes)));
}

/// Shows an input at which the reader panicked.
struct Shown<'a>(u64, &'a [u8]);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        eprintln!("input {}: \"{}\"", self.0, self.1.escape_ascii());
    }
}

/// Ends the process where one input takes for ever.
struct Watch {
    at: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl Watch {
    fn new() -> Self {
        let (at, over) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (seen, ended) = (Arc::clone(&at), Arc::clone(&over));
        let name = std::thread::current().name().unwrap_or("?").to_owned();
        spawn(move || {
            let (mut last, mut since) = (0, Instant::now());
            while !ended.load(Ordering::Relaxed) {
                let now = seen.load(Ordering::Relaxed);
                if now != last {
                    (last, since) = (now, Instant::now());
                }
                if since.elapsed() > HANG {
                    eprintln!("{name}: input {now} does not end");
                    std::process::abort();
                }
                sleep(Duration::from_millis(50));
            }
        });
        Self { at, over }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

#[test]
fn an_input_that_ends_in_a_panic_fails_the_test_and_others_do_not() {
    let found = std::panic::catch_unwind(|| {
        mutated_text(&["a b c"], &["x"], |text| {
            assert!(!text.contains("xx"), "two of them");
        });
    });
    assert!(found.is_err());
    mutated_text(&["a b c"], &["x"], |_| {});
}
