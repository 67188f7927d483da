use std::fs;
use std::os::unix::fs::symlink;

use super::super::ScriptName;
use super::*;

const CONTROL: &str = "Source: src\n\nPackage: foo\nDepends: a\n\nPackage: foo-bar\n";

fn debian(files: &[(&str, &str)]) -> tempfile::TempDir {
    let top = tempfile::tempdir().unwrap();
    fs::write(top.path().join("control"), CONTROL).unwrap();
    fs::write(top.path().join("changelog"), "src (2-1) sid; urgency=low\n").unwrap();
    for (name, text) in files {
        fs::write(top.path().join(name), text).unwrap();
    }
    top
}

fn packages(top: &tempfile::TempDir) -> Result<Vec<Package>, String> {
    let folder = Folder::open(top.path()).unwrap();
    let read = read(Path::new("debian"), &folder, &Limits::default());
    read.map_err(|error| error.to_string())
}

#[test]
fn each_binary_package_has_its_own_files() {
    let top = debian(&[
        ("postinst", "#!/bin/sh\n#DEBHELPER#\n"),
        ("foo-bar.prerm", "#!/bin/sh\n"),
        ("foo.service", "[Service]\nExecStart=/usr/sbin/foo\n"),
        ("foo.other.socket", "[Socket]\n"),
        ("foo.init", "#!/bin/sh\n"),
        ("50-foo.toml", "[[rule]]\n"),
        (
            "foo.install",
            "debian/50-foo.toml usr/lib/rcpolicy/policy.d\nusr/sbin/foo\nusr/lib/foo\n",
        ),
        (
            "foo-bar.links",
            "lib/systemd/system/foo.service lib/systemd/system/bar.service\n",
        ),
    ]);
    let all = packages(&top).unwrap();
    let [foo, bar] = all.as_slice() else {
        panic!("{all:?}")
    };
    assert_eq!((foo.name.as_str(), foo.version.as_str()), ("foo", "2-1"));
    assert_eq!(foo.scripts[&ScriptName::Postinst].shown, "debian/postinst");
    assert!(
        foo.scripts[&ScriptName::Postinst]
            .text
            .contains("#DEBHELPER#")
    );
    let paths: Vec<&str> = foo.files.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "/etc/init.d/foo",
            "/usr/lib/rcpolicy/policy.d/50-foo.toml",
            "/usr/lib/systemd/system/foo.service",
            "/usr/lib/systemd/system/other.socket",
            "/usr/sbin/foo",
        ]
    );
    assert!(foo.conffiles.contains("/etc/init.d/foo"));
    let policy = "/usr/lib/rcpolicy/policy.d/50-foo.toml";
    assert_eq!(foo.text(policy), Some("[[rule]]\n"));
    assert_eq!(foo.place(policy), "debian/50-foo.toml");
    let unit = "/usr/lib/systemd/system/foo.service";
    assert_eq!(foo.place(unit), "debian/foo.service");
    assert_eq!(
        bar.scripts[&ScriptName::Prerm].shown,
        "debian/foo-bar.prerm"
    );
    assert_eq!(bar.fields["source"], "src");
    assert!(
        bar.files
            .contains_key("/usr/lib/systemd/system/bar.service")
    );
}

#[test]
fn patterns_and_directories_of_install_files_stand_for_what_lies_in_debian() {
    let top = debian(&[
        ("foo.service", "[Unit]\n"),
        ("a.socket", "[Socket]\n"),
        ("b.socket", "[Socket]\n"),
        (".hidden.socket", "[Socket]\n"),
        (
            "foo.install",
            "debian/*.socket lib/systemd/system\ndebian/sv/* etc/sv/\nusr/sbin/*\ndebian/s6 usr/share/s6/sv\n\
             debian/../[x] etc\ndebian/none/* etc\n",
        ),
    ]);
    for (path, text) in [
        ("sv/foo/run", "#!/bin/sh\n"),
        ("sv/foo/log/run", "#!/bin/sh\nexec svlogd\n"),
        ("s6/foo/type", "longrun\n"),
    ] {
        let path = top.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    symlink("/etc", top.path().join("sv/foo/out")).unwrap();
    let foo = packages(&top).unwrap().swap_remove(0);
    let paths: Vec<&str> = foo.files.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "/etc/sv/foo/log/run",
            "/etc/sv/foo/out",
            "/etc/sv/foo/run",
            "/usr/lib/systemd/system/a.socket",
            "/usr/lib/systemd/system/b.socket",
            "/usr/lib/systemd/system/foo.service",
            "/usr/share/s6/sv/s6/foo/type",
        ]
    );
    assert_eq!(foo.text("/etc/sv/foo/run"), Some("#!/bin/sh\n"));
    assert_eq!(foo.place("/etc/sv/foo/run"), "debian/sv/foo/run");
    let out = Entry::Link {
        target: "/etc".to_owned(),
    };
    assert_eq!(foo.files["/etc/sv/foo/out"], out);
}

#[test]
fn a_runit_file_names_programs_and_directories() {
    let top = debian(&[
        (
            "foo.runit",
            "debian/foo.run name=other,logscript\ndebian/sv/foo usr,noscripts\n",
        ),
        ("foo.run", "#!/usr/bin/env /lib/runit/invoke-run\n"),
    ]);
    fs::create_dir_all(top.path().join("sv/foo")).unwrap();
    fs::write(top.path().join("sv/foo/run"), "#!/bin/sh\n").unwrap();
    let foo = packages(&top).unwrap().swap_remove(0);
    let paths: Vec<&str> = foo.files.keys().map(String::as_str).collect();
    assert_eq!(paths, ["/etc/sv/other/run", "/usr/share/runit/sv/foo/run"]);
    assert_eq!(foo.place("/etc/sv/other/run"), "debian/foo.run");
}

#[test]
fn links_beside_each_other_are_read_and_others_are_refused() {
    let top = debian(&[("foo.prerm", "#!/bin/sh\n")]);
    symlink("foo.prerm", top.path().join("foo-bar.prerm")).unwrap();
    let all = packages(&top).unwrap();
    assert_eq!(all[1].scripts[&ScriptName::Prerm].text, "#!/bin/sh\n");
    for out in ["/etc/passwd", "../control", "..", "foo-bar.prerm"] {
        fs::remove_file(top.path().join("foo-bar.prerm")).unwrap();
        symlink(out, top.path().join("foo-bar.prerm")).unwrap();
        let error = packages(&top).unwrap_err();
        assert!(error.contains("is a symbolic link"), "{out}: {error}");
    }
}

#[test]
fn a_file_that_is_installed_in_two_ways_is_one() {
    let top = debian(&[
        ("foo.service", "[Unit]\n"),
        ("foo.install", "debian/foo.service lib/systemd/system\n"),
    ]);
    let all = packages(&top).unwrap();
    assert_eq!(all[0].files.len(), 1);
    let unit = "/usr/lib/systemd/system/foo.service";
    assert_eq!(all[0].place(unit), "debian/foo.service");
}
