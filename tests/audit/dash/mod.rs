//! The evaluation of scripts against the real dash: what a script calls when it runs, with stubs for the
//! tools, is what its evaluation says that it calls, and it ends with the same status.

mod scripts;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rcpolicy::audit::call::{Side, Word};
use rcpolicy::audit::package::{Script, ScriptName};
use rcpolicy::audit::shell::{Answer, End, Parsed, World};

/// How many scripts are played; more by the environment.
const USUAL: u64 = 150;

/// What the stubs do: they note their words, say one thing, and end with the digit of the last word.
const STUB: &str = r#"#!/bin/sh
{ printf '%s' "${0##*/}"; for word; do printf '\1%s' "$word"; last=$word; done; printf '\2'; } >>"$LOG"
case $last in says) ;; esac
[ "$1" = says ] && echo "said $last"
case $last in f[0-9]) exit "${last#f}" ;; esac
exit 0
"#;

/// Directory with the stubs, and where they note.
struct Stage {
    directory: tempfile::TempDir,
}

/// What came of a script.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    calls: Vec<Vec<String>>,
    status: u8,
}

impl Stage {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let stage = Self { directory };
        for tool in ["systemctl", "service", "invoke-rc.d"] {
            let path = stage.path(tool);
            fs::write(&path, STUB).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a script with dash.
    fn run(&self, text: &str) -> Outcome {
        let (script, log) = (self.path("script"), self.path("log"));
        fs::write(&script, text).unwrap();
        fs::write(&log, "").unwrap();
        let path = format!("{}:/usr/bin:/bin", self.directory.path().display());
        let mut dash = Command::new("dash");
        dash.arg(&script).args(ARGUMENTS).env_clear();
        dash.env("PATH", path)
            .env("LOG", &log)
            .current_dir(self.directory.path());
        let status = dash
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        let noted = fs::read(&log).unwrap();
        let noted = String::from_utf8_lossy(&noted).into_owned();
        let calls = noted.split_terminator('\u{2}');
        Outcome {
            calls: calls
                .map(|call| call.split('\u{1}').map(str::to_owned).collect())
                .collect(),
            status: u8::try_from(status.code().unwrap()).unwrap(),
        }
    }
}

const ARGUMENTS: [&str; 2] = ["first", "second word"];

/// A machine on which the stubs are the tools.
struct Stubs;

impl World for Stubs {
    fn file(&self, _: char, _: &str) -> Option<bool> {
        None
    }

    fn command(&self, words: &[Word]) -> Option<Answer> {
        let last = words.last()?.known()?;
        let first = words.first()?.known()?;
        if !["systemctl", "service", "invoke-rc.d"].contains(&first) {
            // A function that was never defined is a program that there is not.
            return first.ends_with('x').then_some(Answer {
                status: 127,
                output: Some(String::new()),
            });
        }
        let says = words.get(1).and_then(Word::known) == Some("says");
        let digit = last.strip_prefix('f').and_then(|digit| digit.parse().ok());
        Some(Answer {
            status: digit.filter(|_| last.len() == 2).unwrap_or(0),
            output: Some(if says {
                format!("said {last}\n")
            } else {
                String::new()
            }),
        })
    }

    fn variable(&self, _: &str) -> Option<Option<String>> {
        Some(None)
    }
}

fn evaluated(text: &str) -> Result<Outcome, String> {
    let script = Script {
        name: ScriptName::Postinst,
        shown: "script".to_owned(),
        interpreter: "sh".to_owned(),
        text: text.to_owned(),
    };
    let parsed = Parsed::parse(&script).map_err(|error| error.to_string())?;
    let evaluated = parsed.evaluate(Side::New, &ARGUMENTS.map(str::to_owned), &Stubs);
    let [path] = &*evaluated.paths else {
        return Err(format!("{evaluated:#?}"));
    };
    let End::Status(status) = path.end else {
        return Err(format!("{path:#?}"));
    };
    let calls = path.calls.iter().map(|call| {
        let words = call.words.iter();
        words
            .map(|word| {
                word.known()
                    .map(str::to_owned)
                    .ok_or_else(|| format!("{call:#?}"))
            })
            .collect()
    });
    let calls = calls.collect::<Result<_, String>>()?;
    Ok(Outcome { calls, status })
}

/// The shortest script that still comes to something else, lines taken away one by one.
fn shortened(stage: &Stage, text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let mut at = 1;
    while at < lines.len() {
        let mut fewer = lines.clone();
        fewer.remove(at);
        let text = fewer.join("\n");
        let reads = Command::new("dash")
            .args(["-n", "-c", &text])
            .stderr(Stdio::null())
            .status();
        let differs = reads.is_ok_and(|status| status.success())
            && evaluated(&text).ok() != Some(stage.run(&text));
        if differs {
            lines = fewer;
        } else {
            at += 1;
        }
    }
    lines.join("\n")
}

#[test]
fn what_a_script_calls_is_what_its_evaluation_says() {
    let count = std::env::var("AUDIT_SCRIPTS")
        .ok()
        .and_then(|count| count.parse().ok());
    let first = std::env::var("AUDIT_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let first: u64 = first.unwrap_or(1);
    let stage = Stage::new();
    let mut different = Vec::new();
    for seed in first..first + count.unwrap_or(USUAL) {
        let text = scripts::script(seed);
        let real = stage.run(&text);
        let said = evaluated(&text);
        if said.as_ref().ok() != Some(&real) {
            let text = shortened(&stage, &text);
            let (real, said) = (stage.run(&text), evaluated(&text));
            different.push(format!(
                "seed {seed}\n{text}\nreal: {real:?}\nsaid: {said:?}"
            ));
        }
    }
    let count = different.len();
    different.truncate(6);
    assert!(
        different.is_empty(),
        "{count} differ\n{}",
        different.join("\n\n")
    );
}

#[test]
fn every_script_of_this_machine_is_read_that_dash_reads() {
    let Ok(directory) = fs::read_dir("/var/lib/dpkg/info") else {
        return;
    };
    let mut refused = Vec::new();
    for entry in directory.flatten() {
        let path = entry.path();
        let Some(script) = script_at(&path) else {
            continue;
        };
        if let Err(error) = Parsed::parse(&script)
            && script.interpreter != "perl"
        {
            let shell = if script.interpreter == "bash" {
                "bash"
            } else {
                "dash"
            };
            let reads = Command::new(shell)
                .arg("-n")
                .arg(&path)
                .stderr(Stdio::null())
                .status();
            if reads.is_ok_and(|status| status.success()) {
                refused.push(error.to_string());
            }
        }
    }
    assert_eq!(refused, [] as [String; 0]);
}

fn script_at(path: &Path) -> Option<Script> {
    let name = path.extension()?.to_str()?;
    let name = ScriptName::ALL
        .into_iter()
        .find(|known| known.as_str() == name)?;
    let text = String::from_utf8_lossy(&fs::read(path).ok()?).into_owned();
    let first = text.lines().next()?.strip_prefix("#!")?.trim();
    let interpreter = first
        .split_whitespace()
        .next()?
        .rsplit('/')
        .next()?
        .to_owned();
    Some(Script {
        name,
        shown: path.display().to_string(),
        interpreter,
        text,
    })
}
