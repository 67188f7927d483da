//! How what is printed may look on the terminal of this process.

use std::ffi::OsString;
use std::io::IsTerminal;

use crate::report::timeline::{Charset, Color, Look};

/// Colours on a terminal alone, and not where NO_COLOR asks for none; lines as the locale has them.
pub(super) fn look() -> Look {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let plain = set("NO_COLOR").is_some() || set("TERM").is_some_and(|term| term == "dumb");
    let color = match !plain && std::io::stdout().is_terminal() {
        true => Color::Ansi,
        false => Color::None,
    };
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
    Look {
        color,
        charset: charset(locale),
    }
}

/// Fresh machines set no locale at all, and their terminals show UTF-8.
fn charset(locale: Option<OsString>) -> Charset {
    let Some(locale) = locale else {
        return Charset::Unicode;
    };
    let locale = locale.to_string_lossy().to_lowercase();
    match locale.contains("utf-8") || locale.contains("utf8") {
        true => Charset::Unicode,
        false => Charset::Ascii,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_ascii_only_where_a_locale_says_that_it_has_nothing_else() {
        for (locale, expected) in [
            (None, Charset::Unicode),
            (Some("C.UTF-8"), Charset::Unicode),
            (Some("de_DE.utf8"), Charset::Unicode),
            (Some("C"), Charset::Ascii),
            (Some("de_DE@euro"), Charset::Ascii),
        ] {
            assert_eq!(charset(locale.map(OsString::from)), expected, "{locale:?}");
        }
    }
}
