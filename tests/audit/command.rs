//! The command `rcpolicy audit`: one that breaks keeps no other, a run that is killed is gone on with, results
//! of many runs are one, and what cannot be written is said.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A directory with packages in it.
struct Scene {
    top: tempfile::TempDir,
}

/// An unpacked package whose prerm stops its service and nothing else.
const PRERM: &str = "#!/bin/sh\nset -e\nif [ -d /run/systemd/system ]; then\n\tdeb-systemd-invoke stop NAME.service\nfi\n";
const SOCKET: &str =
    "[Socket]\nListenStream=/run/NAME.sock\n\n[Install]\nWantedBy=sockets.target\n";
const SERVICE: &str = "[Service]\nExecStart=/usr/sbin/NAME\n";

impl Scene {
    fn new() -> Self {
        Self {
            top: tempfile::tempdir().unwrap(),
        }
    }

    /// With an unpacked package of this name and version.
    fn tree(self, name: &str, version: &str) -> Self {
        let root = self.path(&format!("{name}_{version}"));
        let put = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text.replace("NAME", name)).unwrap();
        };
        put(
            "DEBIAN/control",
            &format!(
                "Package: NAME\nVersion: {version}\nArchitecture: all\nMaintainer: N N <n@example.org>\nDescription: x\n"
            ),
        );
        put("DEBIAN/prerm", PRERM);
        put(&format!("usr/lib/systemd/system/{name}.service"), SERVICE);
        put(&format!("usr/lib/systemd/system/{name}.socket"), SOCKET);
        self
    }

    fn trees(mut self, number: usize) -> Self {
        for n in 0..number {
            self = self.tree(&format!("daemon{n:03}"), "1.0");
        }
        self
    }

    fn file(self, name: &str, text: &str) -> Self {
        fs::write(self.path(name), text).unwrap();
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.top.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rcpolicy"));
        command.arg("audit").args(words.split_whitespace());
        command.current_dir(self.top.path()).env_clear();
        command.env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
        command
    }

    /// Status, standard output and standard error.
    fn ran(&self, words: &str, input: &str) -> (i32, String, String) {
        let mut command = self.command(words);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    }

    /// All three in one text.
    fn shown(&self, words: &str) -> String {
        let (status, out, err) = self.ran(words, "");
        format!("$ rcpolicy audit {words}\nstatus: {status}\n--- stdout\n{out}--- stderr\n{err}")
    }

    /// The names of the trees.
    fn all(&self) -> String {
        let entries = fs::read_dir(self.top.path()).unwrap();
        let trees = entries
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.path().is_dir());
        let mut names: Vec<String> = trees
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names.join("\n") + "\n"
    }
}

/// Which packages lines of JSON are about, and from which version.
fn packages(json: &str) -> Vec<String> {
    let name = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["format"], "rcpolicy-audit/1");
        match line["kind"].as_str().unwrap() {
            "package" => format!(
                "{} {} from {}",
                line["package"], line["version"], line["from"]
            )
            .replace('"', ""),
            kind => format!("{kind} {}", line["input"]["path"].as_str().unwrap()),
        }
    };
    json.lines().map(name).collect()
}

#[test]
fn people_see_findings_and_a_sum() {
    let scene = Scene::new().tree("foo", "1.0");
    insta::assert_snapshot!(scene.shown("foo_1.0"));
}

#[test]
fn an_audit_for_programs_is_one_line_of_json_a_package() {
    let scene = Scene::new().tree("foo", "1.0");
    insta::assert_snapshot!(scene.shown("foo_1.0 --json"));
}

#[test]
fn what_findings_make_the_status_is_chosen() {
    let scene = Scene::new().tree("foo", "1.0");
    let status = |words: &str| scene.ran(words, "").0;
    assert_eq!(status("foo_1.0 --fail-on never"), 0);
    assert_eq!(status("foo_1.0 --fail-on note"), 1);
}

#[test]
fn one_that_cannot_be_read_is_one_line_and_keeps_no_other() {
    let scene = Scene::new()
        .tree("a", "1")
        .file("broken.deb", "!<arch>\nrubbish")
        .tree("b", "1");
    let (status, out, err) = scene.ran("--json a_1 broken.deb nowhere b_1", "");
    assert_eq!(status, 3);
    assert_eq!(
        packages(&out),
        [
            "a 1 from 1",
            "unreadable broken.deb",
            "unreadable nowhere",
            "b 1 from 1"
        ]
    );
    assert_eq!(err.lines().count(), 2, "{err}");
    assert!(
        err.contains("broken.deb") && err.contains("nowhere"),
        "{err}"
    );
}

