//! `rcpolicy doctor` on a small machine: what it says of policy-rc.d scripts as they are found, of files and
//! notes that somebody spoilt, and that it changes nothing and waits for nobody.

use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use super::world::{Seen, World};

/// Longer than any of these calls may take.
const LATE: Duration = Duration::from_secs(30);

/// A machine with the package in place, as dpkg leaves it.
pub(super) fn installed() -> World {
    let mut world = World::new();
    std::fs::create_dir_all(world.path("run/mount")).unwrap();
    let mut diversions = String::new();
    for (path, tool) in [
        ("/usr/sbin/invoke-rc.d", "invoke-rc.d"),
        ("/usr/bin/deb-systemd-invoke", "deb-systemd-invoke"),
    ] {
        diversions.push_str(&format!("{path}\n{path}.distrib\nrcpolicy\n"));
        let tool = format!("/usr/libexec/rcpolicy/{tool}");
        let script = format!("#!{tool} --called-as\nexec {tool} --called-as \"$0\" \"$@\"\n");
        world = world.program(&tool, "#!/bin/sh\n");
        if path.starts_with("/usr/sbin") {
            world = world.program(path, &script);
        }
    }
    world
        .file("var/lib/dpkg/diversions", diversions.as_bytes(), 0o644)
        .file("usr/lib/rcpolicy/policy.d/90-default.toml", include_bytes!("../../policy/90-default.toml"), 0o644)
        .file("etc/apt/apt.conf.d/90rcpolicy", include_bytes!("../../debian/apt.conf"), 0o644)
        .file("var/lib/dpkg/info/rcpolicy.triggers", include_bytes!("../../debian/rcpolicy.triggers"), 0o644)
        .file("var/log/rcpolicy/decisions.jsonl", b"", 0o644)
        .program("etc/init.d/rcpolicy", include_str!("../../debian/rcpolicy.init"))
        .program("usr/libexec/rcpolicy/policy-rc-d", "#!/bin/sh\nexec /tools/policy-rc-d \"$@\"\n")
        .setup("ln -s ../init.d/rcpolicy /etc/rc2.d/S01rcpolicy 2>/dev/null || :")
        // /usr/bin is the host's and stays as it is; ours is laid over it.
        .setup(
            "mount -t tmpfs -o mode=755 own /old && mkdir /old/bin && cp /bin/true /old/bin/deb-systemd-invoke.distrib\n\
             sed s/invoke-rc.d/deb-systemd-invoke/g /usr/sbin/invoke-rc.d >/old/bin/deb-systemd-invoke\n\
             chmod 755 /old/bin/deb-systemd-invoke && mount -t overlay own -o lowerdir=/old/bin:/usr/bin /usr/bin",
        )
}

fn doctor(world: &World) -> Seen {
    let began = Instant::now();
    let seen = world.call("rcpolicy doctor");
    assert!(began.elapsed() < LATE, "{:?}", began.elapsed());
    assert!(!seen.stderr.contains("panicked"), "{seen:#?}");
    seen
}

/// The lines that begin so.
pub(super) fn lines<'s>(seen: &'s Seen, word: &str) -> Vec<&'s str> {
    seen.stdout
        .lines()
        .filter(|line| line.starts_with(word))
        .collect()
}

#[track_caller]
pub(super) fn says(seen: &Seen, parts: &[&str]) {
    for part in parts {
        assert!(seen.stdout.contains(part), "no `{part}` in {seen:#?}");
    }
}

/// What is said of policy-rc.d and of nothing else.
fn of_helper(text: &str) -> Vec<String> {
    let seen = doctor(&installed().helper(text));
    let all = [lines(&seen, "problem "), lines(&seen, "warning ")].concat();
    let own = all
        .into_iter()
        .filter(|line| line.contains(" policy-rc.d: "));
    own.map(str::to_owned).collect()
}

#[test]
fn a_left_over_denial_is_named_with_its_file_its_age_and_its_package() {
    let world = installed()
        .helper("#!/bin/sh\nexit 101\n")
        .setup("touch -d '2 days ago' /usr/sbin/policy-rc.d");
    let seen = doctor(&world);
    seen.ended(2);
    says(
        &seen,
        &[
            "problem  policy-rc.d: /usr/sbin/policy-rc.d (of no package, 19 bytes, written ",
            ", 2 days ago) denies every start, stop and restart",
            "-> if it was left over from the building of an image: rm /usr/sbin/policy-rc.d",
        ],
    );
    let packaged = world.file(
        "var/lib/dpkg/info/blocker.list",
        b"/.\n/usr/sbin/policy-rc.d\n",
        0o644,
    );
    says(&doctor(&packaged), &["(of package blocker, 19 bytes"]);
}

