//! Every policy file that is shipped loads without a problem in the directory it is meant for.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::fs;
use std::path::{Path, PathBuf};

use rcpolicy::domain::{Action, InitKind, Machine, Phase, Scope, ServiceName, Until};
use rcpolicy::policy::{
    Answer, Decide, Keep, Mode, Origin, Policy, Question, Roots, Settings, Tier, check, load, parse,
};

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("policy")
        .join(name)
}

/// A machine of its own with one shipped file in the directory of `tier`.
fn machine(name: &str, tier: Tier) -> (tempfile::TempDir, Roots) {
    let dir = tempfile::tempdir().unwrap();
    let mut roots = Roots::under(dir.path(), Keep::No);
    roots.owner = nix::unistd::Uid::effective().as_raw();
    let place = match tier {
        Tier::Admin => &roots.etc,
        Tier::Runtime => &roots.run,
        Tier::Vendor => &roots.lib,
    };
    fs::create_dir_all(place).unwrap();
    let file = place.join(Path::new(name).file_name().unwrap());
    fs::copy(shipped(name), &file).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs::set_permissions(&file, mode).unwrap();
    (dir, roots)
}

fn loaded(name: &str, tier: Tier) -> Policy {
    let (_dir, roots) = machine(name, tier);
    assert_eq!(check(&roots), [], "{name}");
    let policy = load(&roots);
    assert_eq!(policy.problems(), [], "{name}");
    assert_eq!(*policy.origin(), Origin::Current);
    assert_eq!(policy.files().len(), 1);
    policy
}

fn decided(
    policy: &Policy,
    service: &str,
    action: &str,
    phase: Phase,
    package: &str,
) -> Option<Decide> {
    let service = ServiceName::parse(service).unwrap();
    let action = Action::parse(action);
    let question = Question {
        service: &service,
        action: &action,
        phase,
        package: Some(package),
        init: InitKind::Systemd,
        scope: Scope::System,
        machine: Some(Machine::Running),
        asked: &[],
    };
    match policy.ask(&question) {
        Answer::Rule(matched) => Some(matched.decide.clone()),
        Answer::Silent => None,
        Answer::HoldBroken { problem } => panic!("{problem}"),
    }
}

#[test]
fn every_shipped_file_is_named_in_one_of_these_tests() {
    let named = include_str!("policy_files.rs");
    for directory in ["", "examples", "profiles"] {
        for entry in fs::read_dir(shipped(directory)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(
                ["ansible", "examples", "profiles"].contains(&name.as_str())
                    || named.contains(&name),
                "{name} is not tested"
            );
        }
    }
}

#[test]
fn the_default_policys_settings_are_the_built_in_ones() {
    let policy = loaded("90-default.toml", Tier::Vendor);
    assert_eq!(*policy.settings(), Settings::default());
}

#[test]
fn what_carries_others_waits_for_the_next_boot_in_upgrades_and_triggers_and_nothing_else_does() {
    let policy = loaded("90-default.toml", Tier::Vendor);
    let carrying = [
        "dbus",
        "dbus-broker",
        "systemd-logind",
        "gdm",
        "gdm3",
        "lightdm",
        "sddm",
        "xdm",
        "wdm",
        "slim",
        "lxdm",
        "nodm",
        "greetd",
        "ly",
        "ly@tty2",
        "user@1000",
        "getty@tty1",
        "elogind",
    ];
    let others = [
        "dbus.socket",
        "ssh",
        "polkit",
        "user-runtime-dir@1000",
        "cron",
        "NetworkManager",
    ];
    for action in ["stop", "start", "restart", "try-restart", "force-reload"] {
        // The bus can reload.
        let bus = |name: &str| action == "force-reload" && name.starts_with("dbus");
        for service in carrying.into_iter().filter(|name| !bus(name)) {
            let ask = |phase| decided(&policy, service, action, phase, "libc6");
            let waits = Some(Decide::Defer(Until::Reboot));
            assert_eq!(ask(Phase::Upgrade), waits, "{action} {service}");
            assert_eq!(ask(Phase::Trigger), waits, "{action} {service}");
            for phase in [Phase::Install, Phase::Remove, Phase::None] {
                assert_eq!(ask(phase), None, "{action} {service} {phase:?}");
            }
        }
        for service in others {
            let answer = decided(&policy, service, action, Phase::Upgrade, "dbus");
            assert_eq!(answer, None, "{action} {service}");
        }
    }
    for action in ["reload", "force-reload", "status"] {
        let answer = decided(&policy, "dbus", action, Phase::Upgrade, "dbus");
        assert_eq!(answer, None, "{action}");
    }
    let rules = &policy.files()[0].rules;
    assert!(rules.iter().all(|rule| rule.because.is_some()));
}

