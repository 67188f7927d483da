//! The stock invoke-rc.d's own reasoning: runlevel links, policy-rc.d's answer, exit statuses.
//! Pure: what it needs was observed before, what it says goes out as notices. The scripts of
//! init-system-helpers are the reference, their documentation is not.

use crate::domain::{Action, HelperAnswer, Links, RunlevelLink};

/// Exit statuses of the policy layer, as invoke-rc.d and policy-rc.d use them.
pub mod status {
    /// Action allowed, in policy-rc.d's own words.
    pub const YES: u8 = 0;
    /// An action that nobody knows.
    pub const UNKNOWN: u8 = 1;
    /// Action denied.
    pub const DENIED: u8 = 101;
    /// Something the policy layer depends on failed.
    pub const ERROR: u8 = 102;
    /// Wrong arguments.
    pub const SYNTAX: u8 = 103;
    /// Action allowed.
    pub const ALLOWED: u8 = 104;
    /// The policy does not say.
    pub const UNDEFINED: u8 = 105;
    /// Other actions are to be tried instead.
    pub const FALLBACK: u8 = 106;
}

/// A line for stderr; `--quiet` swallows it.
pub type Notice = String;

/// The options that change the reasoning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// `--force`, or a shutdown.
    pub force: bool,
    /// `--try-anyway`, and whatever implies it.
    pub retry: bool,
    /// `--disclose-deny`, and whatever implies it.
    pub disclose: bool,
    /// `--query`
    pub query: bool,
    /// `--no-fallback`
    pub no_fallback: bool,
}

/// Notices about links that are not what they should be, or that nobody knows of.
pub fn check_links(links: &Links) -> Vec<Notice> {
    let all = links.start.iter().chain(&links.kill).chain(&links.boot);
    let wrong = all.flat_map(|link| {
        let not_link = (!link.is_link).then(|| format!("not a symlink: {}", link.path));
        let dangling = (!link.leads_to_file).then(|| format!("dangling symlink: {}", link.path));
        not_link.into_iter().chain(dangling)
    });
    links.unread.iter().cloned().chain(wrong).collect()
}

/// What the links say of an action: `None` where they are not asked.
pub fn judge_links(action: &Action, links: &Links) -> Option<u8> {
    let any = |links: &[RunlevelLink]| links.iter().any(|link| link.executable);
    action.needs_link().then(|| {
        if any(&links.start) {
            status::ALLOWED
        } else if any(&links.kill) {
            status::DENIED
        } else if any(&links.boot) {
            status::ALLOWED
        } else {
            status::DENIED
        }
    })
}

/// The action's name as policy-rc.d is told it: in parentheses where the runlevel forbids it.
pub fn asked_action(action: &Action, local: Option<u8>) -> String {
    if local == Some(status::DENIED) && action.needs_link() {
        format!("({action})")
    } else {
        action.as_str().to_owned()
    }
}

/// What the whole policy layer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// One of [`status`].
    pub code: u8,
    /// The actions to try in turn.
    pub actions: Vec<String>,
    /// Set where the process ends at once with this status.
    pub exit: Option<u8>,
    /// What is said about it.
    pub notices: Vec<Notice>,
}

/// `a, b` and `action` or `actions`, as the stock messages put it.
pub fn format_actions(actions: &[String]) -> (String, &'static str) {
    let naction = if actions.len() == 1 {
        "action"
    } else {
        "actions"
    };
    (actions.join(", "), naction)
}

/// Judges policy-rc.d's answer. `local` is what links or unit state said before;
/// `has_init` whether `/sbin/init` exists, which only matters without a policy-rc.d.
pub fn judge(
    action: &Action,
    local: Option<u8>,
    answer: &HelperAnswer,
    has_init: bool,
    options: Options,
) -> Judgement {
    let local = match (local, options.query) {
        (None, true) => Some(status::UNDEFINED),
        (local, _) => local,
    };
    let mut judgement = match answer {
        HelperAnswer::Absent => without_helper(action, local, has_init, options.force),
        HelperAnswer::Said { status, stdout } => with_helper(action, *status, stdout, options),
    };
    if !matches!(judgement.code, status::DENIED | status::ALLOWED) && !options.query {
        let code = judgement.code;
        judgement
            .notices
            .push(format!("policy-rc.d returned error status {code}"));
        if options.retry {
            judgement.code = status::ERROR;
        } else {
            judgement.exit = Some(code);
        }
    }
    judgement
}

fn without_helper(action: &Action, local: Option<u8>, has_init: bool, force: bool) -> Judgement {
    let mut notices = Vec::new();
    let mut code = local;
    if !has_init {
        if force {
            notices.push(
                "WARNING: No init system and policy-rc.d missing, but force specified so proceeding."
                    .to_owned(),
            );
        } else {
            notices.push(
                "WARNING: No init system and policy-rc.d missing! Defaulting to block.".to_owned(),
            );
            code = Some(status::DENIED);
        }
    }
    Judgement {
        code: code.unwrap_or(status::ALLOWED),
        actions: vec![action.as_str().to_owned()],
        exit: None,
        notices,
    }
}

fn with_helper(action: &Action, said: u8, stdout: &str, options: Options) -> Judgement {
    let mut judgement = Judgement {
        code: said,
        actions: vec![action.as_str().to_owned()],
        exit: None,
        notices: Vec::new(),
    };
    let (shown, _) = format_actions(&judgement.actions);
    match said {
        0 => judgement.code = status::ALLOWED,
        1 => judgement.code = status::UNDEFINED,
        status::DENIED if options.force => {
            judgement.notices.push(format!(
                "Overriding policy-rc.d denied execution of {shown}."
            ));
            judgement.code = status::ALLOWED;
        }
        status::DENIED => {
            judgement
                .notices
                .push(format!("policy-rc.d denied execution of {shown}."));
        }
        _ => {}
    }
    if !options.query {
        settle(&mut judgement, &shown, stdout, options);
    }
    if !(100..=106).contains(&judgement.code) {
        judgement.notices.push(format!(
            "WARNING: policy-rc.d returned unexpected error status {}, 102 used instead.",
            judgement.code
        ));
        judgement.code = status::ERROR;
    }
    judgement
}

