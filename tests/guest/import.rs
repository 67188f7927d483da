//! `rcpolicy import`: what comes of other tools' policies answers as they do. Scripts are run with sh; the other formats
//! are read once more here, by the words of their manuals, with Perl's own regular expressions.

use std::process::Command;

use super::world::{Seen, World};

const NAMES: [&str; 12] = [
    "ssh",
    "sshd",
    "cron",
    "dbus",
    "slapd",
    "nginx",
    "postgresql",
    "postgresql@15-main",
    "mariadb",
    "udev",
    "foo",
    "rcpolicy-doctor",
];
const WORDS: [&str; 8] = [
    "start",
    "stop",
    "restart",
    "try-restart",
    "reload",
    "force-reload",
    "(start)",
    "(restart)",
];

/// What came of an import: standard output as a policy of the machine's.
fn imported(name: &str, text: &str) -> (World, Seen) {
    let mut world = World::new().file(&format!("tmp/{name}"), text.as_bytes(), 0o755);
    for service in NAMES.iter().filter(|service| **service != "foo") {
        world = world.recorder(&format!("etc/init.d/{service}"));
        let link = world.path(&format!("etc/rc2.d/S01{service}"));
        std::os::unix::fs::symlink(format!("../init.d/{service}"), link).unwrap();
    }
    let seen = world.call(&format!("rcpolicy import /tmp/{name}"));
    assert!([0, 1].contains(&seen.status), "{seen:#?}");
    let checked = world.policy(&seen.stdout);
    let check = checked.call("rcpolicy check");
    check.ended(0);
    (checked, seen)
}

/// Asks a program everything, in one call: `SERVICE ACTION STATUS [LIST]` a line.
fn asked(world: &World, program: &str) -> Vec<String> {
    let names = NAMES.join(" ");
    let words = WORDS.map(|word| format!("'{word}'")).join(" ");
    let seen = world.call(&format!(
        "for name in {names}; do for word in {words}; do \
         list=$({program} $name \"$word\" 2 2>/dev/null); echo $name \"$word\" $? $list; done; done"
    ));
    seen.stdout.lines().map(str::to_owned).collect()
}

/// Where the answers differ, but for what is allowed.
fn differences(
    original: &[String],
    ours: &[String],
    allowed: impl Fn(&str) -> bool,
) -> Vec<String> {
    assert_eq!(original.len(), NAMES.len() * WORDS.len());
    let pairs = original.iter().zip(ours).filter(|(one, other)| {
        // 104 is another word for 0
        one.replace(" 104", " 0") != **other && !allowed(one)
    });
    pairs
        .map(|(one, other)| format!("{one} / {other}"))
        .collect()
}

#[track_caller]
fn round_trip(script: &str, allowed: impl Fn(&str) -> bool) -> Seen {
    let (world, seen) = imported("policy-rc.d", script);
    let original = asked(&world, "/tmp/policy-rc.d");
    let ours = asked(&world, "policy-rc-d");
    let wrong = differences(&original, &ours, allowed);
    assert!(wrong.is_empty(), "{wrong:#?}\n{seen:#?}");
    seen
}

#[test]
fn a_script_that_denies_everything_or_some_answers_as_before() {
    for script in [
        "#!/bin/sh\nexit 101\n",
        "exit 101\n",
        "#!/bin/sh\n# everything\necho 'no services here' >&2\nexit 101\n",
        // options first, two services allowed: as the builders of packages have it
        "#!/bin/sh\nwhile true; do\n  case \"$1\" in\n    -*) shift ;;\n    makedev|dbus) exit 0 ;;\n    *) exit 101 ;;\n  esac\ndone\n",
        "#!/bin/sh\ncase \"$1\" in\n  udev|udev.service|postgresql*) exit 0 ;;\nesac\nexit 101\n",
        "#!/bin/sh\nif [ \"$1\" = slapd ]; then exit 101; fi\ncase \"$2\" in '('*) exit 101 ;; esac\nexit 0\n",
        "#!/bin/sh\n[ \"$1\" = cron ] && [ \"$2\" = stop ] && exit 101\ncase $2 in *')') exit 101 ;; esac\nexit 104\n",
        "#!/bin/sh\ncase \"$2\" in\n  restart|try-restart) echo reload; exit 106 ;;\n  '(restart)'|'(start)') exit 101 ;;\nesac\nexit 0\n",
        "#!/bin/sh -e\nallowed() { case $1 in nginx|ssh*) return 0 ;; esac; return 1; }\nif allowed \"$1\"; then exit 0; fi\nexit 101\n",
    ] {
        round_trip(script, |_| false);
    }
}

