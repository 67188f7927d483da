//! `if`, `case` and loops.

use super::super::Cut;
use std::rc::Rc;

use super::super::pattern::{Match, Pattern};
use super::super::state::{Fact, Flow, Question, State, Status};
use super::super::syntax::{
    CaseItem, Kind, List, Operation, Part, Pipeline, Sense, Span, Then, Word,
};
use super::super::value::{Symbol, Value};
use super::command::goes_on;
use super::{Many, ROUNDS, Runner, Use};
use crate::audit::call::StatusUse;

/// How often a loop goes round on several ways at once.
const ROUNDS_APART: usize = 12;

const TESTED: Use = Use::Tested(StatusUse::Tested);

impl Runner<'_> {
    pub(super) fn conditional(
        &mut self,
        arms: &[(List, List)],
        otherwise: Option<&List>,
        of: (State, Use),
    ) -> Vec<State> {
        let (state, status) = of;
        let (mut pending, mut done) = (vec![state], Vec::new());
        for (condition, then) in arms {
            let mut refused = Vec::new();
            for state in std::mem::take(&mut pending) {
                for state in self.list(condition, state, TESTED) {
                    if state.flow != Flow::On {
                        done.push(state);
                        continue;
                    }
                    for (state, held) in self.answers(state) {
                        if held {
                            done.extend(self.list(then, state, status));
                        } else {
                            refused.push(state);
                        }
                    }
                }
            }
            pending = self.bounded(refused);
        }
        for state in pending {
            match otherwise {
                Some(list) => done.extend(self.list(list, state, status)),
                None => done.push(state.ended(0)),
            }
        }
        self.bounded(done)
    }

    pub(super) fn cases(
        &mut self,
        word: &Word,
        items: &[CaseItem],
        of: (State, Use),
    ) -> Vec<State> {
        let (state, status) = of;
        let mut done = Vec::new();
        for (state, value) in self.single_value(word, state) {
            let subject = Subject { word, value, items };
            let state = state.ended(0);
            done.extend(self.case_from(&subject, 0, (state, status)));
        }
        self.bounded(done)
    }

    /// The branches of a `case` from number `first` on.
    fn case_from(&mut self, subject: &Subject<'_>, first: usize, of: (State, Use)) -> Vec<State> {
        let (state, status) = of;
        let (mut pending, mut done) = (vec![state], Vec::new());
        for (number, item) in subject.items.iter().enumerate().skip(first) {
            let mut refused = Vec::new();
            for state in std::mem::take(&mut pending) {
                for state in self.matched(subject, item, state) {
                    for (state, held) in self.answers(state) {
                        if held {
                            done.extend(self.branch(subject, number, (state, status)));
                        } else {
                            refused.push(state.ended(0));
                        }
                    }
                }
            }
            pending = self.bounded(refused);
        }
        done.extend(pending);
        done
    }

    /// A branch that was chosen, and what its end leads to.
    fn branch(&mut self, subject: &Subject<'_>, number: usize, of: (State, Use)) -> Vec<State> {
        let (state, status) = of;
        let Some(item) = subject.items.get(number) else {
            return vec![state];
        };
        let next = number.saturating_add(1);
        let ways = self.list(&item.body, state.ended(0), status);
        match item.then {
            Then::Leave => ways,
            Then::Fall => self.each(ways, |runner, state| {
                runner.branch(subject, next, (state, status))
            }),
            Then::Look => self.each(ways, |runner, state| {
                runner.case_from(subject, next, (state, status))
            }),
        }
    }

    /// Whether a branch's patterns match, as an exit status.
    fn matched(&mut self, subject: &Subject<'_>, item: &CaseItem, state: State) -> Vec<State> {
        let mut ways: Many<Vec<Match>> = vec![(state, Vec::with_capacity(item.patterns.len()))];
        let mut fact = None;
        for word in &item.patterns {
            let mut next = Vec::new();
            for (state, seen) in ways {
                for (state, pattern) in self.pattern_of(word, state) {
                    let mut seen = seen.clone();
                    let (found, told) = told(&state, &subject.value, &pattern);
                    seen.push(found.unwrap_or_else(|| pattern.matches(&subject.value)));
                    fact = told;
                    next.push((state, seen));
                }
            }
            ways = next;
        }
        let fact = fact.filter(|_| item.patterns.len() == 1);
        let question = || Question {
            span: item.span,
            text: self.case_text(subject, item).into(),
            fact: fact.as_ref().map(|fact| (Rc::new(fact.clone()), true)),
        };
        let ways = ways.into_iter().map(|(state, seen)| {
            if seen.contains(&Match::Yes) {
                return state.ended(0);
            }
            if seen.contains(&Match::Maybe) {
                return state.asked(question());
            }
            state.ended(1)
        });
        ways.collect()
    }

    fn case_text(&self, subject: &Subject<'_>, item: &CaseItem) -> String {
        let word = self.source(subject.word.span);
        format!("case {word} in {}", self.source(item.span))
    }

    pub(super) fn counted(
        &mut self,
        name: &str,
        words: Option<&[Word]>,
        body: &List,
        of: (State, Use),
    ) -> Vec<State> {
        let (state, status) = of;
        let lists = match words {
            Some(words) => self.arguments(words, state),
            None => {
                let all = state.positional.iter().cloned();
                let fields = all.map(super::fields::Field::quoted).collect();
                vec![(state, fields)]
            }
        };
        let span = words.and_then(|words| words.first()).map(|word| word.span);
        let mut done = Vec::new();
        for (state, fields) in lists {
            // Within the first round `$?` is still what it was.
            let state = if fields.is_empty() {
                state.ended(0)
            } else {
                state
            };
            let mut ways = vec![state];
            if fields.len() > ROUNDS {
                self.cut = self.cut.or(Some(Cut::Steps));
            }
            for field in fields.iter().take(ROUNDS) {
                let span = span.unwrap_or_default();
                ways = self.each(ways, |runner, state| {
                    runner.round_with(name, (field, span), (state, body, status))
                });
            }
            done.extend(ways.into_iter().map(out_of_loop));
        }
        self.bounded(done)
    }

    /// One round of a `for`: where it is not known how many words one is, none or one.
    fn round_with(
        &mut self,
        name: &str,
        (field, span): (&super::fields::Field, Span),
        (state, body, status): (State, &List, Use),
    ) -> Vec<State> {
        let mut ways = Vec::new();
        let rounds = if field.is_one() {
            vec![(state, true)]
        } else {
            let text = format!("for {name} in {}", field.value.shown());
            let asked = state.asked(Question {
                span,
                text: text.into(),
                fact: None,
            });
            self.answers(asked)
        };
        for (mut state, held) in rounds {
            if !held {
                ways.push(state.ended(0));
                continue;
            }
            let value = match (field.is_one(), field.is_pattern) {
                (true, false) => field.value.clone(),
                _ => {
                    let symbol = Symbol {
                        at: span.start,
                        text: format!("${name}").into(),
                    };
                    state.forget(&symbol);
                    Value::unknown(symbol)
                }
            };
            state.set(name, Some(value));
            ways.extend(self.round(body, state, status));
        }
        ways
    }

    /// One round of a loop.
    fn round(&mut self, body: &List, state: State, status: Use) -> Vec<State> {
        self.loops = self.loops.saturating_add(1);
        let mut ways = self.list(body, state, status.inner());
        self.loops = self.loops.saturating_sub(1);
        for state in &mut ways {
            if matches!(state.flow, Flow::Continue(0 | 1)) {
                state.flow = Flow::On;
            }
        }
        ways
    }

    pub(super) fn repeated(
        &mut self,
        sense: Sense,
        (condition, body): (&List, &List),
        of: (State, Use),
    ) -> Vec<State> {
        let (state, status) = of;
        let (mut going, mut done) = (vec![(state, Status::Known(0))], Vec::new());
        let mut heads: Vec<State> = Vec::new();
        for round in 0..ROUNDS {
            if going.is_empty() {
                break;
            }
            if going.len() > 1 && round > ROUNDS_APART {
                self.cut = self.cut.or(Some(Cut::Ways));
                break;
            }
            let mut next = Vec::new();
            for (state, last) in going {
                // Where nothing has changed since the last round, nothing will.
                if heads.iter().any(|head| head.joins(&state)) {
                    continue;
                }
                heads.push(state.clone());
                for (state, again) in self.turn(sense, (condition, body), (state, status, last)) {
                    if again && state.flow == Flow::On {
                        let last = state.status.clone();
                        next.push((state, last));
                    } else {
                        done.push(out_of_loop(state));
                    }
                }
            }
            going = self.gathered(next);
        }
        if !going.is_empty() {
            self.cut = self.cut.or(Some(Cut::Steps));
            done.extend(going.into_iter().map(|(state, _)| out_of_loop(state)));
        }
        if done.is_empty() {
            // It never ends.
            self.cut = self.cut.or(Some(Cut::Steps));
        }
        self.bounded(done)
    }

    /// Ways that go round again, those that are the same from here on joined, and no more than are followed.
    fn gathered(&mut self, ways: Vec<(State, Status)>) -> Vec<(State, Status)> {
        let mut distinct: Vec<(State, Status)> = Vec::with_capacity(ways.len());
        for (state, last) in ways {
            let same = |known: &&mut (State, Status)| known.1 == last && known.0.joins(&state);
            match distinct.iter_mut().find(same) {
                Some((known, _)) => known.or(&state),
                None => distinct.push((state, last)),
            }
        }
        let most = self.most_ways();
        if distinct.len() > most {
            self.cut = self.cut.or(Some(Cut::Ways));
            distinct.sort_by_key(|(state, _)| std::cmp::Reverse(state.calls.count()));
            distinct.truncate(most);
        }
        distinct
    }

    /// The condition, and the body where it holds; whether the condition is to be looked at again. Where
    /// it is not known, one round stands for all.
    fn turn(
        &mut self,
        sense: Sense,
        (condition, body): (&List, &List),
        (state, status, last): (State, Use, Status),
    ) -> Vec<(State, bool)> {
        let mut ways = Vec::new();
        for state in self.list(condition, state, TESTED) {
            if state.flow != Flow::On {
                ways.push((state, false));
                continue;
            }
            let known = matches!(state.status, Status::Known(_));
            for (mut state, held) in self.answers(state) {
                if goes_on(sense, held) {
                    let round = self.round(body, state, status);
                    ways.extend(round.into_iter().map(|state| (state, known)));
                } else {
                    state.status = last.clone();
                    ways.push((state, false));
                }
            }
        }
        ways
    }

    /// A loop of which nothing is known: no round, or one.
    pub(super) fn unknown_rounds(
        &mut self,
        span: Span,
        body: &List,
        of: (State, Use),
    ) -> Vec<State> {
        let (state, status) = of;
        let asked = state.asked(Question {
            span,
            text: self.source(span).lines().next().unwrap_or_default().into(),
            fact: None,
        });
        let mut done = Vec::new();
        for (state, held) in self.answers(asked) {
            if held {
                done.extend(self.round(body, state, status).into_iter().map(out_of_loop));
            } else {
                done.push(state.ended(0));
            }
        }
        self.bounded(done)
    }
}