#[test]
fn the_shipped_rules_give_way_to_the_admins_and_to_strict_compatibility() {
    let vendor = fs::read_to_string(shipped("90-default.toml")).unwrap();
    let with = |admins: &str| {
        let files = [(Tier::Admin, admins), (Tier::Vendor, &vendor)];
        let files = files.map(|(tier, text)| parse("x.toml", tier, text).file);
        Policy::new(Origin::Current, files.to_vec(), Vec::new())
    };
    let ask = |policy: &Policy| decided(policy, "dbus", "restart", Phase::Upgrade, "dbus");
    let own = "[[rule]]\nservice = \"dbus\"\ndecide = \"restart\"\n";
    assert_eq!(ask(&with("")), Some(Decide::Defer(Until::Reboot)));
    assert_eq!(ask(&with(own)), Some(Decide::Restart));
    assert_eq!(ask(&with("[compat]\nstrict = true\n")), None);
}

#[test]
fn the_dbas_databases_are_restarted_when_somebody_flushes() {
    let policy = loaded("examples/10-dba.toml", Tier::Admin);
    let ask = |service, action, phase| decided(&policy, service, action, phase, "libc6");
    let defer = Some(Decide::Defer(Until::Flush));
    assert_eq!(ask("postgresql@15-main", "restart", Phase::Upgrade), defer);
    assert_eq!(ask("mariadb.service", "try-restart", Phase::Upgrade), defer);
    assert_eq!(ask("postgresql", "restart", Phase::Upgrade), None);
    assert_eq!(ask("mariadb", "restart", Phase::None), None);
    assert_eq!(
        ask("pgbouncer", "restart", Phase::Trigger),
        Some(Decide::IfStale)
    );
}

#[test]
fn nothing_starts_in_the_locked_container_and_everything_can_stop() {
    let policy = loaded("profiles/container.toml", Tier::Admin);
    for phase in [Phase::Install, Phase::Upgrade, Phase::Trigger] {
        for action in ["start", "restart", "try-restart", "force-reload"] {
            let decide = decided(&policy, "ssh.socket", action, phase, "x");
            assert_eq!(decide, Some(Decide::Deny), "{action}");
        }
        assert_eq!(decided(&policy, "ssh", "stop", phase, "x"), None);
    }
}

#[test]
fn a_socket_activated_service_is_only_quiesced() {
    let policy = loaded("examples/30-quiesce.toml", Tier::Admin);
    let quiesce = Some(Decide::Quiesce);
    assert_eq!(
        decided(&policy, "cups", "stop", Phase::Upgrade, "cups"),
        quiesce
    );
    assert_eq!(
        decided(&policy, "cups", "stop", Phase::Remove, "cups"),
        None
    );
    assert_eq!(
        decided(&policy, "cups.socket", "stop", Phase::Upgrade, "cups"),
        None
    );
}

#[test]
fn a_packages_file_says_how_its_own_services_are_treated() {
    let policy = loaded("examples/50-mail.toml", Tier::Vendor);
    let ask = |service, phase, package| decided(&policy, service, "restart", phase, package);
    assert_eq!(
        ask("postfix", Phase::Trigger, "postfix"),
        Some(Decide::Reload)
    );
    let defer = Some(Decide::Defer(Until::Batch));
    assert_eq!(ask("opendkim", Phase::Upgrade, "opendkim-tools"), defer);
    assert_eq!(ask("opendkim", Phase::Upgrade, "other"), None);
    let groups = policy.groups();
    assert_eq!(groups[0].name, "mail");
    assert_eq!(groups[0].members.len(), 3);
}

#[test]
fn observe_mode_is_one_line() {
    for tier in [Tier::Admin, Tier::Runtime] {
        let policy = loaded("examples/00-observe.toml", tier);
        assert_eq!(policy.settings().mode, Mode::Observe);
    }
    let text = fs::read_to_string(shipped("examples/00-observe.toml")).unwrap();
    assert!(parse("x", Tier::Vendor, &text).is_broken());
}

#[test]
fn strict_compatibility_waits_for_policy_rc_d_as_long_as_stock_does() {
    let policy = loaded("examples/05-strict.toml", Tier::Admin);
    assert!(policy.settings().strict);
    assert_eq!(policy.settings().helper_limit, None);
    let fallback = Decide::Fallback(vec!["reload".to_owned(), "restart".to_owned()]);
    let ask = decided(&policy, "nginx", "restart", Phase::Upgrade, "nginx");
    assert_eq!(ask, Some(fallback));
}

