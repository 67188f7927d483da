//! Programs: the calls that are about services, and all others, of which only the status counts.

use std::rc::Rc;

use super::super::Answer;
use super::super::state::{Descriptor, Fact, Flow, Made, Question, State};
use super::super::value::{Piece, Value};
use super::command::Given;
use super::fields::Field;
use super::{Runner, Use, pure};
use crate::audit::call::{StatusUse, Tool, Word};

/// Programs that run the one that is named behind their options, and which of these take a word.
const CARRIERS: [(&str, &str); 9] = [
    ("env", "uCS"),
    ("nice", "n"),
    ("ionice", "cnp"),
    ("nohup", ""),
    ("setsid", ""),
    ("timeout", "ks"),
    ("sudo", "ugh"),
    ("chronic", ""),
    ("time", "fo"),
];

/// Functions of debconf's that set RET.
const ASKS_DEBCONF: [&str; 5] = ["db_get", "db_metaget", "db_fget", "db_subst", "db_capb"];

impl Runner<'_> {
    /// A program.
    pub(super) fn program(&mut self, given: &Given<'_>, of: (State, Use)) -> Vec<State> {
        let (mut state, status) = of;
        let fields = carried(given.fields);
        let Some(first) = fields.first() else {
            return vec![state.ended(0)];
        };
        let inner = Given { fields, ..*given };
        if let Some(script) = shell_text(fields) {
            return self.shell(script, &inner, (state, status));
        }
        if let Some((tool, words)) = tool(fields) {
            return vec![self.call(tool, words, (&inner, status), state)];
        }
        let name = first.text().unwrap_or_default();
        if ASKS_DEBCONF.contains(&name) {
            let span = given.command.span;
            let mut value = self.made(span, &mut state);
            if let Some(symbol) = value.symbol() {
                let text = "$RET".into();
                value = Value::unknown(super::super::value::Symbol {
                    text,
                    ..symbol.clone()
                });
            }
            state.set("RET", Some(value));
        }
        vec![self.asked_of_world(&inner, state, |_| None)]
    }

    /// A program that is left running.
    pub(super) fn background_program(&mut self, given: &Given<'_>, of: (State, Use)) -> Vec<State> {
        let (state, status) = of;
        let fields = carried(given.fields);
        let inner = Given { fields, ..*given };
        let (tool, words) = tool(fields).unwrap_or((Tool::Background, fields));
        vec![self.call(tool, words, (&inner, status), state)]
    }

    /// Notes a call.
    fn call(
        &mut self,
        tool: Tool,
        fields: &[Field],
        (given, status): (&Given<'_>, Use),
        mut state: State,
    ) -> State {
        let words: Vec<Word> = fields.iter().map(|field| self.word(field)).collect();
        let inherits = [0, 1, 2]
            .map(|number| matches!(state.descriptors.get(number), Some(Descriptor::Script(_))));
        let made = Rc::new(Made {
            tool,
            span: given.command.span,
            words: words.clone(),
            status: status.of(&state),
            inherits,
            through: self.through.clone().into(),
        });
        let answer = {
            let mut earlier = state.calls.backwards();
            let mut earlier =
                std::iter::from_fn(|| earlier.next().map(|(made, _)| (made.tool, &*made.words)));
            self.world.after((tool, &words), &mut earlier)
        };
        state.calls.push(made, state.when.clone());
        let count = state.calls.count();
        let mut state = self.answered(answer, given, state, |_| None);
        state.status_of = count.checked_sub(1);
        state
    }

    /// A word of a call.
    fn word(&self, field: &Field) -> Word {
        match field.text() {
            Some(text) => Word::Known(text.to_owned()),
            None => Word::Unknown(self.source(field.span).to_owned()),
        }
    }

    /// The status and the output of a program that changes nothing that is followed here.
    pub(super) fn asked_of_world(
        &self,
        given: &Given<'_>,
        mut state: State,
        fact: impl Fn(String) -> Option<(Fact, bool)>,
    ) -> State {
        let known: Option<Vec<&str>> = given.fields.iter().map(Field::text).collect();
        let words: Vec<Word> = given.fields.iter().map(|field| self.word(field)).collect();
        let answer = known.and_then(|words| pure::answer(&words));
        self.touch(given.fields, &mut state);
        self.answered(
            answer.or_else(|| self.world.command(&words)),
            given,
            state,
            fact,
        )
    }

    /// Of a program nothing is known.
    pub(super) fn unknown_program(&self, given: &Given<'_>, state: State) -> State {
        self.answered(None, given, state, |_| None)
    }

    fn answered(
        &self,
        answer: Option<Answer>,
        given: &Given<'_>,
        mut state: State,
        fact: impl Fn(String) -> Option<(Fact, bool)>,
    ) -> State {
        let span = given.command.span;
        match answer {
            Some(answer) => {
                match answer.output {
                    Some(text) => self.write(&Value::known(text), &mut state),
                    None => self.write_unknown(span, &mut state),
                }
                state.ended(answer.status)
            }
            None => {
                self.write_unknown(span, &mut state);
                let text = shown(given.fields);
                let fact = fact(text.clone());
                state.asked(Question {
                    span,
                    text: text.into(),
                    fact: fact.map(|(fact, sense)| (Rc::new(fact), sense)),
                })
            }
        }
    }

    /// What was known of files that a program is given may be so no longer.
    fn touch(&self, fields: &[Field], state: &mut State) {
        if state.learned.is_empty() {
            return;
        }
        let words: Vec<&str> = fields.iter().skip(1).filter_map(Field::text).collect();
        let touched = |fact: &Fact| match fact {
            Fact::File(_, path) => words.iter().any(|word| {
                word.len() > 1 && (path.starts_with(word) || word.starts_with(path.as_str()))
            }),
            Fact::Is(..) | Fact::Other(_) => false,
        };
        if state.learned.keys().any(|fact| touched(fact)) {
            Rc::make_mut(&mut state.learned).retain(|fact, _| !touched(fact));
        }
    }

    /// `sh -c text`
    fn shell(&mut self, script: Shell<'_>, given: &Given<'_>, of: (State, Use)) -> Vec<State> {
        let (state, status) = of;
        let span = given.command.span;
        let Some(text) = script.text.text() else {
            return vec![self.unknown_program(given, state)];
        };
        let inner = Use::Kept(status.of(&state));
        self.subshell(state, |runner, mut state| {
            state.errexit = script.errexit;
            state.positional = Rc::new(
                script
                    .arguments
                    .iter()
                    .map(|field| field.value.clone())
                    .collect(),
            );
            state.functions = Rc::default();
            runner.text(text, span, (state, inner))
        })
    }

    /// What a script ends with is what its last call did: its status has been seen.
    pub(in crate::audit::shell) fn status_ends_script(state: &mut State) {
        if let Some(index) = state.status_of {
            state.calls.used(index, StatusUse::Fatal);
        }
    }

    /// Somebody looks at `$?`.
    pub(super) fn status_is_used(&self, state: &mut State) {
        if let (Some(index), Flow::On) = (state.status_of, state.flow) {
            state.calls.used(index, StatusUse::Tested);
        }
    }
}

