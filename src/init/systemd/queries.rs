//! What systemd says of its units: which properties are asked for, and how their values become
//! `UnitFacts`. All questions about all units go out in one write; a question that fails leaves
//! that one fact unknown.

use zbus::Message;
use zbus::wire::OwnedVariant;

use super::names::{MANAGER, MANAGER_PATH, SERVICE, SOCKET, UNIT};
use super::{bus_files::BusServices, sysv_links};
use crate::domain::order;
use crate::domain::{ActiveState, FileState, Known, LoadState, UnitFacts, UnitKind, UnitName};
use crate::init::dbus::connection::{Answer, Connection, body, unexpected};
use crate::init::{Depth, InitError};

const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
/// The file state under its own key beside the properties.
const FILE_STATE: &str = "(file state)";

/// A property, behind its interface.
pub(super) type Property = (&'static str, &'static str);

// Measured on 252, medians: connecting 0.9 ms; then these five in one write 0.2 ms, the file state
// 0.35 ms, GetAll of the unit's interface alone 0.25 ms, of all interfaces 0.5 ms, ListUnitsByNames
// 0.1 ms for three of them. Single properties cost no more than what could take their place.
const STATE: [Property; 5] = [
    (UNIT, "Id"),
    (UNIT, "LoadState"),
    (UNIT, "ActiveState"),
    (UNIT, "SourcePath"),
    (UNIT, "CanReload"),
];
const RELATIONS: [Property; 9] = [
    (UNIT, "Names"),
    (UNIT, "TriggeredBy"),
    (UNIT, "Triggers"),
    (UNIT, "RequiredBy"),
    (UNIT, "BoundBy"),
    (UNIT, "InactiveEnterTimestamp"),
    (UNIT, "InactiveEnterTimestampMonotonic"),
    (UNIT, "InvocationID"),
    (UNIT, "NeedDaemonReload"),
];
const OF_SERVICE: [Property; 6] = [
    (SERVICE, "MainPID"),
    (SERVICE, "KillMode"),
    (SERVICE, "Type"),
    (SERVICE, "BusName"),
    (SERVICE, "FileDescriptorStoreMax"),
    // From 254 on.
    (SERVICE, "FileDescriptorStorePreserve"),
];
const OF_SOCKET: [Property; 1] = [(SOCKET, "Accept")];
const OF_TARGET: [Property; 2] = [(UNIT, "Wants"), (UNIT, "Requires")];

fn properties(kind: UnitKind, depth: Depth) -> Vec<Property> {
    let mut list = STATE.to_vec();
    if depth == Depth::State {
        return list;
    }
    list.extend(RELATIONS);
    match kind {
        UnitKind::Service => list.extend(OF_SERVICE),
        UnitKind::Socket => list.extend(OF_SOCKET),
        UnitKind::Target => list.extend(OF_TARGET),
        UnitKind::Path | UnitKind::Timer | UnitKind::Automount | UnitKind::Other => {}
    }
    list
}

/// The object path of a unit: everything but letters and digits escaped, a leading digit too.
pub(super) fn unit_path(unit: &UnitName) -> String {
    let mut path = format!("{MANAGER_PATH}/unit/");
    for (index, byte) in unit.as_str().bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => path.push(char::from(byte)),
            b'0'..=b'9' if index > 0 => path.push(char::from(byte)),
            other => path.push_str(&format!("_{other:02x}")),
        }
    }
    path
}

/// A call that asks for one property of a unit; PID 1 loads the unit for it.
pub(super) fn get(
    link: &Connection,
    unit: &UnitName,
    property: Property,
) -> Result<Message, InitError> {
    get_at(link, &unit_path(unit), property)
}

/// A call that asks for one property of the object at `path`.
pub(super) fn get_at(
    link: &Connection,
    path: &str,
    property: Property,
) -> Result<Message, InitError> {
    link.call(path, PROPERTIES, "Get", &property)
}

/// A call that asks for one property of the manager.
pub(super) fn get_of_manager(link: &Connection, name: &str) -> Result<Message, InitError> {
    link.call(MANAGER_PATH, PROPERTIES, "Get", &(MANAGER, name))
}

