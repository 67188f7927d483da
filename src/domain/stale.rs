//! What of a running service is older than what lies on the disk now. Words only; `observe` finds it
//! out and `decide` judges it.

/// What was found out about one service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Staleness {
    /// Program files that its processes run and that were replaced or removed since.
    pub replaced: Vec<String>,
    /// What of its unit, its package or its configuration changed since it was started.
    pub changed: Vec<String>,
    /// What could not be found out, and why. Unknown is never a no.
    pub unknown: Vec<String>,
    /// How many processes were looked at.
    pub processes: usize,
}

impl Staleness {
    /// Nothing could be found out.
    pub fn unknown(why: impl Into<String>) -> Self {
        Self {
            unknown: vec![why.into()],
            ..Self::default()
        }
    }
}
