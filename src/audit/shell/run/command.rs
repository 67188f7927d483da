//! Commands: simple ones, compound ones, functions, pipes.

use std::rc::Rc;

use super::super::state::{Descriptor, Descriptors, Flow, Frame, State, Status};
use super::super::syntax::{
    Assigned, Assignment, Chain, Command, Kind, Redirect, Sense, Target, Word,
};
use super::super::value::Value;
use super::{Runner, Use};
use crate::audit::call::StatusUse;

impl Runner<'_> {
    /// One command, with its redirections.
    pub(super) fn command(&mut self, command: &Command, state: State, status: Use) -> Vec<State> {
        if !self.enter() {
            let mut state = state;
            state.flow = Flow::Exit;
            return vec![state];
        }
        let ways = match &command.kind {
            Kind::Simple { .. } => self.simple(command, state, status),
            _ if command.redirects.is_empty() => self.compound(command, state, status),
            _ => self.redirected(command, state, status),
        };
        self.leave();
        ways
    }

    fn redirected(&mut self, command: &Command, state: State, status: Use) -> Vec<State> {
        let before = Rc::clone(&state.descriptors);
        let mut ways = Vec::new();
        for state in self.redirects(&command.redirects, state) {
            ways.extend(self.compound(command, state, status));
        }
        for state in &mut ways {
            give_back(&before, &command.redirects, state);
        }
        ways
    }

    fn compound(&mut self, command: &Command, state: State, status: Use) -> Vec<State> {
        match &command.kind {
            Kind::Simple { .. } => Vec::new(),
            Kind::Group(list) => self.list(list, state, status),
            Kind::Subshell(list) => {
                let ways = self.subshell(state, |runner, state| runner.list(list, state, status));
                let checked = ways.into_iter().map(|state| self.checked(state, status));
                checked.collect()
            }
            Kind::If { arms, otherwise } => {
                self.conditional(arms, otherwise.as_ref(), (state, status))
            }
            Kind::For { name, words, body } => {
                self.counted(name, words.as_deref(), body, (state, status))
            }
            Kind::Case { word, items } => self.cases(word, items, (state, status)),
            Kind::Loop {
                sense,
                condition,
                body,
            } => self.repeated(*sense, (condition, body), (state, status)),
            Kind::Function { name, body } => {
                let mut state = state.ended(0);
                Rc::make_mut(&mut state.functions).insert(name.clone(), Rc::clone(body));
                vec![state]
            }
            Kind::Test(test) => {
                let ways = self.double_brackets(test, command.span, state);
                let checked = ways.into_iter().map(|state| self.checked(state, status));
                checked.collect()
            }
            Kind::Arithmetic(word) => self.arithmetic_command(word, (state, status)),
            Kind::ArithmeticFor(body) => self.unknown_rounds(command.span, body, (state, status)),
        }
    }

    /// Carries `run` out in a shell of its own: of it only the calls, the output and the status are left.
    pub(super) fn subshell(
        &mut self,
        outer: State,
        run: impl FnOnce(&mut Self, State) -> Vec<State>,
    ) -> Vec<State> {
        let ways = run(self, outer.clone());
        let ways = ways
            .into_iter()
            .map(|inner| after_subshell(&outer, inner))
            .collect();
        self.bounded(ways)
    }

    /// `commands &`
    pub(super) fn background(&mut self, chain: &Chain, state: State) -> Vec<State> {
        let hidden = Use::Tested(StatusUse::Hidden);
        let ways = self.subshell(state, |runner, mut state| {
            if let Some(input) = Rc::make_mut(&mut state.descriptors).first_mut() {
                *input = Descriptor::Elsewhere;
            }
            match chain
                .rest
                .is_empty()
                .then_some(chain.first.commands.as_slice())
            {
                Some([command]) => runner.left_running(command, state),
                _ => runner.chain(chain, state, hidden),
            }
        });
        ways.into_iter().map(|state| state.ended(0)).collect()
    }

    /// Commands joined by `|`, each in a shell of its own.
    pub(super) fn pipe(&mut self, commands: &[Command], of: (State, Use)) -> Vec<State> {
        let (outer, status) = of;
        let (output, descriptors) = (outer.output.clone(), Rc::clone(&outer.descriptors));
        let mut first = outer.clone();
        first.output = Value::default();
        let mut ways = vec![(first, Descriptor::Elsewhere)];
        if let Some(input) = outer.descriptors.first() {
            ways.iter_mut().for_each(|(_, from)| from.clone_from(input));
        }
        for (number, command) in commands.iter().enumerate() {
            let last = number.saturating_add(1) == commands.len();
            let part = Part {
                last,
                status,
                output: &output,
            };
            ways = self.pipe_part(command, ways, &part);
        }
        let ended = ways.into_iter().map(|(mut state, _)| {
            state.descriptors = Rc::clone(&descriptors);
            self.checked(state, status)
        });
        let ended = ended.collect();
        self.bounded(ended)
    }

    fn pipe_part(
        &mut self,
        command: &Command,
        ways: Vec<(State, Descriptor)>,
        part: &Part<'_>,
    ) -> Vec<(State, Descriptor)> {
        let mut next = Vec::new();
        for (mut outer, input) in ways {
            let own = Rc::clone(&outer.descriptors);
            let status = if part.last {
                // The last one writes where the pipeline does, behind what was written before.
                outer.output = part.output.clone();
                part.status
            } else {
                if let Some(to) = Rc::make_mut(&mut outer.descriptors).get_mut(1) {
                    *to = Descriptor::Captured;
                }
                Use::Tested(StatusUse::Hidden)
            };
            if let Some(from) = Rc::make_mut(&mut outer.descriptors).first_mut() {
                *from = input;
            }
            for mut state in self.subshell(outer, |runner, state| {
                runner.command(command, state, status)
            }) {
                state.descriptors = Rc::clone(&own);
                let piped = state
                    .output
                    .text()
                    .map_or(Descriptor::Elsewhere, |text| Descriptor::Text(text.into()));
                if !part.last {
                    state.output = Value::default();
                }
                next.push((state, piped));
            }
        }
        next
    }

    fn simple(&mut self, command: &Command, state: State, status: Use) -> Vec<State> {
        let Kind::Simple { assignments, words } = &command.kind else {
            return vec![state];
        };
        let before = Rc::clone(&state.descriptors);
        let mut ways = Vec::new();
        for (state, fields) in self.arguments(words, state) {
            if fields.is_empty() {
                // Of words that come to nothing, the last substitution's status is left.
                let state = if words.is_empty() {
                    state.ended(0)
                } else {
                    state
                };
                ways.extend(self.assignments_alone(command, assignments, (state, status)));
            } else {
                for state in self.redirects(&command.redirects, state) {
                    let given = Given {
                        command,
                        assignments,
                        fields: &fields,
                    };
                    ways.extend(self.named(&given, state, status));
                }
            }
        }
        let checked = ways.into_iter().map(|mut state| {
            if !opens_for_good(words) {
                give_back(&before, &command.redirects, &mut state);
            }
            self.checked(state, status)
        });
        let checked = checked.collect();
        self.bounded(checked)
    }

    /// A command of assignments alone: its status is that of the last substitution in it.
    fn assignments_alone(
        &mut self,
        command: &Command,
        assignments: &[Assignment],
        of: (State, Use),
    ) -> Vec<State> {
        let (state, status) = of;
        let mut ways = Vec::new();
        for state in self.redirects(&command.redirects, state) {
            ways.extend(self.assign(assignments, state, status));
        }
        ways
    }

    /// Assigns, one after the other.
    pub(super) fn assign(
        &mut self,
        assignments: &[Assignment],
        state: State,
        status: Use,
    ) -> Vec<State> {
        let mut ways = vec![state];
        for assignment in assignments {
            ways = self.each(ways, |runner, state| {
                let word = match &assignment.value {
                    Assigned::Set(word) | Assigned::Append(word) => word,
                    Assigned::Array(_) => {
                        let mut state = state;
                        let value = runner.made(assignment_text(assignment), &mut state);
                        state.set(&assignment.name, Some(value));
                        return vec![state];
                    }
                };
                let values = runner.assigned_value(word, state, status);
                let ways = values
                    .into_iter()
                    .map(|(state, value)| runner.with_variable(assignment, value, state));
                ways.collect()
            });
        }
        ways
    }

    fn with_variable(&self, assignment: &Assignment, value: Value, mut state: State) -> State {
        let value = match &assignment.value {
            Assigned::Append(_) => {
                let mut whole = self.value_of(&assignment.name, &state).unwrap_or_default();
                whole.append(&value);
                whole
            }
            Assigned::Set(_) | Assigned::Array(_) => value,
        };
        state.set(&assignment.name, Some(value));
        state
    }

    /// A function.
    pub(super) fn function(
        &mut self,
        body: &Command,
        given: &Given<'_>,
        (mut state, status): (State, Use),
    ) -> Vec<State> {
        let arguments = given.fields.iter().skip(1).map(|field| field.value.clone());
        let positional = std::mem::replace(&mut state.positional, Rc::new(arguments.collect()));
        Rc::make_mut(&mut state.hidden).push(Frame::new());
        self.through.push(given.command.span.start);
        let loops = std::mem::take(&mut self.loops);
        let mut ways = self.command(body, state, status);
        self.loops = loops;
        self.through.pop();
        for state in &mut ways {
            state.positional = Rc::clone(&positional);
            state.uncover();
            if state.flow == Flow::Return {
                state.flow = Flow::On;
            }
        }
        ways
    }
}

