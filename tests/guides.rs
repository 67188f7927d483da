//! The guides are true: each command of the packager's is run here, in its order, beside a package and its next version.
//! The administrator's guide is played on booted machines (tests/lab/scenarios/guide.sh); here only the files that it names are looked for.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test cannot do ends it"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

const PACKAGERS: &str = include_str!("../docs/packagers.md");
const ADMIN: &str = include_str!("../docs/admin.md");

/// What stands between ```` ```sh ```` and the next fence, block by block.
fn blocks(guide: &str) -> Vec<&str> {
    let parts = guide.split("```sh\n").skip(1);
    parts
        .filter_map(|part| part.split("```\n").next())
        .collect()
}

/// A service with its socket, stopped before the new version comes and started after it.
const PRERM: &str = "#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then
    deb-systemd-invoke stop foo.service foo.socket >/dev/null || true
fi
";
const POSTINST: &str = "#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload >/dev/null || true
    deb-systemd-invoke start foo.socket foo.service >/dev/null || true
fi
";
const SERVICE: &str = "[Unit]\nRequires=foo.socket\nAfter=foo.socket\n[Service]\nExecStart=/usr/sbin/foo\n\
                       [Install]\nWantedBy=multi-user.target\n";
const SOCKET: &str = "[Socket]\nListenStream=/run/foo\n[Install]\nWantedBy=sockets.target\n";

fn package(directory: &Path, version: &str) {
    let tree = directory.join("tree");
    let control = format!(
        "Package: foo\nVersion: {version}\nArchitecture: amd64\nMaintainer: nobody <nobody@example.org>\n\
         Description: a service\n"
    );
    for (path, text, mode) in [
        ("DEBIAN/control", control.as_str(), 0o644),
        ("DEBIAN/prerm", PRERM, 0o755),
        ("DEBIAN/postinst", POSTINST, 0o755),
        ("usr/lib/systemd/system/foo.service", SERVICE, 0o644),
        ("usr/lib/systemd/system/foo.socket", SOCKET, 0o644),
        ("usr/sbin/foo", "#!/bin/sh\n", 0o755),
    ] {
        let file = tree.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    }
    let deb = directory.join(format!("foo_{version}_amd64.deb"));
    let built = Command::new("dpkg-deb")
        .args(["--root-owner-group", "-b"])
        .args([&tree, &deb])
        .output()
        .unwrap();
    assert!(built.status.success(), "{built:?}");
    fs::remove_dir_all(tree).unwrap();
}

fn shell(script: &str, directory: &Path) -> Output {
    let programs = Path::new(env!("CARGO_BIN_EXE_rcpolicy"));
    let programs = programs.parent().unwrap().display();
    Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(directory)
        .env_clear()
        .env("PATH", format!("{programs}:/usr/bin:/bin"))
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap()
}

#[test]
fn every_command_of_the_packagers_guide_does_what_it_is_there_for() {
    let directory = tempfile::tempdir().unwrap();
    package(directory.path(), "1.0-1");
    package(directory.path(), "1.1-1");
    let blocks = blocks(PACKAGERS);
    assert!(blocks.len() > 5, "{blocks:?}");
    for block in blocks {
        let ran = shell(block, directory.path());
        assert!(ran.status.success(), "{block}\n{ran:?}");
    }
    for written in ["services.sarif", "report.html", "foo.svg"] {
        let text = fs::read_to_string(directory.path().join(written)).unwrap();
        assert!(text.len() > 200, "{written}: {text}");
    }
}

#[test]
fn every_example_that_the_guides_name_is_shipped() {
    let rules = include_str!("../debian/rules");
    for guide in [PACKAGERS, ADMIN] {
        for path in guide.split(|c: char| c.is_whitespace() || c == '`') {
            let Some(example) = path.strip_prefix("/usr/share/doc/rcpolicy/examples/") else {
                continue;
            };
            let example = Path::new("policy/examples").join(example);
            assert!(example.exists(), "{} is not there", example.display());
        }
    }
    assert!(rules.contains("policy/examples/*.toml"));
}
