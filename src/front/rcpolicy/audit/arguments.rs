//! The words of `rcpolicy audit`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;

use clap::ValueEnum;

use crate::audit::audited::Counts;
use crate::audit::finding::Severity;
use crate::audit::show::people::Allowed;

const MORE: &str = "\
Which versions:
  Without --from each package is upgraded to itself: most upgrades keep their
  scripts, and so the old prerm meets the new postinst as it is written now.
  A line of the list on standard input is a path, or OLD NEW; a tab between the
  two lets them have blanks in them.

Many packages:
  Results come in the order of what was asked for, each as soon as it is there.
  What cannot be read is one line of error and keeps nothing else.
  --into FILE can be killed and started again: it goes on with what is missing.
  Lines of JSON from several machines are put together by --merge, in any order.

Exit status:
  0  nothing of the severity that --fail-on names, or worse
  1  something was found
  2  wrong usage
  3  something could not be read or written

Examples:
  rcpolicy audit foo_2.0-1_amd64.deb --from foo_1.0-1_amd64.deb
  rcpolicy audit .                          a source package, in its directory
  rcpolicy audit --from old/ new/*.deb --html report/
  find . -name '*.deb' | rcpolicy audit - --into all.jsonl
  rcpolicy audit --merge all.jsonl more.jsonl --sarif > services.sarif
  rcpolicy audit --explain ID";

/// Arguments of `rcpolicy audit`.
#[derive(Debug, clap::Args)]
#[command(after_help = MORE)]
pub(in crate::front::rcpolicy) struct Arguments {
    /// `.deb` files, unpacked packages (with DEBIAN/), source packages (or their debian/); `-`: a list of
    /// them on standard input.
    #[arg(value_name = "PACKAGE", required_unless_present_any = ["explain", "list"])]
    pub(super) packages: Vec<PathBuf>,
    /// The version that is upgraded: a package, or a directory of `.deb` files in which the newest one
    /// that is older is found by name.
    #[arg(long, value_name = "OLD", conflicts_with = "merge")]
    pub(super) from: Option<PathBuf>,
    /// The packages are installed beside each other: looks also at what of one falls with a service of
    /// another. Each is read twice.
    #[arg(long, conflicts_with = "merge")]
    pub(super) together: bool,
    /// One JSON object a line, for each package.
    #[arg(long, group = "form")]
    pub(super) json: bool,
    /// SARIF 2.1.0, for CI services.
    #[arg(long, group = "form")]
    pub(super) sarif: bool,
    /// Adds the JSON lines to FILE and leaves out what FILE has already, by its path; prints no findings.
    #[arg(long, value_name = "FILE", group = "form", conflicts_with_all = ["merge", "html"])]
    pub(super) into: Option<PathBuf>,
    /// Writes a report to look through in a browser: one file, if PATH ends in .html, or a directory. Findings
    /// are printed besides only with --json or --sarif.
    #[arg(long, value_name = "PATH")]
    pub(super) html: Option<PathBuf>,
    /// Draws what happens to services, into JSON lines that become a report later; --html does so by itself.
    #[arg(long)]
    pub(super) timelines: bool,
    /// The arguments are files of JSON lines (`-`: standard input), which are put together.
    #[arg(long)]
    pub(super) merge: bool,
    /// The findings that make the exit status 1.
    #[arg(long, value_name = "SEVERITY", value_enum, default_value_t = FailOn::Error)]
    pub(super) fail_on: FailOn,
    /// Shows what comments in the packages allow, too.
    #[arg(long)]
    allowed: bool,
    /// How many packages are in work at a time, as many as there are processors if not given.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Lists all checks.
    #[arg(long, exclusive = true)]
    pub(super) list: bool,
    /// Explains a check.
    #[arg(long, value_name = "ID", exclusive = true)]
    pub(super) explain: Option<String>,
}

/// From which severity on a finding makes the exit status 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    /// Errors.
    Error,
    /// Errors and warnings.
    Warning,
    /// All that is found.
    Note,
    /// None of them.
    Never,
}

impl FailOn {
    /// Whether these make it so.
    pub(super) fn is_met(self, counts: Counts) -> bool {
        let least = match self {
            Self::Error => Severity::Error,
            Self::Warning => Severity::Warning,
            Self::Note => Severity::Note,
            Self::Never => return false,
        };
        counts.at_least(least) > 0
    }
}

impl Arguments {
    pub(super) fn allowed(&self) -> Allowed {
        match self.allowed {
            true => Allowed::Shown,
            false => Allowed::Counted,
        }
    }

    pub(super) fn jobs(&self) -> NonZeroUsize {
        let all = || available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.jobs.unwrap_or_else(all)
    }
}
