//! What goes to standard output: for people, as JSON lines, as SARIF, or not at all. Pure.

use super::AuditFailure;
use super::arguments::Arguments;
use crate::audit::audited::{Counts, Line};
use crate::audit::show::about::About;
use crate::audit::show::people::{self, Allowed};
use crate::audit::show::sarif::Sarif;
use crate::report::timeline::Look;

/// The form that was asked for.
pub(super) enum Printer {
    People(Look, Allowed),
    Json,
    Sarif(Sarif),
    Nothing,
}

impl Printer {
    pub(super) fn of(arguments: &Arguments, look: Look) -> Self {
        match (arguments.json, arguments.sarif) {
            (true, _) => Self::Json,
            (_, true) => Self::Sarif(Sarif::default()),
            _ if arguments.html.is_some() || arguments.into.is_some() => Self::Nothing,
            _ => Self::People(look, arguments.allowed()),
        }
    }

    /// What stands before all results.
    pub(super) fn open(&self, abouts: &[About<'_>]) -> String {
        match self {
            Self::Sarif(_) => Sarif::open(abouts),
            Self::People(..) | Self::Json | Self::Nothing => String::new(),
        }
    }

    /// A result.
    pub(super) fn line(&mut self, line: &Line) -> Result<String, AuditFailure> {
        Ok(match (self, line) {
            (Self::Json, line) => format!("{}\n", line.to_json()?),
            (Self::People(look, allowed), Line::Package(audited)) => {
                people::package(audited, *allowed, *look)
            }
            (Self::Sarif(sarif), Line::Package(audited)) => sarif.package(audited),
            (Self::Sarif(sarif), Line::Unreadable(unreadable)) => {
                sarif.unreadable(unreadable);
                String::new()
            }
            (Self::People(..), Line::Unreadable(_)) | (Self::Nothing, _) => String::new(),
        })
    }

    /// What stands behind all results.
    pub(super) fn close(&self, packages: usize, unreadable: usize, counts: Counts) -> String {
        match self {
            Self::Sarif(sarif) => sarif.close(),
            Self::Json => String::new(),
            Self::People(..) | Self::Nothing => {
                format!("{}\n", people::summary(packages, unreadable, counts))
            }
        }
    }
}
