//! Packages that were made to do harm: each ends in an error that names what is wrong, never in a panic,
//! in a file that was written, or in memory that is gone.

use std::fs;

use rcpolicy::audit::package::Limits;
use tar::EntryType;

use crate::debs::{
    Item, ar, control, deb, dpkg_deb, file, gzip, header, link, read_bytes, tar, tree, zstd,
};

fn error(bytes: &[u8]) -> String {
    read_bytes(bytes, &Limits::default()).unwrap_err()
}

/// Small limits, so that a bomb need not be large.
fn small() -> Limits {
    Limits {
        control: 1 << 20,
        text: 10_000,
        texts: 20_000,
        stream: 8 << 20,
        ratio: 10,
        harmless: 1 << 20,
        memory: 16 << 20,
        ..Limits::default()
    }
}

#[test]
fn a_plain_package_is_read_at_all() {
    let package = read_bytes(&deb(&[file("./usr/bin/foo", "x")]), &small()).unwrap();
    assert_eq!(package.name, "foo");
    assert_eq!(package.scripts.len(), 1);
}

#[test]
fn names_that_lead_out_of_the_package_are_refused() {
    for (item, expected) in [
        (file("../etc/passwd", "x"), "has `..` in it"),
        (file("./a/../../etc/passwd", "x"), "has `..` in it"),
        (file("/etc/passwd", "x"), "is absolute"),
        (file("//etc/passwd", "x"), "is absolute"),
        (
            link("./a", EntryType::Link, "../../etc/shadow"),
            "has `..` in it",
        ),
        (link("./a", EntryType::Link, "/etc/shadow"), "is absolute"),
        (
            link("./a", EntryType::Link, "./etc/shadow"),
            "which is no file before it",
        ),
        (
            link("./a", EntryType::Link, "./a"),
            "which is no file before it",
        ),
    ] {
        let error = error(&deb(&[item]));
        assert!(
            error.contains(expected) && error.contains("data.tar"),
            "{error}"
        );
        assert!(error.contains("foo.deb"), "{error}");
    }
}

#[test]
fn what_lies_behind_a_link_of_the_package_is_refused_in_any_order() {
    let inside = file("./x/passwd", "root::0:0\n");
    let out = link("./x", EntryType::Symlink, "/etc");
    for items in [[out, inside], [inside, out]] {
        let error = error(&deb(&items));
        assert!(error.contains("`/x/passwd` lies behind `/x`"), "{error}");
    }
}

#[test]
fn a_service_that_is_a_link_to_a_file_of_the_machine_is_not_read() {
    let unit = link(
        "./lib/systemd/system/a.service",
        EntryType::Symlink,
        "/etc/shadow",
    );
    let package = read_bytes(&deb(&[unit]), &small()).unwrap();
    assert_eq!(package.text("/usr/lib/systemd/system/a.service"), None);
    // Nor do links in a circle keep it busy.
    let [a, b] = [("a", "b"), ("b", "a")].map(|(at, to)| (format!("./{at}"), to));
    let circle = [&a, &b].map(|(at, to)| link(at, EntryType::Symlink, to));
    assert!(
        read_bytes(&deb(&circle), &small())
            .unwrap()
            .resolve("/a")
            .is_none()
    );
}

#[test]
fn a_small_archive_that_unpacks_to_very_much_is_refused_whatever_packed_it() {
    let zeros = vec![0; 4 << 20];
    let bomb = tar(&[Item {
        body: &zeros,
        ..file("./usr/share/zeros", "")
    }]);
    for (suffix, packed) in [("gz", gzip(&bomb)), ("zst", zstd(&bomb))] {
        let names = ["control", "data"].map(|stem| format!("{stem}.tar.{suffix}"));
        let data = ar(&[
            ("debian-binary", b"2.0\n"),
            ("control.tar", &control()),
            (&names[1], &packed),
        ]);
        let error = read_bytes(&data, &small()).unwrap_err();
        assert!(
            error.contains(&names[1]) && error.contains("over the limit of 1048576"),
            "{error}"
        );
        let control = ar(&[
            ("debian-binary", b"2.0\n"),
            (&names[0], &packed),
            ("data.tar", b""),
        ]);
        let error = read_bytes(&control, &small()).unwrap_err();
        assert!(
            error.contains(&names[0]) && error.contains("over the limit"),
            "{error}"
        );
    }
    let top = tempfile::tempdir().unwrap();
    let root = top.path().join("foo");
    tree(
        &root,
        &[(
            "DEBIAN/control",
            "Package: foo\nVersion: 1\nArchitecture: all\nMaintainer: a\nDescription: b\n",
        )],
    );
    fs::write(root.join("zeros"), &zeros).unwrap();
    let xz = fs::read(dpkg_deb(&root, &["-Zxz"])).unwrap();
    let error = read_bytes(&xz, &small()).unwrap_err();
    assert!(
        error.contains("data.tar.xz") && error.contains("over the limit"),
        "{error}"
    );
    // It is not the package's size that is wrong: with room for it, it is read.
    read_bytes(&xz, &Limits::default()).unwrap();
}

