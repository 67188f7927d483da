//! Templates in a flush: what was asked of `foo@` while its init was away stands for the instances that run
//! now. Each of them is a debt of its own from then on.

use crate::front::perform::Session;
use crate::init::Init;
use crate::ledger::Entry;
use crate::report::console::Console;

use super::occasion::{Again, Left};

/// Puts the instances in the places of the templates that something is owed to.
pub(super) fn expand(
    session: &Session,
    init: &mut dyn Init,
    left: &mut Left,
    console: &mut Console<'_>,
) {
    let Some(ledger) = &session.ledger else {
        return;
    };
    let entries = match ledger.about(|service| service.unit().is_template()) {
        Ok(entries) => entries,
        // Whoever lists all of them tells.
        Err(_) => return,
    };
    for entry in entries {
        if let Err(why) = in_place_of(session, init, &entry) {
            let service = &entry.service;
            console.say_once(
                service.as_str(),
                &format!("{service}: still owed: which instances it has is not known: {why}"),
            );
            left.keep(Again::Later);
        }
    }
}

fn in_place_of(session: &Session, init: &mut dyn Init, template: &Entry) -> Result<(), String> {
    let (Some(ledger), Some(owed)) = (&session.ledger, &template.owed) else {
        return Err("nothing says what is owed to it".to_owned());
    };
    let instances = session.instances(init, &template.unit, &owed.due.action());
    let instances = instances.map_err(|error| error.to_string())?;
    let mut locked = ledger.lock().map_err(|error| error.to_string())?;
    for unit in instances {
        let instance = Entry {
            service: unit.service(),
            unit,
            ..template.clone()
        };
        // Once more after a kill: it comes to the same.
        locked.merge(instance).map_err(|error| error.to_string())?;
    }
    let struck = locked.pay(template, None);
    struck.map(drop).map_err(|error| error.to_string())
}
