//! `rcpolicy check DIRECTORY --tier`: the same files, judged as the admin's and as a package's.

#![allow(clippy::unwrap_used, reason = "a failing helper is a failing test")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

const BOTH: &str = "\
# A package's file may not do the first two, and nobody the third.
[[rule]]
service = \"foo\"
decide = \"deny\"

[[rule]]
service = \"bar\"
decide = { fallback = [\"stop\", \"start\"] }

[[rule]]
service = \"baz\"
until = \"flush\"
decide = \"restart\"

[[rule]]
service = \"qux\"
decide = \"if-stale\"

[rcpolicy]
mode = \"observe\"
";

/// A directory of policy files, below one that everybody can write, as /tmp is.
struct Directory(tempfile::TempDir);

impl Directory {
    fn new() -> Self {
        let directory = Self(tempfile::tempdir().unwrap());
        fs::set_permissions(directory.0.path(), Permissions::from_mode(0o1777)).unwrap();
        directory.also("policy")
    }

    fn also(self, name: &str) -> Self {
        let path = self.path(name);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(self, name: &str, text: &str) -> Self {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        self
    }

    /// Status, standard output and standard error in one text; called in the directory above.
    fn check(&self, words: &str) -> String {
        self.check_in(self.0.path(), words)
    }

    fn check_in(&self, place: &Path, words: &str) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_rcpolicy"))
            .arg("check")
            .args(words.split_whitespace())
            .current_dir(place)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let status = output.status.code().unwrap();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        format!("$ rcpolicy check {words}\nstatus: {status}\n--- stdout\n{out}--- stderr\n{err}")
            .replace(self.0.path().to_str().unwrap(), "HERE")
    }
}

fn both() -> Directory {
    Directory::new().file("policy/10-both.toml", BOTH)
}

#[test]
fn the_admins_files_may_deny_and_turn_rcpolicy_off() {
    insta::assert_snapshot!(both().check("policy --tier etc"));
}

#[test]
fn until_the_next_boot_they_are_judged_in_the_same_way() {
    let (etc, run) = (both().check("policy"), both().check("policy --tier run"));
    assert_eq!(etc, run.replace(" --tier run", ""));
}

#[test]
fn a_packages_files_may_only_say_how() {
    insta::assert_snapshot!(both().check("policy --tier lib"));
    insta::assert_snapshot!(both().check("policy --tier lib --json"));
}

#[test]
fn what_both_may_do_is_no_problem_as_either() {
    let directory = Directory::new().file(
        "policy/50-a.toml",
        "[[rule]]\nservice = \"foo\"\ndecide = \"reload\"\n",
    );
    for tier in ["etc", "run", "lib"] {
        let said = directory.check(&format!("policy --tier {tier}"));
        assert!(
            said.contains("status: 0\n--- stdout\nthe policy has no problems\n"),
            "{said}"
        );
    }
}

#[test]
fn the_files_that_we_ship_fit_their_own_tier_and_no_other() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("policy");
    let fits = |file: &str, tier: &str| {
        let text = fs::read_to_string(shipped.join(file)).unwrap();
        let directory = Directory::new().file("policy/10-a.toml", &text);
        directory
            .check(&format!("policy --tier {tier}"))
            .contains("status: 0")
    };
    for (file, tier, expected) in [
        ("90-default.toml", "lib", true),
        ("examples/50-mail.toml", "lib", true),
        ("profiles/container.toml", "etc", true),
        ("profiles/container.toml", "lib", false),
        ("examples/00-observe.toml", "run", true),
        ("examples/00-observe.toml", "lib", false),
    ] {
        assert_eq!(fits(file, tier), expected, "{file} as {tier}");
    }
}

#[test]
fn several_directories_are_checked_each_for_itself() {
    let rule = "[[rule]]\nservice = \"foo\"\ndecide = \"deny\"\n";
    let directory = Directory::new()
        .also("other")
        .file("policy/10-a.toml", rule)
        .file("other/10-a.toml", rule);
    insta::assert_snapshot!(directory.check("policy other --tier lib"));
    insta::assert_snapshot!(directory.check("policy nosuch --tier etc"));
}

#[test]
fn where_a_directory_lies_and_how_it_is_called_makes_no_difference() {
    let directory = both();
    symlink("policy", directory.path("link")).unwrap();
    let whole = directory.path("policy");
    let wanted = "10-both.toml:4:10: `deny` is the admin's";
    for (place, word) in [
        (directory.0.path(), "policy"),
        (directory.0.path(), "link"),
        (directory.0.path(), whole.to_str().unwrap()),
        (&whole, "."),
        (&whole, "../policy"),
    ] {
        let said = directory.check_in(place, &format!("{word} --tier lib"));
        assert!(said.contains(wanted), "{said}");
    }
}

#[test]
fn what_others_could_write_is_a_problem_as_either() {
    let directory = both();
    let mode = |path, mode| fs::set_permissions(directory.path(path), Permissions::from_mode(mode));
    mode("policy/10-both.toml", 0o666).unwrap();
    for tier in ["etc", "lib"] {
        let said = directory.check(&format!("policy --tier {tier}"));
        assert!(
            said.contains("10-both.toml` is writable by others (mode 0666)"),
            "{said}"
        );
    }
    mode("policy/10-both.toml", 0o644).unwrap();
    mode("policy", 0o777).unwrap();
    let said = directory.check("policy --tier lib");
    assert!(
        said.contains("policy` is writable by others (mode 0777)"),
        "{said}"
    );
}

#[test]
fn a_tier_without_a_directory_and_one_that_there_is_not_are_wrong_usage() {
    insta::assert_snapshot!(both().check("--tier lib"));
    insta::assert_snapshot!(both().check("policy --tier package"));
}
