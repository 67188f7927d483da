//! The units that systemd has loaded and that match given patterns, or begin with given words. Instances of templates that do
//! not run, and that nothing else names, are not loaded and so not among them.

use zbus::Message;

use super::dial::Sockets;
use super::manager::Listed;
use super::names::{MANAGER, MANAGER_PATH};
use crate::domain::UnitName;
use crate::init::InitError;
use crate::init::dbus::connection::{Connection, body, unexpected};
use crate::init::dbus::link::Link;

/// In whatever state they are.
const ANY_STATE: [&str; 0] = [];

/// Asks for them.
///
/// # Errors
/// When systemd could not be asked, or refuses.
pub(super) fn services(
    link: &mut Link<Sockets>,
    beginnings: &[String],
) -> Result<Vec<UnitName>, InitError> {
    if beginnings.is_empty() {
        return Ok(Vec::new());
    }
    let patterns: Vec<String> = beginnings.iter().map(|text| pattern(text)).collect();
    matching(link, &patterns)
}

/// Asks for the loaded units, of any kind, that match one of `patterns`, as systemctl does for a name with `*`, `?` or
/// `[`.
///
/// # Errors
/// As [`services`].
pub(super) fn matching(
    link: &mut Link<Sockets>,
    patterns: &[String],
) -> Result<Vec<UnitName>, InitError> {
    let answer = link.ask(|link| Ok(vec![question(link, patterns)?]))?.pop();
    let listed: Vec<Listed> = body(answer.unwrap_or_else(|| Err(unexpected("no answer"))))?;
    let names = listed.iter().map(|unit| UnitName::parse(&unit.0));
    Ok(names.filter_map(Result::ok).collect())
}

// From 230 on.
fn question(link: &Connection, patterns: &[String]) -> Result<Message, InitError> {
    let arguments = (ANY_STATE.as_slice(), patterns);
    link.call(MANAGER_PATH, MANAGER, "ListUnitsByPatterns", &arguments)
}

/// What systemd matches by fnmatch: of all that names have, the backslash alone means something there.
fn pattern(beginning: &str) -> String {
    format!("{}*.service", beginning.replace('\\', "\\\\"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_becomes_a_pattern_that_means_it_literally() {
        assert_eq!(pattern("mail@"), "mail@*.service");
        assert_eq!(pattern(""), "*.service");
        assert_eq!(pattern("a\\x2d"), "a\\\\x2d*.service");
    }
}
