//! What a job asks of runsv, in its letters, and whether a service stands where the job wants it. Pure.

use super::status::{Phase, Run, Status, Want};
use crate::domain::{ActiveState, Verb};

/// What there is to do for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// Nothing: it stands where it should.
    Nothing,
    /// These letters, in one piece, and then waiting for that.
    Ask(&'static [u8], Goal),
    /// Nothing but waiting.
    Await(Goal),
    /// Only what runs can be reloaded.
    NotRunning,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// `run` runs.
    Up,
    /// `run` runs, and it is another one than this.
    Another(Option<Run>),
    /// Nothing of it runs, `finish` included.
    Down,
    /// runsv has read what was asked.
    Heard,
}

/// Whether the goal is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing is up that should be down, and the reverse.
    There(Option<Run>),
    /// runsv wants what the job wants, or has not said otherwise.
    OnItsWay,
    /// runsv wants something else.
    Contrary,
}

/// What `verb` needs of a service that stands like this. As `sv` does it: TERM and CONT, so that one
/// that is paused ends too; and HUP and CONT, by which runsv, for nothing else tells, shows that it has
/// read it.
pub(super) fn plan(verb: Verb, now: &Status) -> Plan {
    match (verb, now.active()) {
        // One that was told to end comes again by itself; many a daemon takes TERM for something else.
        (Verb::Start, ActiveState::Active) if now.want == Want::Up => Plan::Await(Goal::Up),
        (Verb::Start, _) => Plan::Ask(b"u", Goal::Up),
        (Verb::Stop | Verb::TryRestart, ActiveState::Inactive) => Plan::Nothing,
        (Verb::Stop, _) => Plan::Ask(b"d", Goal::Down),
        // On its way down it is somebody's will already.
        (Verb::TryRestart, ActiveState::Deactivating) => Plan::Nothing,
        (Verb::Reload | Verb::ReloadOrRestart, ActiveState::Active) => {
            Plan::Ask(b"hc", Goal::Heard)
        }
        // It reads its configuration when it comes up.
        (Verb::Reload, ActiveState::Activating) => Plan::Await(Goal::Up),
        (Verb::Reload, _) => Plan::NotRunning,
        (Verb::Restart | Verb::TryRestart | Verb::ReloadOrRestart, _) => {
            Plan::Ask(b"tcu", Goal::Another(now.run()))
        }
    }
}

impl Goal {
    /// Where the service stands. `heard` is whether runsv has written anything since it was asked.
    pub(super) fn standing(self, now: &Status, heard: bool) -> Standing {
        match self {
            Self::Heard if heard => Standing::There(now.run()),
            Self::Heard => Standing::OnItsWay,
            Self::Down => match (now.phase, now.want) {
                (Phase::Down, Want::Down | Want::Exit) => Standing::There(None),
                (_, Want::Up) if heard => Standing::Contrary,
                (Phase::Down | Phase::Run | Phase::Finish, _) => Standing::OnItsWay,
            },
            Self::Up | Self::Another(_) => match (now.run(), now.want) {
                (Some(run), Want::Up) if self.accepts(run) => Standing::There(Some(run)),
                (_, Want::Down | Want::Exit) if heard => Standing::Contrary,
                (Some(_) | None, _) => Standing::OnItsWay,
            },
        }
    }

    fn accepts(self, run: Run) -> bool {
        match self {
            Self::Another(before) => before != Some(run),
            Self::Up => true,
            Self::Down | Self::Heard => false,
        }
    }

