//! Plays one way on one machine under one hand: what dpkg and the scripts do, one after the other, in the
//! model's time.

use std::collections::BTreeMap;

use crate::audit::call::{Call, Side};
use crate::domain::{JobOutcome, Phase as Asking, UnitName};
use crate::init::simulated::{Client, Micros};

use super::bench::Bench;
use super::hands::{Asker, Did, Hand, carry_out, flush, is_done};
use super::meaning::{Change, Meant, meant};
use super::seen::{Seen, states};
use super::stage::{Carried, Did as Job, Phase, Stage};
use super::tracks;
use super::ways::{Deed, Run, Variant};

/// Microseconds that things take: assumptions, of the order of those of the upgrade that `rcpolicy simulate`
/// plays by itself.
pub(super) mod takes {
    use crate::audit::play::definitions::MS;
    use crate::init::simulated::Micros;

    /// Before dpkg does anything.
    pub(in crate::audit::play) const LEAD: Micros = 60 * MS;
    /// From the start of a script to its first call.
    pub(in crate::audit::play) const SHELL: Micros = 5 * MS;
    /// From a call to its effect.
    pub(in crate::audit::play) const CALL: Micros = 10 * MS;
    /// dpkg between two steps.
    pub(in crate::audit::play) const STEP: Micros = 30 * MS;
    /// Replacing or removing the files.
    pub(in crate::audit::play) const UNPACK: Micros = 120 * MS;
    /// After the last step.
    pub(in crate::audit::play) const AFTER: Micros = 130 * MS;
    /// Clients settle before anything is shown, and get their answers after it.
    pub(in crate::audit::play) const SETTLE: Micros = 100 * MS;
    /// What is still open afterwards ends.
    pub(in crate::audit::play) const END: Micros = 1000 * MS;
}

/// Who connects.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crowd {
    /// Clients of each socket and each bus name.
    pub(super) clients: u32,
    /// Microseconds between two connections of a client.
    pub(super) every: Micros,
}

/// A way that is being played.
pub(super) struct Runner<'a, 'b> {
    pub(super) bench: &'b mut Bench<'a>,
    hand: &'b mut Hand,
    package: &'b str,
    zero: Micros,
    calls: usize,
    phases: Vec<Phase>,
    carried: Vec<Carried>,
    /// Services that calls on the bus are kept from starting: from when, until when.
    held: BTreeMap<UnitName, Vec<(Micros, Option<Micros>)>>,
}

/// Plays `variant` on `bench`.
pub(super) fn play<'a>(
    bench: &mut Bench<'a>,
    hand: &mut Hand,
    package: &str,
    (variant, crowd): (&Variant, Crowd),
) -> Stage {
    foresee(bench, variant);
    open(bench, crowd);
    bench.pass(takes::SETTLE);
    let zero = bench.machine.now();
    let before = states(bench);
    let mut runner = Runner {
        bench,
        hand,
        package,
        zero,
        calls: 0,
        phases: Vec::new(),
        carried: Vec::new(),
        held: BTreeMap::new(),
    };
    let end = runner.all(variant);
    let seen = Seen {
        zero,
        end,
        before,
        held: runner.held,
    };
    tracks::stage(runner.bench, seen, (runner.phases, runner.carried))
}

/// What scripts will name of other packages is there, and runs, before anything begins.
fn foresee(bench: &mut Bench<'_>, variant: &Variant) {
    for deed in &variant.deeds {
        let Deed::Script(_, calls) = deed else {
            continue;
        };
        for text in calls.iter().flat_map(|call| meant(call).named()) {
            bench.units(&text);
        }
    }
}

/// Lets the clients come: to each socket, and to each service that a call on the bus starts.
fn open(bench: &mut Bench<'_>, crowd: Crowd) {
    let mut wanted: Vec<UnitName> = bench.triggers().into_values().flatten().collect();
    wanted.sort();
    wanted.dedup();
    for to in wanted.into_iter().filter(takes_clients) {
        for _ in 0..crowd.clients {
            bench.machine.connect_every(Client {
                to: to.clone(),
                every: crowd.every,
            });
        }
    }
}

/// A path and a timer have no clients: only a socket, and a service by its bus name.
fn takes_clients(name: &UnitName) -> bool {
    use crate::domain::UnitKind;
    matches!(name.kind(), UnitKind::Socket | UnitKind::Service)
}

impl Runner<'_, '_> {
    fn now(&self) -> Micros {
        self.bench.machine.now().saturating_sub(self.zero)
    }

