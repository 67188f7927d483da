//! Whether a flush has definitions to look at, and whom it asks about their services.

use crate::definitions::{ByInit, Compiled, Part, Patience};
use crate::domain::ServiceName;
use crate::front::rcpolicy::definitions::{self, Kept, Scope, dues, is_compiled};
use crate::front::rcpolicy::{Failure, Place};
use crate::ledger::Ledger;
use crate::policy::{self, Keep, Policy, Roots};
use crate::report::console::Console;

use super::bringing::Bringing;
use super::compiling::Compiling;
use super::leave::Leave;
use super::occasion::{Left, Occasion};
use super::payer::Means;
use super::{payer, session};

/// Whether a definition is to be brought up to date at a batch's end, or may be.
pub(in crate::front::rcpolicy) fn is_due(place: &Place) -> bool {
    !dues(place, Scope::All).is_empty()
}

/// One flush, as far as definitions go.
#[derive(Clone, Copy)]
pub(super) struct Occurrence<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) occasion: Occasion<'a>,
    pub(super) place: &'a Place,
}

/// Brings the definitions of services up to date, where they are directories of their own, and as far as `most`
/// goes. What is left; `None` where there was nothing to be said.
///
/// # Errors
/// When dpkg's database cannot be read.
pub(super) fn bring(
    here: Occurrence<'_>,
    most: Scope,
    console: &mut Console<'_>,
) -> Result<Option<Left>, Failure> {
    if !definitions::may_be_any(here.place) {
        return Ok(None);
    }
    let policy = policy::load(&Roots::under(&here.place.root, Keep::No));
    let mut left: Option<Left> = None;
    for kept in definitions::all(here.place, &policy) {
        if let Some(more) = bring_kept(here, &kept.within(most), &policy, console)? {
            left.get_or_insert(Left::NOTHING).join(more);
        }
    }
    Ok(left)
}

fn bring_kept(
    here: Occurrence<'_>,
    kept: &Kept,
    policy: &Policy,
    console: &mut Console<'_>,
) -> Result<Option<Left>, Failure> {
    let place = here.place;
    let compiled = Compiled::beside(&kept.places.records);
    let mut compiler = kept.compiler(place, policy);
    let compiles = compiler
        .as_ref()
        .is_some_and(|compiler| is_compiled(&compiled, compiler));
    if !compiles && kept.survey().is_ok_and(|found| found.is_empty()) {
        return Ok(None);
    }
    let Some(mut init) = place.init(kept.kind, policy)? else {
        return Ok(None);
    };
    let find = |service: &ServiceName, part: Part| kept.asked(policy, service, part);
    let mut supervisor = ByInit::new(&find, Patience::default());
    let session = session(here.ledger.clone(), policy.clone(), place);
    let payer = payer(session, &mut Means::Init(init.as_mut()), place)?;
    let brought = Bringing {
        leave: Leave {
            payer: &payer,
            occasion: here.occasion,
            init: init.as_mut(),
        },
        supervisor: &mut supervisor,
        console,
        places: &kept.places,
        scope: kept.scope,
    };
    let mut left = brought.all();
    if let Some(compiler) = &mut compiler {
        let compiling = Compiling {
            leave: Leave {
                payer: &payer,
                occasion: here.occasion,
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