/// What a `case` is about.
struct Subject<'a> {
    word: &'a Word,
    value: Value,
    items: &'a [CaseItem],
}

/// What is known of something unknown and a text that it may be, and what an answer would tell.
fn told(state: &State, value: &Value, pattern: &Pattern) -> (Option<Match>, Option<Fact>) {
    let symbol = value.symbol();
    let Some((symbol, text)) = symbol.and_then(|symbol| Some((symbol, pattern.text()?))) else {
        return (None, None);
    };
    let fact = Fact::Is(symbol.clone(), text);
    let known = state.learned.get(&fact).map(|held| match held {
        true => Match::Yes,
        false => Match::No,
    });
    (known, Some(fact))
}

/// Behind a loop.
fn out_of_loop(mut state: State) -> State {
    state.flow = match state.flow {
        Flow::Break(0 | 1) => Flow::On,
        Flow::Break(outer) => Flow::Break(outer.saturating_sub(1)),
        // What goes round an outer loop leaves this one.
        Flow::Continue(outer) => Flow::Continue(outer.saturating_sub(1)),
        other => other,
    };
    state
}

/// The words of a pipeline that is one simple command of plain words, or a group that ends in one.
pub(super) fn plain_words(pipeline: &Pipeline) -> Vec<&str> {
    let [command] = pipeline.commands.as_slice() else {
        return Vec::new();
    };
    match &command.kind {
        Kind::Simple { words, .. } => {
            let plain: Option<Vec<&str>> = words.iter().map(plain_word).collect();
            plain.unwrap_or_default()
        }
        Kind::Group(list) => match list.0.last() {
            Some(item) if item.chain.rest.is_empty() => plain_words(&item.chain.first),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn plain_word(word: &Word) -> Option<&str> {
    match word.parts.as_slice() {
        [Part::Text(text) | Part::Fixed(text)] => Some(text),
        [Part::Parameter(parameter)]
            if parameter.name == "?" && matches!(parameter.operation, Operation::Plain) =>
        {
            Some("$?")
        }
        _ => None,
    }
}
