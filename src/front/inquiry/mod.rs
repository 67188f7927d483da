//! How the drop-ins come to a decision: what is asked of whom about one action, in which order.
//! `rcpolicy explain` goes the same way, with an asker of its own. Prints nothing, carries out nothing.

mod turn;
mod units;

use crate::decide::stock::status;
use crate::domain::HelperAnswer;
use crate::init::InitError;
use crate::observe::helper::HelperError;

pub(super) use self::turn::{Origin, Turn};
pub(super) use self::units::Heard;

/// Puts questions to policy-rc.d in the name of one tool, and says what is to be said meanwhile.
pub(super) trait Asker {
    /// Asks about `action` of what is called `name`.
    fn ask(&mut self, name: &str, action: &str) -> Result<HelperAnswer, HelperError>;

    /// A message that `--quiet` silences.
    fn tell(&mut self, text: &str);

    /// A message that is always said.
    fn warn(&mut self, text: &str);
}

/// Why there is no decision. Nothing was done yet.
#[derive(Debug)]
pub(super) enum Stuck {
    /// The init could not be asked.
    Init(InitError),
    /// policy-rc.d gave no answer.
    Helper(HelperError),
}

impl Stuck {
    /// In words.
    pub(super) fn why(&self) -> String {
        match self {
            Self::Init(error) => error.to_string(),
            Self::Helper(error) => error.to_string(),
        }
    }
}

impl From<InitError> for Stuck {
    fn from(error: InitError) -> Self {
        Self::Init(error)
    }
}

impl From<HelperError> for Stuck {
    fn from(error: HelperError) -> Self {
        Self::Helper(error)
    }
}

/// Whether policy-rc.d said no.
pub(super) fn is_denied(answer: &HelperAnswer) -> bool {
    matches!(
        answer,
        HelperAnswer::Said {
            status: status::DENIED,
            ..
        }
    )
}
