//! What `rcpolicy doctor` says of what has been owed for long, of what keeps failing and of what was cut off, also where the
//! clock was set meanwhile. How long the machine has been up is told by a time namespace.

use super::doctor::{installed, lines, says};
use super::world::{Seen, World};

const DAY: u64 = 86_400;
const PUT_OFF: &str =
    "[[rule]]\nservice = \"foo\"\ndecide = \"defer\"\nuntil = \"UNTIL\"\nbecause = \"not now\"\n";
const NOTE: &str = "/run/rcpolicy/ledger/foo.json";

fn put_off(until: &str) -> World {
    installed().policy(&PUT_OFF.replace("UNTIL", until))
}

/// On a machine that has been up for so many days a restart is put off, its note is changed by an expression of sed's, and
/// the doctor is called. `NOW` in it is the present second.
fn changed(world: &World, days_up: u64, expression: &str) -> Seen {
    let up = days_up * DAY;
    let expression = expression.replace("NOW", "'$(date +%s)'");
    let seen = world.call(&format!(
        "unshare --time --fork --boottime {up} --monotonic {up} sh -c \"$(cat <<'END'\n\
         invoke-rc.d foo restart 2>/dev/null || echo not put off\n\
         sed -i -E '{expression}' {NOTE}\nrcpolicy doctor\nEND\n)\""
    ));
    assert!(!seen.stderr.contains("panicked"), "{seen:#?}");
    assert!(!seen.stdout.contains("not put off"), "{seen:#?}");
    seen
}

/// `"since"` becomes so many days ago, or to come.
fn since(days: i64) -> String {
    let seconds = 86_400 * days;
    // The shell counts.
    format!("s/\"since\":[0-9]+/\"since\":'$(($(date +%s) - {seconds}))'/")
}

fn warned(seen: &Seen) -> Vec<&str> {
    let all = lines(seen, "warning  ledger: ");
    all.into_iter()
        .filter(|line| line.contains("is owed something since"))
        .collect()
}

#[test]
fn what_has_waited_for_a_week_is_named_with_what_can_be_done() {
    let seen = changed(&put_off("flush"), 30, &since(8));
    assert_eq!(warned(&seen).len(), 1, "{seen:#?}");
    assert_eq!(seen.status, 1, "{seen:#?}");
    says(
        &seen,
        &[
            "not now",
            "-> `rcpolicy flush foo`, or `rcpolicy forget foo`",
        ],
    );
    let seen = changed(&put_off("reboot"), 30, &since(8));
    says(&seen, &["-> reboot, or `rcpolicy flush foo`"]);
}

#[test]
fn what_has_waited_for_less_is_no_more_than_said() {
    for days in [0, 6] {
        let seen = changed(&put_off("flush"), 30, &since(days));
        assert_eq!(warned(&seen), [""; 0], "{seen:#?}");
        says(
            &seen,
            &["fine     ledger: services that are owed something: 1"],
        );
    }
}

#[test]
fn a_clock_that_was_set_forward_since_makes_nothing_old() {
    // As where a machine without a battery hears of the time only after the boot.
    for days in [8, 400, 20_000] {
        let seen = changed(&put_off("flush"), 1, &since(days));
        assert_eq!(warned(&seen), [""; 0], "{seen:#?}");
    }
}

#[test]
fn a_clock_that_was_set_back_since_hides_nothing() {
    let asked = "s/\"at\":[0-9]+/\"at\":1000000/";
    let seen = changed(&put_off("flush"), 30, &format!("{}; {asked}", since(-400)));
    assert_eq!(warned(&seen).len(), 1, "{seen:#?}");
    let seen = changed(&put_off("flush"), 30, &since(-400));
    assert_eq!(warned(&seen), [""; 0], "{seen:#?}");
}

#[test]
fn what_keeps_failing_is_a_problem_and_its_reason_is_told() {
    let failed = "s/\"held\":/\"failed\":{\"tries\":3,\"why\":\"it ended with 7\",\"when\":1,\"at\":5},\"held\":/";
    let seen = changed(&put_off("flush"), 1, failed);
    assert_eq!(seen.status, 2, "{seen:#?}");
    says(
        &seen,
        &[
            "problem  ledger: what is owed to foo failed 3 times, the last time at 1970-01-01 00:00 UTC: it ended with 7",
            "-> mend it, then `rcpolicy flush foo`",
        ],
    );
}

#[test]
fn a_call_that_was_killed_in_the_middle_is_named() {
    // As it is noted of a call that an init is asked in; in the words of a note about the same life.
    let left = format!(
        "invoke-rc.d foo restart 2>/dev/null; part() {{ sed -E \"s/.*(\\\"$1\\\":\\{{[^}}]*\\}}).*/\\1/\" {NOTE}; }}\n\
         mkdir -m 755 /run/rcpolicy/begun\n\
         echo \"{{\\\"version\\\":1,$(part life),$(part who),\\\"at\\\":9000000000000000,\\\"when\\\":1,\
         \\\"tasks\\\":[{{\\\"unit\\\":\\\"bar.service\\\",\\\"due\\\":\\\"restart\\\"}}]}}\" >/run/rcpolicy/begun/77-5.json"
    );
    let seen = put_off("flush").call(&format!("{left}; rcpolicy doctor"));
    says(
        &seen,
        &[
            "warning  ledger: calls that were killed in the middle: 1",
            "-> `rcpolicy flush` looks what became of them, and finishes them",
        ],
    );
}
