//! Carries a script out on paper. Each step takes a way and gives the ways that it may lead to.

mod arithmetic;
mod branch;
mod builtin;
mod call;
mod command;
mod expand;
mod fields;
mod output;
mod parameter;
mod pure;
mod redirect;
mod substitution;
mod test;
mod variables;

use std::collections::HashMap;
use std::rc::Rc;

use super::state::{Flow, Question, State, Status, joined};
use super::syntax::{Chain, Item, Join, List, Mode, Pipeline, Sense, Span};
use super::{Cut, Parsed, World};
use crate::audit::call::StatusUse;

/// How many commands one evaluation carries out at most.
const STEPS: usize = 60_000;
/// How many ways are followed side by side, in each quarter of the steps: the longer a script is, the fewer, so that
/// some are followed to its end.
const WAYS: [usize; 4] = [96, 24, 8, 2];
/// How deep commands may nest while they are carried out, functions included: without optimizations each
/// level takes some 50 KiB of a thread's usual 2 MiB of stack.
const DEEPEST: usize = 24;
/// How often a loop of which all is known goes round.
const ROUNDS: usize = 256;

/// A way, and what a step made on it.
type Many<T> = Vec<(State, T)>;

/// What becomes of a command's exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// What `set -e` makes of it.
    Plain,
    /// This, and `set -e` looks away.
    Tested(StatusUse),
    /// This, and `set -e` looks.
    Kept(StatusUse),
}

impl Use {
    /// For a command that is followed by others in the same list.
    fn inner(self) -> Self {
        match self {
            Self::Plain => Self::Plain,
            Self::Tested(_) => Self::Tested(StatusUse::Hidden),
            Self::Kept(of) => Self::Kept(of),
        }
    }

    /// Whether `set -e` looks away.
    fn is_tested(self) -> bool {
        match self {
            Self::Tested(_) => true,
            Self::Plain | Self::Kept(_) => false,
        }
    }

    /// What becomes of the status of a call.
    fn of(self, state: &State) -> StatusUse {
        match self {
            Self::Tested(of) | Self::Kept(of) => of,
            Self::Plain if state.errexit => StatusUse::Fatal,
            Self::Plain => StatusUse::Hidden,
        }
    }
}

/// Carries one script out.
pub(super) struct Runner<'a> {
    pub(super) parsed: &'a Parsed,
    pub(super) world: &'a dyn World,
    steps: usize,
    depth: usize,
    /// The bytes at which the functions were called that are being carried out.
    through: Vec<usize>,
    /// How many loops are around what is carried out, within the function that it is in.
    loops: u32,
    /// Questions that had to be assumed, by their number.
    pub(super) assumptions: Vec<(Span, String)>,
    numbers: HashMap<(Span, String), u32>,
    pub(super) cut: Option<Cut>,
}

impl<'a> Runner<'a> {
    pub(super) fn new(parsed: &'a Parsed, world: &'a dyn World) -> Self {
        Self {
            parsed,
            world,
            steps: 0,
            depth: 0,
            through: Vec::new(),
            loops: 0,
            assumptions: Vec::new(),
            numbers: HashMap::new(),
            cut: None,
        }
    }

    /// The ways through the whole script.
    pub(super) fn script(&mut self, state: State) -> Vec<State> {
        let parsed = self.parsed;
        self.list(&parsed.list, state, Use::Plain)
    }

    /// Commands, one after the other.
    fn list(&mut self, list: &List, state: State, status: Use) -> Vec<State> {
        let mut ways = vec![state];
        for (number, item) in list.0.iter().enumerate() {
            let last = number.saturating_add(1) == list.0.len();
            let of = if last { status } else { status.inner() };
            ways = self.each(ways, |runner, state| runner.item(item, state, of));
        }
        ways
    }

    /// Does `step` on all ways that go on, and joins what comes of it.
    fn each(
        &mut self,
        ways: Vec<State>,
        mut step: impl FnMut(&mut Self, State) -> Vec<State>,
    ) -> Vec<State> {
        let mut next = Vec::with_capacity(ways.len());
        for state in ways {
            match state.flow {
                Flow::On => next.extend(step(self, state)),
                _ => next.push(state),
            }
        }
        self.bounded(next)
    }

    /// Ways, joined, and no more than are followed.
    fn bounded(&mut self, ways: Vec<State>) -> Vec<State> {
        let mut ways = joined(ways);
        let most = self.most_ways();
        if ways.len() > most {
            self.cut = self.cut.or(Some(Cut::Ways));
            // Those that ask most of services are the ones that an audit is about; those that go on may ask for more.
            let asks = |state: &State| (state.calls.count(), state.flow == Flow::On);
            ways.sort_by_key(|state| std::cmp::Reverse(asks(state)));
            ways.truncate(most);
        }
        ways
    }

    pub(super) fn most_ways(&self) -> usize {
        let quarter = self.steps / (STEPS / WAYS.len());
        let last = WAYS.last().copied();
        WAYS.get(quarter).copied().or(last).unwrap_or(1)
    }

