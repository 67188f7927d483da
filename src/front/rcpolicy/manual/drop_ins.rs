//! The pages of the three drop-ins. Which options there are is read off what parses them; every one of them has
//! its words here, or this does not compile. Pure.

use super::roff::{Edition, Page, Section};
use crate::front::options::{HelperOption, InvokeOption, SystemdOption};

/// The three pages.
pub(super) fn pages(edition: Edition<'_>) -> [Page; 3] {
    [
        invoke_rc_d(edition),
        deb_systemd_invoke(edition),
        policy_rc_d(edition),
    ]
}

fn invoke_rc_d(edition: Edition<'_>) -> Page {
    let about = "rcpolicy in the place of invoke-rc.d";
    let mut page = begun("rcpolicy-invoke-rc.d", edition, about);
    page.verbatim("invoke-rc.d [options] NAME ACTION [arguments]");
    page.heading("Description");
    for text in [
        "The package rcpolicy diverts `/usr/sbin/invoke-rc.d` and puts this program in its place. Options, messages and \
         exit statuses are those of the stock tool, whose page `invoke-rc.d(8)` stays true, where `rcpolicy.toml(5)` \
         and the following do not say otherwise.",
        "A stop in an upgrade also stops what could start the service again before the new version is in place: its \
         sockets, paths, timers and its bus name. A service that the administrator stopped is not started again by an \
         upgrade. An init that is away, as while it executes itself anew, is waited for, and asked again only where \
         that is right.",
        "Options stand before NAME, or between NAME and ACTION. All that comes after ACTION is the init script's.",
    ] {
        page.paragraph(text);
    }
    page.heading("Options");
    for option in InvokeOption::ALL {
        page.item(option.as_str(), of_invoke(option));
    }
    page.heading("Exit status");
    for (status, text) in [
        ("0", "Done, or denied without `--disclose-deny`."),
        ("101", "Denied, with `--disclose-deny`."),
        ("102", "policy-rc.d failed, hung or wrote too much."),
        ("103", "Wrong arguments."),
        ("104", "With `--query`: allowed."),
        ("105", "With `--query`: nobody can tell."),
        (
            "other",
            "What the init script, rc-service or systemctl would end with.",
        ),
    ] {
        page.item(status, text);
    }
    ended(page, "`invoke-rc.d(8)`, `update-rc.d(8)`")
}

fn of_invoke(option: InvokeOption) -> &'static str {
    match option {
        InvokeOption::Quiet => "Says nothing of errors.",
        InvokeOption::Force => {
            "Goes ahead whatever policy-rc.d says, and past errors that are not fatal. What a rule of the \
             administrator's or a hold denies stays denied."
        }
        InvokeOption::TryAnyway => "Goes ahead past errors that are not fatal.",
        InvokeOption::DiscloseDeny => "Ends with 101, and not with 0, where the action is denied.",
        InvokeOption::Query => {
            "Does nothing, and tells by the exit status what would be done. Implies `--disclose-deny`."
        }
        InvokeOption::NoFallback => {
            "Does none of the actions that a policy names in place of this one."
        }
        InvokeOption::SkipSystemdNative => {
            "Does nothing where systemd runs and has a unit of its own for the service."
        }
        InvokeOption::Quiesce => {
            "Stops the service alone; what can start it stays as it is. The start to come restarts what was woken. The \
             stock tool does not know it: a package that must work with both ships a policy in place of it."
        }
        InvokeOption::Defer => {
            "Does it when the package operations are over. The stock tool does not know it, likewise."
        }
        InvokeOption::Help => "Shows the stock tool's help.",
    }
}

