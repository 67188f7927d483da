//! Init scripts side by side, where the machine's boot has them so: what the scripts themselves see of each
//! other.

use super::families::{Scripted, TURNED};
use super::*;

/// How long a script waits for another one, in hundredths of a second: it comes, or the test fails.
const AWAIT: &str = "await() { n=0; until [ -e \"$1\" ]; do n=$((n + 1)); [ $n -lt 2000 ] || exit 9; sleep 0.01; done; }\n";
/// Fails where another of its kind is at it.
const ALONE: &str = "[ $1 = restart ] || exit 0\nmkdir \"$at/busy\" || exit 1\necho $name >>\"$at/log\"\nsleep 0.02\nrmdir \"$at/busy\"\n";

/// A machine whose boot runs scripts side by side, with `needs` as insserv writes them.
fn machine(needs: &str) -> Scripted {
    let scripted = Scripted::new();
    fs::create_dir_all(scripted.path("usr/bin")).unwrap();
    let startpar = scripted.path("usr/bin/startpar");
    fs::write(&startpar, "").unwrap();
    fs::set_permissions(startpar, fs::Permissions::from_mode(0o755)).unwrap();
    let targets = "TARGETS = a b c d e f g h i\nINTERACTIVE =\n";
    for (file, text) in [("boot", ""), ("start", needs), ("stop", "")] {
        let path = scripted.path(&format!("etc/init.d/.depend.{file}"));
        fs::write(path, format!("{targets}{text}")).unwrap();
    }
    scripted
}

/// The same with scripts of those names that do `body`, each owed a restart.
fn with(needs: &str, names: &str, body: &str) -> Scripted {
    let scripted = machine(needs);
    for name in names.split_whitespace() {
        scripted.script(name, 1, &format!("{AWAIT}{body}"));
        scripted.owes(name);
    }
    scripted
}

fn lines_of(said: &str) -> Vec<&str> {
    said.lines().collect()
}

#[test]
fn scripts_that_need_nothing_of_each_other_run_side_by_side() {
    // Each waits for the other: one after the other both would fail.
    let other = "case $name in a) other=b ;; *) other=a ;; esac\n";
    let body = format!("{other}: >\"$at/here-$name\"\nawait \"$at/here-$other\"\n");
    let scripted = with("", "a b", &body);
    let (status, said) = scripted.flush("");
    assert_eq!(
        (status, lines_of(&said)),
        (0, vec!["a: restart done", "b: restart done"])
    );
    assert_eq!(scripted.owed(), Vec::<String>::new());
}

#[test]
fn a_script_never_runs_beside_what_it_needs_and_comes_after_it() {
    // Their links do not say so.
    let scripted = with("a: c\nc: b\n", "a b c", ALONE);
    let (status, said) = scripted.flush("");
    assert_eq!(
        (status, scripted.log().join(" ")),
        (0, "b c a".to_owned()),
        "{said}"
    );
}

#[test]
fn where_somebody_wants_one_after_the_other_no_script_runs_beside_another() {
    let scripted = with("", "a b c", ALONE);
    fs::create_dir_all(scripted.path("etc/default")).unwrap();
    fs::write(scripted.path("etc/default/rcS"), "CONCURRENCY=none\n").unwrap();
    let (status, said) = scripted.flush("");
    assert_eq!(
        (status, scripted.log().join(" ")),
        (0, "a b c".to_owned()),
        "{said}"
    );
}

#[test]
fn what_two_scripts_write_is_not_mixed_and_comes_in_their_order_each_before_what_became_of_it() {
    let body = "read word && exit 8
        echo \"$name begins\"
        case $name in a) await \"$at/over-b\" ;; b) : >\"$at/over-b\" ;; esac
        echo \"$name complains\" >&2
        printf '%s' \"$name ends\"";
    let scripted = with("", "a b", body);
    let (status, said) = scripted.flush("");
    let heard: Vec<&str> = said
        .lines()
        .filter(|line| !line.contains("complains"))
        .collect();
    let expected = [
        "a begins",
        "a ends",
        "a: restart done",
        "b begins",
        "b ends",
        "b: restart done",
    ];
    assert_eq!((status, heard), (0, expected.to_vec()), "{said}");
    let complaints = |line: &&str| line.contains("complains");
    assert_eq!(said.lines().filter(complaints).count(), 2, "{said}");
}

