//! An observation that may have failed. Unknown is a value of its own and never means "no".

/// What a question to the machine brought: an answer, or the reason why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known<T> {
    /// The machine answered.
    Is(T),
    /// The question failed, or was not asked; the text says why.
    Unknown(String),
}

impl<T> Known<T> {
    /// The answer, where there is one.
    pub fn get(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// Whether the answer is known and satisfies `test`.
    pub fn is_and(&self, test: impl FnOnce(&T) -> bool) -> bool {
        self.get().is_some_and(test)
    }

    /// Whether the question failed.
    pub fn is_unknown(&self) -> bool {
        self.get().is_none()
    }
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self::Unknown("not asked".to_owned())
    }
}

impl<T, E: std::fmt::Display> From<Result<T, E>> for Known<T> {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(value) => Self::Is(value),
            Err(error) => Self::Unknown(error.to_string()),
        }
    }
}
