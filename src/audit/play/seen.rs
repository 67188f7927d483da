//! What is looked at while a way is played, beside what the model records by itself.

use std::collections::BTreeMap;

use crate::domain::UnitName;
use crate::init::simulated::{Micros, View};

use super::bench::Bench;

/// What was seen while the way was played.
pub(super) struct Seen {
    /// The machine's time at which the way began.
    pub(super) zero: Micros,
    /// How long it is shown.
    pub(super) end: Micros,
    /// How the units stood at its beginning.
    pub(super) before: BTreeMap<UnitName, View>,
    /// Services that calls on the bus are kept from starting: from when, until when.
    pub(super) held: BTreeMap<UnitName, Vec<(Micros, Option<Micros>)>>,
}

/// How all units stand.
pub(super) fn states(bench: &Bench<'_>) -> BTreeMap<UnitName, View> {
    let names = bench.machine.names().into_iter();
    let views = names.filter_map(|name| Some((name.clone(), bench.machine.view(&name)?)));
    views.collect()
}
