//! Answers and ends in whatever order they come.

use zbus::wire::Variant;

use super::*;
use crate::domain::{UnitName, Verb};

const PATH: &str = "/org/freedesktop/systemd1";

fn call() -> Message {
    Message::method_call(PATH, "StartUnit").build(&()).unwrap()
}

fn queued(call: &Message, path: &str) -> Answer {
    let path = OwnedObjectPath::try_from(path).unwrap();
    Ok(Message::method_return(&call.header()).build(&path).unwrap())
}

fn removed(path: &str, result: &str) -> Message {
    let path = OwnedObjectPath::try_from(path).unwrap();
    Message::signal(PATH, MANAGER, "JobRemoved")
        .build(&(7u32, path, "foo.service", result))
        .unwrap()
}

fn jobs(count: usize) -> Vec<Job> {
    vec![Job::new(Verb::Start, UnitName::parse("foo").unwrap()); count]
}

/// Jobs of which nothing was asked before.
fn plain(calls: &[Message]) -> Progress {
    let asked = calls.iter().map(|call| Asked::new(call, Pending::of(&[])));
    Progress::of(asked.collect())
}

fn outcomes(progress: Progress, count: usize, wait: Wait) -> Vec<JobOutcome> {
    progress.outcomes(&jobs(count), wait, &Unfinished::TimedOut(1))
}

fn broken() -> InitError {
    InitError::Lost {
        init: "systemd",
        why: "connection closed".to_owned(),
    }
}

#[test]
fn an_end_that_is_announced_before_its_job_is_named_is_not_missed() {
    let call = call();
    let mut progress = plain(std::slice::from_ref(&call));
    progress.signal(&removed("/job/1", "done"));
    assert!(!progress.is_over(Wait::Done));
    assert!(
        progress
            .answer(serial(&call), queued(&call, "/job/1"))
            .is_none()
    );
    assert!(progress.is_over(Wait::Done));
    assert_eq!(outcomes(progress, 1, Wait::Done), [JobOutcome::Done]);
}

#[test]
fn each_result_becomes_its_outcome_in_the_order_of_the_jobs() {
    let calls = [call(), call(), call(), call()];
    let mut progress = plain(&calls);
    for (index, call) in calls.iter().enumerate().take(3).rev() {
        let _ = progress.answer(serial(call), queued(call, &format!("/job/{index}")));
    }
    let refused = InitError::Refused {
        name: "n".to_owned(),
        message: "m".to_owned(),
    };
    let _ = progress.answer(serial(&calls[3]), Err(refused));
    progress.signal(&removed("/job/0", "skipped"));
    progress.signal(&removed("/job/1", "dependency"));
    progress.signal(&removed("/job/99", "failed"));
    assert!(!progress.is_over(Wait::Done));
    assert!(progress.is_over(Wait::Queued));
    let expected = [
        JobOutcome::Done,
        JobOutcome::Failed(JobFailure::Ended {
            result: "dependency".to_owned(),
            service_result: String::new(),
        }),
        JobOutcome::Failed(JobFailure::TimedOut { seconds: 1 }),
        JobOutcome::Failed(JobFailure::Refused {
            name: "n".to_owned(),
            message: "m".to_owned(),
        }),
    ];
    assert_eq!(outcomes(progress, 4, Wait::Done), expected);
}

#[test]
fn a_signal_of_another_interface_ends_nothing() {
    let call = call();
    let mut progress = plain(std::slice::from_ref(&call));
    let _ = progress.answer(serial(&call), queued(&call, "/job/1"));
    let path = OwnedObjectPath::try_from("/job/1").unwrap();
    let other = Message::signal(PATH, "org.example.Other", "JobRemoved")
        .build(&(7u32, path, "foo.service", "done"))
        .unwrap();
    progress.signal(&other);
    assert!(!progress.is_over(Wait::Done));
}

