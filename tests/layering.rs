//! Who may use whom: read off the `use` lines of `src/`, tests aside. The map is in src/lib.rs.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what a test cannot do ends it"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Where an init is named that is neither systemd nor sysvinit: its folder, what tells that it runs, the
/// words and the table that say what it is, where its definitions are, and the one match that picks it.
const NAMES_INITS: [&str; 7] = [
    "domain::init",
    "domain::capabilities",
    "definitions::way",
    "front::machine",
    "init",
    "observe::detect",
    "observe::supervision",
];

/// Each layer, and the layers that it may use.
const LAYERS: [(&str, &[&str]); 18] = [
    ("domain", &[]),
    ("failpoint", &[]),
    ("ending", &[]),
    ("files", &["failpoint"]),
    ("policy", &["domain", "files"]),
    ("ledger", &["domain", "failpoint", "files"]),
    ("decide", &["domain", "ledger", "policy"]),
    ("recover", &["domain"]),
    ("init", &["domain", "ending", "failpoint", "files"]),
    ("observe", &["domain", "ending", "files"]),
    ("definitions", &["domain", "failpoint", "files", "init"]),
    ("report", &["domain", "files", "ledger", "policy"]),
    (
        "act",
        &["decide", "domain", "failpoint", "init", "ledger", "recover"],
    ),
    ("batch", &[]),
    (
        "audit",
        &[
            "decide", "domain", "files", "init", "ledger", "policy", "report", "simulate",
        ],
    ),
    ("import", &["audit", "decide", "domain", "policy"]),
    (
        "simulate",
        &[
            "act", "decide", "domain", "init", "ledger", "policy", "report",
        ],
    ),
    (
        "front",
        &[
            "act",
            "audit",
            "batch",
            "decide",
            "definitions",
            "domain",
            "ending",
            "failpoint",
            "files",
            "import",
            "init",
            "ledger",
            "observe",
            "policy",
            "recover",
            "report",
            "simulate",
        ],
    ),
];

/// Modules that never look at the machine, the modules below them included...
const PURE: [&str; 16] = [
    "audit::call",
    "audit::package",
    "audit::shell",
    "audit::shipped",
    "audit::version",
    "domain",
    "decide",
    "import",
    "recover",
    "policy",
    "ledger",
    "batch",
    "definitions::tree",
    "definitions::plan",
    "definitions::record",
    "definitions::way",
];
/// ...but for these.
const IMPURE: [&str; 8] = [
    "policy::load",
    "ledger::store",
    "audit::package::deb",
    "audit::package::debian",
    "audit::package::folder",
    "audit::package::read",
    "audit::package::source",
    "audit::package::tree",
];
/// What looks at the machine, as it stands in code.
const MACHINE: [&str; 9] = [
    "std::fs",
    "std::env",
    "std::process",
    "std::net",
    "std::os",
    "std::thread",
    "SystemTime",
    "Instant::now",
    "nix::",
];

/// A module: its path below the crate (`decide::plan`), and its text without its tests.
struct Module {
    path: Vec<String>,
    text: String,
}

fn modules() -> Vec<Module> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let found = files.iter().filter_map(|file| module(&root, file));
    found.collect()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// `None` for what is not part of the library, or is a test.
fn module(root: &Path, file: &Path) -> Option<Module> {
    let relative = file.strip_prefix(root).unwrap().with_extension("");
    let mut path: Vec<String> = relative
        .iter()
        .map(|part| part.to_str().unwrap().to_owned())
        .collect();
    if path
        .last()
        .is_some_and(|last| last == "mod" || last == "lib")
    {
        path.pop();
    }
    let text = fs::read_to_string(file).unwrap();
    let parent = file.parent().unwrap();
    let own = file.file_stem().unwrap().to_str().unwrap();
    let declared = [
        parent.join("mod.rs"),
        parent.join("lib.rs"),
        parent.with_extension("rs"),
    ];
    let is_test = declared.iter().filter(|p| *p != file).any(|declaring| {
        let text = fs::read_to_string(declaring).unwrap_or_default();
        text.contains(&format!("#[cfg(test)]\nmod {own};"))
    });
    let is_test = is_test || file.ancestors().any(is_folder_of_tests);
    let outside = path.first().is_some_and(|first| first == "bin");
    let end = text
        .find("#[cfg(test)]\nmod tests")
        .or(text.find("#[cfg(test)]\npub(super) mod tests"));
    let text = text[..end.unwrap_or(text.len())].to_owned();
    (!is_test && !outside).then_some(Module { path, text })
}