    fn item(&mut self, item: &Item, state: State, status: Use) -> Vec<State> {
        match item.mode {
            Mode::Foreground => self.chain(&item.chain, state, status),
            Mode::Background => self.background(&item.chain, state),
        }
    }

    fn chain(&mut self, chain: &Chain, state: State, status: Use) -> Vec<State> {
        let mut pipelines = vec![(None, &chain.first)];
        pipelines.extend(
            chain
                .rest
                .iter()
                .map(|(join, pipeline)| (Some(*join), pipeline)),
        );
        let mut ways = vec![state];
        for (number, (join, pipeline)) in pipelines.iter().enumerate() {
            let following = pipelines.get(number.saturating_add(1));
            let of = match following {
                None => status,
                Some((join, next)) => Use::Tested(decides(*join, next)),
            };
            ways = self.each(ways, |runner, state| match join {
                None => runner.pipeline(pipeline, state, of),
                Some(join) => runner.joined_by(*join, pipeline, (state, of)),
            });
        }
        ways
    }

    /// A pipeline behind `&&` or `||`, where what stands before it calls for it.
    fn joined_by(&mut self, join: Join, pipeline: &Pipeline, of: (State, Use)) -> Vec<State> {
        let (state, status) = of;
        let mut ways = Vec::new();
        for (state, held) in self.answers(state) {
            if held == (join == Join::And) {
                ways.extend(self.pipeline(pipeline, state, status));
            } else {
                ways.push(state);
            }
        }
        ways
    }

    /// Whether the last status is a success: both where it is not known, each with its assumption.
    fn answers(&mut self, mut state: State) -> Vec<(State, bool)> {
        state.status_of = None;
        let (question, turned) = match &state.status {
            Status::Known(status) => {
                let held = *status == 0;
                return vec![(state, held)];
            }
            Status::Unknown(question, turned) => (Rc::clone(question), *turned),
        };
        let number = self.number(&question);
        [true, false]
            .map(|held| {
                let mut way = state.clone();
                way.assume((number, held), question.fact.as_ref());
                let success = held != turned;
                (way.ended(u8::from(!success)), success)
            })
            .into()
    }

    /// The number that an assumption goes by.
    fn number(&mut self, question: &Question) -> u32 {
        let key = (question.span, question.text.to_string());
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let number = u32::try_from(self.assumptions.len()).unwrap_or(u32::MAX);
        self.assumptions.push(key.clone());
        self.numbers.insert(key, number);
        number
    }

    fn pipeline(&mut self, pipeline: &Pipeline, state: State, status: Use) -> Vec<State> {
        let inner = match (pipeline.sense, status) {
            (Sense::Straight, status) => status,
            (Sense::Negated, Use::Tested(of)) => Use::Tested(of),
            (Sense::Negated, _) => Use::Tested(StatusUse::Hidden),
        };
        let mut ways = match pipeline.commands.as_slice() {
            [command] => self.command(command, state, inner),
            commands => self.pipe(commands, (state, inner)),
        };
        if pipeline.sense == Sense::Negated {
            for state in ways.iter_mut().filter(|state| state.flow == Flow::On) {
                state.status = match &state.status {
                    Status::Known(status) => Status::Known(u8::from(*status == 0)),
                    Status::Unknown(question, turned) => {
                        Status::Unknown(Rc::clone(question), !turned)
                    }
                };
                state.status_of = None;
            }
        }
        ways
    }

    /// What `set -e` makes of the status of a command: it ends the shell, or the command must have succeeded.
    fn checked(&self, mut state: State, status: Use) -> State {
        if !state.errexit || status.is_tested() || state.flow != Flow::On {
            return state;
        }
        match &state.status {
            Status::Known(0) => {}
            Status::Known(_) => state.flow = Flow::Exit,
            Status::Unknown(..) => state.status = Status::Known(0),
        }
        state
    }

    /// Whether there is no more to be done: one step, one level deeper.
    fn enter(&mut self) -> bool {
        self.steps = self.steps.saturating_add(1);
        if self.steps > STEPS {
            self.cut = Some(Cut::Steps);
            return false;
        }
        if self.depth >= DEEPEST {
            self.cut = self.cut.or(Some(Cut::Depth));
            return false;
        }
        self.depth = self.depth.saturating_add(1);
        true
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// How a place in the script is written.
    fn source(&self, span: Span) -> &'a str {
        let parsed: &'a Parsed = self.parsed;
        parsed.text.get(span.start..span.end).unwrap_or_default()
    }
}

/// What becomes of a status that decides whether `next` is carried out.
fn decides(join: Option<Join>, next: &Pipeline) -> StatusUse {
    match (join, branch::plain_words(next).as_slice()) {
        (Some(Join::Or), ["true" | ":"]) => StatusUse::Hidden,
        (Some(Join::Or), ["exit", status]) if *status != "0" => StatusUse::Fatal,
        _ => StatusUse::Tested,
    }
}
