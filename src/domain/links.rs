//! The start and kill links of an init script, as they were found in the runlevel directories.
//! Pure data: `observe` finds them, `decide` says what they mean.

/// One `S??name` or `K??name` entry of a runlevel directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunlevelLink {
    /// The whole path.
    pub path: String,
    /// Whether it is a symlink.
    pub is_link: bool,
    /// Whether it leads to a regular file.
    pub leads_to_file: bool,
    /// Whether what it leads to may be executed.
    pub executable: bool,
}

/// The entries for one script.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Links {
    /// Start links of the current runlevel.
    pub start: Vec<RunlevelLink>,
    /// Kill links of the current runlevel.
    pub kill: Vec<RunlevelLink>,
    /// Start links of runlevel S.
    pub boot: Vec<RunlevelLink>,
    /// What is wrong with directories that are there and cannot be read: nothing is known of the links in them.
    pub unread: Vec<String>,
}
