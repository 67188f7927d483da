//! Redirections: where descriptors lead.

use std::rc::Rc;

use super::super::state::{DESCRIPTORS, Descriptor, State};
use super::super::syntax::{Redirect, Target, Word};
use super::super::value::Value;
use super::{Many, Runner};

impl Runner<'_> {
    /// Applies redirections, one after the other.
    pub(super) fn redirects(&mut self, redirects: &[Redirect], state: State) -> Vec<State> {
        let mut ways = vec![state];
        for redirect in redirects {
            ways = self.each(ways, |runner, state| runner.redirect(redirect, state));
        }
        ways
    }

    fn redirect(&mut self, redirect: &Redirect, state: State) -> Vec<State> {
        let number = usize::try_from(redirect.descriptor).unwrap_or(DESCRIPTORS);
        let ways: Many<Descriptor> = match &redirect.target {
            Target::From(word) | Target::To(word) | Target::Both(word) => {
                let ways = self.single_value(word, state);
                ways.into_iter()
                    .map(|(state, _)| (state, Descriptor::Elsewhere))
                    .collect()
            }
            Target::Copy(word) => {
                let ways = self.single_value(word, state);
                ways.into_iter()
                    .map(|(state, value)| {
                        let copied = copied(&value, &state);
                        (state, copied)
                    })
                    .collect()
            }
            Target::Here(body) => match body.get() {
                Some(word) => self.text_of(word, "", state),
                None => vec![(state, Descriptor::Elsewhere)],
            },
            Target::Text(word) => self.text_of(word, "\n", state),
        };
        let both = matches!(redirect.target, Target::Both(_));
        let ways = ways.into_iter().map(|(mut state, descriptor)| {
            let descriptors = Rc::make_mut(&mut state.descriptors);
            if both && let Some(error) = descriptors.get_mut(2) {
                error.clone_from(&descriptor);
            }
            if let Some(slot) = descriptors.get_mut(number) {
                *slot = descriptor;
            }
            state
        });
        ways.collect()
    }

    fn text_of(&mut self, word: &Word, behind: &str, state: State) -> Many<Descriptor> {
        let ways = self.single_value(word, state);
        let ways = ways.into_iter().map(|(state, value)| {
            let text = value.text().map(|text| format!("{text}{behind}"));
            let descriptor =
                text.map_or(Descriptor::Elsewhere, |text| Descriptor::Text(text.into()));
            (state, descriptor)
        });
        ways.collect()
    }
}

/// Where a copy of the descriptor that `value` names leads.
fn copied(value: &Value, state: &State) -> Descriptor {
    let number = value.text().and_then(|text| text.parse::<usize>().ok());
    let copied = number.and_then(|number| state.descriptors.get(number));
    copied.cloned().unwrap_or(Descriptor::Elsewhere)
}
