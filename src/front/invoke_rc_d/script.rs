//! Running the init script itself, or OpenRC's rc-service, as the stock script does.

use std::ffi::OsString;
use std::process::Command;

use nix::errno::Errno;

use crate::decide::stock::{Judgement, status};
use crate::domain::{Action, InitKind, Known, Machine, Verdict};
use crate::front::perform;
use crate::observe::detect;
use crate::observe::helper::shell_status;
use crate::report::Voice;

use super::Call;
use super::turns::{Done, Origin, Turns};

/// Shell's exit statuses for what cannot be found, and for what cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_RUNNABLE: u8 = 126;

/// Tries the judged actions in turn.
pub(super) fn execute(call: &mut Call, judgement: &Judgement) -> u8 {
    if !call.script_is_executable() {
        return status::ERROR;
    }
    let mut turns = Turns::new(&judgement.actions, &call.arguments.action);
    while let Some(word) = turns.next(&call.voice) {
        let done = one(call, &word, turns.origin());
        match done {
            Done::Ended(ending) => return ending,
            Done::Instead(actions) => turns.replace(actions),
            Done::Status(0) => return 0,
            Done::Status(failed) => turns.failed(&call.voice, failed),
        }
    }
    turns.give_up(&call.voice, &call.arguments.name)
}

fn one(call: &mut Call, word: &str, origin: Origin) -> Done {
    let action = Action::parse(word);
    let request = call.request(action.clone());
    let machine = if call.shutdown {
        Known::Is(Machine::Stopping)
    } else {
        Known::default()
    };
    let mut facts = call.session.unseen(&request, call.kind, machine);
    facts.helper = match call.ask_again(word, origin) {
        Ok(answer) => answer,
        Err(error) => {
            call.voice.warn(&format!("{error}; the action is not run"));
            return Done::Ended(status::ERROR);
        }
    };
    let owed = call.session.owed_to(&request.unit.service());
    let case = match origin {
        Origin::Caller => call.session.decide(request, facts, owed),
        Origin::Helper | Origin::Rule => call.session.decide_listed(request, facts, owed),
    };
    let run = |call: &Call, word: &str| {
        let status = run_script(call, word);
        if status == 0 {
            call.session.settle(&case, &call.voice);
        }
        Done::Status(status)
    };
    let done = match &case.decision.verdict {
        Verdict::Deny => Done::Ended(call.denied(word, &perform::why(&case.decision))),
        Verdict::FallBack(actions) => Done::Instead(actions.clone()),
        Verdict::Emulate(ending) => Done::Ended(*ending),
        Verdict::Nothing => Done::Ended(0),
        Verdict::Hold | Verdict::Defer { .. } => match call.session.note(&case) {
            Ok(()) => {
                perform::explain_to_user(&case, &call.voice);
                Done::Ended(0)
            }
            Err(error) if case.decision.verdict == Verdict::Hold => {
                call.voice
                    .warn(&format!("{word} of {}: {error}", call.arguments.name));
                Done::Status(1)
            }
            Err(error) => {
                let name = &call.arguments.name;
                call.voice
                    .warn(&format!("{word} of {name} is done now: {error}"));
                run(call, word)
            }
        },
        Verdict::Run(_) => run(call, word),
        Verdict::Stop | Verdict::Quiesce => run(call, "stop"),
        Verdict::Restart | Verdict::IfStale => run(call, "restart"),
        Verdict::Reload => run(call, "reload"),
    };
    call.session.log(&case, done.status());
    done
}

fn run_script(call: &Call, word: &str) -> u8 {
    if !call.session.policy.settings().strict {
        keep_descriptors_to_ourselves();
    }
    if call.kind == InitKind::Openrc {
        // original: rc-service gets no extra arguments
        let words = [call.arguments.name.clone().into(), word.into()];
        return run(&call.voice, "rc-service", &words);
    }
    init_script(call, word)
}

/// Runs the init script with `word` and the caller's extra arguments.
pub(super) fn init_script(call: &Call, word: &str) -> u8 {
    let mut words: Vec<OsString> = vec![word.into()];
    words.extend(call.arguments.rest.iter().cloned());
    run(
        &call.voice,
        &detect::script_path(&call.arguments.name),
        &words,
    )
}

fn run(voice: &Voice, program: &str, words: &[OsString]) -> u8 {
    let result = Command::new(program).args(words).status();
    let result = match result {
        // original: the shell runs a file without a shebang by itself
        Err(error) if error.raw_os_error() == Some(Errno::ENOEXEC as i32) => {
            Command::new("/bin/sh").arg(program).args(words).status()
        }
        other => other,
    };
    match result {
        Ok(status) => shell_status(status),
        Err(error) => {
            voice.warn(&format!("cannot run `{program}`: {error}"));
            let missing = error.kind() == std::io::ErrorKind::NotFound;
            if missing { NOT_FOUND } else { NOT_RUNNABLE }
        }
    }
}

/// A daemon must not keep its caller's files open: debconf waits for the end of its descriptor.
fn keep_descriptors_to_ourselves() {
    close_fds::set_fds_cloexec(3, &[]);
}
