//! How a drop-in was called: by its own name, or by the kernel as the interpreter of the small script
//! that the package puts at the stock path. That script's first line ends with a word of ours, and
//! behind it stand the script's path and the caller's arguments.

use std::ffi::OsString;

/// The word in the script's first line. Whatever the caller passes stands behind the script's path, so
/// that only the first argument can be this word.
const AS_SCRIPT: &str = "--called-as";

/// One call, as the stock tool would see it: a script's `$0` is the script's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Called {
    /// The program's name, or the path it was called by.
    pub(super) program: String,
    /// The caller's arguments.
    pub(super) arguments: Vec<OsString>,
}

impl Called {
    /// Reads a process's `arguments`, its own name included; `name` stands in where there is none.
    pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>, name: &str) -> Self {
        let mut rest = arguments.into_iter().peekable();
        let mut program = rest.next();
        if rest.next_if(|first| *first == *AS_SCRIPT).is_some() {
            program = rest.next();
        }
        let program = program.map(|program| program.to_string_lossy().into_owned());
        Self {
            program: program.unwrap_or_else(|| name.to_owned()),
            arguments: rest.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The program and its arguments, in one line.
    fn called(line: &str) -> String {
        let words = line.split_whitespace().map(OsString::from);
        let called = Called::parse(words, "fallback");
        let mut words = vec![called.program];
        words.extend(
            called
                .arguments
                .iter()
                .map(|word| word.to_string_lossy().into_owned()),
        );
        words.join(" ")
    }

    #[test]
    fn a_call_through_the_script_looks_like_a_call_of_the_script() {
        let table = [
            (
                "/l/tool --called-as /usr/sbin/tool foo start",
                "/usr/sbin/tool foo start",
            ),
            ("/l/tool --called-as /usr/sbin/tool", "/usr/sbin/tool"),
            ("/l/tool --called-as", "fallback"),
            ("tool foo start", "tool foo start"),
            ("tool", "tool"),
            ("", "fallback"),
        ];
        for (line, wanted) in table {
            assert_eq!(called(line), wanted, "{line}");
        }
    }

    #[test]
    fn the_word_of_the_script_is_an_argument_like_any_other_where_the_caller_says_it() {
        let through = "/l/tool --called-as /usr/sbin/tool --called-as foo";
        assert_eq!(called(through), "/usr/sbin/tool --called-as foo");
        assert_eq!(called("tool foo --called-as"), "tool foo --called-as");
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        crate::testing::mutations::mutated_text(
            &["/l/tool --called-as /usr/sbin/tool foo start"],
            &["--called-as", " "],
            |text| {
                let _ = called(text);
            },
        );
    }
}