#[test]
fn what_differs_is_said_with_an_example() {
    // Every action with `start` in it: a denied start denies what may start it as well.
    let seen = round_trip(
        "#!/bin/sh\ncase $2 in start) exit 101 ;; '('*) exit 101 ;; esac\nexit 0\n",
        |line| line.contains(" restart ") || line.contains(" force-reload "),
    );
    seen.ended(1);
    seen.says(&["allowed there, denied here", "rcpolicy-import restart"]);
    assert!(
        seen.stdout
            .contains("# Not carried over: allowed there, denied here")
    );
    let seen = round_trip("#!/bin/sh\nexit 0\n", |line| line.contains('('));
    seen.ended(1);
    seen.says(&["it says yes to `(start)`"]);
    let seen = round_trip(
        "#!/bin/sh\n[ \"$1\" = ssh ] && exit 101\ncase $2 in '('*) exit 101;; esac\n",
        |_| false,
    );
    seen.says(&["with `--quiet` it takes that for the service"]);
}

#[test]
fn what_cannot_be_known_is_refused_or_named_with_its_line() {
    let world =
        |name: &str, text: &str| World::new().file(&format!("tmp/{name}"), text.as_bytes(), 0o755);
    for (name, text, part) in [
        (
            "policy-rc.d",
            "#!/bin/sh\nexec /usr/local/sbin/other \"$@\"\n",
            "another program",
        ),
        ("policy-rc.d", "#!/usr/bin/perl\nexit 101;\n", "perl"),
        (
            "policy-rc.d",
            "#!/bin/sh\nif ischroot; then\n  exit 101\nfi\nexit 0\n",
            "line 2: what it says hangs on `ischroot`",
        ),
        ("policy-rc.d", "#!/bin/sh\ncase $1 in\n", "line "),
        (
            "x.conf",
            "$nrconf{override_rc}{$_} = 0 for @ignore;\n",
            "line 1: ",
        ),
        (
            "x.conf",
            "# c\n\n$nrconf{override_rc} = { map { $_ => 0 } @x };\n",
            "line 3: ",
        ),
        (
            "x.conf",
            "$nrconf{override_rc}{q(foo} = 0;\n",
            "never closed",
        ),
        (
            "x.policy",
            "blocked_actions:\n  foo: &anchor [restart]\n",
            "line 2: ",
        ),
        (
            "x.policy",
            "blocked_actions:\n\tfoo: [restart]\n",
            "line 2: a tab",
        ),
        (
            "x.policy",
            "blocked_actions:\n  foo:\n  - name: restart\n",
            "line 3: `name: restart` is not an action",
        ),
        (
            "x.policy",
            "blocked_actions:\n  foo: ['re start']\n",
            "line 2: `re start` is not an action",
        ),
        ("x.policy", "other_key: 1\n", "whose policy"),
    ] {
        let seen = world(name, text).call(&format!("rcpolicy import /tmp/{name}"));
        assert!([2, 3].contains(&seen.status), "{seen:#?}");
        assert_eq!(seen.stdout, "", "{seen:#?}");
        seen.says(&[part]);
    }
    let some = world(
        "policy-rc.d",
        "#!/bin/sh\ncase $1 in ssh) exit 101 ;; esac\ncase $2 in '('*) exit 101;; esac\ngrep -q \"$1\" /etc/allowed && exit 0\nexit 101\n",
    );
    let seen = some.call("rcpolicy import /tmp/policy-rc.d");
    seen.ended(1);
    seen.says(&["policy-rc.d:4: not carried over", "grep"]);
    assert!(seen.stdout.contains("service = [\"ssh\"]"), "{seen:#?}");
}

