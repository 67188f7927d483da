//! Whether a flush has definitions to look at, and whom it asks about their services.

use crate::definitions::{Asked, ByInit, Compiled, Part, Patience};
use crate::domain::{ServiceName, UnitName};
use crate::front::machine;
use crate::front::rcpolicy::definitions::{
    compiler, has_places, is_compiled, may_be_due, places, survey,
};
use crate::front::rcpolicy::{Failure, Place};
use crate::ledger::Ledger;
use crate::observe::detect;
use crate::policy::{self, Keep, Roots};
use crate::report::Voice;
use crate::report::console::Console;

use super::bringing::Bringing;
use super::compiling::Compiling;
use super::leave::Leave;
use super::occasion::{Left, Occasion};
use super::payer::Means;
use super::{payer, session};

/// Whether a definition is to be brought up to date at a batch's end, or may be.
pub(in crate::front::rcpolicy) fn is_due(place: &Place) -> bool {
    let kind = detect::init_under(&place.root);
    if !has_places(kind) {
        return false;
    }
    let policy = policy::load(&Roots::under(&place.root, Keep::No));
    let Some(places) = places(kind, place, &policy) else {
        return false;
    };
    let tries = policy.settings().flush_tries;
    let compiled = Compiled::beside(&places.records);
    let compiler = compiler(&places, place, &policy);
    // What cannot be looked at is told by whoever tries to bring it up to date.
    compiler.is_some_and(|compiler| is_compiled(&compiled, &compiler))
        || survey(places).map_or(true, |found| {
            found.iter().any(|looked| may_be_due(looked, tries))
        })
}

/// Brings the definitions of services up to date, where they are directories of their own. What is left;
/// `None` where there was nothing to be said.
///
/// # Errors
/// When dpkg's database cannot be read.
pub(super) fn bring(
    ledger: &Ledger,
    occasion: Occasion<'_>,
    place: &Place,
    console: &mut Console<'_>,
) -> Result<Option<Left>, Failure> {
    let kind = detect::init_under(&place.root);
    if !has_places(kind) {
        return Ok(None);
    }
    let policy = policy::load(&Roots::under(&place.root, Keep::No));
    let (Some(places), Some(mut init)) = (places(kind, place, &policy), place.init(kind, &policy)?)
    else {
        return Ok(None);
    };
    let compiled = Compiled::beside(&places.records);
    let mut compiler = compiler(&places, place, &policy);
    let compiles = compiler
        .as_ref()
        .is_some_and(|compiler| is_compiled(&compiled, compiler));
    if !compiles && survey(places.clone()).is_ok_and(|found| found.is_empty()) {
        return Ok(None);
    }
    let live = places.live.clone();
    let voice = Voice::new("rcpolicy");
    let find = |service: &ServiceName, part: Part| {
        let (directory, name) = part.found_in(&live, service);
        Some(Asked {
            init: machine::supervisor(kind, &directory, &policy, &voice)?,
            unit: UnitName::parse(name).ok()?,
        })
    };
    let mut supervisor = ByInit::new(&find, Patience::default());
    let session = session(ledger.clone(), policy.clone(), place);
    let payer = payer(session, &mut Means::Init(init.as_mut()), place)?;
    let brought = Bringing {
        leave: Leave {
            payer: &payer,
            occasion,
            init: init.as_mut(),
        },
        supervisor: &mut supervisor,
        console,
        places: &places,
    };
    let mut left = brought.all();
    if let Some(compiler) = &mut compiler {
        let compiling = Compiling {
            leave: Leave {
                payer: &payer,
                occasion,
                init: init.as_mut(),
            },
            compiled,
            compiler,
            console,
        };
        if let Some(more) = compiling.all() {
            left.get_or_insert(Left::NOTHING).join(more);
        }
    }
    Ok(left)
}
