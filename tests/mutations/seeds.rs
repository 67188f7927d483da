//! What is mutated: this project's own files, and what every Debian has of the same kinds.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Longer ones take time that others need.
const LONGEST: u64 = 4000;
/// So many of each directory.
const MOST: usize = 150;

pub(crate) struct Seeds {
    pub(crate) units: Vec<Vec<u8>>,
    pub(crate) init_scripts: Vec<Vec<u8>>,
    pub(crate) scripts: Vec<Vec<u8>>,
    pub(crate) controls: Vec<Vec<u8>>,
    pub(crate) bus: Vec<Vec<u8>>,
    /// Packages, each packed in another way.
    pub(crate) debs: Vec<Vec<u8>>,
}

const UNIT: &str = "[Unit]\nDescription=Foo \\\n  bar\nAfter=network.target foo.socket\nRequires=foo.socket\n\n[Service]\n\
    Type=notify\nExecStart=/usr/sbin/foo -D\nExecReload=/bin/kill -HUP $MAINPID\n\n[Install]\nWantedBy=multi-user.target\n\
    Also=foo.socket\nAlias=foo-daemon.service\n";
const INIT: &str = "#!/bin/sh\n### BEGIN INIT INFO\n# Provides:          foo\n# Required-Start:    $remote_fs $syslog\n\
    # Required-Stop:     $remote_fs\n# Default-Start:     2 3 4 5\n# Default-Stop:      0 1 6\n# Description:       one\n\
    #  two\n### END INIT INFO\ncase \"$1\" in\nstart) start-stop-daemon --start --exec /usr/sbin/foo ;;\nesac\n";
const CONTROL: &str = "Package: foo\nSource: bar (1.0)\nVersion: 1:2.0~rc1-3+b1\nArchitecture: amd64\nMaintainer: A <a@b.c>\n\
    Depends: libc6 (>= 2.36), rcpolicy | b,\n c\nDescription: one\n two\n .\n three\n";
const BUS: &str = "[D-BUS Service]\nName=org.foo.Bar\nExec=/bin/false\nUser=root\nSystemdService=dbus-org.foo.service\n";
const SCRIPT: &str = "#!/bin/sh\nset -e\ncase \"$1\" in\n  configure|abort-upgrade)\n    if [ -d /run/systemd/system ]; then\n\
    \tsystemctl --system daemon-reload >/dev/null || true\n\tif [ -n \"$2\" ]; then\n\t\t_dh_action=restart\n\telse\n\
    \t\t_dh_action=start\n\tfi\n\tdeb-systemd-invoke $_dh_action 'foo.service' >/dev/null || true\n    fi\n    ;;\nesac\n";

impl Seeds {
    pub(crate) fn new() -> Self {
        let own = |text: &str| vec![text.as_bytes().to_vec()];
        let mut seeds = Self {
            units: own(UNIT),
            init_scripts: own(INIT),
            scripts: own(SCRIPT),
            controls: own(CONTROL),
            bus: own(BUS),
            debs: debs(),
        };
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("debian");
        for name in ["postinst", "preinst", "prerm", "postrm", "divert"] {
            seeds.scripts.push(fs::read(project.join(name)).unwrap());
        }
        seeds
            .controls
            .push(fs::read(project.join("control")).unwrap());
        let scripts = [".postinst", ".preinst", ".prerm", ".postrm"];
        add(&mut seeds.scripts, "/var/lib/dpkg/info", &scripts);
        let units = [".service", ".socket", ".path", ".timer"];
        add(&mut seeds.units, "/usr/lib/systemd/system", &units);
        add(&mut seeds.units, "/lib/systemd/system", &units);
        add(&mut seeds.init_scripts, "/etc/init.d", &[""]);
        add(
            &mut seeds.bus,
            "/usr/share/dbus-1/system-services",
            &[".service"],
        );
        seeds
    }
}

/// The files in `directory` with such an end, in the order of their names.
fn add(seeds: &mut Vec<Vec<u8>>, directory: &str, ends: &[&str]) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let fits = |path: &std::path::PathBuf| {
        let name = path.to_string_lossy();
        let metadata = fs::metadata(path);
        ends.iter().any(|end| name.ends_with(end))
            && metadata.is_ok_and(|m| m.is_file() && m.len() <= LONGEST)
    };
    let found = paths.iter().filter(|path| fits(path)).take(MOST);
    seeds.extend(found.map(|path| fs::read(path).unwrap()));
}

fn debs() -> Vec<Vec<u8>> {
    let top = tempfile::tempdir().unwrap();
    let root = top.path().join("foo");
    let deep = format!("usr/share/{}/x", "long/".repeat(40));
    let files = [
        ("DEBIAN/control", CONTROL.replace("\n .", "")),
        ("DEBIAN/postinst", SCRIPT.to_owned()),
        ("DEBIAN/conffiles", "/etc/init.d/foo\n".to_owned()),
        ("DEBIAN/triggers", "interest /usr/share/foo\n".to_owned()),
        ("lib/systemd/system/foo.service", UNIT.to_owned()),
        ("etc/init.d/foo", INIT.to_owned()),
        (
            "usr/share/dbus-1/system-services/org.foo.service",
            BUS.to_owned(),
        ),
        ("usr/sbin/foo", "\x7fELF\0\0\0".repeat(300)),
        (deep.as_str(), String::new()),
    ];
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let postinst = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(root.join("DEBIAN/postinst"), postinst).unwrap();
    std::os::unix::fs::symlink("foo.service", root.join("lib/systemd/system/bar.service")).unwrap();
    let ways = [
        ["-Znone", "-z0"],
        ["-Zgzip", "-z9"],
        ["-Zxz", "-z0"],
        ["-Zxz", "-z6"],
        ["-Zzstd", "-z3"],
    ];
    ways.iter().map(|way| deb(&root, way)).collect()
}

fn deb(root: &Path, way: &[&str]) -> Vec<u8> {
    let deb = root.with_extension("deb");
    let mut command = Command::new("dpkg-deb");
    // The same bytes in every process.
    command.env("SOURCE_DATE_EPOCH", "1");
    command.arg("--root-owner-group").args(way).arg("-b");
    let output = command.arg(root).arg(&deb).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    fs::read(deb).unwrap()
}
