//! Plays of packages made up on the spot, with the calls that debhelper writes.

mod shown;
mod stories;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::*;
use crate::audit::call::{Place, Side, StatusUse, Tool};
use crate::audit::course::Step;
use crate::audit::package::ScriptName;
use crate::audit::shell::{End, Path};
use crate::audit::shipped::{BusActivation, Directive, InitScript, Unit};
use crate::domain::{ActiveState, UnitName};
use crate::report::timeline::{Charset, Color, Look};

/// A package, and what dpkg does with it.
struct Story {
    package: Package,
    shipped: Shipped,
    steps: Vec<Step>,
    begun: Vec<Step>,
    setting: Setting,
}

fn name(text: &str) -> UnitName {
    UnitName::parse(text).unwrap()
}

fn unit(named: &str, lines: &[(&str, &str, &str)]) -> Unit {
    let path = format!("/usr/lib/systemd/system/{named}");
    let directives = lines.iter().map(|(section, key, value)| Directive {
        path: path.clone(),
        line: 1,
        section: (*section).to_owned(),
        key: (*key).to_owned(),
        value: (*value).to_owned(),
    });
    Unit {
        name: name(named),
        directives: directives.collect(),
        path,
        aliases: Vec::new(),
        masked: false,
    }
}

fn call(side: Side, script: ScriptName, line: u32, words: &str) -> Call {
    let words: Vec<&str> = words.split_whitespace().collect();
    let tool = match words[0] {
        "invoke-rc.d" => Tool::InvokeRcD,
        "deb-systemd-invoke" => Tool::DebSystemdInvoke,
        "deb-systemd-helper" => Tool::DebSystemdHelper,
        "systemctl" => Tool::Systemctl,
        "service" => Tool::Service,
        "update-rc.d" => Tool::UpdateRcD,
        other => panic!("{other}"),
    };
    Call {
        place: Place {
            side,
            script,
            start: 0,
            end: 1,
            line,
        },
        tool,
        words: words
            .into_iter()
            .map(|w| Word::Known(w.to_owned()))
            .collect(),
        assumed: Vec::new(),
        status: StatusUse::Hidden,
        inherits: [true; 3],
        through: Vec::new(),
    }
}

fn run(side: Side, script: ScriptName, arguments: &str, calls: &[&str]) -> Step {
    Step::Run {
        side,
        script,
        arguments: arguments.split_whitespace().map(str::to_owned).collect(),
        paths: vec![path(side, script, calls)].into(),
        fails: false,
        cut: None,
    }
}

fn path(side: Side, script: ScriptName, calls: &[&str]) -> Path {
    let calls = (1..).zip(calls);
    Path {
        assumed: Vec::new(),
        calls: calls
            .map(|(line, words)| call(side, script, line, words))
            .collect(),
        end: End::Status(0),
    }
}

impl Story {
    fn of(units: Vec<Unit>) -> Self {
        let enabled = units
            .iter()
            .map(|unit| format!("deb-systemd-helper enable {}", unit.name));
        let enabled: Vec<String> = enabled.collect();
        let enabled: Vec<&str> = enabled.iter().map(String::as_str).collect();
        let postinst = run(Side::New, ScriptName::Postinst, "configure", &enabled);
        let shipped = Shipped {
            units: units
                .into_iter()
                .map(|unit| (unit.name.clone(), unit))
                .collect(),
            ..Shipped::default()
        };
        let package = Package {
            path: PathBuf::from("foo.deb"),
            form: Form::Deb,
            name: "foo".to_owned(),
            version: "1".to_owned(),
            fields: BTreeMap::new(),
            scripts: BTreeMap::new(),
            files: BTreeMap::new(),
            conffiles: BTreeSet::new(),
            triggers: Vec::new(),
            origins: BTreeMap::new(),
        };
        Self {
            package,
            shipped,
            steps: Vec::new(),
            begun: vec![Step::Unpack, postinst],
            setting: Setting::default(),
        }
    }

    /// acpid: a daemon behind a socket.
    fn socket_service() -> Self {
        Self::of(vec![
            unit(
                "foo.service",
                &[
                    ("Unit", "Requires", "foo.socket"),
                    ("Install", "Also", "foo.socket"),
                ],
            ),
            unit("foo.socket", &[("Install", "WantedBy", "sockets.target")]),
        ])
    }

    /// A daemon that is enabled by itself.
    fn service() -> Self {
        Self::of(vec![unit(
            "foo.service",
            &[("Install", "WantedBy", "multi-user.target")],
        )])
    }

    fn stops(mut self, calls: &[&str]) -> Self {
        let stop = run(Side::Old, ScriptName::Prerm, "upgrade 2", calls);
        self.steps.push(stop);
        self.steps.push(Step::Unpack);
        self
    }

    fn starts(mut self, calls: &[&str]) -> Self {
        let start = run(Side::New, ScriptName::Postinst, "configure 1", calls);
        self.steps.push(start);
        self
    }

    /// Its installation enables nothing.
    fn left_disabled(mut self) -> Self {
        self.begun = vec![Step::Unpack];
        self
    }

    fn alone(mut self) -> Self {
        self.setting.clients = 0;
        self
    }

    fn under(mut self, init: InitKind) -> Self {
        self.setting.init = init;
        self
    }

    fn policy(mut self, text: &str) -> Self {
        let parsed = parse("50-foo.toml", Tier::Admin, text);
        assert!(!parsed.is_broken(), "{:?}", parsed.problems);
        self.setting.policy.push(parsed.file);
        self
    }

    fn play_as(&self, way: Way) -> Play {
        let mut newer = self.package.clone();
        newer.version = "2".to_owned();
        let player = |package| Player {
            package,
            shipped: &self.shipped,
        };
        let cast = Cast {
            old: (way != Way::Install).then(|| player(&self.package)),
            new: (way != Way::Remove).then(|| player(&newer)),
        };
        let course = Course {
            way,
            steps: self.steps.clone(),
        };
        let beginning = Course {
            way: Way::Install,
            steps: self.begun.clone(),
        };
        play(&cast, (Some(&beginning), &course), &self.setting)
    }

    fn play(&self) -> Play {
        self.play_as(Way::Upgrade)
    }
}

fn last<'a>(stage: &'a Stage, unit: &str) -> &'a Final {
    let found = stage.finals.iter().find(|last| last.unit == name(unit));
    found.unwrap_or_else(|| panic!("{unit} in {:?}", stage.finals))
}

fn runs(stage: &Stage, unit: &str) -> Option<Version> {
    last(stage, unit).runs
}

/// debhelper's own calls for a service with a socket, each alone.
const STOP: [&str; 1] = ["deb-systemd-invoke stop foo.service"];
const START: [&str; 1] = ["invoke-rc.d foo start"];

const PLAIN: Look = Look {
    color: Color::None,
    charset: Charset::Ascii,
};
