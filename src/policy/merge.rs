//! Files in their order of precedence, made into the one policy that is asked.
//! Pure: `load` decides which files these are.

use super::hold::Holds;
use super::problem::Problem;
use super::rule::{Group, Rule, Tier};
use super::settings::{Settings, SettingsPart};

/// What one policy file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// Where it lies, as messages name it.
    pub path: String,
    /// Whose directory that is.
    pub tier: Tier,
    /// Its rules, in their order.
    pub rules: Vec<Rule>,
    /// Its groups.
    pub groups: Vec<Group>,
    /// Its settings.
    pub settings: SettingsPart,
}

impl PolicyFile {
    /// A file that says nothing.
    pub(super) fn empty(path: &str, tier: Tier) -> Self {
        Self {
            path: path.to_owned(),
            tier,
            rules: Vec::new(),
            groups: Vec::new(),
            settings: SettingsPart::default(),
        }
    }
}

/// Which policy it is that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The files as they are now.
    Current,
    /// An admin's file is broken; the admin's files as they last read well.
    LastGood,
    /// An admin's file is broken, and nothing was kept: nobody knows what the admin wants.
    None,
}

/// The policy that applies to every question of this run.
#[derive(Debug, Clone)]
pub struct Policy {
    files: Vec<PolicyFile>,
    settings: Settings,
    problems: Vec<Problem>,
    origin: Origin,
    holds: Holds,
}

impl Policy {
    /// The policy of `files`, which stand in their order of precedence. Where the stock tools'
    /// behaviour is wanted, nobody but the admin changes it.
    pub fn new(origin: Origin, mut files: Vec<PolicyFile>, problems: Vec<Problem>) -> Self {
        let part = files.iter().fold(SettingsPart::default(), |part, file| {
            part.or(&file.settings)
        });
        let settings = Settings::from_part(&part);
        if settings.strict {
            for file in files.iter_mut().filter(|file| !file.tier.is_admins()) {
                file.rules.clear();
                file.groups.clear();
            }
        }
        Self {
            settings,
            files,
            problems,
            origin,
            holds: Holds::default(),
        }
    }

    /// The same with `holds`, which deny whatever the files say.
    #[must_use]
    pub fn with_holds(self, holds: Holds) -> Self {
        Self { holds, ..self }
    }

    /// No rules, and the stock tools' behaviour: what ours is compared with.
    pub fn strict() -> Self {
        let part = SettingsPart {
            strict: Some(true),
            ..SettingsPart::default()
        };
        Self {
            settings: Settings::from_part(&part),
            ..Self::new(Origin::Current, Vec::new(), Vec::new())
        }
    }

    /// The files that apply, in their order of precedence.
    pub fn files(&self) -> &[PolicyFile] {
        &self.files
    }

    /// The holds that apply.
    pub fn holds(&self) -> &Holds {
        &self.holds
    }

    /// The settings that apply.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What is wrong with the files, the reason for an [`Origin`] other than `Current` included.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Which policy it is.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The groups that apply; of several with one name the first.
    pub fn groups(&self) -> Vec<&Group> {
        let mut groups: Vec<&Group> = Vec::new();
        for group in self.files.iter().flat_map(|file| &file.groups) {
            if !groups.iter().any(|known| known.name == group.name) {
                groups.push(group);
            }
        }
        groups
    }
}
