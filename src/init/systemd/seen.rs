//! What tells afterwards whether an action took effect: which properties are asked for, before a
//! request and after a loss, and the `Seen` that they make. All of them survive a re-exec of PID 1.

use zbus::Message;
use zbus::wire::OwnedObjectPath;

use super::names::{JOB, SERVICE, SOCKET, UNIT};
use super::queries::{Answers, Property, active_state, get, get_at, load_state};
use crate::domain::{Known, Seen, SeenJob, UnitKind, UnitName, Verb};
use crate::init::InitError;
use crate::init::dbus::connection::{Answer, Connection};

const OF_UNIT: [Property; 5] = [
    (UNIT, "ActiveState"),
    (UNIT, "InvocationID"),
    // A reload that was carried out changes it too: the unit was `reloading` in between.
    (UNIT, "StateChangeTimestampMonotonic"),
    // When it was last started, of all kinds; a reload leaves it alone.
    (UNIT, "InactiveExitTimestampMonotonic"),
    (UNIT, "Job"),
];
const OF_SERVICE: [Property; 2] = [
    (SERVICE, "MainPID"),
    (SERVICE, "ExecMainStartTimestampMonotonic"),
];
/// How it ended: of no use before a request.
const ENDS_OF_UNIT: [Property; 1] = [(UNIT, "LoadState")];
const ENDS_OF_SERVICE: [Property; 2] = [(SERVICE, "Result"), (SERVICE, "ReloadResult")];
const ENDS_OF_SOCKET: [Property; 1] = [(SOCKET, "Result")];

/// When a unit is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// Right before a request.
    Before,
    /// At any other time.
    After,
}

/// What is asked of a unit of this kind.
pub(super) fn properties(kind: UnitKind, moment: Moment) -> impl Iterator<Item = Property> {
    let service: &[Property] = match kind {
        UnitKind::Service => &OF_SERVICE,
        _ => &[],
    };
    let (unit_ends, ends): (&[Property], &[Property]) = match (moment, kind) {
        (Moment::Before, _) => (&[], &[]),
        (Moment::After, UnitKind::Service) => (&ENDS_OF_UNIT, &ENDS_OF_SERVICE),
        (Moment::After, UnitKind::Socket) => (&ENDS_OF_UNIT, &ENDS_OF_SOCKET),
        (Moment::After, _) => (&ENDS_OF_UNIT, &[]),
    };
    let lists = [&OF_UNIT, service, unit_ends, ends];
    lists.into_iter().flatten().copied()
}

/// The questions about `unit`.
pub(super) fn questions(
    link: &Connection,
    unit: &UnitName,
    moment: Moment,
) -> Result<Vec<Message>, InitError> {
    properties(unit.kind(), moment)
        .map(|property| get(link, unit, property))
        .collect()
}

/// What the answers to `questions` say.
pub(super) fn seen(unit: &UnitName, moment: Moment, answers: Vec<Answer>) -> Seen {
    let keys = properties(unit.kind(), moment).map(|property| property.1);
    let mut answers = Answers::new(keys.zip(answers).collect());
    let job = answers.take::<(u32, OwnedObjectPath)>("Job");
    let mut time = |key: &str| answers.take(key).unwrap_or(0);
    let (process, unit_started) = (
        time("ExecMainStartTimestampMonotonic"),
        time("InactiveExitTimestampMonotonic"),
    );
    Seen {
        load: match moment {
            Moment::Before => Known::default(),
            Moment::After => load_state(answers.take("LoadState")),
        },
        active: active_state(answers.take("ActiveState")),
        invocation: answers.hex("InvocationID"),
        main_pid: answers.take("MainPID").unwrap_or(0),
        // Sockets, timers and targets have no main process, nor have init scripts.
        started: match process {
            0 => unit_started,
            started => started,
        },
        changed: answers.take("StateChangeTimestampMonotonic").unwrap_or(0),
        job: job
            .map(|(id, _)| (id != 0).then_some(SeenJob { id, verb: None }))
            .into(),
        result: answers.take("Result").unwrap_or_default(),
        reload_result: answers.take("ReloadResult").unwrap_or_default(),
        ..Seen::unknown(unit, "not asked")
    }
}

/// The question what the job with this number does.
pub(super) fn job_question(link: &Connection, id: u32) -> Result<Message, InitError> {
    get_at(link, &job_path(id), (JOB, "JobType"))
}

/// Where the job with this number is.
pub(super) fn job_path(id: u32) -> String {
    format!("/org/freedesktop/systemd1/job/{id}")
}

/// The answer to it. A restart becomes a start once its stop is done.
pub(super) fn job_verb(word: &str) -> Option<Verb> {
    match word {
        "start" => Some(Verb::Start),
        "stop" => Some(Verb::Stop),
        "restart" => Some(Verb::Restart),
        "try-restart" => Some(Verb::TryRestart),
        "reload" => Some(Verb::Reload),
        "reload-or-start" => Some(Verb::ReloadOrRestart),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use zbus::wire::Variant;

    use super::*;

    #[test]
    fn a_unit_without_a_main_process_was_started_when_it_ceased_to_be_inactive() {
        let times = |process: u64, unit: u64| {
            let answer = |property: Property| {
                let value = match property.1 {
                    "ExecMainStartTimestampMonotonic" => process,
                    "InactiveExitTimestampMonotonic" => unit,
                    _ => 1,
                };
                let call = Message::method_call("/o", "Get").build(&()).unwrap();
                let answer = Message::method_return(&call.header());
                Ok(answer.build(&Variant::from(value)).unwrap())
            };
            let of = |name: &str| {
                let unit = UnitName::parse(name).unwrap();
                let answers = properties(unit.kind(), Moment::After).map(answer);
                seen(&unit, Moment::After, answers.collect()).started
            };
            (of("foo.service"), of("foo.socket"))
        };
        assert_eq!(times(7, 5), (7, 5));
        assert_eq!(times(0, 5), (5, 5));
    }

    #[test]
    fn what_was_not_answered_is_unknown_and_never_a_no() {
        let unit = UnitName::parse("foo").unwrap();
        for moment in [Moment::Before, Moment::After] {
            let seen = seen(&unit, moment, Vec::new());
            assert!(seen.active.is_unknown() && seen.job.is_unknown() && seen.load.is_unknown());
        }
    }
}
