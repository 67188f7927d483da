//! policy-rc.d, asked once for what several users' managers name alike: its answer, or that it gave none,
//! holds for all of them.

use std::collections::BTreeMap;

use crate::domain::HelperAnswer;
use crate::front::inquiry::Asker;
use crate::observe::helper::HelperError;

/// What was said, by unit and action.
pub(super) type Said = BTreeMap<(String, String), Result<HelperAnswer, HelperError>>;

/// Asks what was not asked yet.
pub(super) struct Once<'a> {
    pub(super) asker: &'a mut dyn Asker,
    pub(super) said: &'a mut Said,
}

impl Asker for Once<'_> {
    fn ask(&mut self, name: &str, action: &str) -> Result<HelperAnswer, HelperError> {
        let key = (name.to_owned(), action.to_owned());
        if let Some(said) = self.said.get(&key) {
            return said.clone();
        }
        let said = self.asker.ask(name, action);
        self.said.insert(key, said.clone());
        said
    }

    fn tell(&mut self, text: &str) {
        self.asker.tell(text);
    }

    fn warn(&mut self, text: &str) {
        self.asker.warn(text);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[derive(Default)]
    struct Counting(Vec<String>);

    impl Asker for Counting {
        fn ask(&mut self, name: &str, action: &str) -> Result<HelperAnswer, HelperError> {
            self.0.push(format!("{name} {action}"));
            match name {
                "slow" => Err(HelperError::Silent {
                    path: "policy-rc.d".to_owned(),
                    limit: Duration::from_secs(60),
                }),
                _ => Ok(HelperAnswer::Absent),
            }
        }
        fn tell(&mut self, _: &str) {}
        fn warn(&mut self, _: &str) {}
    }

    #[test]
    fn what_many_users_name_is_asked_once_and_a_helper_that_hangs_hangs_once() {
        let (mut asker, mut said) = (Counting::default(), Said::default());
        for _user in 0..50 {
            let mut once = Once {
                asker: &mut asker,
                said: &mut said,
            };
            assert!(once.ask("a", "start").is_ok());
            assert!(once.ask("a", "restart").is_ok());
            assert!(once.ask("slow", "start").is_err());
        }
        assert_eq!(asker.0, ["a start", "a restart", "slow start"]);
    }
}