#[test]
fn what_a_script_gets_wrong_is_named_with_the_call_that_shows_it() {
    for (text, part) in [
        (
            "#!/bin/sh\ncase $1 in slapd) exit 101 ;; esac\ncase $2 in '('*) exit 101 ;; esac\n",
            "`--quiet slapd start 2` is 0",
        ),
        (
            "#!/bin/sh\n[ \"$1\" != --quiet ] || shift\n[ \"$1\" = slapd ] && exit 101\ncase $2 in '('*) exit 101 ;; esac\n",
            "`slapd.service start` is 0",
        ),
        ("#!/bin/sh\\nexit 101\n", "`\\n` in place of line ends"),
        (
            "#!/nowhere/sh\nexit 0\n",
            "ends with 127, so that it cannot be run",
        ),
        ("#!/bin/sh\nexit 3\n", "ends with 3"),
        ("#!/bin/sh\nexit 106\n", "names nothing to do instead"),
        ("#!/bin/sh\nexit 100\n", "ends with 100"),
        (
            "#!/bin/sh\nexit 0\n",
            "says yes to `rcpolicy-doctor (start) 2`",
        ),
        ("#!/bin/sh\nkill -9 $$\n", "ends with 137"),
    ] {
        let said = of_helper(text);
        assert!(
            said.iter().any(|line| line.contains(part)),
            "{text}: {said:#?}"
        );
    }
}

#[test]
fn one_that_hangs_or_floods_is_killed_and_asked_no_more() {
    let limits = "[policy-rc-d]\nlimit = \"300ms\"\nmax-output = \"1KiB\"\n";
    for (text, part) in [
        (
            "#!/bin/sh\nexec sleep 1000\n",
            "did not answer within 300ms",
        ),
        (
            "#!/bin/sh\nexec >&- 2>&-\ntrap '' TERM\nwhile :; do sleep 1000; done\n",
            "did not answer",
        ),
        ("#!/bin/sh\nexec cat /dev/zero\n", "more than 1024 bytes"),
    ] {
        let seen = doctor(&installed().policy(limits).helper(text));
        seen.ended(2);
        says(&seen, &[part]);
    }
    // Its input is empty, whatever ours is.
    let reads = installed()
        .helper("#!/bin/sh\nread line && exit 0\ncase $2 in '('*) exit 101 ;; esac\nexit 0\n");
    let seen = reads.call("mkfifo /tmp/input; exec 3<>/tmp/input; timeout 20 rcpolicy doctor <&3");
    assert_ne!(seen.status, 124, "{seen:#?}");
}

#[test]
fn whoever_could_write_to_it_is_named() {
    let foreign = installed()
        .helper("#!/bin/sh\nexit 0\n")
        .owned_by("usr/sbin/policy-rc.d", 1000);
    says(
        &doctor(&foreign),
        &[
            "problem  policy-rc.d: `/usr/sbin/policy-rc.d` can be changed by others",
            "user 1000",
        ],
    );
    let open = installed().file("usr/sbin/policy-rc.d", b"#!/bin/sh\nexit 0\n", 0o777);
    says(&doctor(&open), &["mode 0777", "chmod go-w"]);
    let plain = installed().file("usr/sbin/policy-rc.d", b"#!/bin/sh\nexit 101\n", 0o644);
    says(
        &doctor(&plain),
        &["may not be executed: everybody passes it over"],
    );
    let link = installed();
    symlink("/nowhere/at/all", link.path("usr/sbin/policy-rc.d")).unwrap();
    says(&doctor(&link), &["is a link that leads nowhere"]);
}

#[test]
fn our_own_answer_is_asked_as_others_ask_it_and_is_fine() {
    let world = installed();
    world.call("rcpolicy answer-others on").ended(0);
    let seen = doctor(&world);
    says(
        &seen,
        &[
            "fine     policy-rc.d: rcpolicy answers other tools here",
            "rcpolicy's own, ",
            "questions well",
        ],
    );
    let denies = world.policy("[[rule]]\nservice = \"foo\"\ndecide = \"deny\"\n");
    assert_eq!(lines(&doctor(&denies), "problem  policy-rc.d"), [""; 0]);
}

#[test]
fn files_that_others_could_have_written_are_named_and_links_too() {
    let foreign = installed().owned_by("var/lib/rcpolicy", 1000);
    says(
        &doctor(&foreign),
        &["problem  files: `/var/lib/rcpolicy` belongs to user 1000"],
    );
    let open = installed().file("run/rcpolicy/ledger/x.json", b"{}", 0o666);
    says(
        &doctor(&open),
        &["others than root may write to `/run/rcpolicy/ledger/x.json` (mode 0666)"],
    );
    let link = installed();
    std::fs::remove_dir_all(link.path("var/log/rcpolicy")).unwrap();
    symlink("/tmp", link.path("var/log/rcpolicy")).unwrap();
    says(&doctor(&link), &["`/var/log/rcpolicy` is a link"]);
}

#[test]
fn a_read_only_or_full_disk_is_named() {
    let world = installed().setup("mount -t tmpfs -o ro,mode=755 small /var/lib/rcpolicy");
    let seen = doctor(&world);
    seen.ended(2);
    says(&seen, &["`/var/lib/rcpolicy` is read-only"]);
    let full = installed().setup(
        "mount -t tmpfs -o size=4k,mode=755 small /var/log/rcpolicy; head -c 4096 /dev/zero >/var/log/rcpolicy/x",
    );
    says(&doctor(&full), &["no space left under `/var/log/rcpolicy`"]);
}

