//! `$(...)`: commands whose output becomes part of a word.

use std::rc::Rc;

use super::super::parse::Dialect;
use super::super::state::{Descriptor, State};
use super::super::syntax::{List, Span};
use super::super::value::Value;
use super::{Many, Runner, Use};

impl Runner<'_> {
    /// What the output of `list` is; the status is that of the list.
    pub(super) fn substitution(
        &mut self,
        list: &List,
        span: Span,
        (state, status): (State, Use),
    ) -> Many<Value> {
        let status = Use::Kept(status.of(&state));
        let before = state.output.clone();
        let ways = self.subshell(state.ended(0), |runner, mut state| {
            state.output = Value::default();
            if let Some(to) = Rc::make_mut(&mut state.descriptors).get_mut(1) {
                *to = Descriptor::Captured;
            }
            // bash does not take `set -e` into a substitution, where it is not told to.
            state.errexit &= runner.parsed.dialect == Dialect::Posix;
            runner.list(list, state, status)
        });
        let ways = ways.into_iter().map(|mut state| {
            let output = std::mem::replace(&mut state.output, before.clone());
            let output = output.without_last_lines();
            let value = match output.text() {
                Some(_) => output,
                None => self.made(span, &mut state),
            };
            (state, value)
        });
        ways.collect()
    }
}
