//! What a script has come to on one way through it. Two ways whose states are equal, but for what had to
//! be assumed for them, are one way from there on.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::condition::{Condition, Literal};
use super::syntax::{Command, Span};
use super::value::{Symbol, Value};
use crate::audit::call::{StatusUse, Tool, Word};

/// Where control goes behind a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// To the next one.
    On,
    /// Out of so many loops.
    Break(u32),
    /// To the next round of the loop so many further out.
    Continue(u32),
    /// Out of the function.
    Return,
    /// Out of the shell.
    Exit,
    /// To another program.
    Elsewhere,
}

/// An exit status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Status {
    Known(u8),
    /// That of a question; whether it was turned round.
    Unknown(Rc<Question>, bool),
}

/// Something whose exit status is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    /// Where it stands.
    pub(super) span: Span,
    /// What is asked, with all that is known of it.
    pub(super) text: Rc<str>,
    /// What its answer tells for later, where it tells anything: this is so if it is a success.
    pub(super) fact: Option<(Rc<Fact>, bool)>,
}

/// What an answer tells for later.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fact {
    /// A file test: its letter, and the path.
    File(char, String),
    /// Whether something unknown is this.
    Is(Symbol, String),
    /// Any other comparison of unknown things, as text.
    Other(String),
}

/// Where a file descriptor leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Descriptor {
    /// Where the script's own of this number does.
    Script(u8),
    /// To what puts the output of `$(...)` or a pipe together.
    Captured,
    /// From a text that is known: what is left of it.
    Text(Rc<str>),
    /// To a file, to a pipe, or nowhere.
    Elsewhere,
}

/// How many descriptors are followed.
pub(super) const DESCRIPTORS: usize = 10;

/// All of them, by their numbers.
pub(super) type Descriptors = [Descriptor; DESCRIPTORS];

/// A call that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) tool: Tool,
    pub(super) span: Span,
    pub(super) words: Vec<Word>,
    pub(super) status: StatusUse,
    pub(super) inherits: [bool; 3],
    /// The bytes at which the functions were called that it stands in.
    pub(super) through: Rc<[usize]>,
}

/// The calls of a way, the last one first; ways share what they have in common.
#[derive(Debug, Clone, Default)]
pub(super) struct Calls(Option<Rc<Link>>);

#[derive(Debug)]
struct Link {
    made: Rc<Made>,
    when: Condition,
    before: Calls,
    count: usize,
}

impl Calls {
    /// One more.
    pub(super) fn push(&mut self, made: Rc<Made>, when: Condition) {
        let before = std::mem::take(self);
        let count = before.count().saturating_add(1);
        self.0 = Some(Rc::new(Link {
            made,
            when,
            before,
            count,
        }));
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.as_ref().map_or(0, |link| link.count)
    }

    /// All of them, the last one first.
    pub(super) fn backwards(&self) -> impl Iterator<Item = (&Rc<Made>, &Condition)> {
        let mut next = self.0.as_deref();
        std::iter::from_fn(move || {
            let link = next?;
            next = link.before.0.as_deref();
            Some((&link.made, &link.when))
        })
    }

    fn is(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(one), Some(other)) => Rc::ptr_eq(one, other),
            _ => false,
        }
    }

    /// Whether the same calls were made, whatever had to be assumed for each.
    pub(super) fn same(&self, other: &Self) -> bool {
        if self.count() != other.count() {
            return false;
        }
        let (mut one, mut two) = (self, other);
        loop {
            if one.is(two) {
                return true;
            }
            let (Some(first), Some(second)) = (&one.0, &two.0) else {
                return false;
            };
            if first.made != second.made {
                return false;
            }
            (one, two) = (&first.before, &second.before);
        }
    }

    /// Of two ways that made the same calls: each call under what either of them assumed.
    pub(super) fn or(&mut self, other: &Self) {
        if self.is(other) {
            return;
        }
        let pairs = self.backwards().zip(other.backwards());
        let mut joined: Vec<(Rc<Made>, Condition)> = pairs
            .map(|((made, when), (_, also))| {
                let mut either = when.clone();
                either.or(also);
                (Rc::clone(made), either)
            })
            .collect();
        let mut calls = Self::default();
        while let Some((made, when)) = joined.pop() {
            calls.push(made, when);
        }
        *self = calls;
    }

    /// Says of call number `index`, counted from the first, what became of its status, where nobody had
    /// seen it yet.
    pub(super) fn used(&mut self, index: usize, status: StatusUse) {
        let behind = self.count().checked_sub(index.saturating_add(1));
        let made = behind.and_then(|behind| self.backwards().nth(behind));
        if made.is_none_or(|(made, _)| made.status != StatusUse::Hidden) {
            return;
        }
        let mut all: Vec<(Rc<Made>, Condition)> = self
            .backwards()
            .map(|(made, when)| (Rc::clone(made), when.clone()))
            .collect();
        let mut calls = Self::default();
        while let Some((mut made, when)) = all.pop() {
            if calls.count() == index {
                Rc::make_mut(&mut made).status = status;
            }
            calls.push(made, when);
        }
        *self = calls;
    }
}

impl Drop for Link {
    /// One after the other: a long row would otherwise be dropped as deep as it is long.
    fn drop(&mut self) {
        let mut next = self.before.0.take();
        while let Some(mut link) = next.and_then(Rc::into_inner) {
            next = link.before.0.take();
        }
    }
}

/// Variables; `None` is one that is surely unset.
pub(super) type Variables = BTreeMap<Rc<str>, Option<Value>>;

/// What a function has hidden by `local`: `None` where there was no such variable yet.
pub(super) type Frame = BTreeMap<Rc<str>, Option<Option<Value>>>;