#[test]
fn definitions_lie_where_the_admin_says() {
    let policy = loaded("examples/40-definitions.toml", Tier::Admin);
    let settings = policy.settings();
    let live = settings.definitions_live.as_deref();
    assert_eq!(live, Some(Path::new("/srv/s6/services")));
    let text = fs::read_to_string(shipped("examples/40-definitions.toml")).unwrap();
    assert!(parse("x", Tier::Vendor, &text).is_broken());
    for path in ["services", "/", "/srv/../etc"] {
        let text = format!("[definitions]\nlive = \"{path}\"\n");
        assert!(parse("x", Tier::Admin, &text).is_broken(), "{path}");
    }
}

/// What a profile makes of requests, each `SERVICE ACTION PHASE`.
#[track_caller]
fn decides(profile: &str, table: &[(&str, Option<Decide>)]) {
    let policy = loaded(profile, Tier::Admin);
    for (request, expected) in table {
        let words: Vec<&str> = request.split(' ').collect();
        let phases = [
            Phase::Install,
            Phase::Upgrade,
            Phase::Remove,
            Phase::Trigger,
            Phase::None,
        ];
        let phase = phases.into_iter().find(|phase| phase.as_str() == words[2]);
        let answer = decided(&policy, words[0], words[1], phase.unwrap(), "libc6");
        assert_eq!(answer, *expected, "{profile}: {request}");
    }
    for rule in policy.files().iter().flat_map(|file| &file.rules) {
        assert!(rule.because.is_some(), "{profile}: {rule:?}");
    }
}

#[test]
fn a_profile_is_the_admins_and_says_how_it_is_put_in_place() {
    for entry in fs::read_dir(shipped("profiles")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let text = fs::read_to_string(shipped("profiles").join(&name)).unwrap();
        let copy = format!(
            "cp /usr/share/doc/rcpolicy/profiles/{name} /etc/rcpolicy/policy.d/60-{name}\n"
        );
        assert!(text.contains(&copy), "{name}");
    }
}

#[test]
fn a_server_keeps_its_databases_and_hypervisors_until_somebody_flushes() {
    let waits = || Some(Decide::Defer(Until::Flush));
    decides(
        "profiles/server.toml",
        &[
            ("postgresql@15-main restart upgrade", waits()),
            ("mariadb try-restart trigger", waits()),
            // Its own upgrade works on its files while it is down.
            ("mariadb stop upgrade", None),
            ("mariadb start upgrade", None),
            ("libvirtd stop upgrade", waits()),
            ("docker start upgrade", waits()),
            ("containerd restart upgrade", waits()),
            ("ceph-osd@3 restart trigger", waits()),
            ("docker start install", None),
            ("docker stop remove", None),
            ("docker restart none", None),
            ("nginx restart upgrade", None),
            ("ssh restart upgrade", None),
        ],
    );
}

#[test]
fn a_desktop_keeps_its_network_and_devices_until_it_boots() {
    let waits = || Some(Decide::Defer(Until::Reboot));
    decides(
        "profiles/desktop.toml",
        &[
            ("NetworkManager restart upgrade", waits()),
            ("wpa_supplicant stop upgrade", waits()),
            ("bluetooth try-restart trigger", waits()),
            ("NetworkManager start install", None),
            ("NetworkManager stop remove", None),
            ("NetworkManager restart none", None),
            ("cups stop upgrade", Some(Decide::Quiesce)),
            ("cups stop remove", None),
            ("foo restart trigger", Some(Decide::IfStale)),
            ("foo restart upgrade", None),
        ],
    );
}

#[test]
fn where_everything_is_deferred_nothing_that_runs_is_touched_and_what_does_not_is_started() {
    let waits = || Some(Decide::Defer(Until::Flush));
    decides(
        "profiles/everything-deferred.toml",
        &[
            ("foo stop upgrade", waits()),
            ("foo start upgrade", waits()),
            ("foo restart trigger", waits()),
            ("foo force-reload upgrade", waits()),
            ("foo reload upgrade", None),
            ("foo start install", None),
            ("foo stop remove", None),
            ("foo restart none", None),
        ],
    );
}

#[test]
fn in_a_maintenance_window_is_done_what_upgrades_have_put_off() {
    let waits = || Some(Decide::Defer(Until::Batch));
    decides(
        "profiles/maintenance-window.toml",
        &[
            ("foo stop upgrade", waits()),
            ("foo start upgrade", waits()),
            ("foo restart trigger", waits()),
            ("foo start install", None),
            ("foo stop remove", None),
            ("foo restart none", None),
        ],
    );
    let policy = loaded("profiles/maintenance-window.toml", Tier::Admin);
    let windows: Vec<String> = policy
        .settings()
        .flush_windows
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(windows, ["Sat 02:00-04:00"]);
    let text = fs::read_to_string(shipped("profiles/maintenance-window.toml")).unwrap();
    assert!(parse("x", Tier::Vendor, &text).is_broken());
}
