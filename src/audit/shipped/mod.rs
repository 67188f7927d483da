//! What of a package is about services: units with their drop-ins, D-Bus activation, init scripts,
//! Upstart jobs, service directories, policy files. It reads texts that are there already, and no more.
//! Paths here are those of [`Package::files`]; [`Package::place`] says where a reader finds one.

mod bus;
mod resets;
mod scripts;
mod unit_file;
mod units;

use std::collections::BTreeMap;

use super::package::Package;
use crate::domain::UnitName;

/// Something that is not as its format demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: String,
    /// Its line, from 1.
    pub line: u32,
    /// What is wrong with it.
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// A line of a unit file, or of anything in that format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// The file it stands in.
    pub path: String,
    /// Its line, from 1.
    pub line: u32,
    /// The section: `Unit`, `Service`, `Install`.
    pub section: String,
    /// The name.
    pub key: String,
    /// The value, continuation lines joined.
    pub value: String,
}

/// A unit, its drop-ins applied in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its name; a template keeps its `@`.
    pub name: UnitName,
    /// Its file; empty where there are only drop-ins.
    pub path: String,
    /// Its lines and those of its drop-ins, resets (`Key=`) applied.
    pub directives: Vec<Directive>,
    /// Other names of it: links to its file, and `Alias=`.
    pub aliases: Vec<UnitName>,
    /// Whether it is a link to /dev/null, or an empty file.
    pub masked: bool,
}

impl Unit {
    /// All words of a list setting: `Requires`, `After`, `Also`.
    pub fn words<'a>(&'a self, section: &'a str, key: &'a str) -> Vec<&'a str> {
        let lines = self.lines(section, key);
        lines
            .flat_map(|line| line.value.split_whitespace())
            .collect()
    }

    /// The last value of a setting.
    pub fn value<'a>(&'a self, section: &'a str, key: &'a str) -> Option<&'a str> {
        let last = self.lines(section, key).last();
        last.map(|line| line.value.as_str())
    }

    /// The lines of a setting.
    pub fn lines<'a>(
        &'a self,
        section: &'a str,
        key: &'a str,
    ) -> impl Iterator<Item = &'a Directive> {
        let all = self.directives.iter();
        all.filter(move |line| line.section == section && line.key == key)
    }
}

/// A unit that another one pulls in by a link that is shipped, `sockets.target.wants/foo.socket`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The link.
    pub path: String,
    /// Who pulls.
    pub by: UnitName,
    /// How: `Wants`, `Requires`, `Upholds`.
    pub how: &'static str,
    /// The unit that is pulled in.
    pub unit: UnitName,
}

/// A name on the system bus that starts a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusActivation {
    /// The file in /usr/share/dbus-1/system-services.
    pub path: String,
    /// The name.
    pub name: String,
    /// The unit that it starts (`SystemdService=`).
    pub unit: Option<UnitName>,
}

/// An init script, with what its LSB header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitScript {
    /// Its path.
    pub path: String,
    /// Its name below /etc/init.d.
    pub name: String,
    /// The header's fields, in lower case (`required-start`); empty where it has no header.
    pub header: BTreeMap<String, String>,
}

/// A service directory or script of another init.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Native {
    /// Its path.
    pub path: String,
    /// The service's name.
    pub name: String,
}

/// All that a package says about services.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shipped {
    /// System units.
    pub units: BTreeMap<UnitName, Unit>,
    /// Units of the users' managers.
    pub user_units: BTreeMap<UnitName, Unit>,
    /// System units that are pulled in by links, whatever is enabled.
    pub pulled: Vec<Pulled>,
    /// Bus names.
    pub bus: Vec<BusActivation>,
    /// Init scripts.
    pub init_scripts: Vec<InitScript>,
    /// Upstart jobs (/etc/init/*.conf).
    pub upstart: Vec<Native>,
    /// runit's service directories.
    pub runit: Vec<Native>,
    /// What s6-rc compiles: each service's directory.
    pub s6: Vec<Native>,
    /// OpenRC's scripts: those in /etc/init.d that openrc-run runs.
    pub openrc: Vec<Native>,
    /// Policy files of ours that the package ships, by path, with their text.
    pub policies: BTreeMap<String, String>,
    /// What could not be read of all this.
    pub problems: Vec<Problem>,
}

const SYSTEM: [&str; 2] = ["/etc/systemd/system/", "/usr/lib/systemd/system/"];
const USER: [&str; 3] = [
    "/etc/systemd/user/",
    "/usr/lib/systemd/user/",
    "/usr/share/systemd/user/",
];
const POLICIES: &str = "/usr/lib/rcpolicy/policy.d/";

/// Targets that a machine is not at while it runs: those of its end, of its sleep, of repairs, and of the
/// initrd.
const NOT_AT_BOOT: [&str; 24] = [
    "halt.target",
    "poweroff.target",
    "reboot.target",
    "kexec.target",
    "soft-reboot.target",
    "shutdown.target",
    "umount.target",
    "final.target",
    "exit.target",
    "sleep.target",
    "suspend.target",
    "suspend-then-hibernate.target",
    "hibernate.target",
    "hybrid-sleep.target",
    "rescue.target",
    "emergency.target",
    "system-update.target",
    "initrd.target",
    "initrd-fs.target",
    "initrd-root-device.target",
    "initrd-root-fs.target",
    "initrd-switch-root.target",
    "initrd-usr-fs.target",
    "factory-reset.target",
];

/// Whether what the unit `name` pulls in runs on a machine that has booted: all but those of a few targets.
pub fn is_reached_at_boot(name: &str) -> bool {
    !NOT_AT_BOOT.contains(&name)
}

/// What of `package` is about services.
pub fn of(package: &Package) -> Shipped {
    let mut shipped = Shipped::default();
    let problems = &mut shipped.problems;
    shipped.units = units::collect(package, &SYSTEM, problems);
    shipped.pulled = units::pulled(package, &SYSTEM);
    shipped.user_units = units::collect(package, &USER, problems);
    shipped.bus = bus::activations(package, problems);
    scripts::collect(package, &mut shipped);
    for path in paths_in(package, POLICIES) {
        let text = package.text(path).filter(|_| path.ends_with(".toml"));
        if let Some(text) = text.filter(|_| is_directly_in(path, POLICIES)) {
            shipped.policies.insert(path.to_owned(), text.to_owned());
        }
    }
    shipped
}

/// The paths below `directory`, which ends with a slash.
fn paths_in<'p>(package: &'p Package, directory: &'p str) -> impl Iterator<Item = &'p str> {
    let from = package.files.range(directory.to_owned()..);
    from.map(|(path, _)| path.as_str())
        .take_while(move |path| path.starts_with(directory))
}

fn is_directly_in(path: &str, directory: &str) -> bool {
    let name = path.strip_prefix(directory);
    name.is_some_and(|name| !name.contains('/'))
}

#[cfg(test)]
mod tests;