    /// Plays all of it, and returns when nobody looks any more.
    fn all(&mut self, variant: &Variant) -> Micros {
        self.bench.pass(takes::LEAD);
        for deed in &variant.deeds {
            self.deed(deed);
            self.bench.pass(takes::STEP);
        }
        self.batch_end();
        self.bench.pass(takes::AFTER);
        let end = self.now();
        self.bench.machine.dismiss_clients();
        self.bench.pass(takes::END);
        end
    }

    fn deed(&mut self, deed: &Deed) {
        let from = self.now();
        let what = match deed {
            Deed::Script(run, calls) => {
                self.bench.pass(takes::SHELL);
                for call in calls {
                    self.call(run, call);
                }
                run.shown()
            }
            Deed::Unpack => self.unpack(Side::New, "unpack"),
            Deed::Restore => self.unpack(Side::Old, "restore"),
            Deed::RemoveFiles => {
                self.bench.half_unpacked();
                self.bench.pass(takes::UNPACK);
                self.bench.removed();
                "remove files".to_owned()
            }
            Deed::RemoveConfiguration => {
                self.bench.pass(takes::STEP);
                "remove configuration".to_owned()
            }
        };
        let to = self.now();
        self.phases.push(Phase { what, from, to });
    }

    /// The files of `side` take the place of those that are there.
    fn unpack(&mut self, side: Side, what: &str) -> String {
        self.bench.half_unpacked();
        self.bench.pass(takes::UNPACK);
        self.bench.unpacked(side);
        what.to_owned()
    }

    fn call(&mut self, run: &Run, call: &Call) {
        let from = self.now();
        self.bench.pass(takes::CALL);
        let asker = Asker {
            package: self.package.to_owned(),
            script: run.script.as_str(),
            phase: run.phase(),
        };
        let did = carry_out(self.bench, self.hand, &meant(call), &asker);
        let number = self.calls;
        self.calls += 1;
        self.carry(Some(number), from, did);
    }

    fn carry(&mut self, call: Option<usize>, from: Micros, did: Did) {
        let jobs = did.jobs.into_iter().map(|(job, outcome)| Job {
            verb: job.verb.as_str(),
            unit: job.unit,
            failed: failure(&outcome),
        });
        let to = self.now();
        self.carried.push(Carried {
            call,
            from,
            to,
            jobs: jobs.collect(),
            said: did.said,
        });
        self.look_at_holds(from);
    }

    /// The model notes no holds, so they are looked at after each call. A hold is there before anything is
    /// stopped, and away before anything is started: as if from the call's beginning, `now`.
    fn look_at_holds(&mut self, now: Micros) {
        for name in self.bench.machine.names() {
            let view = self.bench.machine.view(&name);
            let held = view.is_some_and(|view| view.held);
            let open = self.held.get_mut(&name).and_then(|spans| spans.last_mut());
            match (open, held) {
                (Some((_, until @ None)), false) => *until = Some(now),
                (Some((_, None)), true) | (None, false) => {}
                (Some(_) | None, true) => self.held.entry(name).or_default().push((now, None)),
                (Some(_), false) => {}
            }
        }
    }

    /// What waits for the end of the batch, which comes with this package's.
    fn batch_end(&mut self) {
        let from = self.now();
        if let Some(did) = flush(self.bench, self.hand) {
            self.carry(None, from, did);
            let to = self.now();
            self.phases.push(Phase {
                what: "batch end".to_owned(),
                from,
                to,
            });
        }
    }
}

fn failure(outcome: &JobOutcome) -> Option<String> {
    match outcome {
        JobOutcome::Failed(failure) if !is_done(outcome) => Some(failure.to_string()),
        JobOutcome::Failed(_) | JobOutcome::Done | JobOutcome::Queued => None,
    }
}

fn enables(meaning: &Meant) -> bool {
    matches!(
        meaning,
        Meant::Install {
            change: Change::Enable,
            ..
        }
    )
}

/// Plays the calls of `variant` without clients and without a record: what an installation
/// leaves behind. Whether anything was enabled.
pub(super) fn rehearse(bench: &mut Bench<'_>, variant: &Variant, package: &str) -> bool {
    let mut enabled = false;
    for deed in &variant.deeds {
        match deed {
            Deed::Script(run, calls) => {
                let asker = Asker {
                    package: package.to_owned(),
                    script: run.script.as_str(),
                    phase: Asking::Install,
                };
                for call in calls {
                    let meaning = meant(call);
                    enabled |= enables(&meaning);
                    carry_out(bench, &mut Hand::Stock, &meaning, &asker);
                }
            }
            Deed::Unpack => bench.unpacked(Side::Old),
            Deed::Restore | Deed::RemoveFiles | Deed::RemoveConfiguration => {}
        }
    }
    enabled
}
