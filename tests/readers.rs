//! Whatever reads what others write is given mutations of it: by tests beside it (`testing::mutations`), or by tests/mutations.
//! A new reader is missed here until it is, or until the table says by what else it is.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what a test cannot do ends it"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What a reader's only, or first, argument is called and is.
const READ: [&str; 8] = [
    "text: &str",
    "bytes: &[u8]",
    "bytes: Vec<u8>",
    "mut bytes: Vec<u8>",
    "stat: &str",
    "line: &[u8]",
    "output: &str",
    "arguments: &[OsString]",
];
/// Whatever else they read, functions of these names are readers.
const NAMED: [&str; 3] = ["parse", "decode", "parsed"];
/// Files, or directories, whose readers are given mutations by another's name.
const ELSEWHERE: &[(&str, &str)] = &[
    // tests/mutations, through all that an audit does with a package
    ("audit/", "Kind::Whole, Kind::Deb, Kind::Script"),
    ("import/", "Kind::Import"),
    ("policy/schema/", "Kind::Policy"),
    ("policy/hold.rs", "Kind::Note"),
    ("policy/rule.rs", "Kind::Policy"),
    ("ledger/entry.rs", "Kind::Note"),
    ("ledger/bus.rs", "Kind::Note"),
    // by the one that calls it
    ("ledger/store/read.rs", "ledger/entry.rs"),
    ("init/systemd/glimpse.rs", "a length and digits"),
    // words, each compared with a list
    ("domain/action.rs", "words"),
    ("domain/facts.rs", "words"),
    ("domain/file_stem.rs", "domain/name.rs"),
    ("front/options.rs", "words"),
    ("front/deb_systemd_invoke/whole.rs", "words"),
    ("front/deb_systemd_invoke/mod.rs", "domain/name.rs"),
    ("init/upstart/state.rs", "words"),
    // clap's, and the command line of whoever is root
    ("front/rcpolicy/explain/arguments.rs", "a command line"),
    ("definitions/tree.rs", "a digest"),
    ("observe/upstart.rs", "bytes that are looked for"),
    // what is written, not read
    ("report/plain.rs", "text to be shown"),
    ("report/markup.rs", "text to be shown"),
    ("report/timeline.rs", "text to be shown"),
    ("front/rcpolicy/manual/", "text to be shown"),
];

fn sources(directory: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, into),
            false if path.extension().is_some_and(|end| end == "rs") => into.push(path),
            false => {}
        }
    }
}

/// The code without its tests.
fn code(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap()
}

/// The names of the functions in it that read.
fn readers(code: &str) -> Vec<&str> {
    let functions = code.split("fn ").skip(1);
    let reads = functions.filter_map(|function| {
        let (name, rest) = function.split_once('(')?;
        let first = rest.trim_start();
        let takes_self = ["self", "&self", "&mut self"];
        let is_reader = READ.iter().any(|read| first.starts_with(read))
            || NAMED.contains(&name) && !takes_self.iter().any(|own| first.starts_with(own));
        (is_reader && rest.split(['{', ';']).next()?.contains("->")).then_some(name)
    });
    reads.collect()
}

/// Whether tests beside it give it mutations.
fn is_mutated(path: &Path, text: &str) -> bool {
    let beside = path.with_extension("").join("tests.rs");
    let given = |text: &str| text.contains("mutations::mutated");
    given(text) || fs::read_to_string(beside).is_ok_and(|text| given(&text))
}

#[test]
fn whatever_reads_what_others_write_is_given_mutations_of_it() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&top, &mut paths);
    let (mut missed, mut used) = (Vec::new(), BTreeSet::new());
    for path in paths {
        let name = path.strip_prefix(&top).unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let found = readers(code(&text));
        let is_test = name.contains("test") || name.contains("simulate");
        if found.is_empty() || is_test || is_mutated(&path, &text) {
            continue;
        }
        match ELSEWHERE.iter().find(|(at, _)| name.starts_with(at)) {
            Some((at, _)) => drop(used.insert(*at)),
            None => missed.push(format!("{name}: {found:?}")),
        }
    }
    missed.sort();
    assert!(
        missed.is_empty(),
        "nobody mutates what these read: {missed:#?}"
    );
    let needless: Vec<_> = ELSEWHERE
        .iter()
        .filter(|(at, _)| !used.contains(at))
        .collect();
    assert!(
        needless.is_empty(),
        "there are no readers, or they are mutated beside: {needless:?}"
    );
}

#[test]
fn readers_are_told_from_what_reads_nothing() {
    let code = "pub fn parse(text: &str) -> Self {}\nfn one(bytes: &[u8], more: u8) -> u8 {}\nfn two(&self, text: &str) -> u8 {}\n\
        fn parse(&self) -> u8 {}\nfn tell(text: &str) {}\n";
    assert_eq!(readers(code), ["parse", "one"]);
}
