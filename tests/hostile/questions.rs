//! A question to the init that failed is not an answer. Decided alone, for no running init fails on demand.

use rcpolicy::decide::decide;
use rcpolicy::domain::{
    Action, Context, Facts, FrontEnd, HelperAnswer, InitKind, Known, Request, Scope, UnitFacts,
    UnitName, Verdict,
};
use rcpolicy::policy::{Keep, Roots, load};

fn verdict(action: Action) -> Verdict {
    let nothing = tempfile::tempdir().unwrap();
    let policy = load(&Roots::under(nothing.path(), Keep::No));
    let unit = UnitName::parse("foo.service").unwrap();
    let request = Request {
        front: FrontEnd::DebSystemdInvoke,
        named: unit.to_string(),
        unit: unit.clone(),
        action,
        flags: Vec::new(),
        scope: Scope::System,
        context: Context::default(),
    };
    let facts = Facts {
        now: 0,
        life: None,
        init: InitKind::Systemd,
        capabilities: InitKind::Systemd.capabilities(),
        machine: Known::default(),
        unit: UnitFacts::unknown(&unit, "the connection was lost"),
        related: Vec::new(),
        helper: HelperAnswer::Absent,
        helper_related: Vec::new(),
    };
    decide(&request, &facts, &policy, None).verdict
}

#[test]
fn whether_a_unit_is_enabled_is_not_known_and_that_is_an_error_and_no_no() {
    for action in [Action::Start, Action::Restart] {
        assert_eq!(verdict(action), Verdict::Emulate(1));
    }
    assert_eq!(
        verdict(Action::TryRestart),
        Verdict::Run(Action::TryRestart)
    );
}
