//! Policy files that cannot be read or must not be trusted: what was denied stays denied, an upgrade leaves the service
//! as it runs, all else is as with the stock tools, and the message names file, unit and reason.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use nix::sys::stat::Mode;

use super::world::World;

const FILE: &str = "etc/rcpolicy/policy.d/10-test.toml";
const DENY: &str = "[[rule]]\nservice = \"foo\"\naction = \"start\"\ndecide = \"deny\"\nbecause = \"the admin says no\"\n";
const UPGRADE: &str = "env DPKG_MAINTSCRIPT_PACKAGE=foo DPKG_MAINTSCRIPT_NAME";

/// One way for a policy file to be unusable.
struct Broken {
    why: &'static str,
    spoil: fn(World) -> World,
}

/// Takes away what is there.
fn cleared(world: World) -> World {
    let _ = std::fs::remove_file(world.path(FILE));
    world
}

fn broken() -> Vec<Broken> {
    let as_text = |why, spoil| Broken { why, spoil };
    vec![
        as_text("10-test.toml:2:1: ", |w| {
            w.file(FILE, b"[[rule]]\nfrobnicate = 1\n", 0o644)
        }),
        as_text("10-test.toml:1:", |w| w.file(FILE, b"[[rule\n", 0o644)),
        as_text("10-test.toml:1:3: this is not UTF-8 text", |w| {
            w.file(FILE, b"# \xff\n", 0o644)
        }),
        as_text("10-test.toml:1:", |w| w.file(FILE, b"\0\0\0", 0o644)),
        as_text("is not a regular file", |w| {
            let w = cleared(w);
            std::fs::create_dir(w.path(FILE)).unwrap();
            w
        }),
        as_text("is not a regular file", |w| {
            let w = cleared(w);
            nix::unistd::mkfifo(&w.path(FILE), Mode::from_bits_truncate(0o644)).unwrap();
            w
        }),
        as_text("10-test.toml", |w| {
            let w = cleared(w);
            // The socket stays when its listener goes.
            drop(UnixListener::bind(w.path(FILE)).unwrap());
            w
        }),
        as_text("Input/output error", |w| {
            let w = cleared(w);
            symlink("/proc/self/mem", w.path(FILE)).unwrap();
            w
        }),
        as_text("10-test.toml", |w| {
            let w = cleared(w);
            symlink("/dev/zero", w.path(FILE)).unwrap();
            w
        }),
        as_text("too many links", |w| {
            let w = cleared(w);
            symlink("10-test.toml", w.path(FILE)).unwrap();
            w
        }),
        as_text("is writable by others (mode 0664)", |w| {
            w.file(FILE, b"", 0o664)
        }),
        as_text("is writable by others (mode 0646)", |w| {
            w.file(FILE, b"", 0o646)
        }),
        as_text("belongs to user 12345, not to root", |w| {
            w.file(FILE, b"", 0o644).owned_by(FILE, 12345)
        }),
        as_text("is too large (104857600 bytes", |w| {
            let w = w.file(FILE, b"", 0o644);
            let file = std::fs::OpenOptions::new()
                .write(true)
                .open(w.path(FILE))
                .unwrap();
            file.set_len(100 << 20).unwrap();
            w
        }),
    ]
}

