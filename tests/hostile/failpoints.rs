//! A flush that is killed between any two of its steps, in a build that can be told where (the feature `failpoints`);
//! in any other, what would tell it is nothing.

use super::world::World;

const DEFER: &str =
    "[[rule]]\nservice = \"foo\"\naction = \"restart\"\ndecide = \"defer\"\nuntil = \"flush\"\n";

#[cfg(not(feature = "failpoints"))]
#[test]
fn what_is_shipped_knows_no_failpoint() {
    for point in rcpolicy::failpoint::Point::ALL {
        let story = format!(
            "invoke-rc.d foo restart 2>/dev/null; RCPOLICY_FAILPOINT={} rcpolicy flush; echo \"status $?\"",
            point.name()
        );
        let seen = World::new().policy(DEFER).call(&story);
        assert!(seen.stdout.ends_with("status 0\n"), "{seen:#?}");
        seen.ran(&["1 foo restart"]);
    }
}

/// Run by `cargo test --features failpoints --test hostile failpoints`.
#[cfg(feature = "failpoints")]
#[test]
fn a_flush_killed_at_any_of_its_steps_loses_nothing() {
    const KILLED: &str = "status 137";
    let mut reached = Vec::new();
    for point in rcpolicy::failpoint::Point::ALL {
        let name = point.name();
        let story = format!(
            "invoke-rc.d foo restart 2>/dev/null; RCPOLICY_FAILPOINT={name} rcpolicy flush; echo \"status $?\"; rcpolicy flush; rcpolicy pending"
        );
        let seen = World::new().policy(DEFER).call(&story);
        if seen.stdout.contains(KILLED) {
            reached.push(name);
        }
        assert!(
            seen.stdout.ends_with("nothing is owed\n"),
            "{name}: {seen:#?}"
        );
        assert!(seen.ran.contains("1 foo restart"), "{name}: {seen:#?}");
    }
    // A script is run again where nobody knows whether it was: that is what can be told without an init.
    let steps = ["paying", "verified", "struck", "ran", "replacing"];
    assert_eq!(reached, steps);
}
