//! Names as people and scripts write them, and the one identity behind them.
//! Every name is checked once, here, before it becomes part of a path, an argument or a message.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest unit name that systemd accepts, in bytes (UNIT_NAME_MAX - 1).
const LONGEST_UNIT_NAME: usize = 255;

/// Why a name was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// The empty string, `.`, `..`, or a unit's suffix alone.
    #[error("`{0}` is not a service name")]
    Empty(String),
    /// A character that cannot stand in a unit or init script name.
    #[error("`{name}` is not a service name: {character:?} is not allowed in it")]
    Character {
        /// The name, escaped so that it stays on one line.
        name: String,
        /// The first offending character.
        character: char,
    },
    /// Longer than any init accepts.
    #[error("a service name of {0} bytes is too long (at most 255)")]
    TooLong(usize),
}

fn check(text: &str) -> Result<(), NameError> {
    if text.len() > LONGEST_UNIT_NAME {
        return Err(NameError::TooLong(text.len()));
    }
    if matches!(text, "" | "." | "..") || SUFFIXES.contains(&text) {
        return Err(NameError::Empty(text.to_owned()));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.@:\\+~%=,".contains(c);
    match text.chars().find(|c| !allowed(*c)) {
        Some(character) => Err(NameError::Character {
            name: text.escape_debug().to_string(),
            character,
        }),
        None => Ok(()),
    }
}

/// `text` without the `.service` or `.sh` that says what is a service anyway. What would end in a suffix then stays as it is:
/// `foo.socket.service`, `foo.service.service` and `foo.sh.service` are other units than `foo.socket` and `foo`.
/// INVARIANT: what comes of it stays as it is when it is given again, so that what is written down is read as the same.
pub(crate) fn canonical(text: &str) -> &str {
    let stem = text
        .strip_suffix(".service")
        .or_else(|| text.strip_suffix(".sh"));
    let is_name = |stem: &&str| {
        let has_suffix = stem.ends_with(".sh") || has_unit_suffix(stem);
        !matches!(*stem, "" | "." | "..") && !has_suffix
    };
    stem.filter(is_name).unwrap_or(text)
}

fn has_unit_suffix(text: &str) -> bool {
    SUFFIXES.iter().any(|suffix| text.ends_with(suffix))
}

/// One identity behind `foo`, `foo.sh` and `foo.service`: what policies are written for.
/// A unit that is not a service keeps its suffix: `foo.socket`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServiceName(String);

impl ServiceName {
    /// Parses a name as a script or an admin writes it.
    ///
    /// # Errors
    /// When the name could not be the name of any service.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check(text)?;
        Ok(Self(canonical(text).to_owned()))
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The systemd unit of this service.
    pub fn unit(&self) -> UnitName {
        UnitName::complete(&self.0)
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What kind of unit a name belongs to, by its suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnitKind {
    /// `.service`
    Service,
    /// `.socket`
    Socket,
    /// `.path`
    Path,
    /// `.timer`
    Timer,
    /// `.automount`
    Automount,
    /// `.target`
    Target,
    /// `.mount`, `.slice`, `.device`, `.swap`, `.scope`
    Other,
}

impl UnitKind {
    /// Whether units of this kind start others on demand.
    pub fn is_trigger(self) -> bool {
        matches!(
            self,
            Self::Socket | Self::Path | Self::Timer | Self::Automount
        )
    }
}

/// A full unit name with its suffix, `foo.service`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnitName(String);

const SUFFIXES: [&str; 11] = [
    ".service",
    ".socket",
    ".path",
    ".timer",
    ".automount",
    ".target",
    ".mount",
    ".slice",
    ".device",
    ".swap",
    ".scope",
];

impl UnitName {
    /// Parses a unit name as systemctl takes it: without a suffix it is a service.
    ///
    /// # Errors
    /// When the name could not be the name of any unit.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check(text)?;
        Ok(Self::complete(text))
    }

    /// `text` with exactly `.service` appended, whatever it ends with.
    ///
    /// # Errors
    /// When the name could not be the name of any unit.
    pub fn of_script(text: &str) -> Result<Self, NameError> {
        check(text)?;
        // original: only `.sh` is stripped, so `foo.service` becomes `foo.service.service`
        let stem = text.strip_suffix(".sh").filter(|stem| !stem.is_empty());
        Ok(Self(format!("{}.service", stem.unwrap_or(text))))
    }

    fn complete(text: &str) -> Self {
        if has_unit_suffix(text) {
            Self(text.to_owned())
        } else {
            Self(format!("{text}.service"))
        }
    }

    /// The name with its suffix.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The kind, by the suffix.
    pub fn kind(&self) -> UnitKind {
        match self.0.rsplit_once('.').map_or("", |(_, suffix)| suffix) {
            "service" => UnitKind::Service,
            "socket" => UnitKind::Socket,
            "path" => UnitKind::Path,
            "timer" => UnitKind::Timer,
            "automount" => UnitKind::Automount,
            "target" => UnitKind::Target,
            _ => UnitKind::Other,
        }
    }

    /// Whether it is a template, `foo@.service`: it cannot run, its instances can.
    pub fn is_template(&self) -> bool {
        self.stem().ends_with('@')
    }

    /// Whether it is an instance of `template`.
    pub fn is_instance_of(&self, template: &Self) -> bool {
        let instance = self.stem().strip_prefix(template.stem());
        template.is_template()
            && self.kind() == template.kind()
            && instance.is_some_and(|instance| !instance.is_empty())
    }

    /// The name without its suffix.
    pub fn stem(&self) -> &str {
        self.0
            .rsplit_once('.')
            .map_or(self.0.as_str(), |(stem, _)| stem)
    }

    /// The identity that policies are written for.
    pub fn service(&self) -> ServiceName {
        ServiceName(canonical(&self.0).to_owned())
    }
}

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_identity_stands_behind_all_spellings() {
        for text in ["foo", "foo.service", "foo.sh"] {
            assert_eq!(ServiceName::parse(text).unwrap().as_str(), "foo", "{text}");
        }
        assert_eq!(
            ServiceName::parse("foo.socket").unwrap().as_str(),
            "foo.socket"
        );
        assert_eq!(
            ServiceName::parse("foo@x.service").unwrap().as_str(),
            "foo@x"
        );
    }

    #[test]
    fn names_that_could_leave_a_directory_or_reach_a_shell_are_refused() {
        for text in [
            "", ".", "..", "../foo", "a b", "a\nb", "$(x)", "a;b", "a*", "`x`", "a/b", "ä",
        ] {
            assert!(ServiceName::parse(text).is_err(), "{text:?}");
            assert!(UnitName::parse(text).is_err(), "{text:?}");
        }
        let long = "x".repeat(300);
        assert_eq!(UnitName::parse(&long), Err(NameError::TooLong(300)));
    }

    #[test]
    fn a_script_name_becomes_a_unit_as_stock_does_it() {
        assert_eq!(
            UnitName::of_script("foo.sh").unwrap().as_str(),
            "foo.service"
        );
        assert_eq!(
            UnitName::of_script("foo.service").unwrap().as_str(),
            "foo.service.service"
        );
        assert_eq!(UnitName::parse("foo").unwrap().as_str(), "foo.service");
        assert_eq!(
            UnitName::parse("foo.socket").unwrap().kind(),
            UnitKind::Socket
        );
    }

    #[test]
    fn a_unit_whose_stem_looks_like_another_name_keeps_its_own_identity() {
        for text in [
            "foo.service.service",
            "foo.sh.service",
            "foo.socket.service",
            "foo.sh.sh",
            "...service",
        ] {
            let unit = UnitName::parse(text).unwrap();
            let service = ServiceName::parse(text).unwrap();
            assert_eq!(service.as_str(), text);
            assert_eq!(unit.service().unit(), unit);
        }
        let script = UnitName::of_script("foo.service").unwrap();
        assert_eq!(script.service().unit(), script);
        for text in [".service", ".socket", ".scope"] {
            assert!(UnitName::parse(text).is_err() && ServiceName::parse(text).is_err());
        }
        assert_eq!(UnitName::of_script(".sh").unwrap().as_str(), ".sh.service");
    }

    #[test]
    fn a_template_is_told_from_its_instances() {
        let template = UnitName::parse("foo@").unwrap();
        assert!(template.is_template());
        for (text, instance) in [
            ("foo@a", true),
            ("foo@a.service", true),
            ("foo@.service", false),
            ("foo@a.socket", false),
            ("food@a", false),
            ("foo", false),
        ] {
            let unit = UnitName::parse(text).unwrap();
            assert_eq!(unit.is_instance_of(&template), instance, "{text}");
            assert!(!unit.is_instance_of(&UnitName::parse("foo").unwrap()));
        }
        assert!(!UnitName::parse("foo@a").unwrap().is_template());
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let seeds = [
            "foo",
            "foo@bar.service",
            "/etc/init.d/foo.sh",
            "dev-disk\\x2dby.swap",
        ];
        crate::testing::mutations::mutated_text(
            &seeds,
            &["@", ".service", ".socket", "/", "\\x2d", "..", "-"],
            |text| {
                // Of longer ones no init has any.
                let units = [UnitName::parse(text), UnitName::of_script(text)];
                for unit in units
                    .into_iter()
                    .flatten()
                    .filter(|unit| unit.as_str().len() <= LONGEST_UNIT_NAME)
                {
                    assert_eq!(UnitName::parse(unit.as_str()).as_ref(), Ok(&unit));
                    let service = unit.service();
                    assert_eq!(service.unit(), unit);
                    assert_eq!(ServiceName::parse(service.as_str()), Ok(service));
                }
                if let Ok(service) = ServiceName::parse(text) {
                    assert_eq!(ServiceName::parse(service.as_str()), Ok(service));
                }
                let _ = (UnitName::of_script(text), ServiceName::of_file_stem(text));
            },
        );
    }
}