/// The value in the answer to `get`.
pub(super) fn value<T>(answer: Result<Message, InitError>) -> Result<T, InitError>
where
    T: TryFrom<OwnedVariant>,
{
    let variant: OwnedVariant = body(answer)?;
    T::try_from(variant).map_err(|_| unexpected("a property has another type"))
}

/// The property that says what a unit does.
pub(super) const ACTIVE: Property = (UNIT, "ActiveState");
/// The property that says how a service ended.
pub(super) const RESULT: Property = (SERVICE, "Result");
/// The process id of a service's main process.
pub(super) const MAIN_PID: Property = (SERVICE, "MainPID");
/// The limits of a service's start and stop, in microseconds.
pub(super) const TIMEOUT_START: Property = (SERVICE, "TimeoutStartUSec");
/// See `TIMEOUT_START`.
pub(super) const TIMEOUT_STOP: Property = (SERVICE, "TimeoutStopUSec");
/// The limit of a socket's commands, in microseconds.
pub(super) const TIMEOUT_SOCKET: Property = (SOCKET, "TimeoutUSec");
/// Whether the unit's files changed since they were read.
pub(super) const NEED_RELOAD: Property = (UNIT, "NeedDaemonReload");
/// Whether only other units may start it.
pub(super) const REFUSES_START: Property = (UNIT, "RefuseManualStart");

/// The questions for all that `depth` wants to know of `names`.
pub(super) fn questions(
    link: &Connection,
    names: &[UnitName],
    depth: Depth,
) -> Result<Vec<Message>, InitError> {
    let mut calls = Vec::new();
    for name in names {
        for property in properties(name.kind(), depth) {
            calls.push(get(link, name, property)?);
        }
        // What systemctl is-enabled asks. The property UnitFileState is remembered by PID 1 from
        // an earlier time; links that were made without a reload would be missed.
        calls.push(link.call(MANAGER_PATH, MANAGER, "GetUnitFileState", &name.as_str())?);
    }
    Ok(calls)
}

/// What the answers to `questions` say of `names`.
pub(super) fn units(names: &[UnitName], depth: Depth, answers: Vec<Answer>) -> Vec<UnitFacts> {
    let services = BusServices::system();
    let mut answers = answers.into_iter();
    let one = |name: &UnitName| {
        let asked = properties(name.kind(), depth);
        let keys = asked.iter().map(|property| property.1).chain([FILE_STATE]);
        let of_unit = Answers(keys.zip(answers.by_ref()).collect());
        facts(name, depth, of_unit, &services)
    };
    names.iter().map(one).collect()
}

