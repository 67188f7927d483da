//! What has rcpolicy called at the right moments: apt's configuration, dpkg's triggers, the boot.

use std::path::Path;

use crate::domain::{InitKind, Manner};
use crate::front::rcpolicy::Place;
use crate::observe::answering::TOOL;
use crate::observe::detect;
use crate::report::doctor::{Finding, Level};

const PART: &str = "hooks";
const APT: &str = "/etc/apt/apt.conf.d/90rcpolicy";
const TRIGGERS: &str = "/var/lib/dpkg/info/rcpolicy.triggers";
const BOOT: &str = "/etc/init.d/rcpolicy";
const UNIT: &str = "/usr/lib/systemd/system/rcpolicy.service";
/// As they are shipped.
const AS_SHIPPED: [(&str, &str, &str); 3] = [
    (
        APT,
        include_str!("../../../../debian/apt.conf"),
        "what was put off is done only when package operations have been over for a while",
    ),
    (
        TRIGGERS,
        include_str!("../../../../debian/rcpolicy.triggers"),
        "dpkg does not call rcpolicy at the end of a run",
    ),
    (
        BOOT,
        include_str!("../../../../debian/rcpolicy.init"),
        "what a power cut left of a definition's update waits for `rcpolicy flush`",
    ),
];

pub(super) fn examine(place: &Place) -> Vec<Finding> {
    if !place.path(TOOL).exists() {
        // Said with the tools: it is not installed.
        return Vec::new();
    }
    let each = AS_SHIPPED
        .iter()
        .filter_map(|(path, text, without)| differs(place, (path, text), without));
    let mut found: Vec<Finding> = each.collect();
    found.extend(at_boot(place));
    if found.is_empty() {
        let text = "apt, dpkg and the boot call rcpolicy as shipped";
        found.push(Finding::new(Level::Fine, PART, text));
    }
    found
}

fn differs(place: &Place, shipped: (&str, &str), without: &str) -> Option<Finding> {
    let (path, text) = shipped;
    match std::fs::read(place.path(path)) {
        Ok(found) if found == text.as_bytes() => None,
        Ok(_) => {
            let text = format!("`{path}` is not as shipped");
            Some(
                Finding::new(Level::Warning, PART, text)
                    .advising("if you did not change it: apt-get install --reinstall rcpolicy"),
            )
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some(
            Finding::new(
                Level::Problem,
                PART,
                format!("`{path}` is missing: {without}"),
            )
            .advising("apt-get -o Dpkg::Options::=--force-confmiss install --reinstall rcpolicy"),
        ),
        Err(error) => {
            let text = format!("cannot read `{path}`: {error}");
            Some(super::unseen(place, PART, text))
        }
    }
}

/// Where init scripts are run at boot a link runs ours; systemd is told to leave it alone.
fn at_boot(place: &Place) -> Option<Finding> {
    let kind = detect::init_under(&place.root);
    if kind == InitKind::Systemd {
        let masked = place.path(UNIT).read_link();
        let as_shipped = masked.is_ok_and(|target| target == Path::new("/dev/null"));
        return (!as_shipped).then(|| {
            let text = format!(
                "`{UNIT}` does not lead to /dev/null: systemd makes a unit of the boot script"
            );
            Finding::new(Level::Warning, PART, text)
                .advising("apt-get install --reinstall rcpolicy")
        });
    }
    let linked = ["2", "3", "4", "5", "S"].iter().any(|level| {
        let entries = std::fs::read_dir(place.path(&format!("/etc/rc{level}.d")));
        entries.into_iter().flatten().flatten().any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with('S') && name.ends_with("rcpolicy")
        })
    });
    // update-rc.d makes these links wherever init scripts are run at boot.
    let by_links = matches!(kind.manner(), Manner::Services | Manner::Scripts);
    (by_links && !linked && place.path(BOOT).exists()).then(|| {
        let text = format!("no runlevel starts `{BOOT}` at boot");
        Finding::new(Level::Warning, PART, text).advising("update-rc.d rcpolicy defaults")
    })
}
