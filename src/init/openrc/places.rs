//! Where OpenRC keeps what it knows, and whether that is to be believed: only root writes there.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

/// Where all of it lies.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// OpenRC's own notes: a link for each service in a directory for each state.
    pub(super) run: PathBuf,
    /// Init scripts.
    pub(super) scripts: PathBuf,
    /// A directory for each runlevel.
    pub(super) runlevels: PathBuf,
    /// rc-service, by name or path.
    pub(super) tool: PathBuf,
    /// What tells who needs whom.
    pub(super) depend: PathBuf,
}

impl Places {
    pub(super) fn system() -> Self {
        Self {
            run: "/run/openrc".into(),
            scripts: "/etc/init.d".into(),
            runlevels: "/etc/runlevels".into(),
            tool: "rc-service".into(),
            depend: "/lib/rc/bin/rc-depend".into(),
        }
    }

    /// A directory for each service's values, which scripts store and OpenRC takes away when it is stopped.
    pub(super) fn values(&self) -> PathBuf {
        self.run.join("options")
    }

    /// The same below another root directory.
    #[cfg(test)]
    pub(super) fn below(root: &Path) -> Self {
        Self {
            run: root.join("run"),
            scripts: root.join("init.d"),
            runlevels: root.join("runlevels"),
            tool: root.join("rc-service"),
            depend: root.join("rc-depend"),
        }
    }
}

/// Whether `path` is a directory that nobody but root, or we, can have written to; a missing one is an
/// answer too.
///
/// # Errors
/// When it is something else or somebody else's, or cannot be looked at; why.
pub(super) fn is_there(path: &Path) -> Result<bool, String> {
    let wrong = |why: &str| Err(format!("{}: {why}", path.display()));
    let status = match fs::symlink_metadata(path) {
        Ok(status) => status,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return wrong(&error.to_string()),
    };
    if !status.is_dir() {
        return wrong("it is not a directory");
    }
    if status.uid() != 0 && status.uid() != geteuid().as_raw() {
        return wrong(&format!("it belongs to user {}", status.uid()));
    }
    // OpenRC lets root's own group write to the topmost of them.
    let group = status.mode() & 0o020 != 0 && status.gid() != 0;
    if group || status.mode() & 0o002 != 0 {
        return wrong("others than its owner may write to it");
    }
    Ok(true)
}
