//! `#DEBHELPER#`: the mark in whose place debhelper writes what it adds. Left in a built package it means that
//! nothing was added; lacking in a source package that nothing can be.

use super::found::{Found, in_text};
use super::subject::View;
use super::table::Check;
use crate::audit::finding::Severity;
use crate::audit::package::{Form, Script};

/// The mark.
const TOKEN: &str = "#DEBHELPER#";

/// Left over.
pub(super) const LEFT: Check = Check {
    id: "debhelper-token-left",
    title: "a built package still has debhelper's mark in a script",
    severity: Severity::Warning,
    explanation: "debhelper replaces #DEBHELPER# by the calls that enable, start and stop the package's services. Where it is still there, \
                  nobody has done so.",
    change: "have dh_installdeb process the script",
    lintian: &["maintainer-script-has-unexpanded-debhelper-token"],
    find: |view| {
        let scripts = view
            .package()
            .scripts
            .values()
            .filter(|_| view.is_whole() && has_services(view));
        scripts
            .filter_map(|script| {
                let spot = in_text(&script.shown, &script.text, line(script)?, "");
                Some(Found::at(spot, "debhelper has added nothing here"))
            })
            .collect()
    },
};

/// Lacking.
pub(super) const LACKING: Check = Check {
    id: "debhelper-token-missing",
    title: "a script of a package with services has no #DEBHELPER#",
    severity: Severity::Warning,
    explanation: "debhelper writes the calls that enable, start and stop services in the place of #DEBHELPER#. Without it they are added \
                  to no script, and it fails the build or says nothing, depending on its version.",
    change: "add a line #DEBHELPER# where these calls are to stand",
    lintian: &["maintainer-script-lacks-debhelper-token"],
    find: |view| {
        let source = view.package().form == Form::Source && has_services(view);
        let scripts = view.package().scripts.values().filter(|_| source);
        scripts
            .filter(|script| line(script).is_none())
            .map(|script| {
                Found::at(
                    in_text(&script.shown, &script.text, 1, ""),
                    "debhelper can add nothing to this script",
                )
            })
            .collect()
    },
};

fn has_services(view: &View<'_>) -> bool {
    !view.shipped().units.is_empty() || !view.shipped().init_scripts.is_empty()
}

fn line(script: &Script) -> Option<u32> {
    let mut lines = (1..).zip(script.text.lines());
    lines
        .find(|(_, line)| line.trim() == TOKEN)
        .map(|(number, _)| number)
}
