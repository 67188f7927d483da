//! Which file of `debian/` becomes what in which binary package, by debhelper's names for them. Pure.
//! See debhelper(7), dh_installsystemd(1), dh_installinit(1), dh_install(1), dh_link(1), dh_runit(1).

use super::control::{Texts, significant};

/// What a file is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    /// It goes into the control archive by this name.
    Control(&'static str),
    /// It is installed here.
    File {
        /// Its path.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// It lists what is installed where.
    Install,
    /// It lists links.
    Links,
    /// It lists programs and directories for runit's services.
    Runscripts,
}

/// A source of a `.install` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Installed {
    /// A path, or a pattern, from where `debian/` is.
    pub(super) source: String,
    /// The directory that it gets into; the one that it has where it was built, where nobody says.
    directory: Option<String>,
}

impl Installed {
    /// The path that one of the files that it stands for gets; `None` where that is not known.
    pub(super) fn path(&self, source: &str) -> Option<String> {
        let built = source.strip_prefix("debian/tmp/").unwrap_or(source);
        let built = built.trim_end_matches('/');
        let (above, name) = built.rsplit_once('/').unwrap_or(("", built));
        let simple = is_simple(name);
        joined(self.directory.as_deref().unwrap_or(above), name).filter(|_| simple)
    }
}

/// A service of a `.runit` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Runscript {
    /// The program, or the service's directory, from where `debian/` is.
    pub(super) source: String,
    /// The service's directory in the package.
    pub(super) path: String,
}

/// The package, of `names` in the order of debian/control, that `file` is for, and what it is for there.
pub(super) fn role<'n>(file: &str, names: &[&'n str]) -> Option<(&'n str, Role)> {
    let prefixed = names.iter().filter_map(|name| {
        let rest = file.strip_prefix(name)?;
        // `foo@.service` is a template of the package `foo`.
        let rest = rest
            .strip_prefix('.')
            .or(rest.starts_with('@').then_some(rest))?;
        Some((*name, rest))
    });
    // `foo.bar` may be a package of its own.
    if let Some((name, rest)) = prefixed.max_by_key(|(name, _)| name.len()) {
        return meaning(rest, name).map(|role| (name, role));
    }
    // Without a package's name it is the first one's.
    let first = names.first().filter(|_| !file.contains(['.', '@']))?;
    meaning(file, first).map(|role| (*first, role))
}

/// What `rest`, the file's name behind the package's, stands for: `postinst`, `service`, `NAME.service`.
fn meaning(rest: &str, package: &str) -> Option<Role> {
    let (middle, kind) = match rest.rsplit_once('.') {
        Some((middle, kind)) => (Some(middle), kind),
        None => (None, rest),
    };
    let name = match middle {
        Some(template) if template.starts_with('@') => format!("{package}{template}"),
        Some(name) => name.to_owned(),
        None => package.to_owned(),
    };
    let file = |path: String, mode| Some(Role::File { path, mode });
    match kind {
        "service" | "socket" | "path" | "timer" | "target" | "mount" | "automount" => {
            file(unit(&name, kind, package), 0o644)
        }
        "init" => file(format!("/etc/init.d/{name}"), 0o755),
        "default" => file(format!("/etc/default/{name}"), 0o644),
        "upstart" => file(format!("/etc/init/{name}.conf"), 0o644),
        "install" if middle.is_none() => Some(Role::Install),
        "links" if middle.is_none() => Some(Role::Links),
        "runit" if middle.is_none() => Some(Role::Runscripts),
        _ if middle.is_some() => None,
        "control" => None,
        _ => Texts::known(kind).map(Role::Control),
    }
}

/// Where a unit goes; `NAME.user.service` and `user.service` are for the users' managers.
fn unit(name: &str, kind: &str, package: &str) -> String {
    match name
        .strip_suffix("user")
        .map(|rest| rest.strip_suffix('.').unwrap_or(rest))
    {
        Some("") => format!("/usr/lib/systemd/user/{package}.{kind}"),
        Some(rest) if name.ends_with(".user") => format!("/usr/lib/systemd/user/{rest}.{kind}"),
        Some(_) | None => format!("/usr/lib/systemd/system/{name}.{kind}"),
    }
}