#[test]
fn what_was_denied_by_the_last_policy_that_read_well_stays_denied() {
    for Broken { why, spoil } in broken() {
        let world = World::new()
            .policy(DENY)
            .recorder("etc/init.d/foo.sh")
            .setup("ln -sf ../init.d/foo.sh /etc/rc2.d/S01foo.sh");
        world.call("invoke-rc.d foo start").ran(&[]);
        let world = spoil(world);
        let began = Instant::now();
        for prefix in ["", &format!("{UPGRADE}=postinst ")] {
            for call in [
                "foo start",
                "--force foo start",
                "foo restart",
                "foo.sh start",
            ] {
                let seen = world.call(&format!("{prefix}invoke-rc.d {call}"));
                seen.ran(&[]);
                seen.says(&[
                    why,
                    "10-test.toml",
                    "the last that read well",
                    "foo",
                    "the admin says no",
                ]);
                seen.ended(0);
            }
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{why}");
    }
}

#[test]
fn without_an_earlier_policy_an_upgrade_leaves_the_service_as_it_runs() {
    for Broken { why, spoil } in broken() {
        let world = spoil(World::new());
        for (script, action) in [
            ("prerm", "stop"),
            ("postinst", "start"),
            ("postinst", "restart"),
        ] {
            let seen = world.call(&format!("{UPGRADE}={script} invoke-rc.d foo {action}"));
            seen.ended(0);
            seen.ran(&[]);
            seen.says(&[
                why,
                "10-test.toml",
                "no earlier policy to go by",
                &format!("{action} of foo.service is held"),
            ]);
        }
    }
}

#[test]
fn without_an_earlier_policy_all_but_upgrades_is_as_with_the_stock_tools() {
    for Broken { why, spoil } in broken() {
        let world = spoil(World::new());
        for action in ["start", "stop", "restart", "status"] {
            let seen = world.call(&format!("invoke-rc.d foo {action}"));
            seen.ended(0);
            seen.ran(&[&format!("1 foo {action}")]);
            seen.says(&[why, "10-test.toml"]);
        }
    }
}

#[test]
fn a_packages_file_that_is_broken_or_presumes_is_skipped_and_hides_nothing() {
    for (text, why) in [
        ("[[rule", "50-foo.toml:1:"),
        (
            "[[rule]]\nservice = \"foo\"\ndecide = \"allow\"\n",
            "`allow` is the admin's",
        ),
        ("[compat]\nstrict = true\n", "`strict` is the admin's"),
    ] {
        let world = World::new().policy(DENY).file("tmp/50-foo.toml", text.as_bytes(), 0o644).setup(
            "mkdir -p /tmp/upper/rcpolicy/policy.d /tmp/work
             cp /tmp/50-foo.toml /tmp/upper/rcpolicy/policy.d/
             mount -t overlay lib -o lowerdir=/usr/lib,upperdir=/tmp/upper,workdir=/tmp/work /usr/lib",
        );
        let seen = world.call("invoke-rc.d foo start");
        seen.ended(0);
        seen.ran(&[]);
        seen.says(&[
            why,
            "50-foo.toml",
            "(this file is skipped)",
            "the admin says no",
        ]);
        world.call("invoke-rc.d foo stop").ran(&["1 foo stop"]);
    }
}

#[test]
fn a_directory_of_policies_that_others_could_write_to_or_that_is_a_file_is_a_broken_policy() {
    let open = World::new().setup("chmod 777 /etc/rcpolicy/policy.d");
    let foreign = World::new().owned_by("etc/rcpolicy", 12345);
    let file = World::new().setup("rmdir /etc/rcpolicy/policy.d; : >/etc/rcpolicy/policy.d");
    for (world, why) in [
        (open, "mode 0777"),
        (foreign, "12345"),
        (file, "is not a directory"),
    ] {
        let seen = world.call(&format!("{UPGRADE}=prerm invoke-rc.d foo stop"));
        seen.ended(0);
        seen.ran(&[]);
        seen.says(&[why, "/etc/rcpolicy", "stop of foo.service is held"]);
    }
}

#[test]
fn deb_systemd_invoke_keeps_what_was_denied_too() {
    for Broken { why, spoil } in broken() {
        let world = World::new().policy(DENY);
        world.call("deb-systemd-invoke start foo.service");
        let seen = spoil(world).call("deb-systemd-invoke start foo.service");
        seen.ended(0);
        seen.says(&[
            why,
            "policy denied start of foo.service",
            "the admin says no",
        ]);
    }
}

#[test]
fn ten_thousand_rules_and_a_deep_nesting_are_read_in_time() {
    let rules = "[[rule]]\nservice = \"a*b*c*d*e*f*\"\ndecide = \"stop\"\n".repeat(10_000);
    let began = Instant::now();
    let seen = World::new()
        .policy(&format!("{rules}{DENY}"))
        .call("invoke-rc.d foo start");
    seen.ran(&[]);
    seen.says(&["the admin says no"]);
    let nested = format!("x = {}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    let seen = World::new().policy(&nested).call("invoke-rc.d foo status");
    seen.ended(0);
    seen.says(&["10-test.toml:1:"]);
    assert!(seen.stderr.len() < 2000, "{} bytes", seen.stderr.len());
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn our_policy_rc_d_denies_what_the_last_policy_that_read_well_denied() {
    for Broken { why, spoil } in broken() {
        let world = World::new().policy(DENY);
        world.call("invoke-rc.d foo start").ran(&[]);
        let seen = spoil(world).call("policy-rc-d foo start 2");
        seen.ended(101);
        seen.says(&[why, "the admin says no"]);
    }
}
