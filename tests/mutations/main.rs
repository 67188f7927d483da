//! Mutated packages, units, headers, scripts, policies of ours and of others, and notes, given to what reads them: none may
//! end in a panic, a hang, a dead process or memory without end. (Readers that are nobody's but one module's are given
//! mutations by that module's tests.) Inputs are numbered; a number always makes the same one.
//!
//! `MUTATIONS=N` says how many (default 200,000). Children do the work, each noting the number that it is
//! at, so that whatever happens to one, its input is known: it is kept below target/mutated and named.
//! `MUTATIONS_ONE=NUMBER` gives one of them again, in the open.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::exit,
    missing_docs,
    reason = "what a test cannot do ends it"
)]

mod archives;
mod children;
mod imports;
mod inputs;
mod mutate;
mod packages;
mod random;
mod records;
mod scripts;
mod seeds;
mod whole;
mod words;

use std::time::Instant;

use inputs::Inputs;

const DEFAULT: u64 = 200_000;

fn main() {
    let one = std::env::var("MUTATIONS_ONE").ok();
    if let Some(number) = one.and_then(|text| text.parse().ok()) {
        let inputs = Inputs::new();
        println!("{}", inputs.shown(number));
        println!("{:?}", inputs.give(number));
        return;
    }
    if let Ok(share) = std::env::var(children::SHARE) {
        return children::work(&share);
    }
    let count = std::env::var("MUTATIONS").ok();
    let count = count.map_or(DEFAULT, |text| {
        text.parse().expect("MUTATIONS is no number")
    });
    let began = Instant::now();
    let failed = children::run(count);
    let seconds = began.elapsed().as_secs();
    for failure in &failed {
        println!("mutations: FAILED: {failure}");
    }
    let ok = if failed.is_empty() { "ok" } else { "FAILED" };
    println!(
        "mutations: {count} inputs in {seconds} s, {} failed",
        failed.len()
    );
    let passed = u8::from(failed.is_empty());
    println!(
        "test result: {ok}. {passed} passed; {} failed; 0 ignored",
        1 - passed
    );
    std::process::exit(i32::from(!failed.is_empty()));
}
