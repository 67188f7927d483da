//! The names of a package's files: absolute, with one spelling for what a merged system has once, and
//! which of them describe services. Pure.

/// Directories of the root that a merged system has below /usr.
const MERGED: [&str; 7] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32", "libo32"];

/// Whether the text of a file is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// It describes services; too long a one is an error.
    Always,
    /// It may, by its name; one that is too long does not.
    Short,
    /// It does not.
    No,
}

/// Files in these directories describe services, at any depth.
const SERVICES: [&str; 15] = [
    "/usr/lib/systemd/system/",
    "/usr/lib/systemd/user/",
    "/usr/share/systemd/user/",
    "/etc/systemd/system/",
    "/etc/systemd/user/",
    "/usr/share/dbus-1/system-services/",
    "/usr/lib/dbus-1/system-services/",
    "/etc/init.d/",
    "/etc/init/",
    "/etc/sv/",
    "/usr/share/runit/sv/",
    "/etc/s6/sv/",
    "/usr/share/s6/sv/",
    "/usr/lib/rcpolicy/policy.d/",
    "/etc/rcpolicy/policy.d/",
];

/// What scripts and init scripts read first: sets of variables.
const SETTINGS: [&str; 2] = ["/etc/default/", "/etc/conf.d/"];

/// Units that lie elsewhere, and are linked into place.
const UNITS: [&str; 5] = [".service", ".socket", ".timer", ".path", ".automount"];

/// Whether the text of the file at `path` is kept.
pub(super) fn keep(path: &str) -> Keep {
    if SERVICES.iter().any(|directory| path.starts_with(directory)) {
        return Keep::Always;
    }
    let settings = SETTINGS.iter().any(|directory| path.starts_with(directory));
    let unit = UNITS.iter().any(|suffix| path.ends_with(suffix));
    if settings || unit {
        Keep::Short
    } else {
        Keep::No
    }
}

/// Why a name is none that a package's file may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Odd {
    /// It begins at the root.
    #[error("is absolute")]
    Absolute,
    /// It leads upwards.
    #[error("has `..` in it")]
    Upwards,
    /// It is too long.
    #[error("is too long")]
    Long,
    /// It lies too deep.
    #[error("lies in too many directories")]
    Deep,
}

/// An absolute path for a name as archives have it, `./etc/foo`; the root is empty.
pub(super) fn absolute(name: &[u8], longest: usize, deepest: usize) -> Result<String, Odd> {
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    if name.starts_with(b"/") {
        return Err(Odd::Absolute);
    }
    if name.len() > longest {
        return Err(Odd::Long);
    }
    let mut path = String::with_capacity(name.len() + 1);
    let parts = name.split(|byte| *byte == b'/');
    let parts = parts.filter(|part| !matches!(*part, b"" | b"."));
    for (depth, part) in parts.enumerate() {
        if part == b".." {
            return Err(Odd::Upwards);
        }
        if depth >= deepest {
            return Err(Odd::Deep);
        }
        path.push('/');
        path.push_str(&text(part));
    }
    Ok(path)
}

/// Bytes as text; what is no UTF-8 is written as `\xff`, so that two names stay two.
pub(super) fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// The path that a merged system has it at: /bin/x as /usr/bin/x. A merged directory itself stays.
pub(super) fn merged(path: &str) -> Option<String> {
    let (first, rest) = path.strip_prefix('/')?.split_once('/')?;
    let is_merged = MERGED.contains(&first) && !rest.is_empty();
    is_merged.then(|| format!("/usr{path}"))
}

/// Where a link at `from` leads, as an absolute path of a merged system; links on the way are not looked at.
pub(super) fn target(from: &str, target: &str) -> String {
    let base = from.rsplit_once('/').map_or("", |(directory, _)| directory);
    let whole = match target.strip_prefix('/') {
        Some(rest) => rest.to_owned(),
        None => format!("{base}/{target}"),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            // Above the root is the root.
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let path = format!("/{}", parts.join("/"));
    merged(&path).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_absolute_paths_or_are_refused() {
        let cases: [(&[u8], Result<&str, Odd>); 12] = [
            (b"./etc/foo", Ok("/etc/foo")),
            (b"etc/foo/", Ok("/etc/foo")),
            (b"./", Ok("")),
            (b".", Ok("")),
            (b"./a//b/./c", Ok("/a/b/c")),
            (b"./a\0hidden", Ok("/a")),
            (b"./a\xffb", Ok("/a\\xffb")),
            (b"/etc/foo", Err(Odd::Absolute)),
            (b"./../etc", Err(Odd::Upwards)),
            (b"a/..", Err(Odd::Upwards)),
            (b"a/b/c/d/e", Err(Odd::Deep)),
            (b"aaaaaaaaaaaaaaaaaaaaa", Err(Odd::Long)),
        ];
        for (name, expected) in cases {
            let found = absolute(name, 20, 4);
            let shown = String::from_utf8_lossy(name);
            assert_eq!(found, expected.map(str::to_owned), "{shown}");
        }
    }

    #[test]
    fn both_spellings_of_a_merged_path_are_one() {
        assert_eq!(
            merged("/lib/systemd/system/a.service").as_deref(),
            Some("/usr/lib/systemd/system/a.service")
        );
        for path in ["/usr/lib/a", "/lib", "/library/a", "/etc/lib/a", "/", ""] {
            assert_eq!(merged(path), None, "{path}");
        }
    }

    #[test]
    fn a_link_leads_on_from_its_directory_and_never_above_the_root() {
        for (to, expected) in [
            ("b.service", "/usr/lib/systemd/system/b.service"),
            ("../b", "/usr/lib/systemd/b"),
            ("../../../../../../etc/b", "/etc/b"),
            ("/lib/systemd/system/b", "/usr/lib/systemd/system/b"),
            ("/dev/null", "/dev/null"),
        ] {
            assert_eq!(target("/usr/lib/systemd/system/a.service", to), expected);
        }
    }

    #[test]
    fn only_what_describes_services_is_kept() {
        for (path, kept) in [
            ("/usr/lib/systemd/system/a.service.d/b.conf", Keep::Always),
            ("/etc/init.d/a", Keep::Always),
            ("/usr/share/a/a.service", Keep::Short),
            ("/etc/default/a", Keep::Short),
            ("/usr/bin/a", Keep::No),
            ("/usr/share/doc/a/README", Keep::No),
        ] {
            assert_eq!(keep(path), kept, "{path}");
        }
    }
}
