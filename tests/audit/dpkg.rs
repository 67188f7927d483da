//! The real dpkg in a root of its own, with a package whose scripts note their words and what they see.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rcpolicy::audit::package::ScriptName;

/// What each script notes: its name with its version, its words, and which of the package's files it sees.
const NOTES: &str = r#"#!/bin/sh
seen=
[ -e "$DPKG_ROOT/usr/share/story/both" ] && seen="$seen both"
[ -e "$DPKG_ROOT/usr/share/story/only-1" ] && seen="$seen only-1"
[ -e "$DPKG_ROOT/usr/share/story/only-2" ] && seen="$seen only-2"
[ -e "$DPKG_ROOT/etc/story.conf" ] && seen="$seen conf"
[ -e "$DPKG_ROOT/etc/story-2.conf" ] && seen="$seen conf-2"
service "SCRIPT-VERSION" "$@" "sees$seen"
"#;

/// A root with its dpkg database, and the packages.
pub(crate) struct Root {
    directory: tempfile::TempDir,
}

impl Root {
    pub(crate) fn new() -> Self {
        let root = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        for directory in [
            "root/var/lib/dpkg/info",
            "root/var/lib/dpkg/updates",
            "root/var/lib/dpkg/triggers",
            "bin",
        ] {
            fs::create_dir_all(root.path(directory)).unwrap();
        }
        fs::write(root.path("root/var/lib/dpkg/status"), "").unwrap();
        fs::write(root.path("root/var/lib/dpkg/available"), "").unwrap();
        let stub = "#!/bin/sh\nfor word; do printf '%s\\1' \"$word\"; done >>\"$STORY_LOG\"; printf '\\n' >>\"$STORY_LOG\"\n";
        executable(&root.path("bin/service"), stub);
        root
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The package's version with scripts of which these fail.
    pub(crate) fn package(&self, version: &str, failing: &[ScriptName]) -> PathBuf {
        let tree = self.path(&format!("tree-{version}"));
        let _ = fs::remove_dir_all(&tree);
        for directory in ["DEBIAN", "etc", "usr/share/story"] {
            fs::create_dir_all(tree.join(directory)).unwrap();
        }
        let mut conffiles = String::from("/etc/story.conf\n");
        fs::write(tree.join("etc/story.conf"), "").unwrap();
        if version == "2" {
            conffiles.push_str("/etc/story-2.conf\n");
            fs::write(tree.join("etc/story-2.conf"), "").unwrap();
        }
        fs::write(tree.join("usr/share/story/both"), version).unwrap();
        fs::write(tree.join(format!("usr/share/story/only-{version}")), "").unwrap();
        fs::write(tree.join("DEBIAN/conffiles"), conffiles).unwrap();
        fs::write(
            tree.join("DEBIAN/triggers"),
            "interest-noawait /story\ninterest-noawait told\n",
        )
        .unwrap();
        fs::write(tree.join("DEBIAN/control"), control("story", version, "")).unwrap();
        for name in ScriptName::ALL {
            let text = text(name, version, failing);
            executable(&tree.join("DEBIAN").join(name.as_str()), &text);
        }
        self.built(&tree, &format!("story_{version}"))
    }

    /// Another package, version 1, with such a line in its control file and such a preinst.
    pub(crate) fn other(&self, name: &str, field: &str, preinst: &str) -> PathBuf {
        let tree = self.path(&format!("tree-{name}"));
        fs::create_dir_all(tree.join("DEBIAN")).unwrap();
        fs::write(tree.join("DEBIAN/control"), control(name, "1", field)).unwrap();
        executable(
            &tree.join("DEBIAN/preinst"),
            &format!("#!/bin/sh\n{preinst}"),
        );
        self.built(&tree, name)
    }

    /// The first version again, which depends on this one, and is installed.
    pub(crate) fn depending(&self, on: &str) {
        let tree = self.path("tree-1");
        let depends = control("story", "1", &format!("Depends: {on}"));
        fs::write(tree.join("DEBIAN/control"), depends).unwrap();
        self.install(&self.built(&tree, "depending"));
    }

    fn built(&self, tree: &Path, name: &str) -> PathBuf {
        let deb = self.path(&format!("{name}.deb"));
        let built = Command::new("dpkg-deb")
            .args(["--root-owner-group", "-Znone", "-b"])
            .arg(tree)
            .arg(&deb)
            .output();
        let built = built.unwrap();
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        deb
    }

    /// What the scripts note while dpkg does this.
    pub(crate) fn dpkg(&self, words: &[&str]) -> Vec<Vec<String>> {
        let log = self.path("log");
        fs::write(&log, "").unwrap();
        let path = format!(
            "{}:/usr/sbin:/usr/bin:/sbin:/bin",
            self.path("bin").display()
        );
        let mut dpkg = Command::new("dpkg");
        dpkg.arg(format!("--root={}", self.path("root").display()));
        dpkg.args([
            "--force-script-chrootless",
            "--force-not-root",
            "--force-bad-path",
            "--log=/dev/null",
        ]);
        dpkg.args(words).env("PATH", path).env("STORY_LOG", &log);
        dpkg.env_remove("DPKG_FRONTEND_LOCKED")
            .env("DPKG_COLORS", "never");
        // Whether it succeeds hangs on the script that is to fail.
        dpkg.stdin(Stdio::null()).output().unwrap();
        let noted = fs::read_to_string(&log).unwrap();
        let lines = noted
            .lines()
            .map(|line| line.split_terminator('\u{1}').map(str::to_owned).collect());
        lines.collect()
    }

    pub(crate) fn install(&self, deb: &Path) -> Vec<Vec<String>> {
        self.dpkg(&["-i", deb.to_str().unwrap()])
    }
}

/// A version's script, which fails if it is one of these.
pub(crate) fn text(name: ScriptName, version: &str, failing: &[ScriptName]) -> String {
    let mut text = NOTES
        .replace("SCRIPT", name.as_str())
        .replace("VERSION", version);
    if failing.contains(&name) {
        text.push_str(failure(version));
    }
    text
}

fn control(name: &str, version: &str, field: &str) -> String {
    let end = if field.is_empty() { "" } else { "\n" };
    format!(
        "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@example.org>\n{field}{end}Description: x\n"
    )
}

/// How a version's script fails: the new one's only where it is to do its part, not where it is to undo it.
fn failure(version: &str) -> &'static str {
    match version {
        "1" => "exit 1\n",
        _ => "[ \"$1\" = abort-upgrade ] || exit 1\n",
    }
}

fn executable(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
