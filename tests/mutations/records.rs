//! Mutated policy files, and mutated notes as our own programs leave them: what a drop-in reads on every call. Nothing of
//! it may end the process; what is read can be written, and reads the same again.

use rcpolicy::ledger::{BusRestart, Entry};
use rcpolicy::policy::{Hold, Tier, parse};

use crate::inputs::{Outcome, refused};

pub(crate) const POLICIES: [&str; 8] = [
    include_str!("../../policy/90-default.toml"),
    include_str!("../../policy/examples/00-observe.toml"),
    include_str!("../../policy/examples/05-strict.toml"),
    include_str!("../../policy/examples/10-dba.toml"),
    include_str!("../../policy/profiles/container.toml"),
    include_str!("../../policy/examples/30-quiesce.toml"),
    include_str!("../../policy/examples/40-definitions.toml"),
    include_str!("../../policy/examples/50-mail.toml"),
];
/// As they lie below /run/rcpolicy and /var/lib/rcpolicy.
pub(crate) const NOTES: [&str; 3] = [
    "{\"version\":1,\"service\":\"foo\",\"unit\":\"foo.service\",\"life\":{\"boot_id\":\"2d2b8c2e-4475-4a93-8040-815e6a894f6a\",\
    \"pid_namespace\":4026531836,\"init_started\":22,\"userspace\":null},\"who\":{\"package\":\"foo\",\"script\":\"postinst\",\
    \"phase\":\"upgrade\",\"front\":\"invoke-rc.d\",\"pid\":29437},\"since\":1795295033,\"when\":1795295033,\"because\":\"not now\",\
    \"down\":null,\"held\":false,\"quiesced\":null,\"kept_running\":false,\"owed\":{\"due\":\"restart\",\"until\":\"batch\",\
    \"reasons\":[{\"source\":\"built-in\",\"text\":\"not now\"}],\"at\":66196813510}}\n",
    "{\"version\":1,\"service\":\"foo\",\"aliases\":[\"bar\"],\"since\":1795295033,\"until\":1795298633,\"because\":\"later\"}\n",
    "{\"version\":1,\"life\":{\"boot_id\":\"2d2b8c2e-4475-4a93-8040-815e6a894f6a\",\"pid_namespace\":4026531836,\
    \"init_started\":22,\"userspace\":7},\"since\":1795295033}\n",
];

/// A policy file of any tier.
pub(crate) fn policy(text: &str, tier: Tier) -> Outcome {
    let parsed = parse("10-foo.toml", tier, text);
    for problem in &parsed.problems {
        assert!(!problem.to_string().is_empty());
    }
    match parsed.is_broken() {
        true => Outcome::Refused,
        false => Outcome::Read,
    }
}

/// A note, given to all that read notes: which one it was is told by its place, and that can be anybody's mistake.
pub(crate) fn note(bytes: &[u8]) -> Outcome {
    let entry = Entry::decode(bytes);
    if let Ok(entry) = &entry {
        let again = Entry::decode(entry.encode().unwrap().as_bytes());
        assert_eq!(again.unwrap(), *entry);
    }
    let hold = Hold::decode("foo.json", bytes);
    if let Ok(hold) = &hold {
        let again = Hold::decode("foo.json", hold.encode().unwrap().as_bytes());
        assert_eq!(again.unwrap(), *hold);
    }
    let bus = BusRestart::decode(bytes);
    if let Ok(bus) = &bus {
        let again = BusRestart::decode(bus.encode().unwrap().as_bytes());
        assert_eq!(again.unwrap(), *bus);
    }
    match (entry, hold.is_ok() || bus.is_ok()) {
        (Ok(_), _) | (Err(_), true) => Outcome::Read,
        (Err(error), false) => refused(&error.to_string()),
    }
}
