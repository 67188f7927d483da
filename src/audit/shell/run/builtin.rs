//! What a simple command is: a function, a builtin command of the shell, or a program.

use std::rc::Rc;

use super::super::parse::made;
use super::super::state::{Descriptor, Fact, Flow, Question, State, Status};
use super::super::syntax::{Kind, Span};
use super::super::value::Value;
use super::command::Given;
use super::fields::Field;
use super::{Runner, Use};
use crate::audit::call::StatusUse;

/// Builtin commands before which assignments stay.
const SPECIAL: [&str; 14] = [
    ":", ".", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set",
    "shift", "trap", "unset",
];

/// Builtin commands of which a script sees nothing but a success.
const SILENT: [&str; 10] = [
    ":", "true", "trap", "umask", "ulimit", "times", "alias", "unalias", "shopt", "wait",
];

/// What scripts of Debian read to have its functions: nothing that was set before is changed by it.
const LIBRARIES: [&str; 4] = ["/usr/share/", "/usr/lib/", "/lib/", "/usr/libexec/"];
/// Of these it is known that they set nothing that scripts look at.
const PLAIN_LIBRARIES: [&str; 2] = ["debconf/confmodule", "lsb/init-functions"];

impl Runner<'_> {
    /// A simple command that has a name.
    pub(super) fn named(&mut self, given: &Given<'_>, state: State, status: Use) -> Vec<State> {
        let name = given
            .fields
            .first()
            .and_then(Field::text)
            .unwrap_or_default();
        let function = state.functions.get(name).cloned();
        let stays = function.is_none() && SPECIAL.contains(&name);
        let names = given.assignments.iter().map(|assignment| &assignment.name);
        let outside: Vec<_> = names
            .map(|name| {
                (
                    Rc::from(name.as_str()),
                    state.variables.get(name.as_str()).cloned(),
                )
            })
            .collect();
        let mut ways = Vec::new();
        for state in self.assign(given.assignments, state, status) {
            ways.extend(match &function {
                Some(body) => {
                    let body = Rc::clone(body);
                    self.function(&body, given, (state, status))
                }
                None => self.builtin(name, given, (state, status)),
            });
        }
        for state in ways.iter_mut().filter(|_| !stays && !outside.is_empty()) {
            let variables = Rc::make_mut(&mut state.variables);
            for (name, value) in &outside {
                match value {
                    Some(value) => variables.insert(Rc::clone(name), value.clone()),
                    None => variables.remove(name),
                };
            }
        }
        ways
    }

    fn builtin(&mut self, name: &str, given: &Given<'_>, of: (State, Use)) -> Vec<State> {
        let (mut state, status) = of;
        let (fields, span) = (given.fields, given.command.span);
        if SILENT.contains(&name) {
            return vec![state.ended(0)];
        }
        vec![match name {
            "false" => state.ended(1),
            "exit" | "return" => {
                let flow = if name == "exit" {
                    Flow::Exit
                } else {
                    Flow::Return
                };
                return self.ends_with(fields.get(1), flow, state);
            }
            "break" | "continue" => self.leaves_loop(name, fields.get(1), state),
            "set" => self.set_command(fields, state),
            "shift" => self.shift(fields, state),
            "export" | "readonly" | "local" | "declare" | "typeset" => self.declare(fields, state),
            "unset" => self.unset(fields, state),
            "read" => self.read(fields, span, state),
            "echo" => self.echo(fields, state),
            "printf" => self.printf(fields, span, state),
            "test" | "[" => self.test_command(fields, span, state),
            "cd" => state.ended(0),
            "pwd" | "getopts" | "let" => self.unknown_program(given, state),
            "eval" => return self.eval(given, (state, status)),
            "." | "source" => return self.sourced(given, state),
            "exec" => return self.exec(given, (state, status)),
            "command" | "builtin" | "type" | "hash" | "which" => {
                return self.looked_for(name, given, (state, status));
            }
            "cat" if fields.len() == 1 => {
                if let Some(Descriptor::Text(text)) = state.descriptors.first().cloned() {
                    self.write(&Value::known(&*text), &mut state);
                } else {
                    self.write_unknown(span, &mut state);
                }
                state.ended(0)
            }
            _ => return self.program(given, (state, status)),
        }]
    }

    /// `exit`, `return`
    fn ends_with(&mut self, word: Option<&Field>, flow: Flow, mut state: State) -> Vec<State> {
        if let Some(field) = word {
            let known = field.text().and_then(|text| text.parse::<i64>().ok());
            state.status = match known {
                // The kernel hands on the lowest eight bits.
                Some(number) => Status::Known(number.to_le_bytes()[0]),
                None => match &state.status {
                    Status::Unknown(..) if field.value.shown() == "$?" => state.status,
                    _ => Status::Unknown(
                        Rc::new(Question {
                            span: field.span,
                            text: field.value.shown().into(),
                            fact: None,
                        }),
                        false,
                    ),
                },
            };
            state.status_of = None;
        }
        state.flow = flow;
        vec![state]
    }

    fn leaves_loop(&self, name: &str, word: Option<&Field>, state: State) -> State {
        let levels = word
            .and_then(Field::text)
            .and_then(|text| text.parse().ok());
        let levels = levels.unwrap_or(1u32).min(self.loops);
        let mut state = state.ended(0);
        if levels > 0 {
            state.flow = if name == "break" {
                Flow::Break(levels)
            } else {
                Flow::Continue(levels)
            };
        }
        state
    }

    /// Commands that a script puts together itself; where these are not known, they may do anything to variables.
    fn eval(&mut self, given: &Given<'_>, of: (State, Use)) -> Vec<State> {
        let (mut state, status) = of;
        let span = given.command.span;
        let words: Option<Vec<&str>> = given.fields.iter().skip(1).map(Field::text).collect();
        match words {
            Some(words) => self.text(&words.join(" "), span, (state, status)),
            None => {
                self.everything_set(span, &mut state);
                vec![self.unknown_program(given, state)]
            }
        }
    }

    /// Carries out commands that stand in a text of the script's own making.
    pub(super) fn text(&mut self, text: &str, span: Span, of: (State, Use)) -> Vec<State> {
        let (state, status) = of;
        let limit = self.parsed.text.len().saturating_add(4096);
        if text.len() > limit {
            self.cut = self.cut.or(Some(super::Cut::Steps));
            return vec![state];
        }
        match made(text, self.parsed.dialect, span) {
            Ok(list) => self.list(&list, state.ended(0), status),
            Err(_) => {
                let mut state = state.ended(2);
                state.flow = Flow::Exit;
                vec![state]
            }
        }
    }

    /// `.`
    fn sourced(&self, given: &Given<'_>, mut state: State) -> Vec<State> {
        let path = given
            .fields
            .get(1)
            .and_then(Field::text)
            .unwrap_or_default();
        if PLAIN_LIBRARIES.iter().any(|name| path.ends_with(name)) {
            return vec![state.ended(0)];
        }
        if LIBRARIES
            .iter()
            .any(|directory| path.starts_with(directory))
        {
            state.sourced = true;
        } else {
            self.everything_set(given.command.span, &mut state);
        }
        vec![state.ended(0)]
    }

    /// `exec`: with a command the script is over.
    fn exec(&mut self, given: &Given<'_>, of: (State, Use)) -> Vec<State> {
        let (state, status) = of;
        let fields = given.fields.get(1..).unwrap_or_default();
        if fields.is_empty() {
            return vec![state.ended(0)];
        }
        let given = Given { fields, ..*given };
        let mut ways = self.program(&given, (state, status));
        for state in &mut ways {
            state.flow = Flow::Elsewhere;
        }
        ways
    }

    /// `command`, `type`, `hash`, `which`: a program is looked for, or run past functions.
    fn looked_for(&mut self, name: &str, given: &Given<'_>, of: (State, Use)) -> Vec<State> {
        let (mut state, status) = of;
        let words = given.fields.get(1..).unwrap_or_default();
        let option = words.first().and_then(Field::text);
        let asks = name != "command" && name != "builtin" || matches!(option, Some("-v" | "-V"));
        if !asks {
            let skipped = words
                .iter()
                .take_while(|field| field.text() == Some("-p"))
                .count();
            let given = Given {
                fields: words.get(skipped..).unwrap_or_default(),
                ..*given
            };
            let first = given
                .fields
                .first()
                .and_then(Field::text)
                .unwrap_or_default();
            return match given.fields.is_empty() {
                true => vec![state.ended(0)],
                false => self.builtin(first, &given, (state, status)),
            };
        }
        let wanted = words
            .iter()
            .find_map(|field| field.text().filter(|text| !text.starts_with('-')));
        let own = wanted.is_some_and(|wanted| {
            state.functions.contains_key(wanted)
                || SPECIAL.contains(&wanted)
                || SILENT.contains(&wanted)
        });
        if own && name != "which" {
            self.write_unknown(given.command.span, &mut state);
            return vec![state.ended(0)];
        }
        vec![self.asked_of_world(given, state, |text| Some((Fact::Other(text), true)))]
    }

    /// `command &`: what is no call of a tool is a program that is left running.
    pub(super) fn left_running(
        &mut self,
        command: &super::super::syntax::Command,
        state: State,
    ) -> Vec<State> {
        let hidden = Use::Tested(StatusUse::Hidden);
        let Kind::Simple { assignments, words } = &command.kind else {
            return self.command(command, state, hidden);
        };
        let mut ways = Vec::new();
        for (state, fields) in self.arguments(words, state) {
            let name = fields.first().and_then(Field::text).unwrap_or_default();
            let own = state.functions.contains_key(name)
                || SPECIAL.contains(&name)
                || SILENT.contains(&name)
                || matches!(name, "echo" | "printf" | "test" | "[" | "cd" | "sleep" | "");
            let given = Given {
                command,
                assignments,
                fields: &fields,
            };
            for state in self.redirects(&command.redirects, state) {
                ways.extend(match own {
                    true => self.named(&given, state, hidden),
                    false => self.background_program(&given, (state, hidden)),
                });
            }
        }
        ways
    }
}
