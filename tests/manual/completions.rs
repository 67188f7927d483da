//! What the completions offer, in the shells themselves. Each is asked the same.

use std::process::Command;

use super::{Manual, run, text};

/// What is typed, and what the shell makes of its last word; where several words fit, all are offered.
const LINES: [(&str, &str); 8] = [
    ("rcpolicy fl", "flush"),
    ("rcpolicy rest", "restart-bus"),
    ("rcpolicy bypass st", "status"),
    ("rcpolicy audit --fail-on w", "warning"),
    ("rcpolicy hold --unt", "--until"),
    ("rcpolicy wait in", "init"),
    ("rcpolicy simulate --operation rem", "remove"),
    ("rcpolicy restart-bus --dr", "--dry-run"),
];

/// Hidden from people, and so from completion.
const HIDDEN: [&str; 3] = [
    "rcpolicy man",
    "rcpolicy flush --batch",
    "rcpolicy restart-bus --fin",
];

/// One shell's answers to a line, each on a line.
type Ask = fn(&Manual, &str) -> String;

fn holds(ask: Ask) {
    let manual = Manual::written();
    for (line, expected) in LINES {
        let offered = ask(&manual, line);
        let found = offered.lines().any(|one| one.trim() == expected);
        assert!(found, "{line}: {offered:?}");
    }
    for line in HIDDEN {
        let offered = ask(&manual, line);
        let last = line.rsplit(' ').next().unwrap();
        let found = offered
            .lines()
            .any(|one| one.starts_with(last) && one.trim() != last);
        assert!(!found, "{line}: {offered:?}");
    }
}

#[test]
fn bash_completes_commands_options_and_values() {
    holds(|manual, line| {
        let script = "source \"$1\"; read -ra COMP_WORDS <<<\"$2\"; COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); \
            _rcpolicy rcpolicy \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"; \
            printf '%s\\n' \"${COMPREPLY[@]}\"";
        let file = manual.path().join("completions/bash/rcpolicy");
        let mut command = Command::new("bash");
        command.args(["--norc", "--noprofile", "-c", script, "bash"]);
        let ran = run(command.arg(file).arg(line));
        assert_eq!(text(&ran.stderr), "");
        text(&ran.stdout)
    });
}

#[test]
fn fish_completes_commands_options_and_values() {
    holds(|manual, line| {
        let script = "source $argv[1]; complete -C $argv[2]";
        let file = manual.path().join("completions/fish/rcpolicy.fish");
        let mut command = Command::new("fish");
        command
            .args(["--no-config", "-c", script])
            .env("HOME", manual.path());
        let ran = run(command.arg(file).arg(line));
        assert_eq!(text(&ran.stderr), "");
        // a word, a tab, and what it is
        let words = text(&ran.stdout);
        let words = words.lines().filter_map(|line| line.split('\t').next());
        words.map(|word| format!("{word}\n")).collect()
    });
}

/// Types a line into an interactive zsh and prints what is on it after a tab. The pipe says when the shell is
/// ready, and hands its line over.
const ZSH: &str = r#"
zmodload zsh/zpty
pipe=$2/pipe
mkfifo $pipe
exec 3<>$pipe
zpty -b shell "HOME=$2 PS1= zsh -f -i"
zpty -w shell "fpath=($1 \$fpath); autoload -Uz compinit; compinit -D -u; setopt no_beep no_list_beep"
zpty -w shell "tell() { print -r -- \"\$BUFFER\" >$pipe }; ready() { print ready >$pipe }"
zpty -w shell "zle -N tell; zle -N zle-line-init ready; bindkey '^X' tell"
read -r line <&3
zpty -w -n shell "$3"$'\t\x18'
while read -r line <&3 && [[ $line == ready ]]; do :; done
zpty -d shell
line=${${line% }%=}
print -r -- "${line##* }"
"#;

#[test]
fn zsh_completes_commands_options_and_values() {
    holds(|manual, line| {
        let scratch = tempfile::tempdir().unwrap();
        let functions = manual.path().join("completions/zsh");
        let mut command = Command::new("timeout");
        command.args(["30", "zsh", "-f", "-c", ZSH, "zsh"]);
        let ran = run(command.arg(functions).arg(scratch.path()).arg(line));
        assert!(ran.status.success(), "{line}: {ran:?}");
        text(&ran.stdout)
    });
}