/// Turns "undefined" and "fallback" into something to do.
fn settle(judgement: &mut Judgement, shown: &str, stdout: &str, options: Options) {
    match judgement.code {
        status::UNDEFINED => {
            judgement
                .notices
                .push("policy-rc.d query returned \"behaviour undefined\",".to_owned());
            judgement
                .notices
                .push(format!("assuming \"{shown}\" is allowed."));
            judgement.code = status::ALLOWED;
        }
        status::FALLBACK => {
            let actions: Vec<String> = stdout.split_whitespace().map(str::to_owned).collect();
            let (shown, naction) = format_actions(&actions);
            if options.force || options.no_fallback {
                judgement
                    .notices
                    .push(format!("ignoring policy-rc.d fallback request: {shown}."));
                judgement.code = if options.force {
                    status::ALLOWED
                } else {
                    status::DENIED
                };
            } else {
                judgement.notices.push(format!(
                    "executing {naction} \"{shown}\" instead due to policy-rc.d request."
                ));
                judgement.actions = actions;
                judgement.code = status::ALLOWED;
            }
        }
        _ => {}
    }
}

/// The exit status and message of an action that was not executed.
pub fn not_executed(judgement: &Judgement, disclose: bool) -> (u8, Option<Notice>) {
    if judgement.code == status::DENIED && !disclose {
        if judgement
            .actions
            .first()
            .is_some_and(|action| action == "status")
        {
            let text = "emulating initscript action \"status\", returning \"unknown\"".to_owned();
            return (4, Some(text));
        }
        return (0, None);
    }
    let (shown, naction) = format_actions(&judgement.actions);
    (
        judgement.code,
        Some(format!("initscript {naction} \"{shown}\" not executed.")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u8, stdout: &str) -> HelperAnswer {
        HelperAnswer::Said {
            status,
            stdout: stdout.to_owned(),
        }
    }

    #[test]
    fn exit_statuses_follow_the_stock_table() {
        let plain = Options::default();
        let force = Options {
            force: true,
            retry: true,
            ..plain
        };
        let retry = Options {
            retry: true,
            ..plain
        };
        let no_fallback = Options {
            no_fallback: true,
            ..plain
        };
        let query = Options {
            query: true,
            disclose: true,
            ..plain
        };
        // policy-rc.d's status, options -> code, exit
        let table = [
            (0, plain, 104, None),
            (1, plain, 104, None),
            (100, plain, 100, Some(100)),
            (101, plain, 101, None),
            (101, force, 104, None),
            (102, plain, 102, Some(102)),
            (103, retry, 102, None),
            (104, plain, 104, None),
            (105, plain, 104, None),
            (106, plain, 104, None),
            (106, no_fallback, 101, None),
            (106, force, 104, None),
            (106, query, 106, None),
            (105, query, 105, None),
            (7, plain, 102, Some(102)),
            (127, plain, 102, Some(102)),
            (7, query, 102, None),
        ];
        for (helper, options, code, exit) in table {
            let got = judge(
                &Action::Start,
                Some(101),
                &said(helper, "reload"),
                true,
                options,
            );
            assert_eq!((got.code, got.exit), (code, exit), "{helper} {options:?}");
        }
    }

    #[test]
    fn every_word_of_a_fallback_becomes_an_action_over_all_lines() {
        let got = judge(
            &Action::Restart,
            None,
            &said(106, "stop\n start\treload\n"),
            true,
            Options::default(),
        );
        assert_eq!(got.actions, ["stop", "start", "reload"]);
    }

    #[test]
    fn a_start_out_of_runlevel_is_asked_in_parentheses() {
        assert_eq!(
            asked_action(&Action::Start, Some(status::DENIED)),
            "(start)"
        );
        assert_eq!(asked_action(&Action::Stop, Some(status::DENIED)), "stop");
        assert_eq!(
            asked_action(&Action::Restart, Some(status::ALLOWED)),
            "restart"
        );
    }

    #[test]
    fn without_policy_and_without_init_everything_is_blocked() {
        let got = judge(
            &Action::Stop,
            None,
            &HelperAnswer::Absent,
            false,
            Options::default(),
        );
        assert_eq!(got.code, status::DENIED);
        let force = Options {
            force: true,
            retry: true,
            ..Options::default()
        };
        let got = judge(&Action::Stop, None, &HelperAnswer::Absent, false, force);
        assert_eq!(got.code, status::ALLOWED);
    }

    #[test]
    fn a_denied_status_is_emulated() {
        let got = judge(
            &Action::Status,
            None,
            &said(101, ""),
            true,
            Options::default(),
        );
        assert_eq!(not_executed(&got, false).0, 4);
        assert_eq!(not_executed(&got, true).0, 101);
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        let seeds = ["reload force-reload\n", "restart", "\n", "stop start"];
        crate::testing::mutations::mutated_text(
            &seeds,
            &[" ", "\n", "start", "(start)", "\t"],
            |text| {
                for ended in [0, 1, 100, 101, 102, 103, 104, 106, 137] {
                    let _ = with_helper(&Action::Restart, ended, text, Options::default());
                }
            },
        );
    }
}