fn deb_systemd_invoke(edition: Edition<'_>) -> Page {
    let about = "rcpolicy in the place of deb-systemd-invoke";
    let mut page = begun("rcpolicy-deb-systemd-invoke", edition, about);
    page.verbatim(
        "deb-systemd-invoke [options] ACTION UNIT...\n\
         deb-systemd-invoke [options] --system|--user daemon-reload|daemon-reexec",
    );
    page.heading("Description");
    for text in [
        "The package rcpolicy diverts `/usr/bin/deb-systemd-invoke` and puts this program in its place. Options, \
         messages and exit statuses are those of the stock tool, see `deb-systemd-invoke(1p)`. Where systemd does not \
         run, and for actions that only systemctl knows, it is left to the stock tool.",
        "All units of one call become one plan. Each is asked about as `rcpolicy.toml(5)` says, and a socket, path or \
         timer that is named also as what it can start.",
        "`daemon-reload` and `daemon-reexec` return when all managers that were told answer again.",
    ] {
        page.paragraph(text);
    }
    page.heading("Options");
    page.paragraph("They stand anywhere, may be shortened, and have one dash or two.");
    for option in SystemdOption::ALL {
        page.item(&format!("--{}", option.as_str()), of_systemd(option));
    }
    page.heading("Exit status");
    for (status, text) in [
        ("0", "Done, or denied."),
        ("1", "Wrong arguments, or policy-rc.d failed."),
        ("255", "A start or restart failed."),
        ("other", "What systemctl would end with."),
    ] {
        page.item(status, text);
    }
    ended(page, "`deb-systemd-invoke(1p)`, `deb-systemd-helper(1p)`")
}

fn of_systemd(option: SystemdOption) -> &'static str {
    match option {
        SystemdOption::User => {
            "Units of users: what is asked is done in every user's manager that runs."
        }
        SystemdOption::System => "Units of the system, which is meant where nothing is said.",
        SystemdOption::NoDbus => {
            "Tells managers by a signal what can be told so, for calls at a time when the bus is away."
        }
        SystemdOption::Quiesce => "As with `rcpolicy-invoke-rc.d(8)`.",
        SystemdOption::Defer => "Does it when the package operations are over.",
    }
}

fn policy_rc_d(edition: Edition<'_>) -> Page {
    let about = "answers from the policy of rcpolicy for other tools that ask policy-rc.d";
    let mut page = begun("rcpolicy-policy-rc.d", edition, about);
    page.verbatim(
        "/usr/libexec/rcpolicy/policy-rc-d [options] NAME ACTIONS [RUNLEVEL]\n\
         /usr/libexec/rcpolicy/policy-rc-d --list NAME",
    );
    page.heading("Description");
    for text in [
        "Tools beside `invoke-rc.d` and `deb-systemd-invoke` ask `/usr/sbin/policy-rc.d` whether they may do something \
         to a service. This program answers them by the policy, see `rcpolicy.toml(5)`. It changes nothing. It is off \
         until the administrator turns it on by `rcpolicy answer-others on`: that a policy-rc.d is there at all changes what \
         the stock tools do.",
        "ACTIONS is one word that may have several actions, to be tried in turn. One in parentheses is asked for out of \
         its runlevel, and is denied where no rule of the administrator's allows it. What `rcpolicy` would do in another \
         way, or later, is a yes to others.",
    ] {
        page.paragraph(text);
    }
    page.heading("Options");
    for option in HelperOption::ALL {
        page.item(option.as_str(), of_helper(option));
    }
    page.heading("Exit status");
    for (status, text) in [
        ("0", "Allowed; with `--list`: shown."),
        ("101", "Denied."),
        ("103", "Wrong arguments."),
        (
            "106",
            "Other actions are to be tried, which stand on standard output.",
        ),
    ] {
        page.item(status, text);
    }
    ended(
        page,
        "`rcpolicy-answer-others(8)`, `rcpolicy-invoke-rc.d(8)`, `invoke-rc.d(8)`",
    )
}

fn of_helper(option: HelperOption) -> &'static str {
    match option {
        HelperOption::Quiet => "Says nothing of errors and denials.",
        HelperOption::List => "Shows the answer to each action, with the rule that makes it.",
    }
}

fn begun(name: &str, edition: Edition<'_>, about: &str) -> Page {
    let mut page = Page::new(name, Section::Administration, edition, about);
    page.heading("Synopsis");
    page
}

fn ended(mut page: Page, others: &str) -> Page {
    page.heading("See also");
    page.paragraph(&format!("`rcpolicy(8)`, `rcpolicy.toml(5)`, {others}"));
    page
}