#[test]
fn one_that_fails_stays_owed_with_its_reason_and_keeps_no_other() {
    let scripted = with("", "a b c", "[ $name != b ] || exit 7\n");
    let (status, said) = scripted.flush("");
    let expected = [
        "a: restart done",
        "b: still owed: restart ended with status 7",
        "c: restart done",
    ];
    assert_eq!((status, lines_of(&said)), (1, expected.to_vec()));
    assert_eq!(scripted.owed(), ["b"]);
    let (_, said) = scripted.flush("");
    assert_eq!(
        said,
        "b: still owed: restart ended with status 7 (failed 2 times)\n"
    );
}

#[test]
fn each_is_noted_before_its_script_begins() {
    let copy = "cp \"$at/rcpolicy/ledger/$name.json\" \"$at/noted-$name\"\n";
    let scripted = with("", "a b c d e f", copy);
    let (status, said) = scripted.flush("");
    assert_eq!(status, 0, "{said}");
    for name in ["a", "b", "c", "d", "e", "f"] {
        let noted = fs::read(scripted.path(&format!("noted-{name}"))).unwrap();
        let entry = Entry::decode(&noted).unwrap();
        assert!(entry.owed.unwrap().begun.is_some(), "{name}");
    }
}

#[test]
fn no_more_run_at_once_than_at_boot() {
    let body = "mkdir -p \"$at/now/$name\"; ls \"$at/now\" | wc -l >>\"$at/log\"
        sleep 0.02; rmdir \"$at/now/$name\"\n";
    let scripted = with("", "a b c d e f g h i", body);
    let (status, said) = scripted.flush("");
    assert_eq!((status, said.lines().count()), (0, 9), "{said}");
    for count in scripted.log() {
        assert!(count.trim().parse::<usize>().unwrap() <= 4, "{count}");
    }
}

#[test]
fn policies_are_asked_about_each_and_what_comes_in_turns_comes_after_the_others() {
    let scripted = with(
        "",
        "a b c d",
        "echo \"$name $1\" >>\"$at/log\"; [ $1 != reload ]\n",
    );
    scripted.helper(
        "case $1 in a) echo reload force-reload; exit 106 ;; d) exit 101 ;; esac\nexit 104",
    );
    let (status, said) = scripted.flush("");
    let expected = ["b: restart done", "c: restart done", "a: force-reload done"];
    let told: Vec<&str> = said.lines().filter(|line| line.contains("done")).collect();
    assert_eq!((status, told), (1, expected.to_vec()), "{said}");
    assert!(said.contains("d: still owed: "), "{said}");
    let log = scripted.log();
    assert_eq!(log.get(2..).unwrap(), ["a reload", "a force-reload"]);
    assert_eq!(scripted.owed(), ["d"]);
    let asked = fs::read_to_string(scripted.path("asked")).unwrap();
    for name in ["a", "b", "c", "d"] {
        assert!(asked.contains(&format!("{name} restart\n")), "{asked}");
    }
}

#[test]
fn a_group_still_turns_as_one_between_the_others() {
    let scripted = with("", "a b", "echo \"$name $1\" >>\"$at/log\"\n");
    scripted.owes("mail");
    scripted.owes("mail-a");
    let (status, said) = scripted.flush("[group.mail]\nmembers = [\"mail\", \"mail-*\"]\n");
    assert_eq!((status, scripted.owed()), (0, Vec::new()), "{said}");
    let log = scripted.log();
    assert_eq!(
        log.get(..2).unwrap().concat().len(),
        "a restartb restart".len(),
        "{log:?}"
    );
    assert_eq!(log.get(2..).unwrap(), TURNED, "{said}");
}

#[test]
fn what_a_flush_that_was_killed_had_begun_of_several_is_brought_to_its_end() {
    let body = "case $1 in
        status) [ -e \"$at/up-$name\" ] || exit 3 ;;
        start) : >\"$at/up-$name\"; echo \"$name $1\" >>\"$at/log\" ;;
        *) echo \"$name $1\" >>\"$at/log\" ;;
    esac\n";
    let scripted = with("", "a b c", body);
    for name in ["a", "b", "c"] {
        scripted.owes_half(name);
    }
    // The script of `b` was between its stop and its start.
    scripted.touch("up-a");
    scripted.touch("up-c");
    let (status, said) = scripted.flush("");
    assert_eq!((status, scripted.owed()), (0, Vec::new()), "{said}");
    let mut log = scripted.log();
    log.sort();
    assert_eq!(log, ["a restart", "b start", "c restart"], "{said}");
}
