//! The answer to other tools, turned on and off: whatever fails, or wherever it is killed, what stands at /usr/sbin/policy-rc.d
//! afterwards is what stood there, or what was asked for, whole; and what somebody else put there is as it was.

use std::os::unix::fs::symlink;

use super::world::World;
use super::{Fault, faults_of, sample};

const PLAY: &str = include_str!("answer.sh");
const SCRIPT: &str = include_str!("../../src/observe/policy-rc.d");
const TOOL: &str = "usr/libexec/rcpolicy/policy-rc-d";

/// What came of one call.
#[derive(Debug)]
struct Seen {
    fault: String,
    status: i32,
    stands: String,
    said: String,
    again: i32,
    stands_again: String,
    left: String,
}

fn seen(line: &str) -> Seen {
    let words: Vec<&str> = line.split(' ').collect();
    let [
        kind,
        what,
        number,
        status,
        stands,
        said,
        again,
        stands_again,
        left,
    ] = words[..]
    else {
        panic!("not a line of answer.sh: {line}");
    };
    Seen {
        fault: format!("{kind} {what} {number}"),
        status: status.parse().unwrap(),
        stands: stands.to_owned(),
        said: said.to_owned(),
        again: again.parse().unwrap(),
        stands_again: stands_again.to_owned(),
        left: left.to_owned(),
    }
}

/// `answer-others WORD` where FOUND stands, which becomes WANTED.
struct Turn {
    word: &'static str,
    found: &'static str,
    wanted: &'static str,
}

impl Turn {
    fn play(&self, plan: &[Fault]) -> (String, Vec<Seen>) {
        let lines: String = plan.iter().map(|fault| format!("{fault}\n")).collect();
        let world = World::new()
            .file("srv/plan", lines.as_bytes(), 0o644)
            .file("srv/answer", PLAY.as_bytes(), 0o644)
            .file("srv/ours", SCRIPT.as_bytes(), 0o755)
            .program("usr/libexec/rcpolicy/x", "");
        symlink("/tools/policy-rc-d", world.path(TOOL)).unwrap();
        let (word, found) = (self.word, self.found);
        let called = world.call(&format!("sh /srv/answer {word} {found} </srv/plan"));
        called.ended(0);
        let all: Vec<Seen> = called.stdout.lines().map(seen).collect();
        assert_eq!(all.len(), plan.len(), "{called:#?}");
        let trace = std::fs::read_to_string(world.path("srv/trace"));
        (trace.unwrap_or_default(), all)
    }

    /// What is refused ends with 3, and stays as it is.
    fn is_refused(&self) -> bool {
        ["foreign", "link"].contains(&self.found)
    }

    fn is_well(&self, seen: &Seen) -> bool {
        let wanted = seen.stands == self.wanted;
        // What nothing was done to, or what was just turned off and could not be seen to be on the disk.
        let first = match seen.status {
            0 => wanted && !self.is_refused(),
            _ => wanted || seen.stands == self.found,
        };
        let again = if self.is_refused() { 3 } else { 0 };
        let mended = seen.again == again && seen.stands_again == self.wanted && seen.left == "0";
        first && mended && (!seen.said.contains("panicked") || seen.fault.contains("ENOMEM"))
    }

    fn told(&self) {
        let none = Fault::new("none", "-".to_owned(), 0);
        let (trace, seen) = self.play(&[none]);
        assert!(seen.iter().all(|seen| self.is_well(seen)), "{seen:#?}");
        let all = faults_of(&trace);
        let plan = sample(&all);
        let (_, seen) = self.play(&plan);
        let wrong: Vec<&Seen> = seen.iter().filter(|seen| !self.is_well(seen)).collect();
        assert!(
            wrong.is_empty(),
            "{} of {}: {wrong:#?}",
            wrong.len(),
            seen.len()
        );
        let silent = plan.iter().zip(&seen);
        let silent: Vec<_> = silent
            .filter(|(fault, seen)| seen.status != 0 && seen.said.is_empty() && !fault.silences())
            .collect();
        assert!(silent.is_empty(), "failed and said nothing: {silent:#?}");
        println!(
            "faults: answer-others {} over {}: {} of {} faults: nothing spoilt",
            self.word,
            self.found,
            plan.len(),
            all.len()
        );
    }
}

#[test]
fn an_answer_that_is_turned_on_is_there_whole_or_not_at_all() {
    for found in ["none", "ours", "disabled"] {
        let turn = Turn {
            word: "on",
            found,
            wanted: "ours",
        };
        turn.told();
    }
}

#[test]
fn an_answer_that_is_turned_off_is_gone_or_there_whole() {
    for found in ["none", "ours", "disabled"] {
        let turn = Turn {
            word: "off",
            found,
            wanted: "none",
        };
        turn.told();
    }
}

#[test]
fn what_somebody_else_put_there_outlives_every_fault() {
    for word in ["on", "off"] {
        for found in ["foreign", "link"] {
            let turn = Turn {
                word,
                found,
                wanted: found,
            };
            turn.told();
        }
    }
}