#[test]
fn an_unpacker_that_asks_for_much_memory_gets_none() {
    let top = tempfile::tempdir().unwrap();
    let root = top.path().join("foo");
    tree(
        &root,
        &[(
            "DEBIAN/control",
            "Package: foo\nVersion: 1\nArchitecture: all\nMaintainer: a\nDescription: b\n",
        )],
    );
    // The dictionary of -9 is 64 MiB.
    let xz = fs::read(dpkg_deb(&root, &["-Zxz", "-z9"])).unwrap();
    let told = read_bytes(&xz, &small()).unwrap_err();
    assert!(told.contains("memory"), "{told}");
    // A frame's header that asks for a window of 256 MiB.
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x90, 0x01, 0x00, 0x00];
    let told = error(&ar(&[
        ("debian-binary", b"2.0\n"),
        ("control.tar.zst", &frame),
        ("data.tar", b""),
    ]));
    assert!(told.contains("memory"), "{told}");
}

#[test]
fn texts_that_are_too_long_one_by_one_or_together_are_refused() {
    let long = "#\n".repeat(5_001);
    let unit = file("./usr/lib/systemd/system/a.service", &long);
    let error = read_bytes(&deb(&[unit]), &small()).unwrap_err();
    assert!(
        error.contains("a.service") && error.contains("limit of 10000"),
        "{error}"
    );
    // Elsewhere it is only not kept.
    read_bytes(&deb(&[file("./usr/share/a.service", &long)]), &small()).unwrap();
    let names = ["a", "b", "c"].map(|name| format!("./etc/init.d/{name}"));
    let short = "#\n".repeat(4_000);
    let many: Vec<Item<'_>> = names.iter().map(|name| file(name, &short)).collect();
    let error = read_bytes(&deb(&many), &small()).unwrap_err();
    assert!(error.contains("all texts"), "{error}");
    let script = tar(&[
        file("./control", "Package: a\nVersion: 1\n"),
        file("./postinst", &long),
    ]);
    let members = ar(&[
        ("debian-binary", b"2.0\n"),
        ("control.tar", &script),
        ("data.tar", b""),
    ]);
    let error = read_bytes(&members, &small()).unwrap_err();
    assert!(
        error.contains("`postinst`") && error.contains("limit of 10000"),
        "{error}"
    );
}

/// What packs a member.
type Packing = fn(&[u8]) -> Vec<u8>;

/// A member's name, and what is in it.
type Member<'a> = (&'a str, &'a [u8]);

#[test]
fn a_package_that_is_cut_off_anywhere_is_an_error() {
    let data = tar(&[file("./usr/lib/systemd/system/a.service", "[Unit]\n")]);
    let control = control();
    let packings: [(&str, Packing); 3] = [("", <[u8]>::to_vec), (".gz", gzip), (".zst", zstd)];
    for (suffix, pack) in packings {
        let names = [format!("control.tar{suffix}"), format!("data.tar{suffix}")];
        let whole = ar(&[
            ("debian-binary", b"2.0\n"),
            (&names[0], &pack(&control)),
            (&names[1], &pack(&data)),
        ]);
        read_bytes(&whole, &small()).unwrap();
        let step = (whole.len() / 400).max(1);
        for length in (0..whole.len() - 1).step_by(step) {
            assert!(
                read_bytes(&whole[..length], &small()).is_err(),
                "{suffix} {length}"
            );
        }
    }
}

