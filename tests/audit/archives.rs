//! Packages that dpkg-deb builds, in every way in which it packs them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rcpolicy::audit::package::{Entry, Form, Limits, Package, ScriptName, read};
use rcpolicy::audit::shipped;
use rcpolicy::domain::UnitName;

use crate::debs::{dpkg_deb, one, tree};

const UNIT: &str = "[Unit]\nDescription=Foo\n\n[Service]\nExecStart=/usr/sbin/foo\n\n[Install]\nWantedBy=multi-user.target\n";
const CONTROL: &str = "Package: foo\nVersion: 1:2.0-3\nArchitecture: all\nMaintainer: A <a@b.c>\n\
    Depends: rcpolicy,\n bar\nDescription: one\n more\n";
const PRERM: &str = "#!/bin/sh\nset -e\ninvoke-rc.d foo stop\n";

/// A package with something of everything.
fn package(top: &Path) {
    let deep = format!("usr/share/foo/{}/x", "long-name-of-a-directory/".repeat(8));
    let program = "\0\x7fELF".repeat(100_000);
    tree(
        top,
        &[
            ("DEBIAN/control", CONTROL),
            ("DEBIAN/prerm", PRERM),
            ("DEBIAN/postinst", "#!/usr/bin/env bash\n"),
            ("DEBIAN/conffiles", "/etc/default/foo\n/etc/init.d/foo\n"),
            (
                "DEBIAN/triggers",
                "# why\ninterest-noawait /usr/share/foo\n",
            ),
            ("DEBIAN/templates", "Template: foo/bar\n"),
            ("lib/systemd/system/foo.service", UNIT),
            (
                "lib/systemd/system/foo.socket",
                "[Socket]\nListenStream=/run/foo\n",
            ),
            (
                "etc/init.d/foo",
                "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: foo\n### END INIT INFO\n",
            ),
            ("etc/default/foo", "RUN=yes\n"),
            ("usr/sbin/foo", &program),
            (&deep, "deep"),
            ("usr/share/doc/foo/na\u{ef}ve name", "text"),
        ],
    );
    symlink("foo.service", top.join("lib/systemd/system/bar.service")).unwrap();
    symlink("../".repeat(60) + "etc", top.join("usr/share/foo/up")).unwrap();
    for script in ["prerm", "postinst"] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(top.join("DEBIAN").join(script), mode).unwrap();
    }
}

/// The same, but for where it was read from.
fn alike(mut package: Package) -> Package {
    package.path = "".into();
    package.form = Form::Tree;
    for script in package.scripts.values_mut() {
        script.shown = String::new();
    }
    package
}

#[test]
fn a_package_is_the_same_however_it_is_packed_and_as_its_tree() {
    let top = tempfile::tempdir().unwrap();
    let root = top.path().join("foo");
    package(&root);
    let limits = Limits::default();
    let unpacked = one(&root, &limits).unwrap();
    assert_eq!(unpacked.form, Form::Tree);
    for options in [
        ["-Zgzip", "-z9"],
        ["-Zxz", "-z6"],
        ["-Zxz", "-Sextreme"],
        ["-Zzstd", "-z19"],
        ["-Znone", "-z0"],
        ["-Zzstd", "--no-uniform-compression"],
    ] {
        let deb = dpkg_deb(&root, &options);
        let read = one(&deb, &limits).unwrap();
        assert_eq!(read.form, Form::Deb);
        assert_eq!(read.scripts[&ScriptName::Prerm].shown, "foo.deb: prerm");
        assert_eq!(alike(read), alike(unpacked.clone()), "{options:?}");
    }
}

#[test]
fn what_is_about_services_is_found_in_a_package_that_dpkg_deb_built() {
    let top = tempfile::tempdir().unwrap();
    let root = top.path().join("foo");
    package(&root);
    let package = one(&dpkg_deb(&root, &[]), &Limits::default()).unwrap();
    assert_eq!(package.version, "1:2.0-3");
    assert_eq!(package.fields["depends"], "rcpolicy,\nbar");
    assert_eq!(package.scripts[&ScriptName::Prerm].text, PRERM);
    assert_eq!(package.scripts[&ScriptName::Postinst].interpreter, "bash");
    assert_eq!(package.triggers, ["interest-noawait /usr/share/foo"]);
    assert!(package.conffiles.contains("/etc/init.d/foo"));
    let program = &package.files["/usr/sbin/foo"];
    assert!(
        matches!(
            program,
            Entry::File {
                size: 500_000,
                text: None,
                ..
            }
        ),
        "{program:?}"
    );
    let shipped = shipped::of(&package);
    assert_eq!(shipped.problems, []);
    let foo = UnitName::parse("foo.service").unwrap();
    assert_eq!(
        shipped.units[&foo].aliases,
        [UnitName::parse("bar").unwrap()]
    );
    assert_eq!(
        shipped.units[&foo].words("Install", "WantedBy"),
        ["multi-user.target"]
    );
    assert_eq!(shipped.init_scripts[0].header["provides"], "foo");
}

#[test]
fn hard_links_lead_to_the_file_that_came_first() {
    let top = tempfile::tempdir().unwrap();
    let root = top.path().join("foo");
    package(&root);
    let units = root.join("lib/systemd/system");
    fs::hard_link(units.join("foo.service"), units.join("hard.service")).unwrap();
    let package = one(&dpkg_deb(&root, &[]), &Limits::default()).unwrap();
    for name in ["foo", "hard"] {
        let path = format!("/usr/lib/systemd/system/{name}.service");
        assert_eq!(package.text(&path), Some(UNIT), "{name}");
    }
}

#[test]
fn what_dpkg_deb_takes_apart_is_read_as_the_package_itself() {
    let top = tempfile::tempdir().unwrap();
    let root = top.path().join("foo");
    package(&root);
    let deb = dpkg_deb(&root, &[]);
    let again = top.path().join("again");
    let mut command = std::process::Command::new("dpkg-deb");
    let status = command.arg("-R").arg(&deb).arg(&again).status().unwrap();
    assert!(status.success());
    let limits = Limits::default();
    let [first, second] = [&deb, &again].map(|path| alike(one(path, &limits).unwrap()));
    assert_eq!(first, second);
}

#[test]
fn a_source_package_is_found_from_its_top_and_from_its_debian_directory() {
    let top = tempfile::tempdir().unwrap();
    tree(
        top.path(),
        &[
            (
                "debian/control",
                "Source: foo\n\nPackage: foo\n\nPackage: foo-x\n",
            ),
            ("debian/changelog", "foo (1.0-1) unstable; urgency=low\n"),
            ("debian/prerm", PRERM),
            ("debian/foo.service", UNIT),
        ],
    );
    let limits = Limits::default();
    let from_top = read(top.path(), &limits).unwrap();
    let debian = top.path().join("debian");
    assert_eq!(from_top, read(&debian, &limits).unwrap());
    assert_eq!(from_top.len(), 2);
    assert_eq!(from_top[0].form, Form::Source);
    let shown = &from_top[0].scripts[&ScriptName::Prerm].shown;
    assert_eq!(*shown, debian.join("prerm").display().to_string());
}