#[test]
fn a_list_has_paths_and_pairs() {
    let scene = Scene::new()
        .tree("foo", "1.0")
        .tree("foo", "2.0")
        .tree("bar", "1.0");
    let (_, out, err) = scene.ran("--json -", "foo_1.0 foo_2.0\n\nbar_1.0\n");
    assert_eq!(
        packages(&out),
        ["foo 2.0 from 1.0", "bar 1.0 from 1.0"],
        "{err}"
    );
    let (status, out, err) = scene.ran("-", "a\nb c d\n");
    assert_eq!((status, out.as_str()), (2, ""));
    assert!(err.contains("line 2"), "{err}");
}

#[test]
fn the_old_version_is_the_one_that_is_named() {
    let scene = Scene::new()
        .tree("foo", "1.0")
        .tree("foo", "2.0")
        .tree("bar", "1.0");
    let (_, out, _) = scene.ran("--json foo_2.0 --from foo_1.0", "");
    assert_eq!(packages(&out), ["foo 2.0 from 1.0"]);
    let (status, _, err) = scene.ran("foo_2.0 --from bar_1.0", "");
    assert_eq!(status, 3);
    assert!(
        err.contains("`bar_1.0` is no older version of `foo_2.0`"),
        "{err}"
    );
}

#[test]
fn results_come_in_the_order_of_what_was_asked_with_any_number_of_workers() {
    let scene = Scene::new().trees(40);
    let (_, one, _) = scene.ran("--json --jobs 1 -", &scene.all());
    let (_, many, _) = scene.ran("--json --jobs 7 -", &scene.all());
    assert_eq!(one, many);
    assert_eq!(packages(&one).len(), 40);
}

#[test]
fn shards_put_together_in_any_order_are_the_whole() {
    let scene = Scene::new().trees(9).file("no.deb", "");
    let all = format!("{}no.deb\n", scene.all());
    let (_, whole, _) = scene.ran("--json -", &all);
    let lines: Vec<&str> = whole.lines().collect();
    let scene = scene
        .file("1.jsonl", &(lines[5..].join("\n") + "\n"))
        .file("2.jsonl", &(lines[..7].join("\n") + "\n"))
        .file("whole.jsonl", &whole);
    let (status, together, _) = scene.ran("--merge --json 1.jsonl 2.jsonl", "");
    assert_eq!((status, together.as_str()), (3, whole.as_str()));
    let both = scene.text("1.jsonl") + &scene.text("2.jsonl");
    assert_eq!(scene.ran("--merge --json -", &both).1, whole);
    for form in ["--sarif", "--allowed"] {
        let (_, direct, _) = scene.ran(&format!("{form} -"), &all);
        let (_, merged, _) = scene.ran(&format!("--merge {form} whole.jsonl"), "");
        assert_eq!(direct, merged);
    }
}