/// Whether it is a folder `tests` that its parent declares for tests alone: what is in it need not say so again.
fn is_folder_of_tests(folder: &Path) -> bool {
    let declares = |file: PathBuf| {
        let text = fs::read_to_string(file).unwrap_or_default();
        ["mod tests;", "pub(super) mod tests;"]
            .iter()
            .any(|line| text.contains(&format!("#[cfg(test)]\n{line}")))
    };
    folder.file_name().is_some_and(|name| name == "tests")
        && folder.parent().is_some_and(|parent| {
            declares(parent.join("mod.rs")) || declares(parent.with_extension("rs"))
        })
}

/// The paths that `use` lines name, braces expanded, and whether they are only handed on.
fn uses(text: &str) -> Vec<(Vec<String>, bool)> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut found = Vec::new();
    for (at, _) in code.match_indices("use ") {
        let line = code[..at].rsplit('\n').next().unwrap().trim();
        if !matches!(line, "" | "pub" | "pub(crate)" | "pub(super)") {
            continue;
        }
        let tree = code[at + 4..].split(';').next().unwrap();
        let tree: String = tree.split_whitespace().collect::<Vec<_>>().join(" ");
        for path in expand(&tree) {
            found.push((path, !line.is_empty()));
        }
    }
    found
}

/// `a::{b, c::d as e}` as `a::b` and `a::c::d`.
fn expand(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    if let Some((head, rest)) = tree.split_once('{') {
        let inside = rest.strip_suffix('}').unwrap();
        let head: Vec<String> = words(head);
        let parts = split_commas(inside).into_iter().flat_map(expand);
        return parts.map(|part| [head.clone(), part].concat()).collect();
    }
    let plain = tree.split(" as ").next().unwrap();
    if plain.is_empty() {
        Vec::new()
    } else {
        vec![words(plain)]
    }
}

fn words(path: &str) -> Vec<String> {
    let parts = path.split("::").map(str::trim).filter(|p| !p.is_empty());
    parts.map(str::to_owned).collect()
}

fn split_commas(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// The crate's modules, and which of them each one uses.
struct Map {
    edges: BTreeMap<String, BTreeSet<String>>,
}

impl Map {
    fn read() -> Self {
        let modules = modules();
        let known: BTreeSet<String> = modules.iter().map(|m| m.path.join("::")).collect();
        let mut handed_on = BTreeMap::new();
        for module in &modules {
            for (path, public) in uses(&module.text) {
                let target = absolute(&module.path, &path, &known).filter(|_| public);
                if let (Some(target), Some(item)) = (target, path.last()) {
                    let name = [module.path.clone(), vec![item.clone()]]
                        .concat()
                        .join("::");
                    handed_on.insert(name, target);
                }
            }
        }
        let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for module in &modules {
            let targets = edges.entry(module.path.join("::")).or_default();
            for (path, _) in uses(&module.text).into_iter().filter(|(_, public)| !public) {
                let Some(mut target) = absolute(&module.path, &path, &known) else {
                    continue;
                };
                while let Some(next) = handed_on.get(&target.join("::")) {
                    target = next.clone();
                }
                targets.insert(owner(&target, &known));
            }
        }
        Self { edges }
    }

    fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.edges.iter();
        pairs.flat_map(|(from, to)| to.iter().map(move |to| (from.as_str(), to.as_str())))
    }
}

/// The path from the crate's root; `None` for what is another crate's.
fn absolute(of: &[String], path: &[String], known: &BTreeSet<String>) -> Option<Vec<String>> {
    let mut base: Vec<String> = of.to_vec();
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" => (base, rest) = (Vec::new(), &path[1..]),
        "self" => rest = &path[1..],
        "super" => {
            while rest.first().is_some_and(|word| word == "super") {
                base.pop();
                rest = &rest[1..];
            }
        }
        // A child module by its bare name.
        first => {
            base.push(first.to_owned());
            if !known.contains(&base.join("::")) {
                return None;
            }
            base.pop();
        }
    }
    base.extend(rest.iter().cloned());
    Some(base)
}

/// The module that a path leads into.
fn owner(path: &[String], known: &BTreeSet<String>) -> String {
    let lengths = (0..=path.len()).rev();
    let mut prefixes = lengths.map(|length| path[..length].join("::"));
    prefixes
        .find(|prefix| known.contains(prefix))
        .unwrap_or_default()
}

