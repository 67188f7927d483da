//! What a word comes to of which nothing is expanded: the same on every way, and put together once.

use std::cell::OnceCell;
use std::rc::Rc;

use super::pattern::Pattern;
use super::value::Value;

/// A word that comes to the same everywhere.
#[derive(Debug)]
pub(super) struct Constant {
    /// All of it as one string.
    pub(super) value: Value,
    /// Whether files may be named by it as a pattern.
    pub(super) is_pattern: bool,
    /// All of it as a pattern, once somebody asks.
    pub(super) pattern: OnceCell<Rc<Pattern>>,
}

/// What of a word is kept: nothing yet, that it hangs on the way, or what it comes to.
pub(super) type Kept = OnceCell<Option<Constant>>;
