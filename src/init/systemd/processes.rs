//! Which unit a process belongs to, as the manager tells by its cgroup.

use zbus::wire::OwnedObjectPath;

use super::names::{MANAGER, MANAGER_PATH};
use super::{Systemd, WAIT};
use crate::domain::UnitName;
use crate::init::InitError;
use crate::init::dbus::connection::body;
use crate::init::dbus::link::Link;
use crate::init::systemd::dial::Sockets;

impl Systemd {
    /// The same by the private socket alone: no bus that goes away carries anything. To be called
    /// before anybody is told what is waited for.
    #[must_use]
    pub fn without_bus(self) -> Self {
        let sockets = Sockets {
            bus: None,
            ..self.link.dialer().clone()
        };
        Self {
            limit: self.limit,
            link: Link::new(sockets, WAIT),
            takes_many: true,
        }
    }

    /// The unit of each of `pids`, in their order; `None` for one that has ended, or that belongs to
    /// no unit of this manager.
    ///
    /// # Errors
    /// When the manager could not be asked.
    pub fn units_of(&mut self, pids: &[u32]) -> Result<Vec<Option<UnitName>>, InitError> {
        if pids.is_empty() {
            return Ok(Vec::new());
        }
        let answers = self.link.ask(|link| {
            let call = |pid: &u32| link.call(MANAGER_PATH, MANAGER, "GetUnitByPID", pid);
            pids.iter().map(call).collect()
        })?;
        let unit = |answer| {
            let path: OwnedObjectPath = body(answer).ok()?;
            unit_at(path.as_str())
        };
        Ok(answers.into_iter().map(unit).collect())
    }
}

/// The unit whose object is at `path`: the reverse of `queries::unit_path`.
fn unit_at(path: &str) -> Option<UnitName> {
    let escaped = path.strip_prefix(MANAGER_PATH)?.strip_prefix("/unit/")?;
    let mut name = Vec::new();
    let mut rest = escaped.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        rest = match (first, more) {
            (b'_', [high, low, more @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).ok()?;
                name.push(u8::from_str_radix(digits, 16).ok()?);
                more
            }
            (b'_', _) => return None,
            (other, more) => {
                name.push(*other);
                more
            }
        };
    }
    UnitName::parse(std::str::from_utf8(&name).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::systemd::queries::unit_path;

    #[test]
    fn the_name_behind_an_object_path_is_the_one_that_the_path_was_made_of() {
        for name in [
            "foo.service",
            "0foo@x.service",
            "dev-disk\\x2dby.swap",
            "a_b.socket",
        ] {
            let unit = UnitName::parse(name).unwrap();
            assert_eq!(unit_at(&unit_path(&unit)), Some(unit));
        }
    }

    #[test]
    fn a_path_of_something_else_is_no_unit() {
        for path in [
            "",
            "/",
            "/org/freedesktop/systemd1",
            "/org/freedesktop/systemd1/job/12",
        ] {
            assert_eq!(unit_at(path), None, "{path}");
        }
        for bad in ["_2", "_zz", "a_2fb", "_ff"] {
            let path = format!("{MANAGER_PATH}/unit/{bad}");
            assert_eq!(unit_at(&path), None, "{path}");
        }
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let path = format!("{MANAGER_PATH}/unit/dev_2ddisk_5cx2dby_2eswap");
        crate::testing::mutations::mutated_text(
            &[&path],
            &["_", "_2", "_ff", "/unit/", "_2e"],
            |text| {
                // No unit has a longer name.
                if let Some(unit) = unit_at(text).filter(|unit| unit.as_str().len() <= 255) {
                    assert_eq!(unit_at(&unit_path(&unit)), Some(unit));
                }
            },
        );
    }
}