/// The answers about one unit.
#[derive(Debug, Default)]
pub(super) struct Answers(Vec<(&'static str, Answer)>);

impl Answers {
    /// Each under the name of what was asked for.
    pub(super) fn new(answers: Vec<(&'static str, Answer)>) -> Self {
        Self(answers)
    }

    /// An array of bytes, in hexadecimal digits; empty where there is none.
    pub(super) fn hex(&mut self, key: &str) -> String {
        let bytes: Vec<u8> = self.take(key).unwrap_or_default();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The value of a property.
    pub(super) fn take<T: TryFrom<OwnedVariant>>(&mut self, key: &str) -> Result<T, InitError> {
        value(self.answer(key))
    }

    fn answer(&mut self, key: &str) -> Result<Message, InitError> {
        let place = self.0.iter().position(|(name, _)| *name == key);
        match place {
            Some(index) => self.0.swap_remove(index).1,
            None => Err(unexpected("not asked")),
        }
    }

    fn names(&mut self, key: &str) -> Vec<UnitName> {
        let list: Vec<String> = self.take(key).unwrap_or_default();
        list.iter()
            .filter_map(|name| UnitName::parse(name).ok())
            .collect()
    }
}

fn facts(
    asked: &UnitName,
    depth: Depth,
    mut answers: Answers,
    services: &BusServices,
) -> UnitFacts {
    let id = answers.take::<String>("Id").ok();
    let id = id.and_then(|id| UnitName::parse(&id).ok());
    let state = UnitFacts {
        id: id.unwrap_or_else(|| asked.clone()),
        load: load_state(answers.take("LoadState")),
        active: active_state(answers.take("ActiveState")),
        source_path: answers.take::<String>("SourcePath").into(),
        can_reload: answers.take::<bool>("CanReload").into(),
        file: file_state(asked, body(answers.answer(FILE_STATE))),
        ..UnitFacts::unknown(asked, "not asked")
    };
    let state = match script_only(asked, &state) {
        Some(script) => UnitFacts {
            source_path: Known::Is(script),
            active: Known::Unknown("what an init script runs systemd does not know".to_owned()),
            ..state
        },
        None => state,
    };
    match depth {
        Depth::State => state,
        Depth::Relations => relations(state, answers, services),
    }
}

/// The script of what only an init script could start. The disk is asked only where systemd knows
/// nothing.
fn script_only(asked: &UnitName, state: &UnitFacts) -> Option<String> {
    let missing = state.is_missing();
    missing
        .then(|| sysv_links::script_without_unit(asked))
        .flatten()
}

fn relations(state: UnitFacts, mut answers: Answers, services: &BusServices) -> UnitFacts {
    let mut required_by = answers.names("RequiredBy");
    let bound_by = answers.names("BoundBy");
    required_by.extend(bound_by.into_iter().filter(|unit| *unit != state.id));
    order::sort(&mut required_by);
    required_by.dedup();
    let mut pulls_in = answers.names("Requires");
    pulls_in.extend(answers.names("Wants"));
    order::sort(&mut pulls_in);
    pulls_in.dedup();
    let store_max: u32 = answers.take("FileDescriptorStoreMax").unwrap_or(0);
    let preserve: String = answers
        .take("FileDescriptorStorePreserve")
        .unwrap_or_default();
    let bus_name: String = answers.take("BusName").unwrap_or_default();
    let names = answers.names("Names");
    UnitFacts {
        main_pid: answers.take("MainPID").unwrap_or(0),
        invocation: answers.hex("InvocationID"),
        down_since: answers.take("InactiveEnterTimestampMonotonic").unwrap_or(0),
        down_since_epoch: answers.take::<u64>("InactiveEnterTimestamp").unwrap_or(0) / 1_000_000,
        oneshot: answers
            .take::<String>("Type")
            .is_ok_and(|kind| kind == "oneshot"),
        spares_others: answers
            .take::<String>("KillMode")
            .is_ok_and(|mode| mode == "process"),
        triggered_by: answers.names("TriggeredBy"),
        triggers: answers.names("Triggers"),
        required_by,
        pulls_in,
        bus_activated: state.id.kind() == UnitKind::Service
            && (services.activates_name(&bus_name)
                || names
                    .iter()
                    .chain([&state.id])
                    .any(|name| services.activates_unit(name))),
        has_fd_store: store_max > 0 || preserve == "yes",
        accepts: answers.take("Accept").unwrap_or(false),
        needs_reload: answers.take("NeedDaemonReload").unwrap_or(false),
        ..state
    }
}

/// What systemd calls whether it knows a unit.
pub(super) fn load_state(answer: Result<String, InitError>) -> Known<LoadState> {
    answer
        .map(|word| match word.as_str() {
            "loaded" | "merged" => LoadState::Loaded,
            "not-found" => LoadState::NotFound,
            "masked" => LoadState::Masked,
            // bad-setting, error, and `stub`, which is never seen from outside
            _ => LoadState::Broken,
        })
        .into()
}

/// What systemd calls what a unit does.
pub(super) fn active_state(answer: Result<String, InitError>) -> Known<ActiveState> {
    match answer {
        Ok(word) => active(&word),
        Err(error) => Known::Unknown(error.to_string()),
    }
}

/// The state behind systemd's word.
pub(super) fn active(word: &str) -> Known<ActiveState> {
    match word {
        "active" => Known::Is(ActiveState::Active),
        "reloading" | "refreshing" => Known::Is(ActiveState::Reloading),
        "inactive" => Known::Is(ActiveState::Inactive),
        "failed" => Known::Is(ActiveState::Failed),
        "activating" => Known::Is(ActiveState::Activating),
        "deactivating" => Known::Is(ActiveState::Deactivating),
        "maintenance" => Known::Is(ActiveState::Maintenance),
        other => Known::Unknown(format!("systemd says `{other}`")),
    }
}

/// As `systemctl is-enabled` tells it: a service without a unit file of its own, but with an init
/// script, is enabled if it has start links.
fn file_state(unit: &UnitName, answer: Result<String, InitError>) -> Known<FileState> {
    let (word, native) = match &answer {
        Ok(word) => (word.as_str(), word != "generated"),
        Err(InitError::Refused { name, .. }) if is_no_such_file(name) => ("not-found", false),
        Err(error) => return Known::Unknown(error.to_string()),
    };
    if !native && let Some(state) = sysv_links::state(unit) {
        return Known::Is(state);
    }
    Known::Is(FileState::parse(word))
}

fn is_no_such_file(error: &str) -> bool {
    matches!(
        error,
        "org.freedesktop.DBus.Error.FileNotFound"
            | "org.freedesktop.systemd1.NoSuchUnit"
            | "System.Error.ENOENT"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str) -> InitError {
        InitError::Refused {
            name: name.to_owned(),
            message: "text".to_owned(),
        }
    }

    #[test]
    fn a_units_object_path_escapes_all_but_letters_and_digits() {
        let cases = [
            ("foo.service", "foo_2eservice"),
            ("0foo@x.service", "_30foo_40x_2eservice"),
            ("dev-disk\\x2dby.swap", "dev_2ddisk_5cx2dby_2eswap"),
            ("a_b.socket", "a_5fb_2esocket"),
        ];
        for (name, path) in cases {
            let unit = UnitName::parse(name).unwrap();
            assert_eq!(
                unit_path(&unit),
                format!("/org/freedesktop/systemd1/unit/{path}")
            );
        }
    }

    #[test]
    fn a_question_that_failed_is_unknown_and_never_a_no() {
        let unit = UnitName::parse("foo").unwrap();
        let error = || refused("org.freedesktop.DBus.Error.AccessDenied");
        assert!(load_state(Err(error())).is_unknown());
        assert!(active_state(Err(error())).is_unknown());
        assert!(file_state(&unit, Err(error())).is_unknown());
        let facts = facts(
            &unit,
            Depth::Relations,
            Answers::default(),
            &BusServices::default(),
        );
        assert!(facts.load.is_unknown() && facts.active.is_unknown() && facts.file.is_unknown());
        assert!(!facts.is_missing() && !facts.is_down() && !facts.is_up());
    }

    #[test]
    fn systemds_words_become_states() {
        let load = |word: &str| load_state(Ok(word.to_owned()));
        assert_eq!(load("loaded"), Known::Is(LoadState::Loaded));
        assert_eq!(load("not-found"), Known::Is(LoadState::NotFound));
        assert_eq!(load("masked"), Known::Is(LoadState::Masked));
        assert_eq!(load("bad-setting"), Known::Is(LoadState::Broken));
        let active = |word: &str| active_state(Ok(word.to_owned()));
        assert_eq!(active("refreshing"), Known::Is(ActiveState::Reloading));
        assert_eq!(active("failed"), Known::Is(ActiveState::Failed));
        assert!(active("quantum").is_unknown());
    }

    #[test]
    fn a_unit_without_any_file_is_not_found_rather_than_unknown() {
        let unit = UnitName::parse("no-such-unit-anywhere").unwrap();
        let state = file_state(
            &unit,
            Err(refused("org.freedesktop.DBus.Error.FileNotFound")),
        );
        assert_eq!(state, Known::Is(FileState::Other("not-found".to_owned())));
    }

    #[test]
    fn the_state_alone_costs_no_relations() {
        assert_eq!(
            properties(UnitKind::Service, Depth::State).len(),
            STATE.len()
        );
        assert!(properties(UnitKind::Service, Depth::Relations).len() > STATE.len());
    }
}