fn layer(module: &str) -> &str {
    module.split("::").next().unwrap()
}

fn is_in(module: &str, of: &str) -> bool {
    module == of || module.starts_with(&format!("{of}::"))
}

fn is_pure(module: &str) -> bool {
    PURE.iter().any(|pure| is_in(module, pure)) && !IMPURE.iter().any(|other| is_in(module, other))
}

#[test]
fn an_init_is_named_only_where_the_map_says_that_one_is_added() {
    let named = ["Openrc", "Runit", "S6"].map(|kind| format!("InitKind::{kind}"));
    let mut wrong = Vec::new();
    for module in modules() {
        if module.path.iter().any(|part| part == "tests") {
            continue;
        }
        let path = module.path.join("::");
        let allowed = NAMES_INITS.iter().any(|of| is_in(&path, of));
        let names = named.iter().any(|name| module.text.contains(name));
        if names && !allowed {
            wrong.push(path);
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_layer_uses_only_those_below_it() {
    let allowed: BTreeMap<&str, &[&str]> = LAYERS.into_iter().collect();
    let map = Map::read();
    assert!(
        map.edges.len() > 80,
        "only {} modules found",
        map.edges.len()
    );
    let mut wrong = Vec::new();
    for (from, to) in map.all().filter(|(from, to)| layer(from) != layer(to)) {
        match allowed.get(layer(from)) {
            None if from.is_empty() => {}
            None => wrong.push(format!(
                "{from} is in no layer: name it in LAYERS and src/lib.rs"
            )),
            Some(below) if !below.contains(&layer(to)) => wrong.push(format!("{from} uses {to}")),
            Some(_) => {}
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn pure_modules_import_only_pure_ones() {
    let map = Map::read();
    // A parent hands its children's names on; what is used in the end was followed to its owner.
    let impure = map.all().filter(|(from, to)| {
        let parent = from.starts_with(&format!("{to}::"));
        is_pure(from) && !is_pure(to) && !parent
    });
    assert_eq!(impure.collect::<Vec<_>>(), []);
}

#[test]
fn pure_modules_do_not_look_at_the_machine() {
    for module in modules() {
        let name = module.path.join("::");
        let code = module
            .text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        for line in code.filter(|_| is_pure(&name)) {
            let found = MACHINE.iter().find(|word| line.contains(**word));
            assert_eq!(found, None, "{name}: {line}");
        }
    }
}

#[test]
fn inits_do_not_import_each_other() {
    let map = Map::read();
    let init = |module: &str| {
        let mut parts = module.split("::");
        let inside = parts.next() == Some("init");
        let name = parts.next().filter(|_| inside).map(str::to_owned);
        // What several of them share is no init.
        name.filter(|name| {
            !["related", "dbus", "reexec", "process", "supervise"].contains(&name.as_str())
        })
    };
    for (from, to) in map.all() {
        if let (Some(one), Some(other)) = (init(from), init(to)) {
            assert_eq!(one, other, "{from} uses {to}");
        }
    }
}

#[test]
fn nothing_imports_a_front_end_and_front_ends_do_not_import_each_other() {
    const ENDS: [&str; 3] = [
        "front::invoke_rc_d",
        "front::deb_systemd_invoke",
        "front::rcpolicy",
    ];
    let map = Map::read();
    for (from, to) in map.all() {
        assert!(
            !is_in(to, "front") || is_in(from, "front"),
            "{from} uses {to}"
        );
        let end = ENDS.iter().find(|end| is_in(to, end));
        assert!(end.is_none_or(|end| is_in(from, end)), "{from} uses {to}");
    }
}

#[test]
fn no_two_modules_import_each_other() {
    let map = Map::read();
    let uses = |from: &str, to: &str| {
        map.edges
            .get(from)
            .is_some_and(|targets| targets.contains(to))
    };
    let mutual: Vec<_> = map.all().filter(|(a, b)| a < b && uses(b, a)).collect();
    assert_eq!(mutual, []);
}

#[test]
fn the_reader_understands_use_lines() {
    let text = "use a::{b, c::{d as e, self}};\npub use x::Y;\n// use not::this;\nlet used = 1;\n";
    let found: Vec<String> = uses(text).iter().map(|(path, _)| path.join("::")).collect();
    assert_eq!(found, ["a::b", "a::c::d", "a::c::self", "x::Y"]);
}