#[test]
fn sizes_that_lie_are_an_error() {
    let data = tar(&[file("./a", "x")]);
    let control = control();
    let front = ar(&[("debian-binary", b"2.0\n"), ("control.tar", &control)]);
    let with = |size: &str| [front.clone(), header("data.tar", size), data.clone()].concat();
    for (size, expected) in [
        ("9999999999", "`data.tar` is cut off"),
        ("-1", "no number"),
        ("99999999999999999999", "is broken"),
        ("511", "is broken"),
        ("1", "is broken"),
    ] {
        let error = error(&with(size));
        assert!(error.contains(expected), "{size}: {error}");
    }
    // A directory with bytes behind it is skipped by one reader and read by another.
    let hidden = Item {
        kind: EntryType::Directory,
        ..file("./d", "./etc/shadow")
    };
    let error = error(&deb(&[hidden]));
    assert!(error.contains("is said to have"), "{error}");
}

#[test]
fn members_that_are_unknown_doubled_or_in_another_order_are_refused() {
    let (control, data) = (control(), tar(&[]));
    let (control, data) = (control.as_slice(), data.as_slice());
    let version = ("debian-binary", &b"2.0\n"[..]);
    let plain = [version, ("control.tar", control), ("data.tar", data)];
    let cases: [(Vec<Member<'_>>, &str); 8] = [
        (
            vec![version, plain[1], ("data.tar.lzma", data)],
            "repack it with",
        ),
        (
            vec![version, plain[1], ("data.tar.bz2", data)],
            "repack it with",
        ),
        (
            vec![version, plain[2], plain[1]],
            "stands where `control.tar`",
        ),
        (
            vec![plain[1], version, plain[2]],
            "stands where `debian-binary`",
        ),
        (
            vec![version, plain[1], plain[2], plain[1]],
            "a second member",
        ),
        (
            vec![version, plain[1], plain[2], ("data.tar.xz", data)],
            "a second member",
        ),
        (
            vec![version, ("/999999999", data), plain[1], plain[2]],
            "stands where",
        ),
        (
            vec![("debian-binary", &b"3.0\n"[..]), plain[1], plain[2]],
            "not version 2",
        ),
    ];
    for (members, expected) in cases {
        let error = error(&ar(&members));
        assert!(error.contains(expected), "{expected}: {error}");
    }
    let many = vec![("_x", &b""[..]); 100];
    let error = error(&ar(&many));
    assert!(error.contains("number of its members"), "{error}");
}

#[test]
fn a_control_archive_that_says_something_twice_or_in_a_link_is_refused() {
    let with = |items: &[Item<'_>]| {
        ar(&[
            ("debian-binary", b"2.0\n"),
            ("control.tar", &tar(items)),
            ("data.tar", &tar(&[])),
        ])
    };
    let control = file("./control", "Package: a\nVersion: 1\n");
    let other = file("control", "Package: b\nVersion: 1\n");
    for (items, expected) in [
        (vec![control, other], "`control` twice"),
        (
            vec![control, link("./prerm", EntryType::Symlink, "/etc/shadow")],
            "it is no file",
        ),
        (
            vec![control, link("./prerm", EntryType::Link, "./control")],
            "it is no file",
        ),
        (
            vec![file("./sub/control", "Package: a\n")],
            "control: it is missing",
        ),
        (vec![file("./control", "\0\0\0")], "deb822(5)"),
        (vec![], "control: it is missing"),
    ] {
        let error = error(&with(&items));
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn every_changed_byte_is_read_or_refused() {
    let bytes = ar(&[
        ("debian-binary", b"2.0\n"),
        ("control.tar.gz", &gzip(&control())),
        (
            "data.tar.zst",
            &zstd(&tar(&[file("./etc/init.d/a", "#!/bin/sh\n")])),
        ),
    ]);
    let path = tempfile::NamedTempFile::new().unwrap();
    for at in 0..bytes.len() {
        for value in [0, 0xff, bytes[at] ^ 1, bytes[at] ^ 0x80] {
            let mut changed = bytes.clone();
            changed[at] = value;
            fs::write(path.path(), &changed).unwrap();
            let _ = rcpolicy::audit::package::read(path.path(), &small());
        }
    }
}

#[test]
fn messages_about_hostile_names_stay_on_one_line() {
    let name = "./a\x1b[31m\n\u{202e}x";
    let error = error(&deb(&[file(name, ""), file(name, "")]));
    assert!(
        error.contains("twice") && !error.contains(['\n', '\x1b', '\u{202e}']),
        "{error:?}"
    );
}