/// One command of a pipe.
struct Part<'a> {
    last: bool,
    status: Use,
    /// What was written before the pipe.
    output: &'a Value,
}

/// A simple command with its words expanded.
pub(super) struct Given<'a> {
    pub(super) command: &'a Command,
    pub(super) assignments: &'a [Assignment],
    pub(super) fields: &'a [super::fields::Field],
}

impl State {
    /// Gives back the variables that a function's `local` has hidden.
    pub(super) fn uncover(&mut self) {
        let hidden = Rc::make_mut(&mut self.hidden).pop().unwrap_or_default();
        for (name, value) in hidden {
            let variables = Rc::make_mut(&mut self.variables);
            match value {
                Some(value) => variables.insert(name, value),
                None => variables.remove(&name),
            };
        }
    }
}

/// What a shell within the shell leaves behind.
fn after_subshell(outer: &State, inner: State) -> State {
    let mut state = outer.clone();
    state.status = inner.status;
    state.status_of = inner.status_of;
    state.output = inner.output;
    state.calls = inner.calls;
    state.learned = inner.learned;
    state.when = inner.when;
    // What it has read of a text nobody else reads.
    if let [Descriptor::Text(text), ..] = &*outer.descriptors
        && let [Descriptor::Text(left), ..] = &*inner.descriptors
        && text.ends_with(&**left)
        && let Some(input) = Rc::make_mut(&mut state.descriptors).first_mut()
    {
        *input = Descriptor::Text(left.clone());
    }
    if inner.flow == Flow::Elsewhere {
        state.status = Status::Known(0);
    }
    state
}

