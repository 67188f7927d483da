//! What an audit looks for: one plain table of checks. Each has its words beside the function that finds it,
//! in the file of its group. Nothing here reads a file; what is not known is never held against a package.
//!
//! lintian's tags about services are among them, by the names of ours (`Check::lintian`). Left out are those
//! - about text and style alone: `systemd-service-file-missing-documentation-key`, `invalid-systemd-documentation`,
//!   `systemd-service-file-missing-hardening-features`, `init.d-script-contains-skeleton-template-content`,
//!   `maintainer-script-empty`, `maintainer-script-without-set-e`, `output-of-updaterc.d-not-redirected-to-dev-null`;
//! - that a release of Debian has overtaken: `skip-systemd-native-flag-missing-pre-depends` (every Debian since stretch
//!   has that option), `upstart-job-in-etc-init.d-not-registered-via-update-rc.d`, `package-supports-alternative-init-but-no-init.d-script`,
//!   `postrm-contains-additional-updaterc.d-calls` (removing what an older version registered is right),
//!   `non-virtual-facility-in-initd-script` (it goes by a list of names of its time);
//! - about debhelper and not about what it makes: `debian-rules-uses-deprecated-systemd-override`,
//!   `debhelper-autoscript-in-maintainer-scripts`, `package-uses-dh-runit-but-lacks-breaks-substvar`;
//! - about inetd, cron, udev, tmpfiles.d and the bus's access rules, which start no service: `maintainer-script-modifies-inetd-conf`,
//!   `missing-systemd-timer-for-cron-script`, `udevadm-called-without-guard`, `misplaced-systemd-tmpfiles`, `systemd-tmpfile-in-var-run`,
//!   `dbus-policy-*`, `dbus-session-service-wrong-name`.

mod allow;
mod branches;
mod descriptors;
mod direct;
mod doubts;
mod event;
mod found;
mod gather;
mod generated;
mod groups;
mod half;
mod init_scripts;
mod links;
mod lsb;
mod lsb_var;
mod on;
mod places;
mod policies;
mod relations;
mod restarts;
mod status;
mod subject;
mod table;
#[cfg(test)]
mod tests;
mod token;
mod triggers;
mod units;
mod upgrade;
mod windows;

pub use event::Under;
pub use half::Half;
pub use subject::{Played, Subject, Tie};
pub use table::Check;

use super::finding::Finding;
use subject::View;

/// Every check.
pub const TABLE: &[Check] = &[
    upgrade::STOPPED,
    upgrade::NOT_RESTORED,
    upgrade::DEPENDENT,
    windows::OLD_CODE,
    windows::OPEN,
    restarts::COMBINED,
    restarts::AFTER_QUIESCE,
    triggers::NOT_STOPPED,
    triggers::LEFT_RUNNING,
    direct::SYSTEMCTL,
    direct::ENABLES,
    direct::SERVICE,
    direct::SCRIPT,
    direct::NATIVE,
    direct::DAEMON,
    direct::KILLED,
    status::HIDDEN,
    status::FOREIGN,
    status::OTHERS,
    status::NOT_THERE,
    status::NO_SYSTEMD,
    branches::DEAD,
    branches::HUNDRED,
    groups::TEMPLATE,
    groups::SEVERAL,
    descriptors::INHERITED,
    descriptors::DEBCONF,
    policies::BROKEN,
    policies::CONTRADICTS,
    policies::FLAG,
    token::LEFT,
    token::LACKING,
    links::MISSING,
    links::UNREGISTERED,
    links::LEFT,
    links::WRONG_SCRIPT,
    links::TWICE,
    init_scripts::NO_UNIT,
    init_scripts::ACTIONS,
    init_scripts::DEFAULTS,
    init_scripts::SWITCH,
    init_scripts::FORM,
    init_scripts::NOT_REDIRECTED,
    init_scripts::LINKS,
    init_scripts::UPSTART,
    lsb::MISSING,
    lsb::MALFORMED,
    lsb::FIELDS,
    lsb::RUNLEVELS,
    lsb::FACILITIES,
    units::NOTHING,
    units::BUS,
    units::BUS_FILE,
    units::NEVER_STARTED,
    units::ALIAS,
    units::OBSOLETE,
    units::WANTED,
    units::NOBODY,
    units::LINGERS,
    units::WRAPS,
    places::PLACE,
    places::NO_FILE,
    allow::UNUSED,
];

/// The check of an identifier.
pub fn explain(id: &str) -> Option<&'static Check> {
    TABLE.iter().find(|check| check.id == id)
}

/// Everything that is found, those included that a comment in the package silences.
pub fn findings(subject: &Subject<'_>) -> Vec<Finding> {
    let view = View::of(subject);
    let mut findings: Vec<Finding> = TABLE.iter().flat_map(|check| check.run(&view)).collect();
    allow::apply(&view, &mut findings);
    findings
}