#[test]
fn a_file_that_a_killed_run_left_is_no_whole_result_until_it_is_gone_on_with() {
    let scene = Scene::new().trees(30);
    let mut command = scene.command("--into all.jsonl --jobs 1 -");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(scene.all().as_bytes())
        .unwrap();
    while fs::metadata(scene.path("all.jsonl")).map_or(0, |data| data.len()) == 0 {
        assert!(
            child
                .try_wait()
                .unwrap()
                .is_none_or(|status| status.success())
        );
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // As it would be, had the kill come in the middle of a line.
    let text = scene.text("all.jsonl");
    let half = &text[..text.len() - 10];
    let scene = scene.file("all.jsonl", half);
    let (status, _, err) = scene.ran("--merge all.jsonl", "");
    assert_eq!(status, 3);
    assert!(
        err.contains("all.jsonl:") && err.contains("the last line is not whole"),
        "{err}"
    );
    let (_, out, err) = scene.ran("--into all.jsonl -", &scene.all());
    assert_eq!(err, "");
    assert!(out.starts_with(|c: char| c.is_ascii_digit()), "{out}");
    assert_eq!(
        packages(&scene.text("all.jsonl")),
        packages(&scene.ran("--json -", &scene.all()).1)
    );
    let (_, out, _) = scene.ran("--into all.jsonl -", &scene.all());
    assert_eq!(out, "0 packages: nothing found\n");
}

#[test]
fn a_reader_that_goes_away_ends_the_audit_and_is_told_of() {
    let scene = Scene::new().trees(40);
    let mut command = scene.command("--json --jobs 1 -");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    child
        .stdin
        .take()
        .unwrap()
        .write_all(scene.all().as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        err,
        "rcpolicy: nobody takes the output any more: of 40 packages 0 were told of\n"
    );
}

#[test]
fn a_full_disk_is_said_and_what_was_there_stays() {
    let scene = Scene::new().trees(3);
    for form in ["--json", "--sarif", "--allowed"] {
        let mut command = scene.command(&format!("{form} daemon000_1.0 daemon001_1.0"));
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = command.stdout(full).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{err}");
        assert!(
            err.contains("cannot write the output: No space left on device"),
            "{err}"
        );
    }
}

/// Runs it where no file may grow beyond so many bytes, which a program meets as it meets a full disk.
fn cramped(scene: &Scene, kib: u32, words: &str) -> (Option<i32>, String) {
    let script = format!(
        "trap '' XFSZ; ulimit -f {}; exec \"$0\" audit {words}",
        kib * 2
    );
    let output = Command::new("/bin/dash")
        .args(["-c", &script, env!("CARGO_BIN_EXE_rcpolicy")])
        .current_dir(scene.top.path())
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn where_a_file_cannot_grow_whole_lines_stay_and_an_earlier_report_too() {
    let scene = Scene::new().trees(30);
    let all = scene.all().replace('\n', " ");
    let (status, err) = cramped(&scene, 4, &format!("--into all.jsonl {all}"));
    assert_eq!(status, Some(3), "{err}");
    assert!(err.contains("cannot write `all.jsonl`"), "{err}");
    let left = scene.text("all.jsonl");
    assert!(left.ends_with('\n') && packages(&left).len() < 30, "{left}");
    scene.ran("--html report.html daemon000_1.0", "");
    let before = scene.text("report.html");
    for path in ["report.html", "report"] {
        let (status, err) = cramped(&scene, 4, &format!("--html {path} {all}"));
        assert_eq!(status, Some(3), "{err}");
        assert!(
            err.contains(&format!("cannot write the report `{path}")),
            "{err}"
        );
    }
    assert_eq!(scene.text("report.html"), before);
    let names: Vec<_> = fs::read_dir(scene.top.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert!(
        names
            .iter()
            .all(|name| !name.to_string_lossy().contains("part")),
        "{names:?}"
    );
}

#[test]
fn forms_that_exclude_each_other_and_missing_words_are_wrong_usage() {
    let scene = Scene::new().tree("foo", "1.0");
    for words in [
        "",
        "--json --sarif foo_1.0",
        "--into a --html b foo_1.0",
        "--merge --from x a.jsonl",
        "--explain no-such-check",
        "--list foo_1.0",
        "--jobs 0 foo_1.0",
        "--fail-on nothing foo_1.0",
    ] {
        let (status, out, err) = scene.ran(words, "");
        assert_eq!((status, out.as_str()), (2, ""), "{words}: {err}");
        assert!(err.starts_with("rcpolicy: "), "{err}");
    }
}

#[test]
fn every_check_is_listed_and_explained() {
    let scene = Scene::new();
    let (status, list, _) = scene.ran("--list", "");
    assert_eq!(status, 0);
    assert!(list.lines().count() > 5, "{list}");
    for line in list.lines() {
        let id = line.split_whitespace().next().unwrap();
        let (status, text, err) = scene.ran(&format!("--explain {id}"), "");
        assert_eq!((status, err.as_str()), (0, ""));
        assert!(text.starts_with(&format!("{id} (")), "{text}");
    }
}

#[test]
fn help_says_how_versions_are_paired_and_what_the_status_means() {
    insta::assert_snapshot!(Scene::new().shown("--help"));
}

#[test]
fn nothing_is_left_in_a_directory_but_what_was_asked_for() {
    let scene = Scene::new().tree("foo", "1.0");
    scene.ran("foo_1.0 --html report.html", "");
    let mut names: Vec<_> = fs::read_dir(scene.top.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["foo_1.0", "report.html"].map(Path::new));
}
