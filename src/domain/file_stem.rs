//! A service's name as the name of a file: one visible name in one directory. Pure.

use super::ServiceName;

/// Longest name, in bytes, that stands in a file name as it is; longer ones end in a digest.
const LONGEST: usize = 180;

impl ServiceName {
    /// The name percent-encoded, so that it neither hides nor leaves its directory, and short enough
    /// that a suffix fits within the 255 bytes of a file name.
    pub fn file_stem(&self) -> String {
        let mut stem = String::new();
        for byte in self.as_str().bytes() {
            let hidden = byte == b'.' && stem.is_empty();
            if (byte.is_ascii_alphanumeric() || b"_-.@:+".contains(&byte)) && !hidden {
                stem.push(char::from(byte));
            } else {
                stem.push_str(&format!("%{byte:02X}"));
            }
        }
        if stem.len() > LONGEST {
            stem.truncate(LONGEST);
            stem.push_str(&format!("%%{:016x}", digest(self.as_str())));
        }
        stem
    }

    /// The name that [`ServiceName::file_stem`] encodes; `None` for what it never makes, and where
    /// only a digest is left of it.
    pub fn of_file_stem(stem: &str) -> Option<Self> {
        let mut parts = stem.split('%');
        let mut text = parts.next()?.to_owned();
        for part in parts {
            let (code, rest) = part.split_at_checked(2)?;
            text.push(char::from(u8::from_str_radix(code, 16).ok()?));
            text.push_str(rest);
        }
        let name = Self::parse(&text).ok()?;
        (name.file_stem() == stem).then_some(name)
    }
}

/// FNV-1a: stable over versions, which the standard library's hasher is not. The file names its
/// service inside, so that two names with one digest are found out, not mixed up.
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_the_directory_hides_in_it_or_is_too_long_for_it() {
        for (service, stem) in [
            ("foo", "foo"),
            ("foo@x-y", "foo@x-y"),
            (".foo", "%2Efoo"),
            ("a%2fb", "a%252fb"),
            ("a\\x2db", "a%5Cx2db"),
            ("dbus.socket", "dbus.socket"),
        ] {
            let name = ServiceName::parse(service).unwrap();
            assert_eq!(name.file_stem(), stem);
            assert_eq!(ServiceName::of_file_stem(stem), Some(name));
        }
        let long = |last: char| ServiceName::parse(&format!("{}{last}", "\\".repeat(240))).unwrap();
        let stems = ['a', 'b'].map(|last| long(last).file_stem());
        assert_ne!(stems[0], stems[1]);
        assert!(stems[0].len() < 205, "{}", stems[0].len());
    }

    #[test]
    fn what_no_name_encodes_to_is_no_name() {
        for stem in [
            "",
            "%",
            "%2",
            "%zz",
            "%2F",
            "%41",
            "a b",
            "x%%0123456789abcdef",
            "%C3%A4",
        ] {
            assert_eq!(ServiceName::of_file_stem(stem), None, "{stem}");
        }
    }
}
