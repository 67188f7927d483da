//! `rcpolicy answer-others`, the script that it puts at /usr/sbin/policy-rc.d, and who asks that.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use nix::sys::stat::Mode;

use super::world::{Seen, World};

const SCRIPT: &str = include_str!("../../src/observe/policy-rc.d");
const PATH: &str = "usr/sbin/policy-rc.d";
const TOOL: &str = "usr/libexec/rcpolicy/policy-rc-d";
const DENY: &str = "[[rule]]\nservice = \"foo\"\naction = \"start\"\ndecide = \"deny\"\nbecause = \"the admin says no\"\n";

/// A machine with the package's program in its place.
fn installed() -> World {
    let world = World::new();
    // umount makes this while the machine is entered.
    std::fs::create_dir_all(world.path("run/mount")).unwrap();
    let tool = world.path(TOOL);
    std::fs::create_dir_all(tool.parent().unwrap()).unwrap();
    symlink("/tools/policy-rc-d", tool).unwrap();
    world
}

fn turned_on() -> World {
    let world = installed();
    world.call("rcpolicy answer-others on").ended(0);
    assert_eq!(std::fs::read_to_string(world.path(PATH)).unwrap(), SCRIPT);
    world
}

/// Asks as another tool would.
fn ask(world: &World, words: &str) -> Seen {
    world.call(&format!("/usr/sbin/policy-rc.d {words}"))
}

#[test]
fn it_is_off_until_the_admin_turns_it_on_and_off_again_leaves_nothing() {
    let world = installed();
    let before = world.everything();
    world.call("rcpolicy answer-others status").ended(1);
    world.call("rcpolicy answer-others off").ended(0);
    assert_eq!(world.everything(), before);
    for _ in 0..2 {
        world.call("rcpolicy answer-others on").ended(0);
    }
    world.call("rcpolicy answer-others status").ended(0);
    let mode = world.path(PATH).metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o755);
    world.call("rcpolicy answer-others off").ended(0);
    assert_eq!(world.everything(), before);
}

#[test]
fn what_somebody_else_put_there_is_never_touched() {
    let file = |text: &'static str| installed().file(PATH, text.as_bytes(), 0o755);
    let link = |target: &str| {
        let world = installed().file("usr/sbin/theirs", b"#!/bin/sh\nexit 101\n", 0o755);
        symlink(target, world.path(PATH)).unwrap();
        world
    };
    let directory = installed();
    std::fs::create_dir(directory.path(PATH)).unwrap();
    let pipe = installed();
    nix::unistd::mkfifo(&pipe.path(PATH), Mode::S_IRWXU).unwrap();
    let worlds = [
        file("#!/bin/sh\nexit 101\n"),
        file(""),
        installed().file(PATH, format!("{SCRIPT}exit 101\n").as_bytes(), 0o755),
        link("theirs"),
        link("/nowhere/at/all"),
        link("/etc/alternatives/policy-rc.d"),
        directory,
        pipe,
    ];
    for world in worlds {
        let described = |path: &Path| {
            let found = path.symlink_metadata().unwrap();
            let text = found.is_file().then(|| std::fs::read(path).unwrap());
            (found.permissions().mode(), found.len(), text)
        };
        let before = (world.everything(), described(&world.path(PATH)));
        for what in ["on", "off"] {
            let seen = world.call(&format!("rcpolicy answer-others {what}"));
            seen.ended(3);
            seen.says(&["not ours"]);
            let after = (world.everything(), described(&world.path(PATH)));
            assert_eq!(before, after, "{what}");
        }
    }
}

#[test]
fn a_directory_of_somebody_elses_is_refused() {
    let world = installed().owned_by("usr/sbin", 1000);
    let seen = world.call("rcpolicy answer-others on");
    seen.ended(3);
    seen.says(&["belongs to user 1000"]);
    assert!(!world.path(PATH).exists());
    let open = installed();
    let mode = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(open.path("usr/sbin"), mode).unwrap();
    open.call("rcpolicy answer-others on").ended(3);
    assert!(!open.path(PATH).exists());
}

#[test]
fn a_full_disk_leaves_nothing_half_written() {
    let world = installed().setup(
        "mount -t tmpfs -o size=4k,mode=755 small /usr/sbin\nhead -c 4096 /dev/zero >/usr/sbin/full",
    );
    let seen = world.call("rcpolicy answer-others on; echo $?; ls -A /usr/sbin");
    assert_eq!(seen.stdout, "3\nfull\n", "{seen:#?}");
    seen.says(&["cannot write"]);
}

