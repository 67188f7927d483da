//! Where a finding is, as SARIF says it: an address and a region. A file in a `.deb` has the address that
//! `dpkg-deb -R` would unpack it to, below a directory named like the `.deb`.

use serde_json::{Value, json};

use crate::audit::audited::Audited;
use crate::audit::finding::Spot;
use crate::audit::show::seen::Seen;
use crate::report::plain::one_line;

const SCRIPTS: [&str; 4] = ["preinst", "postinst", "prerm", "postrm"];

/// The place of `spot`, with the line itself.
pub(super) fn location(audited: &Audited, spot: &Spot) -> Value {
    let seen = Seen::of(spot);
    let region = json!({
        "startLine": spot.line.max(1),
        "startColumn": spot.column.max(1),
        "endColumn": spot.column.max(1).saturating_add(spot.width.max(1)),
        "snippet": {"text": seen.line()},
    });
    let physical = json!({
        "artifactLocation": {"uri": address(&joined(&audited.input.path, &inside(spot)))},
        "region": region,
    });
    let mut location = json!({"physicalLocation": physical});
    let label = one_line(&spot.label);
    if let Some(object) = location.as_object_mut().filter(|_| !label.is_empty()) {
        object.insert("message".to_owned(), json!({"text": label}));
    }
    location
}

/// The package as a whole.
pub(super) fn whole(audited: &Audited) -> Value {
    let file = json!({"uri": address(&audited.input.path)});
    json!({"physicalLocation": {"artifactLocation": file}})
}

/// The file within the package: `DEBIAN/prerm`, `usr/lib/systemd/system/acpid.socket`, `debian/acpid.prerm`.
pub(super) fn inside(spot: &Spot) -> String {
    let file = match spot.file.rsplit_once(": ") {
        Some((_, inner)) => inner,
        None => spot.file.as_str(),
    };
    match SCRIPTS.contains(&file) {
        true => format!("DEBIAN/{file}"),
        false => file.trim_start_matches('/').to_owned(),
    }
}

/// Below the directory or `.deb` that was given; both `debian` and what holds it can be given.
fn joined(given: &str, inside: &str) -> String {
    let given = given.trim_end_matches('/').trim_start_matches("./");
    let given = match inside.starts_with("debian/") {
        true => given.strip_suffix("debian").unwrap_or(given),
        false => given,
    };
    match given.trim_end_matches('/') {
        "" if given.is_empty() => inside.to_owned(),
        "" => format!("/{inside}"),
        "." => inside.to_owned(),
        given => format!("{given}/{inside}"),
    }
}

/// A path as an address: relative as it is, or a `file:` one.
fn address(path: &str) -> String {
    let path = path.trim_start_matches("./");
    let scheme = if path.starts_with('/') { "file://" } else { "" };
    let mut address = scheme.to_owned();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                address.push(char::from(byte));
            }
            _ => address.push_str(&format!("%{byte:02X}")),
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_nothing_that_could_be_taken_for_more_than_a_path() {
        for (path, expected) in [
            ("debian/foo.prerm", "debian/foo.prerm"),
            ("./a b", "a%20b"),
            ("/x/é:?#%\n", "file:///x/%C3%A9%3A%3F%23%25%0A"),
            ("javascript:alert(1)", "javascript%3Aalert%281%29"),
        ] {
            assert_eq!(address(path), expected);
        }
    }

    #[test]
    fn a_source_packages_files_are_where_its_tree_has_them() {
        for (given, expected) in [
            (".", "debian/foo.prerm"),
            ("./", "debian/foo.prerm"),
            ("debian", "debian/foo.prerm"),
            ("debian/", "debian/foo.prerm"),
            ("src/foo", "src/foo/debian/foo.prerm"),
            ("src/foo/debian", "src/foo/debian/foo.prerm"),
            ("/src/foo/debian", "/src/foo/debian/foo.prerm"),
            ("/debian", "/debian/foo.prerm"),
        ] {
            assert_eq!(joined(given, "debian/foo.prerm"), expected, "{given}");
        }
    }
}
