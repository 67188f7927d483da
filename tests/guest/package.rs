//! The package's removal, run as dpkg would, below a root directory of its own.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

const ANSWER: &str = include_str!("../../src/observe/policy-rc.d");

/// postrm as debhelper makes it.
fn postrm() -> String {
    let text = include_str!("../../debian/postrm");
    text.replace("#CHANGE#\n", include_str!("../../debian/change"))
        .replace("#ANSWER#\n", ANSWER)
        .replace("#DEBHELPER#", "")
}

fn run(root: &Path, how: &str) {
    let output = Command::new("sh")
        .args(["-c", &postrm(), "postrm", how])
        .env("DPKG_ROOT", root)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn root() -> tempfile::TempDir {
    let top = tempfile::tempdir().unwrap();
    fs::create_dir_all(top.path().join("usr/sbin")).unwrap();
    fs::create_dir_all(top.path().join("var/lib/dpkg")).unwrap();
    top
}

#[test]
fn the_answer_to_others_goes_with_the_package_and_leaves_nothing() {
    for how in ["remove", "purge", "disappear"] {
        let top = root();
        let path = top.path().join("usr/sbin/policy-rc.d");
        fs::write(&path, ANSWER).unwrap();
        // What a process that was killed in the middle left.
        fs::write(top.path().join("usr/sbin/.policy-rc.d.rcpolicy-77"), "#!").unwrap();
        run(top.path(), how);
        let left = fs::read_dir(top.path().join("usr/sbin")).unwrap().count();
        assert_eq!(left, 0, "{how}");
    }
}

#[test]
fn what_others_wrote_there_stays() {
    for how in ["remove", "purge"] {
        let top = root();
        let path = top.path().join("usr/sbin/policy-rc.d");
        let changed = format!("{ANSWER}exit 101\n");
        for text in [&*changed, "#!/bin/sh\nexit 101\n", ""] {
            fs::write(&path, text).unwrap();
            run(top.path(), how);
            assert_eq!(fs::read_to_string(&path).unwrap(), text, "{how}");
        }
        fs::remove_file(&path).unwrap();
        fs::write(top.path().join("elsewhere"), ANSWER).unwrap();
        symlink(top.path().join("elsewhere"), &path).unwrap();
        run(top.path(), how);
        assert!(path.is_symlink() && path.exists(), "{how}");
    }
}