/// Leads the descriptors that were redirected where they led before. The others are left alone: of what is
/// read from a text, less may be left.
fn give_back(before: &Rc<Descriptors>, redirects: &[Redirect], state: &mut State) {
    if redirects.is_empty() || Rc::ptr_eq(before, &state.descriptors) {
        return;
    }
    let descriptors = Rc::make_mut(&mut state.descriptors);
    for redirect in redirects {
        let number = usize::try_from(redirect.descriptor).unwrap_or(usize::MAX);
        let both = matches!(redirect.target, Target::Both(_));
        for number in std::iter::once(number).chain(both.then_some(2)) {
            if let (Some(slot), Some(old)) = (descriptors.get_mut(number), before.get(number)) {
                slot.clone_from(old);
            }
        }
    }
}

/// `exec` without a command: its redirections stay.
fn opens_for_good(words: &[Word]) -> bool {
    match words {
        [only] => {
            matches!(only.parts.as_slice(), [super::super::syntax::Part::Text(text)] if text == "exec")
        }
        _ => false,
    }
}

fn assignment_text(assignment: &Assignment) -> super::Span {
    match &assignment.value {
        Assigned::Set(word) | Assigned::Append(word) => word.span,
        Assigned::Array(words) => words.first().map(|word| word.span).unwrap_or_default(),
    }
}

/// Turns a sense round where the loop is an `until`.
pub(super) fn goes_on(sense: Sense, held: bool) -> bool {
    match sense {
        Sense::Straight => held,
        Sense::Negated => !held,
    }
}
