//! Command lines, and what they ask for.

use super::{Ask, Call, Place, Side, StatusUse, Tool, Word, asks};
use crate::audit::package::ScriptName;

fn ask(tool: Tool, line: &str) -> Ask {
    let word = |text: &str| match text.strip_prefix('$') {
        Some(_) => Word::Unknown(text.to_owned()),
        None => Word::Known(text.to_owned()),
    };
    asks(&Call {
        place: Place {
            side: Side::New,
            script: ScriptName::Postinst,
            start: 0,
            end: 1,
            line: 1,
        },
        tool,
        words: line.split(' ').map(word).collect(),
        assumed: Vec::new(),
        status: StatusUse::Hidden,
        inherits: [true; 3],
        through: Vec::new(),
    })
}

/// Action, names and options, each as one line.
fn told(tool: Tool, line: &str) -> [String; 3] {
    let asked = ask(tool, line);
    let joined = |words: &[Word]| {
        let words: Vec<&str> = words
            .iter()
            .map(|word| match word {
                Word::Known(text) | Word::Unknown(text) => text.as_str(),
            })
            .collect();
        words.join(" ")
    };
    let action: Vec<Word> = asked.action.clone().into_iter().collect();
    [
        joined(&action),
        joined(&asked.names),
        joined(&asked.options),
    ]
}

#[test]
fn each_tool_is_read_as_it_reads_itself() {
    let table: [(Tool, &str, [&str; 3]); 24] = [
        (
            Tool::InvokeRcD,
            "invoke-rc.d --skip-systemd-native cron start",
            ["start", "cron", "--skip-systemd-native"],
        ),
        (
            Tool::InvokeRcD,
            "invoke-rc.d cron start --quiet",
            ["start", "cron", ""],
        ),
        (
            Tool::InvokeRcD,
            "invoke-rc.d cron --quiet start --now",
            ["start", "cron", "--quiet"],
        ),
        (
            Tool::Service,
            "service cron --quiet start",
            ["--quiet", "cron", ""],
        ),
        (
            Tool::InvokeRcD,
            "invoke-rc.d cron $_dh_action",
            ["$_dh_action", "cron", ""],
        ),
        (
            Tool::DebSystemdInvoke,
            "deb-systemd-invoke stop a.socket a.service",
            ["stop", "a.socket a.service", ""],
        ),
        (
            Tool::DebSystemdInvoke,
            "deb-systemd-invoke --user restart b.service",
            ["restart", "b.service", "--user"],
        ),
        (
            Tool::DebSystemdHelper,
            "deb-systemd-helper --quiet was-enabled x.service",
            ["was-enabled", "x.service", "--quiet"],
        ),
        (
            Tool::Systemctl,
            "systemctl --system daemon-reload",
            ["daemon-reload", "", "--system"],
        ),
        (
            Tool::Systemctl,
            "systemctl -t service --state active stop x",
            ["stop", "x", "-t --state"],
        ),
        (
            Tool::Systemctl,
            "systemctl stop x --no-block",
            ["stop", "x", "--no-block"],
        ),
        (
            Tool::Systemctl,
            "systemctl --property=Id show x",
            ["show", "x", "--property=Id"],
        ),
        (
            Tool::Systemctl,
            "systemctl kill -s HUP --kill-whom main x",
            ["kill", "x", "-s --kill-whom"],
        ),
        (
            Tool::Service,
            "service apache2 reload",
            ["reload", "apache2", ""],
        ),
        (
            Tool::InitScript,
            "/etc/init.d/foo stop",
            ["stop", "foo", ""],
        ),
        (
            Tool::UpdateRcD,
            "update-rc.d -f foo remove",
            ["remove", "foo", "-f"],
        ),
        (
            Tool::UpdateRcD,
            "update-rc.d foo defaults 20 80",
            ["defaults", "foo", ""],
        ),
        (
            Tool::Sv,
            "sv -w 5 restart foo bar",
            ["restart", "foo bar", "-w"],
        ),
        (Tool::Initctl, "initctl stop foo ID=1", ["stop", "foo", ""]),
        (Tool::Initctl, "/sbin/restart foo", ["restart", "foo", ""]),
        (
            Tool::StartStopDaemon,
            "start-stop-daemon --stop --quiet --pidfile /run/x --exec /usr/sbin/x",
            ["stop", "/usr/sbin/x", "--quiet --pidfile"],
        ),
        (
            Tool::StartStopDaemon,
            "start-stop-daemon -S --name=x -- --flag",
            ["start", "x", ""],
        ),
        (
            Tool::DpkgTrigger,
            "dpkg-trigger --no-await nscd",
            ["trigger", "nscd", "--no-await"],
        ),
        (Tool::Kill, "kill -s HUP 12", ["kill", "12", "-s"]),
    ];
    for (tool, line, expected) in table {
        assert_eq!(told(tool, line), expected.map(str::to_owned), "{line}");
    }
}

#[test]
fn what_only_asks_changes_nothing() {
    for (tool, line) in [
        (Tool::InvokeRcD, "invoke-rc.d --query cron start"),
        (Tool::InvokeRcD, "invoke-rc.d cron status"),
        (Tool::Systemctl, "systemctl --quiet is-active cron"),
        (
            Tool::DebSystemdHelper,
            "deb-systemd-helper debian-installed x.service",
        ),
        (Tool::Kill, "kill -0 12"),
    ] {
        assert!(ask(tool, line).is_query(), "{line}");
    }
    assert!(!ask(Tool::Systemctl, "systemctl stop is-active").is_query());
    assert!(!ask(Tool::Kill, "kill 12").is_query());
}

#[test]
fn a_call_without_words_asks_for_nothing() {
    assert_eq!(ask(Tool::Systemctl, "systemctl").action, None);
    assert_eq!(ask(Tool::InvokeRcD, "invoke-rc.d --help").names, []);
}
