//! Groups: services that go down and come up together. Which group a service is of, and where it stands
//! in the group's order. Pure; who runs is the init's to say.

use crate::domain::order;
use crate::domain::{ServiceName, Source, UnitKind, UnitName};

use super::merge::Policy;
use super::rule::{Group, Pattern};

/// A service's place in its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership<'a> {
    /// The group.
    pub group: &'a Group,
    /// Where it stands.
    pub source: Source,
    /// Its place in the group's order, from 0. Several have the same where one pattern means them all.
    pub place: usize,
}

impl Policy {
    /// The group that `service` is of: the first, in the files' order of precedence. None where the
    /// stock tools are to be followed to the letter.
    pub fn group_of(&self, service: &ServiceName) -> Option<Membership<'_>> {
        if self.settings().strict {
            return None;
        }
        let mut known: Vec<&str> = Vec::new();
        for file in self.files() {
            for group in &file.groups {
                // A group of the same name in a later file is hidden.
                if known.contains(&group.name.as_str()) {
                    continue;
                }
                known.push(&group.name);
                if let Some(place) = group.place(service) {
                    let (path, line) = (file.path.clone(), group.line);
                    let source = Source::Rule { path, line };
                    return Some(Membership {
                        group,
                        source,
                        place,
                    });
                }
            }
        }
        None
    }
}

impl Group {
    /// The place of `service` in the order: that of the first pattern that means it. Only services have
    /// one; a template is none, its instances are.
    pub fn place(&self, service: &ServiceName) -> Option<usize> {
        let unit = service.unit();
        if unit.kind() != UnitKind::Service || unit.is_template() {
            return None;
        }
        let means = |pattern: &Pattern| {
            pattern.matches(service) || template(pattern).is_some_and(|t| is_instance(service, t))
        };
        self.members.iter().position(means)
    }

    /// What the names of its members begin with, where a pattern may mean several.
    pub fn beginnings(&self) -> Vec<String> {
        let several = |member: &&Pattern| !member.is_literal() || template(member).is_some();
        let mut beginnings: Vec<String> = self
            .members
            .iter()
            .filter(several)
            .map(|pattern| {
                let text = pattern.as_str();
                let end = text.find(['*', '?', '[']).unwrap_or(text.len());
                text.chars().take(end).collect()
            })
            .collect();
        order::sort(&mut beginnings);
        beginnings.dedup();
        beginnings
    }

    /// The members that are written out in full: they may be known to the init by another name.
    pub fn named(&self) -> Vec<UnitName> {
        self.members.iter().filter_map(named).collect()
    }
}

fn named(pattern: &Pattern) -> Option<UnitName> {
    let literal = pattern.is_literal() && template(pattern).is_none();
    let unit = UnitName::parse(pattern.as_str()).ok().filter(|_| literal)?;
    (unit.kind() == UnitKind::Service).then_some(unit)
}

/// The template that a pattern without a wildcard stands for: all its instances are meant.
fn template(pattern: &Pattern) -> Option<&str> {
    let text = pattern.as_str();
    (pattern.is_literal() && text.ends_with('@')).then_some(text)
}

fn is_instance(service: &ServiceName, template: &str) -> bool {
    service.as_str().starts_with(template)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Origin, PolicyFile, Tier, parse};

    fn file(path: &str, tier: Tier, text: &str) -> PolicyFile {
        let parsed = parse(path, tier, text);
        assert_eq!(parsed.problems, [], "{text}");
        parsed.file
    }

    fn policy(text: &str) -> Policy {
        let files = vec![file("/etc/a.toml", Tier::Admin, text)];
        Policy::new(Origin::Current, files, Vec::new())
    }

    fn place(policy: &Policy, service: &str) -> Option<usize> {
        let service = ServiceName::parse(service).unwrap();
        policy.group_of(&service).map(|found| found.place)
    }

    #[test]
    fn a_member_has_the_place_of_the_first_pattern_that_means_it() {
        let policy = policy("[group.mail]\nmembers = [\"mail\", \"mail@\", \"filter-*\", \"*\"]\n");
        for (service, expected) in [
            ("mail", Some(0)),
            ("mail.service", Some(0)),
            ("mail@a", Some(1)),
            ("mail@b.service", Some(1)),
            ("filter-x", Some(2)),
            ("other", Some(3)),
            ("mail@", None),
            ("mail.socket", None),
        ] {
            assert_eq!(place(&policy, service), expected, "{service}");
        }
    }

    #[test]
    fn a_member_that_was_written_for_services_alone_or_for_another_kind_is_as_it_says() {
        let policy = policy("[group.a]\nmembers = [\"a*.service\", \"b.socket\", \"c-?[12]\"]\n");
        for (service, expected) in [
            ("ab", Some(0)),
            ("b", None),
            ("c-x1", Some(2)),
            ("c-x3", None),
        ] {
            assert_eq!(place(&policy, service), expected, "{service}");
        }
        let group = &policy.files()[0].groups[0];
        assert_eq!(group.beginnings(), ["a", "c-"]);
        assert_eq!(group.named(), []);
    }

    #[test]
    fn what_is_asked_of_the_init_is_as_little_as_the_patterns_allow() {
        let policy =
            policy("[group.a]\nmembers = [\"mail\", \"mail@\", \"mail@*\", \"x.service\"]\n");
        let group = &policy.files()[0].groups[0];
        assert_eq!(group.beginnings(), ["mail@"]);
        let names: Vec<String> = group.named().iter().map(UnitName::to_string).collect();
        assert_eq!(names, ["mail.service", "x.service"]);
    }

    #[test]
    fn the_first_group_counts_and_hides_later_ones_of_its_name() {
        let admin = "[group.x]\nmembers = [\"a\"]\n";
        let vendor = "[group.x]\nmembers = [\"b\"]\n[group.y]\nmembers = [\"c\", \"a\"]\n";
        let files = vec![
            file("/etc/a.toml", Tier::Admin, admin),
            file("/usr/b.toml", Tier::Vendor, vendor),
        ];
        let policy = Policy::new(Origin::Current, files, Vec::new());
        let of = |service: &str| {
            let service = ServiceName::parse(service).unwrap();
            let found = policy.group_of(&service)?;
            Some((found.group.name.clone(), found.source.to_string()))
        };
        assert_eq!(of("a"), Some(("x".to_owned(), "/etc/a.toml:1".to_owned())));
        assert_eq!(of("b"), None, "hidden by the admin's group");
        assert_eq!(of("c"), Some(("y".to_owned(), "/usr/b.toml:3".to_owned())));
    }

    #[test]
    fn where_the_stock_tools_are_followed_to_the_letter_there_are_no_groups() {
        let text = "[compat]\nstrict = true\n[group.x]\nmembers = [\"a\"]\n";
        assert_eq!(place(&policy(text), "a"), None);
    }
}
