//! Typed access to TOML values; what does not fit becomes a finding with its place, never an early end.
//! Knows nothing of rules or settings.

use std::borrow::Cow;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::rule::Tier;
use super::suggest;

/// A value with its place.
pub(super) type Value<'t> = Spanned<DeValue<'t>>;
/// A key with its place.
pub(super) type Key<'t> = Spanned<Cow<'t, str>>;

/// Collects what is wrong while the tree is walked.
#[derive(Debug)]
pub(super) struct Reader {
    /// Whose file it is.
    pub(super) tier: Tier,
    /// Where the piece that is being read begins in the file, in bytes.
    pub(super) offset: usize,
    found: Vec<(Range<usize>, String)>,
}

impl Reader {
    /// A reader that has found nothing yet.
    pub(super) fn new(tier: Tier) -> Self {
        Self {
            tier,
            offset: 0,
            found: Vec::new(),
        }
    }

    /// Notes a problem with what stands at `span` of the piece.
    pub(super) fn wrong(&mut self, span: Range<usize>, message: impl Into<String>) {
        let span = span.start + self.offset..span.end + self.offset;
        self.found.push((span, message.into()));
    }

    /// Drops the findings whose places `keep` does not want.
    pub(super) fn retain(&mut self, keep: impl Fn(&Range<usize>) -> bool) {
        self.found.retain(|(span, _)| keep(span));
    }

    /// All that was found.
    pub(super) fn into_found(self) -> Vec<(Range<usize>, String)> {
        self.found
    }

    /// Notes a key that nobody knows, and the known one that it looks like.
    pub(super) fn unknown<'k>(
        &mut self,
        key: &Key<'_>,
        what: &str,
        known: impl Iterator<Item = &'k str>,
    ) {
        let name = key.get_ref();
        let hint = suggest::hint(name, known);
        let shown = name.escape_debug();
        self.wrong(key.span(), format!("unknown {what} `{shown}`{hint}"));
    }

    fn mismatch(&mut self, value: &Value<'_>, expected: &str) {
        let got = kind(value.get_ref());
        self.wrong(value.span(), format!("expected {expected}, found {got}"));
    }

    /// The table in `value`.
    pub(super) fn table<'v, 't>(&mut self, value: &'v Value<'t>) -> Option<&'v DeTable<'t>> {
        match value.get_ref() {
            DeValue::Table(table) => Some(table),
            _ => {
                self.mismatch(value, "a table");
                None
            }
        }
    }

    /// The text in `value`.
    pub(super) fn text<'v>(&mut self, value: &'v Value<'_>) -> Option<&'v str> {
        match value.get_ref() {
            DeValue::String(text) => Some(text),
            _ => {
                self.mismatch(value, "a string");
                None
            }
        }
    }

    /// The yes or no in `value`.
    pub(super) fn flag(&mut self, value: &Value<'_>) -> Option<bool> {
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => {
                self.mismatch(value, "true or false");
                None
            }
        }
    }

    /// The number in `value`, from 1 to `most`.
    pub(super) fn count(&mut self, value: &Value<'_>, most: u32) -> Option<u32> {
        let DeValue::Integer(number) = value.get_ref() else {
            self.mismatch(value, "a number");
            return None;
        };
        let parsed = u32::from_str_radix(number.as_str(), number.radix());
        let count = parsed.ok().filter(|count| (1..=most).contains(count));
        if count.is_none() {
            self.wrong(value.span(), format!("expected a number from 1 to {most}"));
        }
        count
    }

    /// Every word of a list, or the one word that stands for a list of one, made by `make`.
    pub(super) fn list<T, E: std::fmt::Display>(
        &mut self,
        value: &Value<'_>,
        make: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let one = std::slice::from_ref(value);
        let items = match value.get_ref() {
            DeValue::Array(items) if items.is_empty() => {
                self.wrong(
                    value.span(),
                    "an empty list fits nothing: leave the key out",
                );
                return Vec::new();
            }
            DeValue::Array(items) => items.as_ref(),
            DeValue::String(_) => one,
            _ => {
                self.mismatch(value, "a string or a list of strings");
                return Vec::new();
            }
        };
        let mut made = Vec::with_capacity(items.len());
        for item in items {
            let Some(text) = self.text(item) else {
                continue;
            };
            match make(text) {
                Ok(word) => made.push(word),
                Err(error) => self.wrong(item.span(), error.to_string()),
            }
        }
        made
    }
}

/// The member of a closed set whose word is `text`.
pub(super) fn word<T: Copy>(
    text: &str,
    what: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<T, String> {
    if let Some(found) = all.iter().find(|one| name(**one) == text) {
        return Ok(*found);
    }
    let names = || all.iter().map(|one| name(*one));
    let hint = match suggest::hint(text, names()) {
        hint if hint.is_empty() => format!(" (known: {})", names().collect::<Vec<_>>().join(", ")),
        hint => hint,
    };
    Err(format!("unknown {what} `{}`{hint}", text.escape_debug()))
}

/// What a value is, for a message.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
