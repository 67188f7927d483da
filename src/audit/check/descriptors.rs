//! What a process that a script leaves behind takes with it: the script's descriptors, and debconf's.

use std::ops::Range;

use super::event::Under;
use super::found::{Found, in_script, in_text};
use super::subject::{Event, View};
use super::table::Check;
use crate::audit::call::Tool;
use crate::audit::finding::Severity;
use crate::audit::package::{Script, ScriptName};

/// A background process keeps the script's output open.
pub(super) const INHERITED: Check = Check {
    id: "inherits-descriptors",
    title: "a process is left in the background with the script's descriptors",
    severity: Severity::Warning,
    explanation: "A process that outlives the script and has its standard output or error still open keeps whoever reads them \
                  waiting: `apt install | tee log`, unattended upgrades, debconf and configuration management hang until \
                  it ends. Nor does any init know of it.",
    change: "give it </dev/null >/dev/null 2>&1 and a session of its own (setsid), or better a unit",
    lintian: &[],
    find: |view| {
        let calls = view.calls();
        let left = calls.into_iter().filter(|event| keeps_open(event));
        left.map(|event| {
            let open: Vec<&str> = open(event);
            let spot = in_script(event.half.package, event.call.place, "");
            let message = format!(
                "what is left in the background keeps the script's {} open",
                open.join(" and ")
            );
            Found::at(spot, message).assuming(event.call)
        })
        .collect()
    },
};

/// debconf's descriptor.
pub(super) const DEBCONF: Check = Check {
    id: "debconf-held-open",
    title: "a service is started while debconf is still listening",
    severity: Severity::Note,
    explanation: "After `. /usr/share/debconf/confmodule` the script's descriptor 3 leads to debconf, which goes on listening until \
                  everybody has closed it. A daemon that an init script starts inherits it, and the installation hangs \
                  behind a service that is up. systemd starts services by itself and is not concerned. invoke-rc.d of \
                  rcpolicy closes these descriptors; Debian's does not.",
    change: "call db_stop before #DEBHELPER# and before any start of a service",
    lintian: &[],
    find: debconf,
};

fn keeps_open(event: &Event<'_>) -> bool {
    event.call.tool == Tool::Background && !open(event).is_empty()
}

fn open(event: &Event<'_>) -> Vec<&'static str> {
    let [_, output, error] = event.call.inherits;
    let named = [(output, "standard output"), (error, "standard error")];
    named
        .into_iter()
        .filter(|(open, _)| *open)
        .map(|(_, name)| name)
        .collect()
}

/// What sources debconf's library.
const CONFMODULE: &str = "/usr/share/debconf/confmodule";

fn debconf(view: &View<'_>) -> Vec<Found> {
    let script = view.package().scripts.get(&ScriptName::Postinst);
    let listens = script.and_then(|script| Some((script, listening(script)?)));
    let found = listens.and_then(|(script, lines)| {
        let event = first_start(view, &lines)?;
        let label = "the daemon inherits debconf's descriptor";
        let spot = in_script(event.half.package, event.call.place, label);
        let label = "opened here, and closed by no db_stop before";
        let source = in_text(&script.shown, &script.text, lines.start, label);
        let message = "a service is started while debconf is still listening";
        Some(
            Found::at(spot, message)
                .and(source)
                .given("an init that runs init scripts"),
        )
    });
    found.into_iter().collect()
}

/// From the line that opens debconf's descriptor to the one that closes it.
fn listening(script: &Script) -> Option<Range<u32>> {
    let opens = |line: &str| line.starts_with('.') && line.contains(CONFMODULE);
    let begins = line_with(script, opens)?;
    let ends = line_with(script, |line| line.starts_with("db_stop"));
    Some(begins..ends.unwrap_or(u32::MAX))
}

/// The first start of one of the package's own services by its init script within these lines of the postinst.
fn first_start<'v, 's>(view: &'v View<'s>, lines: &Range<u32>) -> Option<&'v Event<'s>> {
    let sysv = view
        .events
        .iter()
        .filter(|event| event.played.under == Under::Sysv && view.is_mine(event.half));
    let starts = sysv.filter(|event| {
        let effect = event.effect.as_ref();
        let brings = effect.is_some_and(|effect| effect.deed.brings_up());
        let own = event.units().any(|unit| has_script(view, unit.stem()));
        let place = event.call.place;
        brings && own && place.script == ScriptName::Postinst && lines.contains(&place.line)
    });
    starts.min_by_key(|event| event.call.place.line)
}

fn has_script(view: &View<'_>, name: &str) -> bool {
    view.shipped()
        .init_scripts
        .iter()
        .any(|script| script.name == name)
}

fn line_with(script: &Script, fits: impl Fn(&str) -> bool) -> Option<u32> {
    let mut lines = script.text.lines().zip(1_u32..);
    lines
        .find(|(line, _)| fits(line.trim_start()))
        .map(|(_, number)| number)
}
