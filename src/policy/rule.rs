//! A rule and a group as they stand in a policy file, checked and ready to be matched.
//! Words only; `schema` makes them, `evaluate` reads them.

use crate::domain::{
    Action, Flag, InitKind, Machine, Phase, Scope, ServiceName, UnitKind, Until, canonical,
};

use super::glob::{Glob, GlobError};

/// Whose directory a policy file lies in. The order is the order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// `/etc/rcpolicy/policy.d`: the admin.
    Admin,
    /// `/run/rcpolicy/policy.d`: the admin, until the next boot.
    Runtime,
    /// `/usr/lib/rcpolicy/policy.d`: packages and what rcpolicy ships.
    Vendor,
}

impl Tier {
    /// Whether the admin answers for it: such files may allow and deny.
    pub fn is_admins(self) -> bool {
        match self {
            Self::Admin | Self::Runtime => true,
            Self::Vendor => false,
        }
    }
}

/// What a rule says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decide {
    /// The action may run. In `/etc` it also lifts the filters on masked, disabled and stopped services.
    Allow,
    /// The action does not run.
    Deny,
    /// Stop the service and what triggers it.
    Stop,
    /// Stop the service alone.
    Quiesce,
    /// Restart.
    Restart,
    /// Restart only where replaced files are still in use.
    IfStale,
    /// Reload.
    Reload,
    /// Do it later.
    Defer(Until),
    /// These actions in turn, until one succeeds. INVARIANT: not empty.
    Fallback(Vec<String>),
}

impl Decide {
    /// The word of the policy language.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Stop => "stop",
            Self::Quiesce => "quiesce",
            Self::Restart => "restart",
            Self::IfStale => "if-stale",
            Self::Reload => "reload",
            Self::Defer(_) => "defer",
            Self::Fallback(_) => "fallback",
        }
    }
}

/// What a pattern with a suffix reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Every kind of unit that the glob matches.
    Any,
    /// Services only: it was written with `.service` or `.sh`.
    Services,
}

/// A glob on canonical service names. `foo.service` and `foo.sh` mean `foo`; `*.service` means every
/// service, but no socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    glob: Glob,
    reach: Reach,
}

impl Pattern {
    /// Parses a pattern as it stands in a policy file.
    ///
    /// # Errors
    /// When it could not match the name of any service.
    pub fn parse(text: &str) -> Result<Self, GlobError> {
        // A suffix alone names nothing.
        let stem = match canonical(text) {
            ".service" => "",
            stem => stem,
        };
        let reach = if stem.len() == text.len() {
            Reach::Any
        } else {
            Reach::Services
        };
        Ok(Self {
            glob: Glob::parse(stem, is_service_character)?,
            reach,
        })
    }

    /// The glob, without a suffix that means a service.
    pub fn as_str(&self) -> &str {
        self.glob.as_str()
    }

    /// Whether it has no wildcard.
    pub(super) fn is_literal(&self) -> bool {
        self.glob.is_literal()
    }

    /// Whether it means `service`.
    pub fn matches(&self, service: &ServiceName) -> bool {
        self.glob.matches(service.as_str())
            && match self.reach {
                Reach::Any => true,
                Reach::Services => service.unit().kind() == UnitKind::Service,
            }
    }

    /// Whether everything that `other` matches is surely matched by this one too.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self == other || (self.reach == Reach::Any && self.glob.as_str() == "*")
    }
}

/// Which characters `ServiceName` allows.
fn is_service_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-.@:\\+~%=,".contains(c)
}

/// Which characters the name of a Debian package has.
pub(super) fn is_package_character(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c)
}

/// One `[[rule]]`. INVARIANT: an empty matcher was not given and fits everything; a file cannot
/// write an empty list. Boxed, for there may be ten thousand of them and a drop-in is to stay small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Services, by their canonical names.
    pub service: Box<[Pattern]>,
    /// Actions, by their words.
    pub action: Box<[Action]>,
    /// What dpkg is doing.
    pub phase: Box<[Phase]>,
    /// The package whose maintainer script asks.
    pub package: Box<[Glob]>,
    /// The init that runs.
    pub init: Box<[InitKind]>,
    /// System or users.
    pub scope: Box<[Scope]>,
    /// What the machine is doing.
    pub machine: Box<[Machine]>,
    /// Flags of the caller; one of them is enough.
    pub asked: Box<[Flag]>,
    /// What it says.
    pub decide: Decide,
    /// Why, in the author's words.
    pub because: Option<Box<str>>,
    /// The line of its `[[rule]]`, from 1.
    pub line: usize,
}

/// One `[group.NAME]`: services that are stopped and started together, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its members, in order. INVARIANT: not empty.
    pub members: Vec<Pattern>,
    /// The line on which it begins, from 1.
    pub line: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_in_a_pattern_means_the_service() {
        let cases = [
            ("foo.service", "foo", true),
            ("foo.sh", "foo", true),
            ("foo", "foo.service", true),
            ("foo", "foo.socket", false),
            ("foo.socket", "foo.socket", true),
            ("foo@*.service", "foo@x", true),
            ("foo*", "foo.socket", true),
            ("*.service", "foo.socket", false),
            ("*.service", "foo", true),
        ];
        for (pattern, service, expected) in cases {
            let service = ServiceName::parse(service).unwrap();
            let pattern = Pattern::parse(pattern).unwrap();
            assert_eq!(pattern.matches(&service), expected, "{pattern:?} {service}");
        }
    }

    #[test]
    fn a_suffix_alone_is_no_pattern() {
        assert!(Pattern::parse(".service").is_err());
        assert!(Pattern::parse("").is_err());
    }
}
