//! Names of entries' files.

use crate::domain::ServiceName;
use crate::files::Directory;

use super::error::LedgerError;

/// Longest name, in bytes, that stands in a file name as it is; longer ones end in a digest.
const LONGEST: usize = 180;

/// The names of all entries in `directory`.
pub(super) fn entry_names(directory: &Directory) -> Result<Vec<String>, LedgerError> {
    let names = directory.names()?.into_iter();
    Ok(names
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name.ends_with(".json") && !name.starts_with('.'))
        .collect())
}

/// The file of a service: its name, percent-encoded so that it stays one visible name in one
/// directory, and within the 255 bytes of a file name.
pub(super) fn file_name(service: &ServiceName) -> String {
    let mut name = String::new();
    for byte in service.as_str().bytes() {
        let hidden = byte == b'.' && name.is_empty();
        if (byte.is_ascii_alphanumeric() || b"_-.@:+".contains(&byte)) && !hidden {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    if name.len() > LONGEST {
        name.truncate(LONGEST);
        name.push_str(&format!("%%{:016x}", digest(service.as_str())));
    }
    name + ".json"
}

/// FNV-1a: stable over versions, which the standard library's hasher is not. The entry names its
/// service, so that two names with one digest are found out, not mixed up.
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
        for (service, file) in [
            ("foo", "foo.json"),
            ("foo@x-y", "foo@x-y.json"),
            (".foo", "%2Efoo.json"),
            ("a%2fb", "a%252fb.json"),
            ("a\\x2db", "a%5Cx2db.json"),
            ("dbus.socket", "dbus.socket.json"),
        ] {
            assert_eq!(file_name(&ServiceName::parse(service).unwrap()), file);
        }
        let (a, b) = (
            format!("{}a", "\\".repeat(240)),
            format!("{}b", "\\".repeat(240)),
        );
        let names = [a, b].map(|n| file_name(&ServiceName::parse(&n).unwrap()));
        assert_ne!(names[0], names[1]);
        assert!(names[0].len() < 210, "{}", names[0].len());
    }
}
