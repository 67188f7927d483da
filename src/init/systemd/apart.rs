//! Running a program apart: as a service of its own that systemd makes up for it and forgets when it has
//! ended. It is in nobody's cgroup and session, has systemd's environment, and no file of ours open.

use zbus::Variant;
use zbus::wire::OwnedObjectPath;

use super::names::{MANAGER, MANAGER_PATH, SYSTEMD};
use super::{Systemd, no_answer};
use crate::domain::UnitName;
use crate::init::dbus::connection::body;
use crate::init::{Apart, InitError};

/// What systemd calls a unit that is there already.
const UNIT_EXISTS: &str = "org.freedesktop.systemd1.UnitExists";
/// A job that would undo others' (a shutdown) is not for this.
const MODE: &str = "fail";

/// A property of a unit, as it is set.
type Property = (&'static str, Variant<'static>);

impl Systemd {
    pub(super) fn start_apart(
        &mut self,
        name: &UnitName,
        command: &[&str],
    ) -> Result<Apart, InitError> {
        let Some(properties) = properties(command) else {
            return Err(InitError::NotHere {
                init: SYSTEMD,
                why: "there is nothing to run".to_owned(),
            });
        };
        let beside: Vec<(&str, Vec<Property>)> = Vec::new();
        let arguments = (name.as_str(), MODE, properties, beside);
        let answer = self.link.once(|link| {
            let call =
                link.connected()?
                    .call(MANAGER_PATH, MANAGER, "StartTransientUnit", &arguments)?;
            let answer = link.call_all(&[call])?.pop();
            body::<OwnedObjectPath>(answer.unwrap_or_else(|| Err(no_answer())))
        });
        match answer {
            Ok(_job) => Ok(Apart::Begun),
            Err(InitError::Refused { name, .. }) if name == UNIT_EXISTS => Ok(Apart::Exists),
            Err(error) => Err(error),
        }
    }
}

fn properties(command: &[&str]) -> Option<Vec<Property>> {
    let program = (*command.first()?).to_owned();
    let words: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
    let exec = vec![(program, words, false)];
    let word = |text: &'static str| Variant::from(text);
    Some(vec![
        (
            "Description",
            word("rcpolicy: what was put off during package operations"),
        ),
        ("Type", word("exec")),
        ("ExecStart", Variant::from(exec)),
        // Also one that failed goes, so that the next can be made.
        ("CollectMode", word("inactive-or-failed")),
    ])
}
