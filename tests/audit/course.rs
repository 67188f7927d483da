//! The order of maintainer scripts against the real dpkg: two versions of a package whose scripts note their
//! words, in a root of their own, each script failing in turn.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rcpolicy::audit::call::Side;
use rcpolicy::audit::course::{Pair, Scene, Step, Way, course};
use rcpolicy::audit::package::{Entry, Form, Package, Script, ScriptName};
use rcpolicy::domain::InitKind;

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
struct Root {
    directory: tempfile::TempDir,
}

impl Root {
    fn new() -> Self {
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

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The package's version with scripts of which these fail.
    fn package(&self, version: &str, failing: &[ScriptName]) -> PathBuf {
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
        let control = format!(
            "Package: story\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: x\n"
        );
        fs::write(tree.join("DEBIAN/control"), control).unwrap();
        for name in ScriptName::ALL {
            let mut text = NOTES
                .replace("SCRIPT", name.as_str())
                .replace("VERSION", version);
            if failing.contains(&name) {
                text.push_str(failure(version));
            }
            executable(&tree.join("DEBIAN").join(name.as_str()), &text);
        }
        let deb = self.path(&format!("story_{version}.deb"));
        let built = Command::new("dpkg-deb")
            .args(["--root-owner-group", "-Znone", "-b"])
            .arg(&tree)
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
    fn dpkg(&self, words: &[&str]) -> Vec<Vec<String>> {
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

    fn install(&self, deb: &Path) -> Vec<Vec<String>> {
        self.dpkg(&["-i", deb.to_str().unwrap()])
    }
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

/// The same package as the audit sees it.
fn seen(version: &str, failing: &[ScriptName]) -> Package {
    let file = |size| Entry::File {
        mode: 0o644,
        size,
        text: None,
    };
    let mut files = std::collections::BTreeMap::new();
    let mut conffiles = std::collections::BTreeSet::from(["/etc/story.conf".to_owned()]);
    files.insert("/etc/story.conf".to_owned(), file(0));
    if version == "2" {
        conffiles.insert("/etc/story-2.conf".to_owned());
        files.insert("/etc/story-2.conf".to_owned(), file(0));
    }
    files.insert("/usr/share/story/both".to_owned(), file(1));
    files.insert(format!("/usr/share/story/only-{version}"), file(0));
    let scripts = ScriptName::ALL.into_iter().map(|name| {
        let mut text = NOTES
            .replace("SCRIPT", name.as_str())
            .replace("VERSION", version);
        if failing.contains(&name) {
            text.push_str(failure(version));
        }
        let script = Script {
            name,
            shown: name.as_str().to_owned(),
            interpreter: "sh".to_owned(),
            text,
        };
        (name, script)
    });
    Package {
        path: PathBuf::from("story.deb"),
        form: Form::Deb,
        name: "story".to_owned(),
        version: version.to_owned(),
        fields: std::collections::BTreeMap::new(),
        scripts: scripts.collect(),
        files,
        conffiles,
        origins: std::collections::BTreeMap::new(),
        triggers: vec![
            "interest-noawait /story".to_owned(),
            "interest-noawait told".to_owned(),
        ],
    }
}

/// The calls of a course, the program's name left out. What neither version has the audit does not know of:
/// it is not there.
fn said(way: Way, pair: &Pair<'_>) -> Vec<Vec<String>> {
    let course = course(way, pair, &Scene::new(InitKind::Systemd));
    let mut calls = Vec::new();
    for step in &course.steps {
        let Step::Run { paths, .. } = step else {
            continue;
        };
        let mut none = paths
            .iter()
            .filter(|path| path.assumed.iter().all(|one| !one.held));
        for call in &none.next().unwrap().calls {
            let words = call.words.iter().skip(1);
            calls.push(words.map(|word| word.known().unwrap().to_owned()).collect());
        }
    }
    calls
}

#[test]
fn scripts_run_in_the_order_that_dpkg_has() {
    let none: [ScriptName; 0] = [];
    let root = Root::new();
    let (first, second) = (seen("1", &none), seen("2", &none));
    let one = Pair {
        old: None,
        new: Some(&first),
    };
    let both = Pair {
        old: Some(&first),
        new: Some(&second),
    };
    let (old, new) = (root.package("1", &none), root.package("2", &none));
    assert_eq!(said(Way::Install, &one), root.install(&old));
    assert_eq!(said(Way::Upgrade, &both), root.install(&new));
    let two = Pair {
        old: None,
        new: Some(&second),
    };
    let told = root.dpkg(&["--triggers-only", "-a"]);
    assert_eq!(told, Vec::<Vec<String>>::new());
    assert_eq!(said(Way::Remove, &two), root.dpkg(&["--remove", "story"]));
    assert_eq!(said(Way::Purge, &two), root.dpkg(&["--purge", "story"]));
    root.install(&old);
    root.dpkg(&["--remove", "story"]);
    assert_eq!(said(Way::Again, &both), root.install(&new));
}

#[test]
fn a_script_that_fails_is_unwound_as_dpkg_does_it() {
    use ScriptName::{Postinst, Postrm, Preinst, Prerm};
    use Side::{New, Old};
    let table: [(Way, &[ScriptName], &[ScriptName]); 8] = [
        (Way::Failed(Old, Prerm), &[Prerm], &[]),
        (Way::Failed(New, Prerm), &[Prerm], &[Prerm]),
        (Way::Failed(New, Preinst), &[], &[Preinst]),
        (Way::Failed(Old, Postinst), &[Postinst], &[Preinst]),
        (Way::Failed(Old, Postrm), &[Postrm], &[]),
        (Way::Failed(New, Postrm), &[Postrm], &[Postrm]),
        (Way::Failed(Old, Preinst), &[Preinst, Postrm], &[Postrm]),
        (Way::Failed(New, Postinst), &[], &[Postinst]),
    ];
    for (way, old, new) in table {
        let root = Root::new();
        root.install(&root.package("1", &[]));
        // From here on what is installed fails.
        for name in old {
            let installed = root.path(&format!("root/var/lib/dpkg/info/story.{}", name.as_str()));
            let text = fs::read_to_string(&installed).unwrap();
            fs::write(&installed, text + "exit 1\n").unwrap();
        }
        let (first, second) = (seen("1", old), seen("2", new));
        let pair = Pair {
            old: Some(&first),
            new: Some(&second),
        };
        assert_eq!(
            said(way, &pair),
            root.install(&root.package("2", new)),
            "{way:?}"
        );
    }
}

#[test]
fn a_prerm_that_fails_on_removal_is_followed_by_abort_remove() {
    let root = Root::new();
    let failing = [ScriptName::Prerm];
    root.install(&root.package("1", &failing));
    let package = seen("1", &failing);
    let one = Pair {
        old: None,
        new: Some(&package),
    };
    assert_eq!(
        said(Way::FailedRemove, &one),
        root.dpkg(&["--remove", "story"])
    );
}

#[test]
fn all_triggers_of_a_run_come_as_one_word() {
    let root = Root::new();
    root.install(&root.package("1", &[]));
    let package = seen("1", &[]);
    let one = Pair {
        old: None,
        new: Some(&package),
    };
    let database = root.path("root/var/lib/dpkg");
    for name in ["/story", "told"] {
        let mut trigger = Command::new("dpkg-trigger");
        trigger
            .arg(format!("--admindir={}", database.display()))
            .args(["--by-package=dpkg", "--no-await", name]);
        assert!(trigger.status().unwrap().success());
    }
    let real = root.dpkg(&["--configure", "-a"]);
    let told = said(Way::Trigger, &one);
    let (words, names) = real[0].split_at(2);
    assert_eq!(words, ["postinst-1", "triggered"]);
    let sorted = |names: &str| {
        let mut names: Vec<&str> = names.split(' ').collect();
        names.sort_unstable();
        names.join(" ")
    };
    // In which order they are named is dpkg's affair.
    assert_eq!(sorted(&names[0]), sorted(&told[0][2]));
}
