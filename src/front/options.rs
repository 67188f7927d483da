//! The options of the drop-ins, each once: their parsers read them here, and so does the manual.
//! What `rcpolicy` itself understands is clap's.

/// An option of `invoke-rc.d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InvokeOption {
    Quiet,
    Force,
    TryAnyway,
    DiscloseDeny,
    Query,
    NoFallback,
    SkipSystemdNative,
    Quiesce,
    Defer,
    Help,
}

impl InvokeOption {
    /// All of them.
    pub(super) const ALL: [Self; 10] = [
        Self::Quiet,
        Self::Force,
        Self::TryAnyway,
        Self::DiscloseDeny,
        Self::Query,
        Self::NoFallback,
        Self::SkipSystemdNative,
        Self::Quiesce,
        Self::Defer,
        Self::Help,
    ];

    /// The option whose word this is, in full, as the stock script wants it.
    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|option| option.as_str() == word)
    }

    /// As it is written.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Quiet => "--quiet",
            Self::Force => "--force",
            Self::TryAnyway => "--try-anyway",
            Self::DiscloseDeny => "--disclose-deny",
            Self::Query => "--query",
            Self::NoFallback => "--no-fallback",
            Self::SkipSystemdNative => "--skip-systemd-native",
            Self::Quiesce => "--quiesce",
            Self::Defer => "--defer",
            Self::Help => "--help",
        }
    }
}

/// An option of `deb-systemd-invoke`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SystemdOption {
    User,
    System,
    NoDbus,
    Quiesce,
    Defer,
}

impl SystemdOption {
    /// All of them.
    pub(super) const ALL: [Self; 5] = [
        Self::User,
        Self::System,
        Self::NoDbus,
        Self::Quiesce,
        Self::Defer,
    ];

    /// Its name, without the dashes of which there may be one or two.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::System => "system",
            Self::NoDbus => "no-dbus",
            Self::Quiesce => "quiesce",
            Self::Defer => "defer",
        }
    }
}

/// An option of `policy-rc.d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HelperOption {
    Quiet,
    List,
}

impl HelperOption {
    /// Both of them.
    pub(super) const ALL: [Self; 2] = [Self::Quiet, Self::List];

    /// Whether this is its word.
    pub(super) fn is(self, word: &str) -> bool {
        word == self.as_str()
    }

    /// As it is written.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Quiet => "--quiet",
            Self::List => "--list",
        }
    }
}
