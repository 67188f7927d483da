//! What becomes of services, with the stock tools and with ours.

use super::super::show::text;
use super::*;

#[test]
fn a_socket_that_listens_on_wakes_the_old_code_with_the_stock_tools_and_not_with_ours() {
    let play = Story::socket_service().stops(&STOP).starts(&START).play();
    let way = &play.ways[0];
    assert!(way.stock.figures.woken_in_windows > 0);
    assert_eq!(runs(&way.stock, "foo.service"), Some(Version::Old));
    let window = &way.stock.windows[0];
    assert_eq!(window.by, [name("foo.socket")]);
    assert_eq!(window.opened.call, Some(0));
    assert_eq!(
        window.dangers,
        [Danger::OldCode, Danger::HalfUnpacked, Danger::Unconfigured]
    );
    assert!(way.ours.windows.is_empty(), "{:?}", way.ours.windows);
    assert_eq!(runs(&way.ours, "foo.service"), Some(Version::New));
    assert_eq!(last(&way.ours, "foo.socket").active, ActiveState::Active);
}

#[test]
fn a_window_is_there_although_nobody_came() {
    let story = Story::socket_service().stops(&STOP);
    let way = &story
        .starts(&["systemctl start foo.service"])
        .alone()
        .play()
        .ways[0];
    // With nobody to wake it the service is down at the beginning, too: the window is the unpacking's.
    assert_eq!(way.stock.windows.len(), 1);
    assert_eq!(way.stock.windows[0].woken, 0);
    assert_eq!(way.stock.windows[0].closed.as_ref().unwrap().call, Some(1));
}

#[test]
fn the_stock_tool_starts_no_unit_that_is_not_enabled_and_ours_neither() {
    let story = Story::of(vec![unit("foo.service", &[])]);
    let start = ["deb-systemd-invoke start foo.service"];
    let play = story.stops(&STOP).starts(&start).play();
    for stage in [&play.ways[0].stock, &play.ways[0].ours] {
        assert_eq!(last(stage, "foo.service").active, ActiveState::Inactive);
        assert!(stage.carried[1].jobs.is_empty());
        assert_eq!(stage.carried[1].said.len(), 1, "{:?}", stage.carried[1]);
    }
}

#[test]
fn invoke_rc_d_leaves_a_native_unit_to_deb_systemd_invoke_where_it_is_told_to() {
    let stop = ["invoke-rc.d --skip-systemd-native foo stop"];
    let way = &Story::service().stops(&stop).starts(&[]).play().ways[0];
    for stage in [&way.stock, &way.ours] {
        assert!(stage.carried[0].jobs.is_empty());
        assert_eq!(runs(stage, "foo.service"), Some(Version::Old));
    }
}

#[test]
fn what_goes_past_the_tools_reaches_the_init_on_both_machines() {
    let story = Story::service().stops(&["systemctl stop foo"]);
    let way = &story.starts(&["service foo start"]).play().ways[0];
    for stage in [&way.stock, &way.ours] {
        let verbs: Vec<&str> = stage
            .carried
            .iter()
            .flat_map(|c| &c.jobs)
            .map(|j| j.verb)
            .collect();
        assert_eq!(verbs, ["stop", "start"]);
        assert_eq!(runs(stage, "foo.service"), Some(Version::New));
    }
}

#[test]
fn what_a_script_stops_and_never_starts_is_brought_back_by_ours_at_the_batchs_end() {
    let way = &Story::service().stops(&STOP).starts(&[]).play().ways[0];
    assert_eq!(
        last(&way.stock, "foo.service").active,
        ActiveState::Inactive
    );
    assert_eq!(runs(&way.ours, "foo.service"), Some(Version::New));
    assert_eq!(way.ours.carried.last().unwrap().call, None);
}

#[test]
fn a_policy_that_restarts_keeps_the_service_running_meanwhile() {
    let story = Story::service()
        .stops(&STOP)
        .starts(&["deb-systemd-invoke start foo.service"]);
    let rule = "[[rule]]\nservice = [\"foo\"]\ndecide = \"restart\"\n";
    let way = &story.policy(rule).play().ways[0];
    assert!(
        way.ours.carried[0].jobs.is_empty(),
        "{:?}",
        way.ours.carried
    );
    assert!(way.ours.figures.down_ms < way.stock.figures.down_ms);
    assert_eq!(runs(&way.ours, "foo.service"), Some(Version::New));
}

