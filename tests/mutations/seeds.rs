//! What is mutated: this project's own files, and what every Debian has of the same kinds.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::imports::IMPORTS;
use crate::records::{NOTES, POLICIES};

/// Longer ones take time that others need.
const LONGEST: u64 = 4000;
/// Maintainer scripts are longer than what describes a service.
const LONGEST_SCRIPT: u64 = 12_000;
/// So many of each directory.
const MOST: usize = 150;
const SCRIPTS: [&str; 4] = [".postinst", ".preinst", ".prerm", ".postrm"];

pub(crate) struct Seeds {
    pub(crate) units: Vec<Vec<u8>>,
    pub(crate) init_scripts: Vec<Vec<u8>>,
    pub(crate) scripts: Vec<Vec<u8>>,
    pub(crate) controls: Vec<Vec<u8>>,
    pub(crate) bus: Vec<Vec<u8>>,
    pub(crate) policies: Vec<Vec<u8>>,
    pub(crate) notes: Vec<Vec<u8>>,
    pub(crate) imports: Vec<Vec<u8>>,
    /// Packages, each packed in another way.
    pub(crate) debs: Vec<Vec<u8>>,
}

pub(crate) const UNIT: &str = "[Unit]\nDescription=Foo \\\n  bar\nAfter=network.target foo.socket\nRequires=foo.socket\n\n[Service]\n\
    Type=notify\nExecStart=/usr/sbin/foo -D\nExecReload=/bin/kill -HUP $MAINPID\n\n[Install]\nWantedBy=multi-user.target\n\
    Also=foo.socket\nAlias=foo-daemon.service\n";
pub(crate) const SOCKET: &str =
    "[Socket]\nListenStream=/run/foo.socket\n\n[Install]\nWantedBy=sockets.target\n";
pub(crate) const INIT: &str = "#!/bin/sh\n### BEGIN INIT INFO\n# Provides:          foo\n# Required-Start:    $remote_fs $syslog\n\
    # Required-Stop:     $remote_fs\n# Default-Start:     2 3 4 5\n# Default-Stop:      0 1 6\n# Description:       one\n\
    #  two\n### END INIT INFO\ncase \"$1\" in\nstart) start-stop-daemon --start --exec /usr/sbin/foo ;;\nesac\n";
const CONTROL: &str = "Package: foo\nSource: bar (1.0)\nVersion: 1:2.0~rc1-3+b1\nArchitecture: amd64\nMaintainer: A <a@b.c>\n\
    Depends: libc6 (>= 2.36), rcpolicy | b,\n c\nDescription: one\n two\n .\n three\n";
const BUS: &str = "[D-BUS Service]\nName=org.foo.Bar\nExec=/bin/false\nUser=root\nSystemdService=dbus-org.foo.service\n";
pub(crate) const SCRIPT: &str = "#!/bin/sh\nset -e\ncase \"$1\" in\n  configure|abort-upgrade)\n    if [ -d /run/systemd/system ]; then\n\
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
            policies: POLICIES.iter().flat_map(|text| own(text)).collect(),
            notes: NOTES.iter().flat_map(|text| own(text)).collect(),
            imports: IMPORTS.iter().flat_map(|text| own(text)).collect(),
            debs: debs(),
        };
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("debian");
        for name in ["postinst", "preinst", "prerm", "postrm", "divert"] {
            seeds.scripts.push(fs::read(project.join(name)).unwrap());
        }
        seeds
            .controls
            .push(fs::read(project.join("control")).unwrap());
        add(
            &mut seeds.scripts,
            Path::new("/var/lib/dpkg/info"),
            &SCRIPTS,
        );
        for suite in ["bookworm", "trixie"] {
            packed(&mut seeds.scripts, &corpus().join(suite));
        }
        let units = [".service", ".socket", ".path", ".timer"];
        for directory in ["/usr/lib/systemd/system", "/lib/systemd/system"] {
            add(&mut seeds.units, Path::new(directory), &units);
        }
        add(&mut seeds.init_scripts, Path::new("/etc/init.d"), &[""]);
        let bus = Path::new("/usr/share/dbus-1/system-services");
        add(&mut seeds.bus, bus, &[".service"]);
        seeds
    }
}

/// The files in `directory` with such an end, in the order of their names.
fn add(seeds: &mut Vec<Vec<u8>>, directory: &Path, ends: &[&str]) {
    let longest = match ends == SCRIPTS {
        true => LONGEST_SCRIPT,
        false => LONGEST,
    };
    let fits = |path: &&PathBuf| {
        let metadata = fs::metadata(path);
        metadata.is_ok_and(|m| m.is_file() && m.len() <= longest)
    };
    let paths = listed(directory, ends);
    let found = paths.iter().filter(fits).take(MOST);
    seeds.extend(found.map(|path| fs::read(path).unwrap()));
}

fn listed(directory: &Path, ends: &[&str]) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| {
        let name = path.to_string_lossy();
        ends.iter().any(|end| name.ends_with(end))
    });
    paths.sort();
    paths
}

/// Where tests/corpus keeps real packages, if it was ever run.
fn corpus() -> PathBuf {
    let set = std::env::var_os("RCPOLICY_CORPUS");
    set.map_or_else(|| "/var/cache/rcpolicy-lab/corpus".into(), PathBuf::from)
}

/// The scripts of some of the packages in `directory`, taken evenly from the order of their names.
fn packed(seeds: &mut Vec<Vec<u8>>, directory: &Path) {
    let debs = listed(directory, &[".deb"]);
    for deb in debs.iter().step_by(debs.len().div_ceil(MOST / 2).max(1)) {
        let mut unpack = Command::new("dpkg-deb");
        let unpacked = unpack.arg("--ctrl-tarfile").arg(deb).output().unwrap();
        // One that is still being fetched.
        if !unpacked.status.success() {
            continue;
        }
        let mut archive = tar::Archive::new(unpacked.stdout.as_slice());
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().to_string_lossy().replace("./", ".");
            if SCRIPTS.contains(&name.as_str()) && entry.size() <= LONGEST_SCRIPT {
                let mut text = Vec::new();
                entry.read_to_end(&mut text).unwrap();
                seeds.push(text);
            }
        }
    }
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
