//! The command line of `rcpolicy explain`, and the request behind it.

use clap::ValueEnum;

use crate::domain::{Action, Context, Flag, FrontEnd, NameError, Phase, Request, Scope, UnitName};

/// Arguments of `rcpolicy explain`.
#[derive(Debug, clap::Args)]
pub(in crate::front::rcpolicy) struct Arguments {
    /// The service as a script names it: `foo`, `foo.service`, `foo.socket`.
    service: String,
    /// start, stop, restart, try-restart, reload, ... or a word of its init script.
    action: String,
    /// The maintainer script that is taken to ask: `rpcbind:prerm:upgrade`. PHASE is install,
    /// upgrade, remove or trigger. Without it nobody asks, as on a command line.
    #[arg(long = "as", value_name = "PACKAGE:SCRIPT:PHASE", value_parser = caller)]
    caller: Option<Caller>,
    /// A flag that the caller gives. Repeatable.
    #[arg(long, value_enum)]
    flag: Vec<GivenFlag>,
    /// Which tool is called; by default invoke-rc.d, and deb-systemd-invoke for a name with a suffix.
    #[arg(long, value_enum)]
    front: Option<Front>,
    /// Ask policy-rc.d, which is a program of the admin's and may do anything.
    #[arg(long)]
    pub(super) ask: bool,
    /// As one JSON document.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Clone)]
struct Caller {
    package: String,
    script: String,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum GivenFlag {
    Quiesce,
    Defer,
    Force,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Front {
    #[value(name = "invoke-rc.d")]
    InvokeRcD,
    #[value(name = "deb-systemd-invoke")]
    DebSystemdInvoke,
}

fn caller(text: &str) -> Result<Caller, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let [package, script, phase] = parts.as_slice() else {
        return Err("it is PACKAGE:SCRIPT:PHASE, as in rpcbind:prerm:upgrade".to_owned());
    };
    if package.is_empty() {
        return Err("the package is missing".to_owned());
    }
    if !["preinst", "postinst", "prerm", "postrm"].contains(script) {
        return Err(format!(
            "`{script}` is no maintainer script: preinst, postinst, prerm or postrm"
        ));
    }
    let phases = [
        Phase::Install,
        Phase::Upgrade,
        Phase::Remove,
        Phase::Trigger,
    ];
    let known = phases.into_iter().find(|known| known.as_str() == *phase);
    let phase = known
        .ok_or_else(|| format!("`{phase}` is no phase: install, upgrade, remove or trigger"))?;
    Ok(Caller {
        package: (*package).to_owned(),
        script: (*script).to_owned(),
        phase,
    })
}

impl Arguments {
    /// The request that is explained, made at `now` (seconds since the epoch): an upgrade that asks
    /// begins then.
    pub(super) fn request(&self, now: u64) -> Result<Request, NameError> {
        let suffixed = UnitName::parse(&self.service)?.as_str() == self.service;
        let front = match self.front {
            Some(Front::InvokeRcD) => FrontEnd::InvokeRcD,
            Some(Front::DebSystemdInvoke) => FrontEnd::DebSystemdInvoke,
            None if suffixed => FrontEnd::DebSystemdInvoke,
            None => FrontEnd::InvokeRcD,
        };
        let unit = match front {
            FrontEnd::InvokeRcD => UnitName::of_script(&self.service)?,
            FrontEnd::DebSystemdInvoke | FrontEnd::Rcpolicy => UnitName::parse(&self.service)?,
        };
        let flag = |flag: &GivenFlag| match flag {
            GivenFlag::Quiesce => Flag::Quiesce,
            GivenFlag::Defer => Flag::Defer,
            GivenFlag::Force => Flag::Force,
        };
        let context = self.caller.as_ref().map(|caller| Context {
            package: Some(caller.package.clone()),
            script: Some(caller.script.clone()),
            phase: caller.phase,
            batch_started: (caller.phase == Phase::Upgrade).then_some(now),
            batch_began: None,
        });
        Ok(Request {
            front,
            named: self.service.clone(),
            unit,
            action: Action::parse(&self.action),
            flags: self.flag.iter().map(flag).collect(),
            scope: Scope::System,
            context: context.unwrap_or_default(),
        })
    }
}
