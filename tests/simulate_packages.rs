//! `rcpolicy simulate OLD NEW`: packages as dpkg-deb unpacks them, played through the command itself.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what a test cannot do ends it"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const SERVICE: &str = "[Unit]\nRequires=foo.socket\n[Service]\nExecStart=/usr/sbin/food\n[Install]\nAlso=foo.socket\n";
const SOCKET: &str = "[Socket]\nListenStream=/run/foo\n[Install]\nWantedBy=sockets.target\n";
const POSTINST: &str = "#!/bin/sh\nset -e\nif [ \"$1\" = configure ]; then\n\
    deb-systemd-helper enable foo.socket >/dev/null || true\n\
    if [ -d /run/systemd/system ]; then\n\
    systemctl --system daemon-reload >/dev/null || true\n\
    invoke-rc.d foo start || true\n\
    fi\nfi\n";
const PRERM: &str = "#!/bin/sh\nset -e\nif [ -d /run/systemd/system ]; then\n\
    deb-systemd-invoke stop foo.service >/dev/null || true\nfi\n";

struct Room {
    root: PathBuf,
}

impl Room {
    fn new(name: &str) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("play-{name}"));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(&root).unwrap();
        Self { root }
    }

    fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// A package, unpacked.
    fn package(&self, name: &str, version: &str) -> PathBuf {
        let control = format!(
            "Package: foo\nVersion: {version}\nArchitecture: all\nMaintainer: a <a@b>\nDescription: x\n"
        );
        self.write(&format!("{name}/DEBIAN/control"), &control);
        self.write(&format!("{name}/DEBIAN/postinst"), POSTINST);
        self.write(&format!("{name}/DEBIAN/prerm"), PRERM);
        self.write(
            &format!("{name}/usr/lib/systemd/system/foo.service"),
            SERVICE,
        );
        self.write(&format!("{name}/usr/lib/systemd/system/foo.socket"), SOCKET);
        self.root.join(name)
    }
}

/// Status, stdout and stderr of `rcpolicy simulate`.
fn simulate(arguments: &[&str]) -> (i32, String, String) {
    let ran = Command::new(env!("CARGO_BIN_EXE_rcpolicy"))
        .arg("simulate")
        .args(arguments)
        .env_clear()
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    (
        ran.status.code().unwrap(),
        String::from_utf8(ran.stdout).unwrap(),
        String::from_utf8(ran.stderr).unwrap(),
    )
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn json(arguments: &[&str]) -> Value {
    let (status, out, err) = simulate(&[arguments, &["--json"]].concat());
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn an_upgrade_of_two_unpacked_packages_is_played_in_words() {
    let room = Room::new("words");
    let (old, new) = (room.package("old", "1"), room.package("new", "2"));
    let (status, out, err) = simulate(&[text(&old), text(&new)]);
    insta::assert_snapshot!(format!(
        "status: {status}\n--- stdout\n{out}--- stderr\n{err}"
    ));
}

#[test]
fn json_names_the_calls_with_their_places_and_both_ends() {
    let room = Room::new("json");
    let (old, new) = (room.package("old", "1"), room.package("new", "2"));
    let play = json(&[text(&old), text(&new)]);
    assert_eq!(play["operation"], "upgrade");
    let calls = play["ways"][0]["calls"].as_array().unwrap();
    assert_eq!(calls[0]["script"], "prerm");
    assert_eq!(calls[0]["line"], 4);
    assert_eq!(
        calls[0]["argv"],
        serde_json::json!(["deb-systemd-invoke", "stop", "foo.service"])
    );
    let differences = play["ways"][0]["differences"].as_array().unwrap();
    assert!(
        differences.iter().any(|one| one["unit"] == "foo.service"),
        "{differences:?}"
    );
}

#[test]
fn one_package_replaces_itself_and_other_operations_can_be_asked_for() {
    let room = Room::new("one");
    let package = room.package("only", "1");
    assert_eq!(json(&[text(&package)])["operation"], "upgrade");
    for operation in ["install", "remove", "purge"] {
        let play = json(&[text(&package), "--operation", operation]);
        assert_eq!(play["operation"], operation);
    }
    let play = json(&[text(&package), "--init", "sysv"]);
    assert_eq!(play["ways"][0]["stock"]["windows"], serde_json::json!([]));
}

#[test]
fn the_drawing_is_written_where_it_was_asked_for_and_a_full_disk_is_told() {
    let room = Room::new("svg");
    let package = room.package("only", "1");
    let svg = room.root.join("play.svg");
    let (status, _, err) = simulate(&[text(&package), "--svg", text(&svg)]);
    assert_eq!((status, err.as_str()), (0, ""));
    let drawn = fs::read_to_string(&svg).unwrap();
    assert!(drawn.starts_with("<svg ") && drawn.ends_with("</svg>\n"));
    assert!(
        !drawn.contains("http://") || drawn.matches("http://").count() == 1,
        "its namespace alone"
    );
    let (status, _, err) = simulate(&[text(&package), "--svg", "/dev/full"]);
    assert_eq!(status, 3);
    assert!(err.contains("/dev/full"), "{err}");
}

#[test]
fn what_cannot_be_read_is_named() {
    let room = Room::new("errors");
    let package = room.package("only", "1");
    let policy = room.write("policy/10-bad.toml", "[[rule]]\nservice = 3\n");
    let empty = room.write("empty.deb", "");
    for (arguments, named) in [
        (vec!["/nowhere/x.deb"], "/nowhere/x.deb"),
        (vec![text(&empty)], "empty.deb"),
        (vec![text(&package), "--package", "bar"], "bar"),
        (
            vec![text(&package), "--policy", text(policy.parent().unwrap())],
            "10-bad.toml",
        ),
        (vec![text(&package), "--policy", "/nowhere"], "/nowhere"),
    ] {
        let (status, out, err) = simulate(&arguments);
        assert_eq!((status, out.as_str()), (3, ""), "{arguments:?}: {err}");
        assert!(err.contains(named), "{arguments:?}: {err}");
    }
}

#[test]
fn options_of_a_play_without_a_package_are_wrong_usage() {
    for arguments in [
        ["--svg", "x.svg"],
        ["--init", "systemd"],
        ["--operation", "remove"],
    ] {
        assert_eq!(simulate(&arguments).0, 2, "{arguments:?}");
    }
    let room = Room::new("usage");
    let package = room.package("only", "1");
    assert_eq!(simulate(&[text(&package), "--init", "none"]).0, 2);
    assert_eq!(simulate(&[text(&package), "--way", "stop"]).0, 2);
}