#[test]
fn notes_that_are_damaged_or_were_set_aside_are_named() {
    let world = installed()
        .file("run/rcpolicy/ledger/foo.json", b"{ half", 0o644)
        .file("run/rcpolicy/ledger/bar.json.damaged-17", b"{", 0o644);
    let seen = doctor(&world);
    seen.ended(2);
    says(
        &seen,
        &[
            "problem  ledger: ",
            "foo.json",
            "warning  ledger: notes that were damaged and set aside: 1, such as `/run/rcpolicy/ledger/bar.json.damaged-17`",
        ],
    );
}

#[test]
fn tools_that_somebody_wrote_over_and_hooks_that_are_gone_are_named() {
    let over = installed().program("usr/sbin/invoke-rc.d", "#!/bin/sh\nexit 0\n");
    says(
        &doctor(&over),
        &[
            "`/usr/sbin/invoke-rc.d` is not ours any more",
            "dpkg-reconfigure rcpolicy",
        ],
    );
    let gone = installed();
    std::fs::remove_file(gone.path("usr/libexec/rcpolicy/invoke-rc.d")).unwrap();
    says(
        &doctor(&gone),
        &["which cannot be run: packages fail on it"],
    );
    let undiverted = installed().file("var/lib/dpkg/diversions", b"", 0o644);
    says(
        &doctor(&undiverted),
        &["`/usr/sbin/invoke-rc.d` is not diverted"],
    );
    let stolen = "/usr/sbin/invoke-rc.d\n/usr/sbin/invoke-rc.d.real\nopenrc\n";
    let foreign = installed().file("var/lib/dpkg/diversions", stolen.as_bytes(), 0o644);
    says(
        &doctor(&foreign),
        &["`/usr/sbin/invoke-rc.d` is diverted by openrc"],
    );
    let hooks = installed().file("etc/apt/apt.conf.d/90rcpolicy", b"// mine\n", 0o644);
    std::fs::remove_file(hooks.path("var/lib/dpkg/info/rcpolicy.triggers")).unwrap();
    says(
        &doctor(&hooks),
        &[
            "warning  hooks: `/etc/apt/apt.conf.d/90rcpolicy` is not as shipped",
            "problem  hooks: `/var/lib/dpkg/info/rcpolicy.triggers` is missing",
        ],
    );
}

#[test]
fn it_changes_nothing_and_says_in_json_what_it_says_in_words() {
    let world = installed().helper("#!/bin/sh\nexit 101\n");
    world.call("true");
    let before = world.everything();
    let text = doctor(&world);
    let json = world.call("rcpolicy doctor --json");
    assert_eq!(world.everything(), before);
    assert_eq!(text.status, json.status);
    let document: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(document["version"], 1);
    assert_eq!(document["worst"], "problem");
    let problems = document["findings"].as_array().unwrap().iter();
    let problems = problems.filter(|one| one["level"] == "problem").count();
    assert_eq!(problems, lines(&text, "problem ").len());
}

#[test]
fn an_unprivileged_user_is_told_what_could_not_be_looked_at() {
    let world = installed()
        .helper("#!/bin/sh\ncase $2 in '('*) exit 101 ;; esac\nexit 0\n")
        .file("var/lib/rcpolicy/last-good/x", b"", 0o600)
        .setup("chmod 700 /var/lib/rcpolicy/last-good");
    let seen = world.call("setpriv --reuid=1000 --regid=1000 --clear-groups rcpolicy doctor");
    assert!(!seen.stderr.contains("panicked"), "{seen:#?}");
    says(
        &seen,
        &[
            "unknown  files: cannot look at `/var/lib/rcpolicy/last-good`",
            "unknown  policy-rc.d: it was not run as root",
            "not looked at",
        ],
    );
}

#[test]
fn a_bypass_and_an_observer_are_warnings_and_a_broken_policy_is_a_problem() {
    let world = installed();
    world.call("rcpolicy bypass on").ended(0);
    says(&doctor(&world), &["warning  policy: the bypass is on"]);
    let watching = installed().policy("[rcpolicy]\nmode = \"observe\"\n");
    says(&doctor(&watching), &["warning  policy: observe mode"]);
    let broken = doctor(&installed().policy("[[rule]]\ndecide = \"perhaps\"\n"));
    broken.ended(2);
    says(
        &broken,
        &["problem  policy: /etc/rcpolicy/policy.d/10-test.toml:2:"],
    );
}

#[test]
fn where_rcpolicy_is_not_installed_that_is_one_warning() {
    let world = World::new().helper("#!/bin/sh\ncase $2 in '('*) exit 101 ;; esac\nexit 0\n");
    std::fs::remove_dir_all(world.path("etc/rcpolicy")).unwrap();
    let seen = doctor(&world);
    seen.ended(1);
    let warned = lines(&seen, "warning ");
    assert_eq!(warned.len(), 1, "{seen:#?}");
    assert!(
        warned
            .iter()
            .all(|line| line.contains("rcpolicy is not installed here"))
    );
}