/// What a script has come to.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) variables: Rc<Variables>,
    /// What functions have hidden, the innermost last.
    pub(super) hidden: Rc<Vec<Frame>>,
    pub(super) functions: Rc<BTreeMap<String, Rc<Command>>>,
    pub(super) positional: Rc<Vec<Value>>,
    /// `set -e`
    pub(super) errexit: bool,
    /// `set -o pipefail`
    pub(super) pipefail: bool,
    /// Whether a file was read that may have set anything.
    pub(super) sourced: bool,
    pub(super) status: Status,
    /// The call whose status `$?` is.
    pub(super) status_of: Option<usize>,
    pub(super) flow: Flow,
    pub(super) descriptors: Rc<Descriptors>,
    /// What was written to [`Descriptor::Captured`].
    pub(super) output: Value,
    pub(super) calls: Calls,
    /// What answers have told.
    pub(super) learned: Rc<BTreeMap<Rc<Fact>, bool>>,
    pub(super) when: Condition,
}

impl State {
    /// As a script begins.
    pub(super) fn new(arguments: &[String]) -> Self {
        let positional = arguments.iter().map(Value::known).collect();
        Self {
            variables: Rc::default(),
            hidden: Rc::default(),
            functions: Rc::default(),
            positional: Rc::new(positional),
            errexit: false,
            pipefail: false,
            sourced: false,
            status: Status::Known(0),
            status_of: None,
            flow: Flow::On,
            descriptors: Rc::new(std::array::from_fn(|number| {
                u8::try_from(number).map_or(Descriptor::Elsewhere, Descriptor::Script)
            })),
            output: Value::default(),
            calls: Calls::default(),
            learned: Rc::default(),
            when: Condition::default(),
        }
    }

    /// With this exit status.
    pub(super) fn ended(mut self, status: u8) -> Self {
        self.status = Status::Known(status);
        self.status_of = None;
        self
    }

    /// With the answer to a question as its exit status.
    pub(super) fn asked(mut self, question: Question) -> Self {
        let told = question.fact.as_ref().and_then(|(fact, sense)| {
            let known = self.learned.get(fact)?;
            Some(known == sense)
        });
        self.status = match told {
            Some(holds) => Status::Known(u8::from(!holds)),
            None => Status::Unknown(Rc::new(question), false),
        };
        self.status_of = None;
        self
    }

    /// Goes on only if an assumption holds.
    pub(super) fn assume(&mut self, literal: Literal, fact: Option<&(Rc<Fact>, bool)>) {
        self.when.and(literal);
        if let Some((fact, sense)) = fact {
            Rc::make_mut(&mut self.learned).insert(Rc::clone(fact), literal.1 == *sense);
        }
    }

    /// Sets or unsets a variable.
    pub(super) fn set(&mut self, name: &str, value: Option<Value>) {
        let variables = Rc::make_mut(&mut self.variables);
        match variables.get_mut(name) {
            Some(known) => *known = value,
            None => {
                variables.insert(name.into(), value);
            }
        }
    }

    /// What something unknown was found to be.
    pub(super) fn found(&self, symbol: &Symbol) -> Option<&str> {
        let from = Fact::Is(symbol.clone(), String::new());
        let told = self.learned.range::<Fact, _>(from..);
        let mut told = told
            .map(|(fact, holds)| (fact.as_ref(), holds))
            .take_while(|(fact, _)| matches!(fact, Fact::Is(of, _) if of == symbol));
        told.find_map(|(fact, holds)| match fact {
            Fact::Is(_, text) if *holds => Some(text.as_str()),
            _ => None,
        })
    }

    /// Forgets what was learned of something that is made anew.
    pub(super) fn forget(&mut self, symbol: &Symbol) {
        let about = |fact: &Fact| match fact {
            Fact::Is(of, _) => of == symbol,
            Fact::Other(text) => text.contains(&*symbol.text),
            Fact::File(..) => false,
        };
        if self.learned.keys().any(|fact| about(fact)) {
            Rc::make_mut(&mut self.learned).retain(|fact, _| !about(fact));
        }
    }

    /// Whether another way is the same from here on.
    pub(super) fn joins(&self, other: &Self) -> bool {
        self.flow == other.flow
            && self.status == other.status
            && self.status_of == other.status_of
            && self.calls.count() == other.calls.count()
            && (self.errexit, self.pipefail, self.sourced)
                == (other.errexit, other.pipefail, other.sourced)
            && self.descriptors == other.descriptors
            && self.output == other.output
            && self.positional == other.positional
            && self.variables == other.variables
            && self.hidden == other.hidden
            && self.same_functions(other)
            && self.calls.same(&other.calls)
    }

    fn same_functions(&self, other: &Self) -> bool {
        let bodies = |state: &Self| -> Vec<Span> {
            state.functions.values().map(|body| body.span).collect()
        };
        Rc::ptr_eq(&self.functions, &other.functions)
            || (self.functions.keys().eq(other.functions.keys()) && bodies(self) == bodies(other))
    }

    /// Takes in another way that is the same from here on.
    pub(super) fn or(&mut self, other: &Self) {
        self.when.or(&other.when);
        self.calls.or(&other.calls);
        if self.learned != other.learned {
            let theirs = &other.learned;
            Rc::make_mut(&mut self.learned).retain(|fact, held| theirs.get(fact) == Some(held));
        }
    }
}

/// Ways, those that are the same from here on joined.
pub(super) fn joined(states: Vec<State>) -> Vec<State> {
    if states.len() < 2 {
        return states;
    }
    let mut distinct: Vec<State> = Vec::with_capacity(states.len());
    for state in states {
        match distinct.iter_mut().find(|known| known.joins(&state)) {
            Some(known) => known.or(&state),
            None => distinct.push(state),
        }
    }
    distinct
}