/// What a `.install` file says.
pub(super) fn installed(text: &str) -> Vec<Installed> {
    if text.starts_with("#!") {
        // It is a program that prints such a file.
        return Vec::new();
    }
    let mut found = Vec::new();
    for line in significant(text)
        .iter()
        .filter(|line| has_one_meaning(line))
    {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (sources, directory) = match words.as_slice() {
            [only] => (std::slice::from_ref(only), None),
            [sources @ .., directory] => (sources, Some(*directory)),
            [] => continue,
        };
        found.extend(sources.iter().map(|source| Installed {
            source: (*source).to_owned(),
            directory: directory.map(str::to_owned),
        }));
    }
    found
}

/// What a `.runit` file says: each line a source and its options, parted by commas. See dh_runit(1).
pub(super) fn runscripts(text: &str) -> Vec<Runscript> {
    let lines = significant(text);
    let simple = lines.iter().filter(|line| is_simple(line));
    let found = simple.filter_map(|line| {
        let mut words = line.split_whitespace();
        let source = words.next()?.trim_end_matches('/');
        let options: Vec<&str> = words.next().unwrap_or_default().split(',').collect();
        let named = options
            .iter()
            .find_map(|option| option.strip_prefix("name="));
        let last = source.rsplit('/').next().unwrap_or(source);
        let directory = match options.contains(&"usr") {
            true => "/usr/share/runit/sv",
            false => "/etc/sv",
        };
        Some(Runscript {
            source: source.to_owned(),
            path: joined(directory, named.unwrap_or(last))?,
        })
    });
    found.collect()
}

/// What a `.links` file says: each link, and where it leads.
pub(super) fn links(text: &str) -> Vec<(String, String)> {
    let lines = significant(text);
    let simple = lines.iter().filter(|line| is_simple(line));
    let words: Vec<&str> = simple.flat_map(|line| line.split_whitespace()).collect();
    let pairs = words.chunks_exact(2).filter_map(|pair| match pair {
        [target, link] => Some((joined(link, "")?, joined(target, "")?)),
        _ => None,
    });
    pairs.collect()
}

/// Neither patterns nor variables.
fn is_simple(line: &str) -> bool {
    !line.contains(['*', '?', '[']) && has_one_meaning(line)
}

/// No variables, nor what only a program behind debhelper reads.
fn has_one_meaning(line: &str) -> bool {
    !line.contains(['{', '$', '\\']) && !line.contains("=>")
}

/// An absolute path; `None` for one that leads upwards.
fn joined(directory: &str, name: &str) -> Option<String> {
    let all = directory.split('/').chain(name.split('/'));
    let parts: Vec<&str> = all.filter(|part| !matches!(*part, "" | ".")).collect();
    (!parts.is_empty() && !parts.contains(&"..")).then(|| format!("/{}", parts.join("/")))
}