#[test]
fn a_socket_is_not_stopped_when_its_package_goes_and_that_is_said() {
    let mut story = Story::socket_service();
    story.steps = vec![
        run(Side::Old, ScriptName::Prerm, "remove", &STOP),
        Step::RemoveFiles,
        run(
            Side::Old,
            ScriptName::Postrm,
            "remove",
            &["systemctl daemon-reload"],
        ),
    ];
    let play = story.play_as(Way::Remove);
    let stock = &play.ways[0].stock;
    assert_eq!(last(stock, "foo.socket").active, ActiveState::Active);
    assert!(
        stock.windows[0].dangers.contains(&Danger::Gone),
        "{:?}",
        stock.windows
    );
    let mut out = Vec::new();
    text(&play, PLAIN, &mut out).unwrap();
    let shown = String::from_utf8(out).unwrap();
    assert!(
        shown.contains("foo.socket goes on, and its files are gone"),
        "{shown}"
    );
}

#[test]
fn a_fresh_installation_begins_with_nothing_and_ends_with_what_was_enabled() {
    let mut story = Story::service();
    story.steps = vec![
        Step::Unpack,
        run(
            Side::New,
            ScriptName::Postinst,
            "configure",
            &[
                "deb-systemd-helper enable foo.service",
                "deb-systemd-invoke start foo.service",
            ],
        ),
    ];
    let play = story.play_as(Way::Install);
    for stage in [&play.ways[0].stock, &play.ways[0].ours] {
        assert_eq!(runs(stage, "foo.service"), Some(Version::New));
    }
}

#[test]
fn a_call_on_the_bus_wakes_a_service_that_has_a_bus_name() {
    let mut story = Story::service().stops(&STOP).starts(&START);
    story.shipped.bus.push(BusActivation {
        path: "/usr/share/dbus-1/system-services/org.foo.service".to_owned(),
        name: "org.foo".to_owned(),
        unit: Some(name("foo.service")),
    });
    let way = &story.play().ways[0];
    assert_eq!(way.stock.windows[0].by, [name("foo.service")]);
    assert!(way.stock.windows[0].woken > 0);
    assert!(way.ours.windows.is_empty(), "{:?}", way.ours.windows);
}

#[test]
fn an_init_without_activation_has_no_windows_and_runs_the_init_script() {
    let mut story = Story::socket_service();
    story.shipped.init_scripts.push(InitScript {
        path: "/etc/init.d/foo".to_owned(),
        name: "foo".to_owned(),
        header: BTreeMap::from([("default-start".to_owned(), "2 3 4 5".to_owned())]),
    });
    let story = story.stops(&["invoke-rc.d foo stop"]).starts(&START);
    let story = story.under(InitKind::Sysv);
    let way = &story.play().ways[0];
    for stage in [&way.stock, &way.ours] {
        assert!(stage.windows.is_empty());
        assert_eq!(runs(stage, "foo.service"), Some(Version::New));
        assert_eq!(
            stage.finals.len(),
            1,
            "no sockets there: {:?}",
            stage.finals
        );
    }
}

#[test]
fn ways_that_differ_in_their_calls_are_played_each_and_no_more_than_asked_for() {
    let mut story = Story::service().stops(&STOP);
    let paths = [
        &["systemctl start foo"][..],
        &["systemctl restart foo"],
        &["systemctl start foo"],
        &[],
    ];
    story.steps.push(Step::Run {
        side: Side::New,
        script: ScriptName::Postinst,
        arguments: vec!["configure".to_owned(), "1".to_owned()],
        paths: paths
            .iter()
            .map(|calls| path(Side::New, ScriptName::Postinst, calls))
            .collect(),
        fails: false,
        cut: None,
    });
    assert_eq!(story.play().ways.len(), 3);
    story.setting.most_ways = 2;
    let play = story.play();
    assert_eq!((play.ways.len(), play.left_out), (2, 1));
}

#[test]
fn a_way_that_fails_is_not_played_where_dpkg_would_not_go_on() {
    let mut story = Story::service().stops(&STOP);
    let mut failing = path(Side::New, ScriptName::Postinst, &[]);
    failing.end = End::Status(1);
    let paths = vec![failing, path(Side::New, ScriptName::Postinst, &START)];
    story.steps.push(Step::Run {
        side: Side::New,
        script: ScriptName::Postinst,
        arguments: vec!["configure".to_owned()],
        paths: paths.into(),
        fails: false,
        cut: None,
    });
    let play = story.play();
    assert_eq!(play.ways.len(), 1);
    assert_eq!(play.ways[0].calls.len(), 2);
}

#[test]
fn a_unit_that_its_package_leaves_disabled_is_down_before_and_afterwards() {
    let story = Story::service().stops(&STOP);
    let start = ["deb-systemd-invoke start foo.service"];
    let enabled = story.starts(&start);
    assert_eq!(
        runs(&enabled.play().ways[0].stock, "foo.service"),
        Some(Version::New)
    );
    let way = &enabled.left_disabled().play().ways[0];
    for stage in [&way.stock, &way.ours] {
        assert_eq!(last(stage, "foo.service").was_active, ActiveState::Inactive);
        assert_eq!(runs(stage, "foo.service"), None);
    }
}