#[test]
fn hostile_files_are_refused_and_nothing_of_them_is_run() {
    let text = "#!/bin/sh\ntouch /tmp/x\n$(touch /tmp/x)\ncase $1 in `touch /tmp/x`) exit 0;; esac\nexit 101\n";
    let world = World::new().file("tmp/policy-rc.d", text.as_bytes(), 0o755);
    world.call("rcpolicy import /tmp/policy-rc.d");
    assert!(!world.path("tmp/x").exists());
    let deep = format!(
        "#!/bin/sh\n{}exit 0{}\n",
        "if true; then ".repeat(5000),
        "; fi".repeat(5000)
    );
    let brackets = format!(
        "$nrconf{{override_rc}}{{qr({})}} = 0;\n",
        "(".repeat(100_000)
    );
    let many = format!("{} start deny\n", "(a|b)".repeat(1000));
    for (name, text) in [
        ("policy-rc.d", deep.as_bytes()),
        ("x.conf", brackets.as_bytes()),
        ("x.pol", many.as_bytes()),
        ("x.pol", b"\xff\xfe start deny\n"),
        ("x.pol", &[b'a'; 2 << 20]),
    ] {
        let seen = World::new()
            .file(&format!("tmp/{name}"), text, 0o644)
            .call(&format!("timeout 30 rcpolicy import /tmp/{name}"));
        assert!(
            [1, 3].contains(&seen.status),
            "{name}: {} {}",
            seen.status,
            &seen.stderr[..seen.stderr.len().min(300)]
        );
        assert!(!seen.stderr.contains("panicked"));
    }
    let pipe = World::new().call("mkfifo /tmp/x.pol; timeout 20 rcpolicy import /tmp/x.pol");
    pipe.ended(3);
    pipe.says(&["not a plain file"]);
}

#[test]
fn a_file_that_is_there_is_never_written_over_and_half_a_one_does_not_stay() {
    let world = World::new().file("tmp/policy-rc.d", b"#!/bin/sh\nexit 101\n", 0o755);
    let seen = world.call("echo mine >/tmp/out; rcpolicy import /tmp/policy-rc.d --output /tmp/out; echo $?; cat /tmp/out");
    assert_eq!(seen.stdout, "3\nmine\n", "{seen:#?}");
    let seen = world.call("ln -s /tmp/elsewhere /tmp/link; rcpolicy import /tmp/policy-rc.d --output /tmp/link; echo $?; ls /tmp/elsewhere");
    assert_eq!(seen.stdout, "3\n", "{seen:#?}");
    let seen = world.call(
        "mkdir /tmp/small; mount -t tmpfs -o size=4k,mode=755 small /tmp/small; head -c 4096 /dev/zero >/tmp/small/full; \
         rcpolicy import /tmp/policy-rc.d --output /tmp/small/out; echo $?; ls /tmp/small",
    );
    assert_eq!(seen.stdout, "3\nfull\n", "{seen:#?}");
    world
        .call("rcpolicy import /tmp/policy-rc.d --output /tmp/new && grep -q 'decide = \"deny\"' /tmp/new")
        .ended(0);
}

/// Asks Perl which of `expressions` match `name`, as the originals do.
fn perl_matches(expressions: &[&str], name: &str) -> Vec<bool> {
    let output = Command::new("perl")
        .args([
            "-e",
            "my $n = shift; print $n =~ /$_/ ? 1 : 0 for @ARGV",
            name,
        ])
        .args(expressions)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.chars().map(|c| c == '1').collect()
}

