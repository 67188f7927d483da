//! Who looks after what a drop-in has just noted down, once the package operations are over. In another
//! package's script our own package's trigger is activated, once a dpkg run, so that dpkg calls us at its
//! end; and what was deferred until then gets a waiter, which outlives dpkg. Both are nets: where one
//! cannot be had that is worth a warning at most, and the call ends as it would have.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::decide::ledger_services;
use crate::domain::{FrontEnd, Phase, Scope, Until, Verdict};
use crate::files::{Directory, Missing};
use crate::init::Init;
use crate::ledger;
use crate::observe::above::above;
use crate::observe::helper::shell_status;

use super::perform::{Case, Session};
use super::waiter;

/// Our package, and its trigger (`debian/rcpolicy.triggers`).
const PACKAGE: &str = "rcpolicy";
const TRIGGER: &str = "rcpolicy-flush";
/// dpkg's own database; another one says nothing of this machine's packages.
const DATABASE: &str = "/var/lib/dpkg";
/// Names the dpkg run whose trigger was activated, beside the ledger.
const MARK: &str = "activated";

/// What a note needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    Nothing,
    /// Somebody looks at dpkg's end: nothing can be done about it before its package is configured.
    Trigger,
    /// Also if dpkg is killed.
    Waiter,
}

impl Session {
    /// Sees to it that what `cases` have just noted down is paid at the batch's end. Returns what a
    /// writer should hear about.
    pub(super) fn look_after(&self, cases: &[Case], init: Option<&mut dyn Init>) -> Vec<String> {
        let need = cases.iter().map(|case| self.need(case)).max();
        let need = need.unwrap_or(Need::Nothing);
        let Some(ledger) = self.ledger.as_ref().filter(|_| need > Need::Nothing) else {
            return Vec::new();
        };
        let mut troubles = Vec::new();
        let mut need = need;
        if ledger.is_under(Path::new(ledger::DIRECTORY)) {
            match activate() {
                Ok(End::Seen) => {}
                Ok(End::Unseen) => need = Need::Waiter,
                Err(why) => troubles.push(why),
            }
        }
        if need == Need::Waiter {
            let started = match init {
                Some(init) => waiter::start(ledger, Some(init)),
                // Whoever needed none may be below systemd all the same: a child of ours would live in
                // the control group of whatever runs dpkg, and go with that.
                None => waiter::start_here(ledger),
            };
            troubles.extend(started.err());
        }
        let told = |why| format!("the end of the package operations may go unseen: {why}");
        troubles.into_iter().map(told).collect()
    }

    /// Most stops have nothing to bring back, and no note.
    fn need(&self, case: &Case) -> Need {
        let mut services = ledger_services(&case.facts).into_iter();
        match need(case) {
            Need::Trigger if !services.any(|service| self.owed_to(&service).is_some()) => {
                Need::Nothing
            }
            need => need,
        }
    }
}

fn need(case: &Case) -> Need {
    if case.request.scope != Scope::System || case.request.front == FrontEnd::Rcpolicy {
        return Need::Nothing;
    }
    let upgrade = case.request.context.phase == Phase::Upgrade;
    match &case.decision.verdict {
        Verdict::Defer { until, .. } => match until {
            Until::Batch => Need::Waiter,
            Until::Flush | Until::Reboot => Need::Nothing,
        },
        Verdict::Hold => Need::Trigger,
        Verdict::Stop | Verdict::Quiesce if upgrade => Need::Trigger,
        Verdict::Stop
        | Verdict::Quiesce
        | Verdict::Run(_)
        | Verdict::Restart
        | Verdict::IfStale
        | Verdict::Reload
        | Verdict::FallBack(_)
        | Verdict::Deny
        | Verdict::Emulate(_)
        | Verdict::Nothing => Need::Nothing,
    }
}

/// Whether somebody calls us at the end of the package operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// dpkg does, or nobody has to.
    Seen,
    /// A script goes on whose dpkg was killed: another may be done before the script is.
    Unseen,
}

/// Lets dpkg call our package at the end of its run, if it is a run of dpkg's on this machine's packages
/// that we are in, and this is the first time in it.
fn activate() -> Result<End, String> {
    if !may_activate(|name| std::env::var(name).ok()) {
        return Ok(End::Seen);
    }
    let Some(run) = dpkg_run() else {
        return Ok(End::Unseen);
    };
    let top = Directory::open(Path::new(ledger::DIRECTORY), Missing::Create)
        .map_err(|error| error.to_string())?;
    if top.read(MARK, 64).is_ok_and(|mark| mark == run.as_bytes()) {
        return Ok(End::Seen);
    }
    let status = Command::new("dpkg-trigger")
        .args(["--no-await", TRIGGER])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|error| format!("cannot run `dpkg-trigger`: {error}"))?;
    if !status.success() {
        return Err(format!(
            "`dpkg-trigger {TRIGGER}` ended with status {}",
            shell_status(status)
        ));
    }
    let marked = top.replace(MARK, run.as_bytes());
    marked.map_err(|error| error.to_string())?;
    Ok(End::Seen)
}

/// The dpkg above us: its process and when that started.
fn dpkg_run() -> Option<String> {
    let dpkg = above().find(|above| above.name == "dpkg")?;
    Some(format!("{} {}\n", dpkg.pid, dpkg.started))
}

/// Whether dpkg's variables say that another package's script runs, on this machine's own database.
fn may_activate(variable: impl Fn(&str) -> Option<String>) -> bool {
    let given = |name| variable(name).filter(|value| !value.is_empty());
    let others = given("DPKG_MAINTSCRIPT_PACKAGE").is_some_and(|package| package != PACKAGE);
    let database = given("DPKG_ADMINDIR").is_none_or(|database| database == DATABASE);
    others && database && given("DPKG_ROOT").is_none()
}

/// Forgets that the trigger was activated: dpkg has called us for it, and does so no second time.
pub(super) fn forget(root: &Path) {
    let path = root.join(ledger::DIRECTORY.trim_start_matches('/'));
    // Where it stays a later note of this run is left to the other nets.
    if let Ok(top) = Directory::open(&path, Missing::Fail) {
        let _ = top.remove(MARK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_package_s_script_on_this_machine_s_database_activates_the_trigger() {
        let with = |package: &str, database: &str, root: &str| {
            may_activate(|name| {
                let value = match name {
                    "DPKG_MAINTSCRIPT_PACKAGE" => package,
                    "DPKG_ADMINDIR" => database,
                    "DPKG_ROOT" => root,
                    _ => return None,
                };
                (value != "-").then(|| value.to_owned())
            })
        };
        for (package, database, root, expected) in [
            ("foo", "/var/lib/dpkg", "", true),
            ("foo", "-", "-", true),
            ("rcpolicy", "/var/lib/dpkg", "", false),
            ("-", "/var/lib/dpkg", "", false),
            ("", "/var/lib/dpkg", "", false),
            ("foo", "/target/var/lib/dpkg", "", false),
            ("foo", "/var/lib/dpkg", "/target", false),
        ] {
            let found = with(package, database, root);
            assert_eq!(found, expected, "{package} {database} {root}");
        }
    }

    #[test]
    fn outside_of_dpkg_nothing_is_activated() {
        assert_eq!(dpkg_run(), None);
        assert_eq!(activate(), Ok(End::Seen));
    }
}