#[test]
fn a_read_only_disk_changes_nothing_and_is_told() {
    for (prepare, what, stands) in [
        (":", "on", "1"),
        ("rcpolicy answer-others on >/dev/null", "off", "0"),
        (
            "rcpolicy answer-others on >/dev/null; chmod a-x /usr/sbin/policy-rc.d",
            "on",
            "1",
        ),
    ] {
        let world = installed().setup("mount --bind /usr/sbin /usr/sbin");
        let seen = world.call(&format!(
            "{prepare}; mount -o remount,bind,ro /usr/sbin; rcpolicy answer-others {what}; echo $?; \
             rcpolicy answer-others status >/dev/null; echo $?"
        ));
        assert_eq!(seen.stdout, format!("3\n{stands}\n"), "{seen:#?}");
        seen.says(&["Read-only file system"]);
    }
}

#[test]
fn on_a_full_disk_it_is_turned_off() {
    let world = installed().setup("mount -t tmpfs -o size=8k,mode=755 small /usr/sbin");
    let seen = world.call(
        "rcpolicy answer-others on >/dev/null; head -c 8192 /dev/zero >/usr/sbin/full 2>/dev/null; \
         rcpolicy answer-others off >/dev/null; echo $?; ls -A /usr/sbin",
    );
    assert_eq!(seen.stdout, "0\nfull\n", "{seen:#?}");
}

#[test]
fn what_a_killed_call_left_goes_with_the_next() {
    for what in ["on", "off"] {
        let world = installed().file("usr/sbin/.policy-rc.d.rcpolicy-4194303", b"#!/b", 0o600);
        world
            .call(&format!("rcpolicy answer-others {what}"))
            .ended(0);
        assert!(
            !world
                .path("usr/sbin/.policy-rc.d.rcpolicy-4194303")
                .exists()
        );
    }
}

#[test]
fn many_that_turn_it_on_at_once_put_one_whole_script_there() {
    let world = installed();
    let seen = world.call(
        "for n in 1 2 3 4 5 6 7 8 9 10; do { rcpolicy answer-others on >/dev/null || echo failed; } & done; wait",
    );
    assert_eq!(seen.stdout, "", "{seen:#?}");
    assert_eq!(std::fs::read_to_string(world.path(PATH)).unwrap(), SCRIPT);
    let names = std::fs::read_dir(world.path("usr/sbin")).unwrap();
    let left = names.filter(|name| {
        let name = name.as_ref().unwrap().file_name();
        name.to_string_lossy().contains("rcpolicy-")
    });
    assert_eq!(left.count(), 0);
}

#[test]
fn others_are_answered_by_the_policy_whatever_they_call_the_service() {
    let world = turned_on().policy(DENY);
    for (words, expected) in [
        ("foo start 2", 101),
        ("foo.service start", 101),
        ("/etc/init.d/foo start", 101),
        ("--quiet foo start 2", 101),
        ("foo 'stop start' 2", 101),
        ("foo restart", 101),
        ("foo stop 2", 0),
        ("bar start 2", 0),
        ("bar '(start)' 2", 101),
        ("bar", 103),
        ("--odd bar start", 103),
    ] {
        let seen = ask(&world, words);
        seen.ended(expected);
        let quiet = words.contains("--quiet") || expected == 0;
        assert_eq!(seen.stderr.is_empty(), quiet, "{words}: {seen:#?}");
        assert_eq!(seen.stdout, "", "{words}");
    }
    ask(&world, "foo start").says(&["policy-rc.d: start of foo", "the admin says no"]);
}

#[test]
fn a_fallback_is_one_line_on_standard_output() {
    let world = turned_on().policy(
        "[[rule]]\naction = \"restart\"\ndecide = { fallback = [\"reload\", \"force-reload\"] }\n",
    );
    let seen = ask(&world, "--quiet foo restart 2");
    seen.ended(106);
    assert_eq!(seen.stdout, "reload force-reload\n");
    let listed = ask(&world, "--list foo 2 3");
    listed.ended(0);
    for line in [
        "foo restart 106 (reload force-reload) by ",
        "foo (start) 101 ",
    ] {
        assert!(listed.stdout.contains(line), "{listed:#?}");
    }
}

