//! The two tools that are compared. Pure.

/// The tool under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    InvokeRcD,
    DebSystemdInvoke,
}

impl Tool {
    /// The name it is installed and called under.
    pub(crate) fn file_name(self) -> &'static str {
        match self {
            Self::InvokeRcD => "invoke-rc.d",
            Self::DebSystemdInvoke => "deb-systemd-invoke",
        }
    }
}
