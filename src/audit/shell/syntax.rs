//! A script's syntax, as trees. Each part knows where in the script it stands, also within `$(...)`,
//! backquotes and here-documents.

use std::cell::OnceCell;
use std::rc::Rc;

use super::constant::Kept;

/// Byte offsets of the first character, and behind the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Commands, one after the other.
#[derive(Debug, Default)]
pub(super) struct List(pub(super) Vec<Item>);

/// One of a list.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) chain: Chain,
    pub(super) mode: Mode,
}

/// Whether a list goes on before the command has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Foreground,
    Background,
}

/// Pipelines joined by `&&` and `||`.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) first: Pipeline,
    pub(super) rest: Vec<(Join, Pipeline)>,
}

/// What joins a pipeline to what stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    And,
    Or,
}

/// Commands joined by `|`.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) sense: Sense,
    pub(super) commands: Vec<Command>,
    pub(super) span: Span,
}

/// Whether an exit status is taken as it is, or turned round by `!`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sense {
    Straight,
    Negated,
}

/// A command with its redirections.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) kind: Kind,
    pub(super) redirects: Vec<Redirect>,
    pub(super) span: Span,
}

/// What a command is.
#[derive(Debug)]
pub(super) enum Kind {
    Simple {
        assignments: Vec<Assignment>,
        words: Vec<Word>,
    },
    Group(List),
    Subshell(List),
    If {
        arms: Vec<(List, List)>,
        otherwise: Option<List>,
    },
    /// `for`; without words it goes over the positional parameters.
    For {
        name: String,
        words: Option<Vec<Word>>,
        body: List,
    },
    Case {
        word: Word,
        items: Vec<CaseItem>,
    },
    /// `while`, and `until` as negated.
    Loop {
        sense: Sense,
        condition: List,
        body: List,
    },
    Function {
        name: String,
        body: Rc<Command>,
    },
    /// `[[ ... ]]`
    Test(Test),
    /// `(( ... ))`
    Arithmetic(Word),
    /// `for ((...))`: how often it goes round is not looked at.
    ArithmeticFor(List),
}

/// One branch of a `case`.
#[derive(Debug)]
pub(super) struct CaseItem {
    pub(super) patterns: Vec<Word>,
    pub(super) body: List,
    pub(super) then: Then,
    pub(super) span: Span,
}

/// What comes behind a branch of a `case`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// `;;`
    Leave,
    /// `;&`: the next branch, whatever its pattern.
    Fall,
    /// `;;&`: the next branch that matches.
    Look,
}

/// The expression of `[[ ... ]]`.
#[derive(Debug)]
pub(super) enum Test {
    And(Box<Test>, Box<Test>),
    Or(Box<Test>, Box<Test>),
    Not(Box<Test>),
    Unary(String, Word),
    Binary(Word, String, Word),
    Word(Word),
}

/// `NAME=value`
#[derive(Debug)]
pub(super) struct Assignment {
    pub(super) name: String,
    pub(super) value: Assigned,
}

/// What is assigned.
#[derive(Debug)]
pub(super) enum Assigned {
    /// `=word`
    Set(Word),
    /// `+=word`
    Append(Word),
    /// An array or an element of one; nothing is known of these.
    Array(Vec<Word>),
}

/// A redirection of a file descriptor.
#[derive(Debug)]
pub(super) struct Redirect {
    pub(super) descriptor: u32,
    pub(super) target: Target,
}

/// Where a descriptor leads.
#[derive(Debug)]
pub(super) enum Target {
    /// A file that is read.
    From(Word),
    /// A file that is written.
    To(Word),
    /// A file that standard output and standard error are written to (`&>`).
    Both(Word),
    /// A copy of another descriptor, or `-`.
    Copy(Word),
    /// A here-document; its body is read after the line that names it.
    Here(Rc<OnceCell<Word>>),
    /// A here-string.
    Text(Word),
}

/// A word, before anything of it is expanded.
#[derive(Debug, Default)]
pub(super) struct Word {
    pub(super) parts: Vec<Part>,
    pub(super) span: Span,
    /// What it comes to, where that is always the same.
    pub(super) constant: Kept,
}

impl Word {
    pub(super) fn new(parts: Vec<Part>, span: Span) -> Self {
        Self {
            parts,
            span,
            constant: Kept::default(),
        }
    }
}

/// A part of a word.
#[derive(Debug)]
pub(super) enum Part {
    /// As it stands, open to patterns.
    Text(String),
    /// Quoted, or escaped.
    Fixed(String),
    /// What stands in double quotes.
    Double(Vec<Part>),
    /// `$name`, `${name...}`
    Parameter(Box<Parameter>),
    /// `$(...)` and backquotes.
    Command(Rc<List>, Span),
    /// `$((...))`
    Arithmetic(Word),
    /// `~name` at a word's beginning.
    Tilde(Span),
    /// `<(...)`, `>(...)`
    Process(Rc<List>, Span),
}

/// An expansion of a parameter.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) operation: Operation,
    pub(super) span: Span,
}

/// What is done with a parameter's value.
#[derive(Debug)]
pub(super) enum Operation {
    Plain,
    Length,
    /// `-`: another value where it is unset.
    Default(Missing, Word),
    /// `=`: likewise, and it is assigned.
    Assign(Missing, Word),
    /// `?`: an error where it is unset.
    Require(Missing),
    /// `+`: another value where it is set.
    Alternative(Missing, Word),
    /// `#`, `##`, `%`, `%%`
    Strip(End, Extent, Word),
    /// An operation that only bash has, or an indirection: not looked at.
    Other,
}

/// Whether an empty value counts as none (`:-`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Unset,
    OrEmpty,
}

/// At which end something is stripped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Front,
    Back,
}

/// How much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Least,
    Most,
}
