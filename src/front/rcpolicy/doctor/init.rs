//! Which init runs here, and whether it answers.

use std::path::Path;

use crate::domain::Manner;
use crate::front::machine::upstart;
use crate::front::rcpolicy::{PATIENCE, Place};
use crate::observe::detect;
use crate::observe::offline::{self, Reach};
use crate::policy::Policy;
use crate::report::Voice;
use crate::report::doctor::{Finding, Level};

const PART: &str = "init";

pub(super) fn examine(place: &Place, policy: &Policy) -> Finding {
    let kind = detect::init_under(&place.root);
    let name = kind.as_str();
    if place.root != Path::new("/") || offline::reach() == Reach::Offline {
        let text =
            format!("{name}, of another root (a chroot, or told to stay offline): it is not asked");
        return Finding::new(Level::Note, PART, text);
    }
    let answered = match kind.manner() {
        Manner::Services | Manner::Scripts => {
            let text = format!("{name}: there is nothing that would have to answer");
            return Finding::new(Level::Fine, PART, text);
        }
        Manner::Jobs => upstart(policy, &Voice::new("rcpolicy"))
            .answers_within(PATIENCE)
            .map(drop)
            .map_err(|error| error.to_string()),
        Manner::Units => match place.systemd(policy) {
            Ok(systemd) => systemd
                .waiting(PATIENCE)
                .answers_within(PATIENCE)
                .map(drop)
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        },
    };
    match answered {
        Ok(()) => Finding::new(Level::Fine, PART, format!("{name} answers")),
        Err(why) => {
            let text = format!("{name} does not answer: {why}");
            match place.is_root {
                true => Finding::new(Level::Problem, PART, text)
                    .advising("`rcpolicy wait init`; if it stays away, kill -TERM 1 has systemd re-execute itself"),
                false => super::unseen(place, PART, text),
            }
        }
    }
}