#[test]
fn a_job_that_is_left_is_queued_and_not_waited_for() {
    let call = call();
    let mut progress = plain(std::slice::from_ref(&call));
    let _ = progress.answer(serial(&call), queued(&call, "/job/1"));
    assert_eq!(progress.paths(), ["/job/1"]);
    progress.leave("/job/1");
    assert!(progress.is_over(Wait::Done) && progress.paths().is_empty());
    assert_eq!(outcomes(progress, 1, Wait::Done), [JobOutcome::Queued]);
}

#[test]
fn a_job_that_another_took_the_place_of_is_handed_out_with_what_was_seen_before() {
    let (question, request) = (call(), call());
    let before = Pending::of(std::slice::from_ref(&question));
    let mut progress = Progress::of(vec![Asked::new(&request, before)]);
    let answer = Message::method_return(&question.header()).build(&Variant::from("active"));
    let _ = progress.answer(serial(&question), Ok(answer.unwrap()));
    let _ = progress.answer(serial(&request), queued(&request, "/job/1"));
    progress.signal(&removed("/job/1", "canceled"));
    let outcome = outcomes(progress, 1, Wait::Done).remove(0);
    let JobOutcome::Failed(JobFailure::Replaced(loss)) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(loss.why, "its job ended as canceled");
    let active = loss.before.unwrap().active;
    assert_eq!((loss.contact, active.is_unknown()), (Contact::Taken, false));
}

/// How far a request came of whose two questions `questions` were answered, and itself perhaps.
fn contact(questions: usize, taken: bool, unfinished: &Unfinished) -> Contact {
    let before = [call(), call()];
    let request = call();
    let asked = Asked::new(&request, Pending::of(&before));
    let mut progress = Progress::of(vec![asked]);
    for question in before.iter().take(questions) {
        let value = Variant::from("active");
        let answer = Message::method_return(&question.header()).build(&value);
        let _ = progress.answer(serial(question), Ok(answer.unwrap()));
    }
    if taken {
        let _ = progress.answer(serial(&request), queued(&request, "/job/1"));
    }
    let all = progress.outcomes(&jobs(1), Wait::Done, unfinished);
    match all.into_iter().next().unwrap() {
        JobOutcome::Failed(JobFailure::Lost(loss)) => {
            assert_eq!(loss.before.is_some(), questions == 2);
            loss.contact
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_request_behind_an_unanswered_question_was_not_read_and_one_behind_silence_may_be_yet() {
    let lost = Unfinished::Lost(broken());
    let silent = Unfinished::Silent(InitError::Silent {
        init: "systemd",
        seconds: 30,
    });
    for unfinished in [&lost, &silent] {
        assert_eq!(contact(0, false, unfinished), Contact::Unread);
        assert_eq!(contact(1, false, unfinished), Contact::Unread);
        assert_eq!(contact(2, true, unfinished), Contact::Taken);
    }
    // A limit that passed before anything was answered is no sign that a job goes on.
    let late = Unfinished::TimedOut(1);
    assert_eq!(contact(0, false, &late), Contact::Pending);
    assert_eq!(contact(2, false, &late), Contact::Pending);
    assert_eq!(contact(2, false, &lost), Contact::Sent);
    assert_eq!(contact(2, false, &silent), Contact::Pending);
}

#[test]
fn a_bus_that_answers_for_a_manager_that_has_gone_leaves_open_whether_it_read_the_request() {
    let cases = [
        (broken(), Contact::Sent),
        (
            InitError::Unreachable {
                init: "systemd",
                why: "The name is not activatable".to_owned(),
            },
            Contact::Unread,
        ),
    ];
    for (error, expected) in cases {
        let request = call();
        let mut progress = plain(std::slice::from_ref(&request));
        let _ = progress.answer(serial(&request), Err(error));
        let outcome = outcomes(progress, 1, Wait::Done).remove(0);
        let JobOutcome::Failed(JobFailure::Lost(loss)) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(loss.contact, expected);
    }
}