/// Whether nothing but a program lies at such a path.
pub(super) fn is_program(path: &str) -> bool {
    let path = path.strip_prefix("/usr").unwrap_or(path);
    let name = path.strip_prefix("/bin/").or(path.strip_prefix("/sbin/"));
    name.is_some_and(|name| !name.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(file: &str) -> Option<(&'static str, String)> {
        let (package, role) = role(file, &["foo", "foo-bar", "foo.d"])?;
        let shown = match role {
            Role::Control(name) => name.to_owned(),
            Role::File { path, mode } => format!("{path} {mode:o}"),
            Role::Install => "install".to_owned(),
            Role::Links => "links".to_owned(),
            Role::Runscripts => "runit".to_owned(),
        };
        Some((package, shown))
    }

    #[test]
    fn names_of_files_say_what_becomes_of_them() {
        let unit = |name: &str| format!("/usr/lib/systemd/system/{name} 644");
        let user = |name: &str| format!("/usr/lib/systemd/user/{name} 644");
        for (file, package, expected) in [
            ("postinst", "foo", "postinst".to_owned()),
            ("foo.postinst", "foo", "postinst".to_owned()),
            ("foo-bar.prerm", "foo-bar", "prerm".to_owned()),
            ("foo.service", "foo", unit("foo.service")),
            ("service", "foo", unit("foo.service")),
            ("foo@.service", "foo", unit("foo@.service")),
            ("foo.other.socket", "foo", unit("other.socket")),
            ("foo.other@.timer", "foo", unit("other@.timer")),
            ("foo.d.path", "foo.d", unit("foo.d.path")),
            ("foo.user.service", "foo", user("foo.service")),
            ("foo.x.user.service", "foo", user("x.service")),
            ("foo.superuser.service", "foo", unit("superuser.service")),
            (
                "foo-bar.init",
                "foo-bar",
                "/etc/init.d/foo-bar 755".to_owned(),
            ),
            ("foo.x.init", "foo", "/etc/init.d/x 755".to_owned()),
            ("foo.upstart", "foo", "/etc/init/foo.conf 644".to_owned()),
            ("foo.default", "foo", "/etc/default/foo 644".to_owned()),
            ("foo.install", "foo", "install".to_owned()),
            ("foo-bar.links", "foo-bar", "links".to_owned()),
            ("foo.runit", "foo", "runit".to_owned()),
            ("triggers", "foo", "triggers".to_owned()),
        ] {
            assert_eq!(of(file), Some((package, expected)), "{file}");
        }
    }

    #[test]
    fn other_files_are_nothing() {
        for file in [
            "control",
            "changelog",
            "rules",
            "foo.control",
            "foo.manpages",
            "foo.postinst.amd64",
            "other.service",
            "foobar.service",
            "watch",
            "",
        ] {
            assert_eq!(of(file), None, "{file}");
        }
    }

    #[test]
    fn lines_of_install_files_say_where_a_file_goes() {
        let text = "debian/a.service lib/systemd/system\n# c\nusr/bin/tool\ndebian/tmp/usr/sbin/x\n\
                    a b usr/share/foo/\nusr/lib/*.so usr/lib\nx ../up\n$y z\ndebian/sv/d/ etc/sv\n";
        let all = installed(text);
        let found: Vec<(&str, Option<String>)> = all
            .iter()
            .map(|one| (one.source.as_str(), one.path(&one.source)))
            .collect();
        let path = |path: &str| Some(path.to_owned());
        assert_eq!(
            found,
            [
                ("debian/a.service", path("/lib/systemd/system/a.service")),
                ("usr/bin/tool", path("/usr/bin/tool")),
                ("debian/tmp/usr/sbin/x", path("/usr/sbin/x")),
                ("a", path("/usr/share/foo/a")),
                ("b", path("/usr/share/foo/b")),
                ("usr/lib/*.so", None),
                ("x", None),
                ("debian/sv/d/", path("/etc/sv/d")),
            ]
        );
        assert_eq!(installed("#!/usr/bin/dh-exec\na b\n"), []);
    }

    #[test]
    fn lines_of_runit_files_say_which_service_is_run_by_what() {
        let all = runscripts(
            "debian/foo.run name=foo,logscript\n# c\ndebian/sv/bar/\nx usr\ny name=../z\n",
        );
        let found: Vec<(&str, &str)> = all
            .iter()
            .map(|one| (one.source.as_str(), one.path.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("debian/foo.run", "/etc/sv/foo"),
                ("debian/sv/bar", "/etc/sv/bar"),
                ("x", "/usr/share/runit/sv/x"),
            ]
        );
    }

    #[test]
    fn links_are_read_in_pairs() {
        let text = "lib/systemd/system/a.service /lib/systemd/system/b.service\nodd\n";
        let expected = (
            "/lib/systemd/system/b.service".to_owned(),
            "/lib/systemd/system/a.service".to_owned(),
        );
        assert_eq!(links(text), [expected]);
        assert!(is_program("/usr/sbin/x") && is_program("/bin/x"));
        assert!(!is_program("/usr/bin") && !is_program("/usr/lib/bin/x"));
    }
}
