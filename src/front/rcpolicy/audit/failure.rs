//! Why an audit did not come to its end, and what it ends with.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::super::Ending;
use crate::audit::many::asked::ListError;
use crate::audit::many::kept::KeptError;
use crate::audit::many::merged::MergeError;
use crate::audit::show::html::HtmlError;

/// Why an audit did not come to its end.
#[derive(Debug, Error)]
pub(in crate::front::rcpolicy) enum AuditFailure {
    #[error(transparent)]
    List(#[from] ListError),
    #[error(transparent)]
    Html(#[from] HtmlError),
    #[error(transparent)]
    Kept(#[from] KeptError),
    #[error(transparent)]
    Merge(#[from] MergeError),
    #[error("cannot read the list on standard input: {0}")]
    Input(io::Error),
    #[error("cannot read `{}`: {source}", path.display())]
    From { path: PathBuf, source: io::Error },
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
    #[error("cannot write a result as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("there is no check `{0}`; `rcpolicy audit --list` names them all")]
    NoCheck(String),
    #[error("nobody takes the output any more: of {all} packages {done} were told of")]
    Cut { done: usize, all: usize },
}

impl AuditFailure {
    pub(in crate::front::rcpolicy) fn ending(&self) -> Ending {
        match self {
            Self::List(_) | Self::NoCheck(_) => Ending::Usage,
            Self::Html(_)
            | Self::Kept(_)
            | Self::Merge(_)
            | Self::Input(_)
            | Self::From { .. }
            | Self::Thread(_)
            | Self::Json(_)
            | Self::Cut { .. } => Ending::Failed,
        }
    }
}
