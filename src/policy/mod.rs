//! The policy: TOML files, what is wrong with them, and the answer to one question about one action.
//!
//! `problem`, `glob`, `rule`, `group`, `settings`, `window`, `schema`, `merge`, `hold`, `evaluate` and `lint` are pure; `load` and
//! what lies in its folder alone touch files. A file that is wrong never fails the caller: it
//! becomes a [`Problem`], and [`Origin`] says which policy applies instead.

mod evaluate;
mod glob;
mod group;
mod hold;
mod lint;
mod load;
mod merge;
mod problem;
mod rule;
mod schema;
mod settings;
mod window;

pub use evaluate::{Answer, Matched, Question};
pub use glob::{Glob, GlobError};
pub use group::Membership;
pub use hold::{Held, Hold, HoldError, Holds};
pub use load::{HoldStore, Keep, Roots, check, check_directory, load, read_directory};
pub use merge::{Origin, Policy, PolicyFile};
pub use problem::{Place, Problem, Severity};
pub use rule::{Decide, Group, Pattern, Rule, Tier};
pub use schema::{Parsed, parse, positive_duration, words};
pub use settings::{ActionLimit, HelperLimit, Mode, Settings, SettingsPart};
pub use window::{Offset, Opening, Window, on_the_wall, opening};
