//! Giving a call to the stock tool: in chroots, in observe mode, when bypassed, and whenever we
//! failed before we acted. The stock tools lie beside ours, where the diversion keeps them.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use thiserror::Error;

use crate::domain::FrontEnd;

/// The call could not be given to the stock tool.
#[derive(Debug, Error)]
pub(super) enum HandoverError {
    /// It is not there, or it is we.
    #[error("the stock tool `{path}` is not installed")]
    Missing {
        /// Where it was looked for.
        path: &'static str,
    },
    /// It could not be run.
    #[error("cannot run the stock tool `{path}`: {source}")]
    Exec {
        /// The tool.
        path: &'static str,
        /// Why not.
        source: std::io::Error,
    },
}

/// Where the diversion keeps the stock tool.
pub(super) fn stock_path(front: FrontEnd) -> &'static str {
    match front {
        FrontEnd::InvokeRcD | FrontEnd::Rcpolicy => "/usr/sbin/invoke-rc.d.distrib",
        FrontEnd::DebSystemdInvoke => "/usr/bin/deb-systemd-invoke.distrib",
    }
}

/// Becomes the stock tool. Returns only when that failed. Options that only we know are left out
/// of the first `options` arguments: what follows belongs to somebody else.
pub(super) fn hand_over(front: FrontEnd, arguments: &[OsString], options: usize) -> HandoverError {
    let path = stock_path(front);
    let identity = |file: std::fs::Metadata| (file.dev(), file.ino());
    let stock = std::fs::metadata(path).ok().map(identity);
    let own = std::fs::metadata("/proc/self/exe").ok().map(identity);
    if stock.is_none() || stock == own {
        return HandoverError::Missing { path };
    }
    let (before, after) = arguments.split_at(options.min(arguments.len()));
    let stock_knows = |argument: &&OsString| *argument != "--quiesce" && *argument != "--defer";
    let source = Command::new(path)
        .args(before.iter().filter(stock_knows))
        .args(after)
        .exec();
    HandoverError::Exec { path, source }
}
