//! What is said of a bus's clients, one line each.

use crate::decide::bus::{Lack, Role};
use crate::domain::BusClient;

/// What became of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It came back by itself.
    Back,
    /// It was restarted, and is back.
    Restarted,
    /// It is not connected, and need not be; why.
    Over(String),
    /// It is not back; why.
    NotBack(String),
}

impl Fate {
    /// In words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Back => "back by itself".to_owned(),
            Self::Restarted => "restarted".to_owned(),
            Self::Over(why) => format!("not needed back: {why}"),
            Self::NotBack(why) => format!("not back: {why}"),
        }
    }
}

/// What a client lacks, in words.
pub(super) fn lacks(lack: &Lack) -> String {
    match lack {
        Lack::Connection => "it is not connected".to_owned(),
        Lack::Names(names) => format!("nobody owns {}", names.join(", ")),
    }
}

/// A client with its names, and what would be done if it did not come back.
pub(super) fn planned(client: &BusClient, role: Role, left: Option<&str>) -> String {
    let then = match (role, left) {
        (Role::Init, _) => "comes back by itself, is never restarted".to_owned(),
        (Role::Service, None) => "restarted unless it comes back".to_owned(),
        (Role::Service, Some(why)) => format!("left as it is if it does not come back: {why}"),
        (Role::Spared(why) | Role::Loose(why), _) => format!("cannot be restarted: {why}"),
    };
    format!("  {}{}: {then}", client.name(), names(client))
}

fn names(client: &BusClient) -> String {
    match client.names.as_slice() {
        [] => String::new(),
        names => format!(" ({})", names.join(", ")),
    }
}

/// How many, with their noun.
pub(super) fn count(clients: usize) -> String {
    match clients {
        1 => "1 client".to_owned(),
        many => format!("{many} clients"),
    }
}