#[test]
fn an_admins_allow_lifts_what_the_runlevel_says() {
    let world = turned_on().policy("[[rule]]\nservice = \"foo\"\ndecide = \"allow\"\n");
    ask(&world, "foo '(start)' 2").ended(0);
    ask(&world, "bar '(start)' 2").ended(101);
}

#[test]
fn put_aside_or_only_watching_it_changes_nothing_for_others() {
    let deny = "[[rule]]\ndecide = \"deny\"\n";
    let watching = turned_on().policy(&format!("[rcpolicy]\nmode = \"observe\"\n{deny}"));
    let aside = turned_on().policy(deny);
    aside.call("rcpolicy bypass on").ended(0);
    for world in [watching, aside] {
        ask(&world, "foo start 2").ended(0);
        ask(&world, "foo '(start)' 2").ended(101);
        ask(&world, "foo").ended(103);
        ask(&world, "--list foo").ended(0);
    }
}

#[test]
fn without_its_program_it_is_as_if_it_were_not_there() {
    let world = World::new()
        .file(PATH, SCRIPT.as_bytes(), 0o755)
        .policy(DENY);
    let seen = ask(&world, "foo start 2");
    seen.ended(0);
    assert_eq!(seen.stderr, "");
    ask(&world, "foo '(start)' 2").ended(101);
    ask(&world, "--quiet foo '(restart)' 2").ended(101);
    let missing = World::new().call("rcpolicy answer-others on");
    missing.ended(3);
    missing.says(&["policy-rc-d` is missing"]);
}

/// As after an upgrade to a version that does not run on this machine: the stock invoke-rc.d is in its place again, and takes
/// a status that it does not know for an error.
#[test]
fn a_program_that_cannot_be_started_is_as_if_it_were_not_there() {
    for program in ["#!/nonexistent/loader\n", "\u{7f}ELF, and no more of it\n"] {
        let world = World::new()
            .file(TOOL, program.as_bytes(), 0o755)
            .file(PATH, SCRIPT.as_bytes(), 0o755)
            .policy(DENY);
        for (words, expected) in [
            ("foo start 2", 0),
            ("foo '(start)' 2", 101),
            ("--quiet foo '(restart)' 2", 101),
        ] {
            ask(&world, words).ended(expected);
        }
    }
}

#[test]
fn our_own_tools_go_by_the_policy_alone_and_explain_says_so() {
    let world = World::new()
        .program(TOOL, "#!/bin/sh\nmkdir /ran/asked\nexit 101\n")
        .file(PATH, SCRIPT.as_bytes(), 0o755);
    ask(&world, "foo start").ran(&["asked"]);
    world.call("invoke-rc.d foo start").ran(&["1 foo start"]);
    world.call("invoke-rc.d foo stop").ran(&["1 foo stop"]);
    let seen = world.call("rcpolicy explain foo start --ask");
    seen.ended(0);
    seen.ran(&[]);
    let words = "own answer to other tools: it is not asked";
    assert!(seen.stdout.contains(words), "{seen:#?}");
}

#[test]
fn a_build_that_writes_through_the_path_destroys_no_program_and_is_obeyed() {
    let world = turned_on();
    let seen = world.call(
        "printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d && invoke-rc.d foo start; /usr/libexec/rcpolicy/policy-rc-d foo start",
    );
    seen.ended(0);
    seen.ran(&[]);
    world.call("rcpolicy answer-others status").ended(1);
    world.call("rcpolicy answer-others off").ended(3);
}

#[test]
fn the_stock_tool_is_answered_like_any_other() {
    let stock = ["/usr/sbin/invoke-rc.d.distrib", "/usr/sbin/invoke-rc.d"]
        .into_iter()
        .find_map(|path| std::fs::read_to_string(path).ok())
        .unwrap();
    let world = turned_on().policy(DENY).program("usr/sbin/stock", &stock);
    world.call("stock foo start").ran(&[]);
    world.call("stock --quiet foo start").ran(&[]);
    world.call("stock foo stop").ran(&["1 foo stop"]);
    let world = turned_on()
        .policy("[[rule]]\ndecide = { fallback = [\"reload\"] }\naction = \"restart\"\n")
        .program("usr/sbin/stock", &stock);
    world.call("stock foo restart").ran(&["1 foo reload"]);
}
