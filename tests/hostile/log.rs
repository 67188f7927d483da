//! What the decision log says of actions that were done, failed, denied, put off or replaced, under sysv.

use rcpolicy::domain::ServiceName;
use rcpolicy::report::log::{Filter, LogLine, read};

use super::world::World;

fn logged(world: &World, filter: &Filter) -> Vec<LogLine> {
    let mut lines = Vec::new();
    let passed = read(&world.path("var/log/rcpolicy"), filter, &mut |line| {
        lines.push(line.clone());
    });
    assert_eq!(passed.unwrap().damaged, []);
    lines
}

/// `foo restart: deny (rule): not done, status 0`
fn told(line: &LogLine) -> String {
    let source = line.reasons.first().map(|reason| reason.source.to_string());
    let source = source.unwrap_or_default();
    let source = source.rsplit('/').next().unwrap_or_default();
    let (service, action, verdict) = (&line.service, &line.action, line.verdict_word());
    let outcome = line.outcome.clone().unwrap_or_default();
    let status = line
        .status
        .map_or("none".to_owned(), |status| status.to_string());
    format!("{service} {action}: {verdict} ({source}): {outcome}, status {status}")
}

#[track_caller]
fn says(world: World, calls: &str, expected: &[&str]) {
    world.call(calls);
    let lines = logged(&world, &Filter::default());
    let lines: Vec<String> = lines.iter().map(told).collect();
    assert_eq!(lines, expected);
}

const FAILS: &str = "#!/bin/sh\n[ \"$1\" = start ] || exit 7\n";

#[test]
fn of_what_was_done_and_of_what_failed_it_says_so_with_the_status() {
    says(
        World::new().program("etc/init.d/foo", FAILS),
        "invoke-rc.d foo start; invoke-rc.d foo restart",
        &[
            "foo start: run start (built in): done, status 0",
            "foo restart: run restart (built in): failed with exit status 7, status 7",
        ],
    );
}

#[test]
fn of_what_was_denied_it_says_by_whom_and_that_it_was_not_done() {
    let deny =
        "[[rule]]\nservice = \"foo\"\naction = \"stop\"\ndecide = \"deny\"\nbecause = \"x\"\n";
    says(
        World::new()
            .policy(deny)
            .helper("#!/bin/sh\n[ \"$2\" != reload ] || exit 101\n"),
        "invoke-rc.d foo stop; invoke-rc.d foo reload; invoke-rc.d --disclose-deny foo reload; rm /usr/sbin/policy-rc.d; mv /etc/rc2.d/S01foo /etc/rc2.d/K01foo; invoke-rc.d foo start",
        &[
            "foo stop: deny (10-test.toml:1): not done, status 0",
            "foo reload: deny (policy-rc.d (exit status 101)): not done, status 0",
            "foo reload: deny (policy-rc.d (exit status 101)): not done, status 101",
            "foo start: deny (runlevel links): not done, status 0",
        ],
    );
}

#[test]
fn of_what_was_put_off_it_says_that_it_was_noted_and_later_what_came_of_it() {
    let defer = "[[rule]]\nservice = \"foo\"\naction = \"restart\"\ndecide = \"defer\"\n";
    let calls = "invoke-rc.d foo restart; rcpolicy flush; printf '#!/bin/sh\\nexit 0\\n' >/etc/init.d/foo; rcpolicy flush";
    says(
        World::new().policy(defer).program("etc/init.d/foo", FAILS),
        calls,
        &[
            "foo restart: defer restart (10-test.toml:1): noted down, status 0",
            "foo restart: run restart (10-test.toml:1): restart ended with status 7, status 7",
            "foo restart: run restart (10-test.toml:1): done, status 0",
        ],
    );
}

#[test]
fn of_a_flush_that_is_denied_it_says_that_it_stays_owed() {
    let defer = "[[rule]]\nservice = \"foo\"\naction = \"restart\"\ndecide = \"defer\"\n";
    let calls = "invoke-rc.d foo restart; sed -i s/defer/deny/ /etc/rcpolicy/policy.d/10-test.toml; rcpolicy flush";
    let world = World::new().policy(defer);
    world.call(calls);
    let lines = logged(&world, &Filter::default());
    let last = told(lines.last().unwrap());
    let expected = "foo restart: deny (10-test.toml:1): still owed: ";
    assert!(
        last.starts_with(expected) && last.ends_with(", status 1"),
        "{last}"
    );
}

#[test]
fn of_a_list_it_says_each_action_that_was_tried() {
    let list = "[[rule]]\nservice = \"foo\"\naction = \"restart\"\ndecide = { fallback = [\"reload\", \"start\"] }\n";
    says(
        World::new().policy(list).program("etc/init.d/foo", FAILS),
        "invoke-rc.d foo restart",
        &[
            "foo restart: fall back to reload start (10-test.toml:1): other actions are tried, status none",
            "foo reload: run reload (built in): failed with exit status 7, status 7",
            "foo start: run start (built in): done, status 0",
        ],
    );
}

#[test]
fn it_is_found_by_the_service_that_it_concerns_and_by_no_other() {
    let world = World::new();
    world.call("invoke-rc.d foo restart; invoke-rc.d --query foo start");
    let about = |name: &str| {
        let service = Some(ServiceName::parse(name).unwrap());
        let filter = Filter {
            service,
            ..Filter::default()
        };
        logged(&world, &filter).len()
    };
    assert_eq!(
        (about("foo"), about("foo.service"), about("bar")),
        (1, 1, 0)
    );
}

#[test]
fn of_what_could_not_be_noted_down_it_says_why_it_was_done_at_once_or_failed() {
    let rules = "[[rule]]\nservice = \"foo\"\nphase = \"none\"\ndecide = \"defer\"\n[[rule]]\nservice = \"foo\"\nphase = \"upgrade\"\ndecide = \"restart\"\n";
    let world = World::new()
        .policy(rules)
        .setup("mkdir -p /run/rcpolicy; : >/run/rcpolicy/ledger");
    world.call("invoke-rc.d foo restart; DPKG_MAINTSCRIPT_PACKAGE=foo DPKG_MAINTSCRIPT_NAME=prerm invoke-rc.d foo stop");
    let lines = logged(&world, &Filter::default());
    let outcomes: Vec<_> = lines
        .iter()
        .map(|line| line.outcome.clone().unwrap_or_default())
        .collect();
    let [at_once, held] = &outcomes[..] else {
        unreachable!("{lines:?}")
    };
    let why = "`/run/rcpolicy/ledger`: it is not a directory";
    assert!(
        at_once.starts_with("done at once: ") && at_once.ends_with(why),
        "{at_once}"
    );
    assert!(
        held.starts_with("cannot hold it back: ") && held.ends_with(why),
        "{held}"
    );
}
