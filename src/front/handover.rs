//! Giving a call to the stock tool: in chroots, in observe mode, when bypassed, and whenever we
//! failed before we acted. The stock tools lie beside ours, where the diversion keeps them, and are
//! back at their own paths when our package is removed while we run.

use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use thiserror::Error;

use crate::domain::FrontEnd;

/// How the first line begins of what our package puts at the stock paths (`debian/change`).
const OUR_SCRIPT: &[u8] = b"#!/usr/libexec/rcpolicy/";

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
    stock_paths(front)[0]
}

/// Where the stock tool can be: kept by the diversion, or, when that has just gone, in its own place.
fn stock_paths(front: FrontEnd) -> [&'static str; 2] {
    match front {
        FrontEnd::InvokeRcD | FrontEnd::Rcpolicy => {
            ["/usr/sbin/invoke-rc.d.distrib", "/usr/sbin/invoke-rc.d"]
        }
        FrontEnd::DebSystemdInvoke => [
            "/usr/bin/deb-systemd-invoke.distrib",
            "/usr/bin/deb-systemd-invoke",
        ],
    }
}

/// Becomes the stock tool. Returns only when that failed. Options that only we know are left out
/// of the first `options` arguments: what follows belongs to somebody else.
pub(super) fn hand_over(front: FrontEnd, arguments: &[OsString], options: usize) -> HandoverError {
    let (before, after) = arguments.split_at(options.min(arguments.len()));
    let stock_knows = |argument: &&OsString| *argument != "--quiesce" && *argument != "--defer";
    let missing = HandoverError::Missing {
        path: stock_path(front),
    };
    for path in stock_paths(front) {
        if is_we(Path::new(path)) {
            continue;
        }
        let source = Command::new(path)
            .args(before.iter().filter(stock_knows))
            .args(after)
            .exec();
        if source.kind() != ErrorKind::NotFound {
            return HandoverError::Exec { path, source };
        }
    }
    missing
}

/// Whether running `path` would come back to us: it is our program, or the script that leads to it.
fn is_we(path: &Path) -> bool {
    let identity = |file: Metadata| (file.dev(), file.ino());
    let of = |path: &Path| std::fs::metadata(path).ok().map(identity);
    let same = of(path).is_some_and(|it| Some(it) == of(Path::new("/proc/self/exe")));
    same || leads_to_us(path)
}

fn leads_to_us(path: &Path) -> bool {
    let mut first = [0; OUR_SCRIPT.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut first));
    read.is_ok() && first == OUR_SCRIPT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_program_and_the_script_that_leads_to_it_are_never_taken_for_the_stock_tool() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let ours = "#!/usr/libexec/rcpolicy/invoke-rc.d --called-as\n";
        let before = "#!/usr/libexec/rcpolicy/previous/invoke-rc.d --called-as\n";
        assert!(is_we(&file("ours", ours)));
        assert!(is_we(&file("before", before)));
        assert!(is_we(Path::new("/proc/self/exe")));
        assert!(!is_we(&file("stock", "#!/bin/sh\nexit 0\n")));
        assert!(!is_we(&file("empty", "")));
        assert!(!is_we(Path::new("/nonexistent")));
    }
}