/// Commands that a shell of its own is given as a text.
struct Shell<'a> {
    text: &'a Field,
    errexit: bool,
    arguments: &'a [Field],
}

fn shell_text(fields: &[Field]) -> Option<Shell<'_>> {
    let (first, rest) = fields.split_first()?;
    let name = first.text()?;
    if !matches!(name.rsplit('/').next()?, "sh" | "dash" | "bash") {
        return None;
    }
    let mut errexit = false;
    for (number, field) in rest.iter().enumerate() {
        let options = field.text()?.strip_prefix('-')?;
        errexit |= options.contains('e');
        if options.ends_with('c') {
            let text = rest.get(number.checked_add(1)?)?;
            let arguments = rest.get(number.checked_add(3)?..).unwrap_or_default();
            return Some(Shell {
                text,
                errexit,
                arguments,
            });
        }
    }
    None
}

/// Without the programs that only run another one.
fn carried(fields: &[Field]) -> &[Field] {
    let mut fields = fields;
    // Each turn takes a word away.
    while let Some(inner) = carried_once(fields) {
        fields = inner;
    }
    fields
}

fn carried_once(fields: &[Field]) -> Option<&[Field]> {
    let (first, mut rest) = fields.split_first()?;
    let name = first.text()?.rsplit('/').next()?;
    let (_, valued) = CARRIERS.iter().find(|(carrier, _)| *carrier == name)?;
    loop {
        let (word, behind) = rest.split_first()?;
        let text = word.value.pieces().first();
        let Some(Piece::Known(text)) = text else {
            break;
        };
        if name == "env" && text.contains('=') && !text.starts_with('-') {
            rest = behind;
        } else if let Some(option) = text.strip_prefix('-') {
            let takes = option.len() == 1 && valued.contains(option);
            rest = behind.get(usize::from(takes)..)?;
        } else {
            break;
        }
    }
    // The first word of timeout's is how long.
    let duration = usize::from(name == "timeout");
    rest.get(duration..).filter(|rest| !rest.is_empty())
}

/// Which tool is called, and its words.
fn tool(fields: &[Field]) -> Option<(Tool, &[Field])> {
    let first = fields.first()?;
    if is_script(first) {
        return Some((Tool::InitScript, fields));
    }
    let name = first.text()?;
    let base = match name.rsplit_once('/') {
        Some((directory, base)) if directory.ends_with("bin") || directory.ends_with("dpkg") => {
            base
        }
        Some(_) => return None,
        None => name,
    };
    // A script that is given to a shell is run by it.
    if matches!(base, "sh" | "dash" | "bash") {
        let script = fields.get(1).filter(|field| is_script(field))?;
        return Some((
            Tool::InitScript,
            fields.get(1..).filter(|_| is_script(script))?,
        ));
    }
    Some((
        match base {
            "invoke-rc.d" => Tool::InvokeRcD,
            "deb-systemd-invoke" => Tool::DebSystemdInvoke,
            "deb-systemd-helper" => Tool::DebSystemdHelper,
            "systemctl" => Tool::Systemctl,
            "service" => Tool::Service,
            "update-rc.d" => Tool::UpdateRcD,
            "rc-service" => Tool::RcService,
            "sv" => Tool::Sv,
            "initctl" | "start" | "stop" | "restart" | "reload" => Tool::Initctl,
            "start-stop-daemon" => Tool::StartStopDaemon,
            "dpkg-trigger" => Tool::DpkgTrigger,
            "kill" | "killall" | "pkill" => Tool::Kill,
            _ => return None,
        },
        fields,
    ))
}

/// Whether a word names an init script.
fn is_script(field: &Field) -> bool {
    match field.value.pieces().first() {
        Some(Piece::Known(text)) => text
            .strip_prefix("/etc/init.d/")
            .is_some_and(|name| !name.is_empty() || field.value.pieces().len() > 1),
        _ => false,
    }
}

/// A command as it may be read.
fn shown(fields: &[Field]) -> String {
    let words: Vec<String> = fields.iter().map(|field| field.value.shown()).collect();
    words.join(" ")
}
