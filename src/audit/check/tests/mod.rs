//! Each check with a package that has it, and one that nearly has it and must be left in peace. The scripts
//! are parsed and evaluated as those of real packages are.

mod allow;
mod direct;
mod doubts;
mod init_scripts;
mod links;
mod policies;
mod status;
mod table;
mod triggers;
mod units;
mod upgrade;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::{Subject, Tie, findings};
use crate::audit::finding::Finding;
use crate::audit::package::{Entry, Form, Package, Script, ScriptName};
use crate::audit::shipped;

/// A package as a test tells of it.
#[derive(Clone)]
pub(super) struct Story {
    package: Package,
    replaces: Option<Box<Story>>,
    ties: Vec<Tie>,
}

/// A package with nothing in it yet.
pub(super) fn package(name: &str) -> Story {
    Story {
        package: Package {
            path: PathBuf::from(format!("{name}_1.deb")),
            form: Form::Deb,
            name: name.to_owned(),
            version: "1".to_owned(),
            fields: BTreeMap::new(),
            scripts: BTreeMap::new(),
            files: BTreeMap::new(),
            conffiles: BTreeSet::new(),
            triggers: Vec::new(),
            origins: BTreeMap::new(),
        },
        replaces: None,
        ties: Vec::new(),
    }
}

/// A service that runs on and is started with the machine.
pub(super) const DAEMON: &str =
    "[Service]\nExecStart=/usr/sbin/food\n[Install]\nWantedBy=multi-user.target\n";
/// One that only others start.
pub(super) const STATIC: &str = "[Service]\nExecStart=/usr/sbin/food\n";
/// A socket that is there from the beginning.
pub(super) const SOCKET: &str =
    "[Socket]\nListenStream=/run/foo.sock\n[Install]\nWantedBy=sockets.target\n";
/// What an init script must have.
pub(super) const HEADER: &str = "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: foo\n# Required-Start: $remote_fs\n# Required-Stop: $remote_fs\n\
# Default-Start: 2 3 4 5\n# Default-Stop: 0 1 6\n# Short-Description: foo\n### END INIT INFO\n. /lib/lsb/init-functions\n\
case \"$1\" in\nstart|stop|restart|force-reload|status) ;;\nesac\n";

impl Story {
    pub(super) fn file(mut self, path: &str, text: &str) -> Self {
        let file = Entry::File {
            mode: if path.starts_with("/etc/init.d/") {
                0o755
            } else {
                0o644
            },
            size: text.len() as u64,
            text: Some(text.to_owned()),
        };
        self.package.files.insert(path.to_owned(), file);
        self
    }

    /// A line of its control file `triggers`.
    pub(super) fn trigger(mut self, line: &str) -> Self {
        self.package.triggers.push(line.to_owned());
        self
    }

    pub(super) fn directory(mut self, path: &str) -> Self {
        self.package.files.insert(path.to_owned(), Entry::Directory);
        self
    }

    pub(super) fn link(mut self, path: &str, target: &str) -> Self {
        let target = target.to_owned();
        self.package
            .files
            .insert(path.to_owned(), Entry::Link { target });
        self
    }

    pub(super) fn unit(self, name: &str, text: &str) -> Self {
        self.file(&format!("/usr/lib/systemd/system/{name}"), text)
    }

    pub(super) fn init_script(mut self, name: &str, text: &str) -> Self {
        let path = format!("/etc/init.d/{name}");
        self.package.conffiles.insert(path.clone());
        self.file(&path, text)
    }

    pub(super) fn field(mut self, name: &str, value: &str) -> Self {
        self.package
            .fields
            .insert(name.to_owned(), value.to_owned());
        self
    }

    pub(super) fn preinst(self, body: &str) -> Self {
        self.script(ScriptName::Preinst, body)
    }

    pub(super) fn postinst(self, body: &str) -> Self {
        self.script(ScriptName::Postinst, body)
    }

    pub(super) fn prerm(self, body: &str) -> Self {
        self.script(ScriptName::Prerm, body)
    }

    pub(super) fn postrm(self, body: &str) -> Self {
        self.script(ScriptName::Postrm, body)
    }

    fn script(mut self, name: ScriptName, body: &str) -> Self {
        let script = Script {
            name,
            shown: format!("{}: {}", self.package.name, name.as_str()),
            interpreter: "sh".to_owned(),
            text: format!("#!/bin/sh\nset -e\n{body}\n"),
        };
        self.package.scripts.insert(name, script);
        self
    }

    pub(super) fn replacing(mut self, old: Self) -> Self {
        self.replaces = Some(Box::new(old));
        self
    }

    /// Another package that is given along with it.
    pub(super) fn beside(mut self, other: &Self) -> Self {
        let shipped = shipped::of(&other.package);
        let half = super::Half {
            package: &other.package,
            shipped: &shipped,
        };
        self.ties.extend(Tie::all_of(half));
        self
    }

    pub(super) fn of_a_source(mut self) -> Self {
        self.package.form = Form::Source;
        self
    }

    pub(super) fn audit(&self) -> Audit {
        let old = self
            .replaces
            .as_ref()
            .map_or(&self.package, |old| &old.package);
        let (ours, theirs) = (shipped::of(&self.package), shipped::of(old));
        let new = super::Half {
            package: &self.package,
            shipped: &ours,
        };
        let old = self.replaces.as_ref().map_or(new, |_| super::Half {
            package: old,
            shipped: &theirs,
        });
        let subject = Subject::of(old, new, &self.ties);
        Audit(findings(&subject))
    }

    /// What a check finds, as its messages.
    pub(super) fn finds(&self, id: &str) -> Vec<String> {
        let Audit(findings) = self.audit();
        let of = findings.into_iter().filter(|finding| finding.check == id);
        of.map(|finding| finding.message).collect()
    }

    /// The first that a check finds.
    pub(super) fn first(&self, id: &str) -> Finding {
        let Audit(findings) = self.audit();
        let mut of = findings.into_iter();
        of.find(|finding| finding.check == id)
            .unwrap_or_else(|| panic!("no {id}"))
    }

    pub(super) fn has(&self, id: &str) {
        let all = self.audit();
        assert!(
            all.0.iter().any(|finding| finding.check == id),
            "no {id}: {all:#?}"
        );
    }

    pub(super) fn lacks(&self, id: &str) {
        let found = self.finds(id);
        assert!(found.is_empty(), "{id}: {found:#?}");
    }
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Audit(pub(super) Vec<Finding>);
