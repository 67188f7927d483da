//! What a policy file sets once for all: limits, mode, compatibility.
//! Pure. The first file in the order of precedence that sets a key wins.

use std::path::PathBuf;
use std::time::Duration;

use super::window::Window;

/// How long an init may be unreachable, where no file says.
const INIT_WAIT: Duration = Duration::from_secs(30);
/// Quiet time that ends a batch, where no file says.
const FLUSH_SETTLE: Duration = Duration::from_secs(10);
/// How long the gate may take to let a flush in, where no file says.
const FLUSH_GATE_LIMIT: Duration = Duration::from_secs(600);
/// How often what fails is tried at batch ends, where no file says.
const FLUSH_TRIES: u32 = 3;
/// How long policy-rc.d may run, where no file says and compatibility is not strict.
const HELPER_LIMIT: Duration = Duration::from_secs(60);
/// How much of policy-rc.d's output is read, in bytes, where no file says.
const HELPER_MAX_OUTPUT: u64 = 64 * 1024;

/// Whether rcpolicy acts or only watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Decide and carry out.
    #[default]
    Enforce,
    /// Hand over to the stock tools and log what would have been done.
    Observe,
}

impl Mode {
    /// The word of the policy language.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Observe => "observe",
        }
    }
}

/// How long one action may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ActionLimit {
    /// The unit's own limits and a little more.
    #[default]
    Unit,
    /// This long.
    After(Duration),
}

/// How long policy-rc.d may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HelperLimit {
    /// As long as it likes, as with the stock tools.
    Endless,
    /// This long.
    After(Duration),
}

/// The settings that one file gives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SettingsPart {
    /// `[init] wait`
    pub init_wait: Option<Duration>,
    /// `[action] limit`
    pub action_limit: Option<ActionLimit>,
    /// `[flush] settle`
    pub flush_settle: Option<Duration>,
    /// `[flush] tries`
    pub flush_tries: Option<u32>,
    /// `[flush] window`
    pub flush_windows: Option<Vec<Window>>,
    /// `[flush] gate`
    pub flush_gate: Option<Vec<String>>,
    /// `[flush] gate-limit`
    pub flush_gate_limit: Option<Duration>,
    /// `[rcpolicy] mode`
    pub mode: Option<Mode>,
    /// `[compat] strict`
    pub strict: Option<bool>,
    /// `[policy-rc-d] limit`
    pub helper_limit: Option<HelperLimit>,
    /// `[policy-rc-d] max-output`
    pub helper_max_output: Option<u64>,
    /// `[definitions] stock`
    pub definitions_stock: Option<PathBuf>,
    /// `[definitions] live`
    pub definitions_live: Option<PathBuf>,
}

impl SettingsPart {
    /// These settings, completed by those of a file with less precedence.
    pub(super) fn or(self, later: &Self) -> Self {
        Self {
            init_wait: self.init_wait.or(later.init_wait),
            action_limit: self.action_limit.or(later.action_limit),
            flush_settle: self.flush_settle.or(later.flush_settle),
            flush_tries: self.flush_tries.or(later.flush_tries),
            flush_windows: self.flush_windows.or_else(|| later.flush_windows.clone()),
            flush_gate: self.flush_gate.or_else(|| later.flush_gate.clone()),
            flush_gate_limit: self.flush_gate_limit.or(later.flush_gate_limit),
            mode: self.mode.or(later.mode),
            strict: self.strict.or(later.strict),
            helper_limit: self.helper_limit.or(later.helper_limit),
            helper_max_output: self.helper_max_output.or(later.helper_max_output),
            definitions_stock: self
                .definitions_stock
                .or_else(|| later.definitions_stock.clone()),
            definitions_live: self
                .definitions_live
                .or_else(|| later.definitions_live.clone()),
        }
    }
}

/// The settings that apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long an init may be unreachable.
    pub init_wait: Duration,
    /// How long one action may take.
    pub action_limit: ActionLimit,
    /// Quiet time that ends a batch.
    pub flush_settle: Duration,
    /// How often a batch's end tries what fails, the first time included; by hand it is always tried.
    pub flush_tries: u32,
    /// When what is put off is paid by itself; none is always.
    pub flush_windows: Vec<Window>,
    /// The command that runs its last words when a flush may be, and for as long as that is; empty for none.
    pub flush_gate: Vec<String>,
    /// How long it may take until then.
    pub flush_gate_limit: Duration,
    /// Whether rcpolicy acts.
    pub mode: Mode,
    /// Whether every deliberate difference from the stock tools is given up.
    pub strict: bool,
    /// How long policy-rc.d may run, `None` for as long as it likes.
    pub helper_limit: Option<Duration>,
    /// How much of policy-rc.d's output is read, in bytes.
    pub helper_max_output: u64,
    /// Where packages bring service definitions, `None` for where the init has them by itself.
    pub definitions_stock: Option<PathBuf>,
    /// Where the supervisors read them, likewise.
    pub definitions_live: Option<PathBuf>,
}

impl Settings {
    /// The settings that `part` and the built-in values make.
    pub(super) fn from_part(part: &SettingsPart) -> Self {
        let strict = part.strict.unwrap_or(false);
        let helper_limit = match (part.helper_limit, strict) {
            (Some(HelperLimit::After(limit)), _) => Some(limit),
            (Some(HelperLimit::Endless), _) | (None, true) => None,
            (None, false) => Some(HELPER_LIMIT),
        };
        Self {
            init_wait: part.init_wait.unwrap_or(INIT_WAIT),
            action_limit: part.action_limit.unwrap_or_default(),
            flush_settle: part.flush_settle.unwrap_or(FLUSH_SETTLE),
            flush_tries: part.flush_tries.unwrap_or(FLUSH_TRIES),
            flush_windows: part.flush_windows.clone().unwrap_or_default(),
            flush_gate: part.flush_gate.clone().unwrap_or_default(),
            flush_gate_limit: part.flush_gate_limit.unwrap_or(FLUSH_GATE_LIMIT),
            mode: part.mode.unwrap_or_default(),
            strict,
            helper_limit,
            helper_max_output: part.helper_max_output.unwrap_or(HELPER_MAX_OUTPUT),
            definitions_stock: part.definitions_stock.clone(),
            definitions_live: part.definitions_live.clone(),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::from_part(&SettingsPart::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_file_that_sets_a_key_wins() {
        let first = SettingsPart {
            strict: Some(true),
            ..SettingsPart::default()
        };
        let second = SettingsPart {
            strict: Some(false),
            flush_settle: Some(Duration::from_secs(3)),
            ..SettingsPart::default()
        };
        let settings = Settings::from_part(&first.or(&second));
        assert!(settings.strict);
        assert_eq!(settings.flush_settle, Duration::from_secs(3));
    }

    #[test]
    fn policy_rc_d_may_run_for_ever_only_in_strict_compatibility_or_when_told_so() {
        let limit = |strict, helper_limit| {
            Settings::from_part(&SettingsPart {
                strict: Some(strict),
                helper_limit,
                ..SettingsPart::default()
            })
            .helper_limit
        };
        let five = Duration::from_secs(5);
        assert_eq!(limit(true, None), None);
        assert_eq!(limit(false, None), Some(HELPER_LIMIT));
        assert_eq!(limit(false, Some(HelperLimit::Endless)), None);
        assert_eq!(limit(true, Some(HelperLimit::After(five))), Some(five));
    }
}