    /// What brings it about where runsv wants something else.
    pub(super) fn letter(self) -> &'static [u8] {
        match self {
            Self::Up | Self::Another(_) => b"u",
            Self::Down => b"d",
            // Nothing is contrary to this one.
            Self::Heard => b"",
        }
    }

    /// How often the service may be seen to have gone down on the way.
    pub(super) fn falls(self) -> usize {
        match self {
            // What ran is to end first.
            Self::Another(Some(_)) => 1,
            Self::Another(None) | Self::Up | Self::Down | Self::Heard => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::status::tests::status;
    use super::*;

    const RUNS: [u8; 3] = [b'u', 0, 1];
    const ENDS: [u8; 3] = [b'd', 1, 1];
    const ONCE: [u8; 3] = [b'd', 0, 1];
    const FINISHES: [u8; 3] = [b'd', 0, 2];
    const DOWN: [u8; 3] = [b'd', 0, 0];
    const COMES: [u8; 3] = [b'u', 0, 0];

    fn of(rest: [u8; 3]) -> Status {
        status(if rest[2] == 0 { 0 } else { 7 }, rest)
    }

    #[test]
    fn what_is_asked_depends_on_where_it_stands() {
        let run = of(RUNS).run();
        let restart = |run| Plan::Ask(b"tcu", Goal::Another(run));
        let (start, stop) = (Plan::Ask(b"u", Goal::Up), Plan::Ask(b"d", Goal::Down));
        let reload = Plan::Ask(b"hc", Goal::Heard);
        let cases = [
            (Verb::Start, DOWN, start),
            (Verb::Start, ONCE, start),
            (Verb::Start, FINISHES, start),
            (Verb::Start, COMES, start),
            (Verb::Start, RUNS, Plan::Await(Goal::Up)),
            (Verb::Start, [b'u', 1, 1], Plan::Await(Goal::Up)),
            (Verb::Stop, DOWN, Plan::Nothing),
            (Verb::Stop, RUNS, stop),
            (Verb::Stop, ONCE, stop),
            (Verb::Stop, COMES, stop),
            (Verb::Stop, FINISHES, stop),
            (Verb::Restart, DOWN, restart(None)),
            (Verb::Restart, RUNS, restart(run)),
            (Verb::Restart, FINISHES, restart(None)),
            (Verb::TryRestart, DOWN, Plan::Nothing),
            (Verb::TryRestart, ENDS, Plan::Nothing),
            (Verb::TryRestart, FINISHES, Plan::Nothing),
            (Verb::TryRestart, ONCE, restart(run)),
            (Verb::TryRestart, RUNS, restart(run)),
            (Verb::Reload, RUNS, reload),
            (Verb::Reload, ONCE, reload),
            (Verb::Reload, DOWN, Plan::NotRunning),
            (Verb::Reload, ENDS, Plan::NotRunning),
            (Verb::Reload, COMES, Plan::Await(Goal::Up)),
            (Verb::ReloadOrRestart, RUNS, reload),
            (Verb::ReloadOrRestart, DOWN, restart(None)),
        ];
        for (verb, rest, expected) in cases {
            assert_eq!(plan(verb, &of(rest)), expected, "{verb} at {rest:?}");
        }
    }

    #[test]
    fn a_finish_that_runs_is_not_down_and_an_old_run_is_not_another() {
        let goal = Goal::Another(of(RUNS).run());
        assert_eq!(goal.standing(&of(RUNS), true), Standing::OnItsWay);
        let new = status(8, RUNS);
        assert_eq!(goal.standing(&new, true), Standing::There(new.run()));
        assert_eq!(Goal::Down.standing(&of(FINISHES), true), Standing::OnItsWay);
        let between = status(0, FINISHES);
        assert_eq!(Goal::Down.standing(&between, true), Standing::OnItsWay);
        assert_eq!(Goal::Down.standing(&of(DOWN), true), Standing::There(None));
        // Between two runs of one that is wanted up.
        assert_eq!(Goal::Down.standing(&of(COMES), false), Standing::OnItsWay);
        assert_eq!(Goal::Up.standing(&of(COMES), true), Standing::OnItsWay);
    }

    #[test]
    fn a_contrary_will_counts_only_after_runsv_has_said_anything() {
        assert_eq!(Goal::Up.standing(&of(DOWN), false), Standing::OnItsWay);
        assert_eq!(Goal::Up.standing(&of(DOWN), true), Standing::Contrary);
        assert_eq!(Goal::Down.standing(&of(RUNS), false), Standing::OnItsWay);
        assert_eq!(Goal::Down.standing(&of(RUNS), true), Standing::Contrary);
    }

    #[test]
    fn a_reload_is_over_when_it_was_read_and_not_before() {
        assert_eq!(Goal::Heard.standing(&of(RUNS), false), Standing::OnItsWay);
        let there = Standing::There(of(RUNS).run());
        assert_eq!(Goal::Heard.standing(&of(RUNS), true), there);
    }
}