#[test]
fn declarative_policies_answer_as_the_first_line_that_matches() {
    let lines = [
        ("^ssh$", "^(start|stop)$", "allow"),
        ("ssh", "restart", "deny"),
        ("^postgresql(@.*)?$", ".*", "restart-ignore"),
        ("^(cron|udev)$", "reload", "deny"),
        ("slapd|nginx", "^\\(", "deny"),
        ("slapd", ".", "allow"),
        ("^d", "stop", "deny"),
    ];
    let text: String = lines
        .iter()
        .map(|(service, action, says)| format!("{service} {action}\t{says}  \n"))
        .collect();
    let (world, seen) = imported("x.pol", &format!("# policies\n\n  indented x deny\n{text}"));
    seen.says(&["x.pol:3: not carried over: an indented line"]);
    let ours = asked(&world, "policy-rc-d");
    let (services, actions): (Vec<&str>, Vec<&str>) =
        lines.iter().map(|line| (line.0, line.1)).unzip();
    let mut wrong = Vec::new();
    for (number, (name, word)) in NAMES
        .iter()
        .flat_map(|name| WORDS.map(|word| (*name, word)))
        .enumerate()
    {
        let by_service = perl_matches(&services, name);
        let by_action = perl_matches(&actions, word);
        let first = (0..lines.len()).find(|at| by_service[*at] && by_action[*at]);
        let status = match first.map(|at| lines[at].2) {
            Some("allow") => "0",
            Some("deny") => "101",
            Some(_) => "106 restart stop",
            // 100 fails a package's script: ours says nothing then
            None if word.starts_with('(') => "101",
            None => "0",
        };
        let expected = format!("{name} {word} {status}");
        // As the import itself says: parentheses lift with an allow, and take no list.
        let aside = word.starts_with('(') && (status != "101" || ["ssh", "slapd"].contains(&name));
        if ours[number] != expected && !aside {
            wrong.push(format!("{expected} / {}", ours[number]));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}\n{seen:#?}");
}

#[test]
fn needrestarts_list_puts_off_the_restarts_that_it_would_not_do() {
    let text = "# overrides\n$nrconf{override_rc} = {\n    # the bus; and more\n    qr(^dbus) => 0,\n    qr(^postgresql(@.+)?\\.service$) => 0,\n\
        q(^mariadb.service) => 0, # slow\n};\n$nrconf{override_rc}->{qr/^nginx\\.service$/} = 0;\n$nrconf{override_rc}{'^cron'} = 1;\n\
        $nrconf{restart} = 'a';\n1;\n";
    let (world, seen) = imported("x.conf", text);
    seen.says(&["x.conf:10: not carried over: `$nrconf{restart} = 'a'` is not about override_rc"]);
    let expressions = [
        "^dbus",
        "^postgresql(@.+)?\\.service$",
        "^mariadb.service",
        "^nginx\\.service$",
    ];
    for name in NAMES {
        let kept = perl_matches(&expressions, &format!("{name}.service")).contains(&true);
        let call = world.call(&format!(
            "rcpolicy explain {name} restart --as some:postinst:upgrade --json"
        ));
        let document: serde_json::Value = serde_json::from_str(&call.stdout).unwrap();
        let text = document.to_string();
        assert_eq!(text.contains("override_rc"), kept, "{name}: {text}");
    }
}

#[test]
fn what_a_charm_blocks_is_put_off_and_a_start_denied() {
    let text = "# Managed\nblocked_actions:\n  nginx: [restart, stop, 'try-restart']\n  cron.service:\n  - restart\n  - start\n\
        policy_requestor_name: openvswitch\npolicy_requestor_type: charm\n";
    let (world, seen) = imported("x.policy", text);
    for (name, word, expected) in [
        ("nginx", "restart", "defer"),
        ("nginx", "stop", "defer"),
        ("nginx", "reload", ""),
        ("cron", "restart", "defer"),
        ("cron", "start", "deny"),
        ("ssh", "restart", ""),
    ] {
        let call = world.call(&format!(
            "rcpolicy explain {name} {word} --as some:postinst:upgrade"
        ));
        let named = call.stdout.contains("blocked by openvswitch charm");
        assert_eq!(
            named,
            !expected.is_empty(),
            "{name} {word}: {call:#?}\n{seen:#?}"
        );
    }
    let denied = world.call("policy-rc-d cron start 2");
    denied.ended(101);
}
