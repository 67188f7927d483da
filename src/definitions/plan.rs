//! What a live definition is to become: from the stock version that it was made of, the stock version of
//! today, and what is live. Pure.
//!
//! As dpkg does with configuration files, path by path: what the new stock version changed is taken over
//! where nobody has changed it locally; what somebody has stays as it is. No copy is put beside it: in
//! `env/` or `control/` each file means something, and the stock version stands in its own directory.

use super::tree::{Node, Part, Tree};

/// Where `cpsv` of Debian's runit links to from a live definition whose stock one has nothing there.
const FILLERS: [&str; 2] = ["/lib/runit/finish-exec", "/etc/sv/svlogd/run"];

/// The three versions of one service's definition.
#[derive(Debug, Clone, Copy)]
pub struct Versions<'a> {
    /// The stock version that the live one was last brought up to.
    pub base: &'a Tree,
    /// The stock version now.
    pub stock: &'a Tree,
    /// What is live, at the paths of those two.
    pub live: &'a Tree,
}

/// What is to be done about a definition.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What the live one is to be, at the paths of base and stock.
    pub target: Tree,
    /// What the stock version changed and stays as somebody made it.
    pub kept: Vec<String>,
}

impl Plan {
    /// The services that read what changes.
    pub fn parts(&self, live: &Tree) -> Vec<Part> {
        let touched = |part: &Part| {
            let mut paths = live.paths().chain(self.target.paths());
            paths.any(|path| {
                let differs = live.get(path) != self.target.get(path);
                differs && Part::of(path) == *part
            })
        };
        Part::ALL.into_iter().filter(touched).collect()
    }
}

/// What `versions` come to.
pub fn plan(versions: Versions<'_>) -> Plan {
    let Versions { base, stock, live } = versions;
    let mut target = Tree::default();
    let mut kept = Vec::new();
    let mut paths: Vec<&str> = base.paths().chain(stock.paths()).collect();
    paths.sort_unstable();
    paths.dedup();
    for path in paths {
        let (was, is, new) = (base.get(path), local(live.get(path)), stock.get(path));
        let chosen = match () {
            () if new == was || is == new => live.get(path),
            () if is == was => new,
            () => {
                kept.push(path.to_owned());
                live.get(path)
            }
        };
        if let Some(node) = chosen {
            target.0.insert(path.to_owned(), node.clone());
        }
    }
    keep_directories(&mut target, live);
    Plan { target, kept }
}

/// Where something stays in a directory that the stock version has no more, the directory stays.
fn keep_directories(target: &mut Tree, live: &Tree) {
    let mut parents = Vec::new();
    for path in target.paths() {
        let mut inside = path;
        while let Some((parent, _)) = inside.rsplit_once('/') {
            parents.push(parent.to_owned());
            inside = parent;
        }
    }
    for parent in parents {
        if let (None, Some(node)) = (target.get(&parent), live.get(&parent)) {
            target.0.insert(parent, node.clone());
        }
    }
}

/// The paths at which what is live is not what `base` has: what somebody changed.
pub fn edited(base: &Tree, live: &Tree) -> Vec<String> {
    let changed = |path: &&str| base.get(path) != local(live.get(path));
    base.paths().filter(changed).map(str::to_owned).collect()
}

/// What stands there by somebody's doing: what only fills a gap does not.
fn local(node: Option<&Node>) -> Option<&Node> {
    let filler = |node: &&Node| match node {
        Node::Link { target } => FILLERS.contains(&target.as_str()),
        Node::File { .. } | Node::Directory { .. } => false,
    };
    node.filter(|node| !filler(node))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::definitions::tree::digest;

    fn tree(files: &[(&str, &str)]) -> Tree {
        let node = |text: &str| match text.strip_prefix("-> ") {
            Some(target) => Node::Link {
                target: target.to_owned(),
            },
            None if text == "/" => Node::Directory {
                mode: 0o755,
                owner: (0, 0),
            },
            None => Node::File {
                mode: 0o755,
                owner: (0, 0),
                digest: digest(text.as_bytes()),
            },
        };
        let nodes = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), node(text)));
        Tree(nodes.collect())
    }

    fn planned(base: &[(&str, &str)], stock: &[(&str, &str)], live: &[(&str, &str)]) -> Plan {
        let (base, stock, live) = (tree(base), tree(stock), tree(live));
        plan(Versions {
            base: &base,
            stock: &stock,
            live: &live,
        })
    }

    #[test]
    fn what_nobody_changed_becomes_the_new_stock_version() {
        let old = [("finish", "1"), ("gone", "1"), ("run", "1")];
        let new = [("added", "2"), ("finish", "2"), ("run", "2")];
        let plan = planned(&old, &new, &old);
        assert_eq!(plan.target, tree(&new));
        assert!(plan.kept.is_empty());
    }

    #[test]
    fn what_somebody_changed_stays_and_is_told_only_where_the_stock_version_changed_it_too() {
        let plan = planned(
            &[("conf", "1"), ("finish", "1"), ("run", "1")],
            &[("conf", "1"), ("finish", "2"), ("run", "2")],
            &[("conf", "mine"), ("finish", "1"), ("run", "mine")],
        );
        let expected = [("conf", "mine"), ("finish", "2"), ("run", "mine")];
        assert_eq!(plan.target, tree(&expected));
        assert_eq!(plan.kept, ["run"]);
    }

    #[test]
    fn what_somebody_removed_stays_away_and_what_somebody_made_already_is_no_conflict() {
        let plan = planned(
            &[("down", ""), ("run", "1")],
            &[("down", "new"), ("run", "2")],
            &[("run", "2")],
        );
        assert_eq!(plan.target, tree(&[("run", "2")]));
        assert_eq!(plan.kept, ["down"]);
    }

    #[test]
    fn a_link_that_only_fills_a_gap_gives_way_to_what_the_stock_version_brings() {
        let filler = [("finish", "-> /lib/runit/finish-exec"), ("run", "1")];
        let plan = planned(&[("run", "1")], &[("finish", "2"), ("run", "1")], &filler);
        assert_eq!(plan.target, tree(&[("finish", "2"), ("run", "1")]));
        let plan = planned(&[("run", "1")], &[("run", "2")], &[("run", "1")]);
        assert_eq!(plan.target, tree(&[("run", "2")]));
    }

    #[test]
    fn a_directory_stays_as_long_as_something_edited_is_in_it() {
        let plan = planned(
            &[("env", "/"), ("env/A", "1"), ("env/B", "1")],
            &[],
            &[("env", "/"), ("env/A", "mine"), ("env/B", "1")],
        );
        assert_eq!(plan.target, tree(&[("env", "/"), ("env/A", "mine")]));
    }

    #[test]
    fn only_the_services_whose_files_change_are_taken_down() {
        let live = tree(&[("log", "/"), ("log/run", "1"), ("run", "1")]);
        let parts = |stock: &[(&str, &str)]| {
            let stock = tree(stock);
            let versions = Versions {
                base: &live,
                stock: &stock,
                live: &live,
            };
            plan(versions).parts(&live)
        };
        let cases = [
            (("1", "1"), vec![]),
            (("1", "2"), vec![Part::Service]),
            (("2", "1"), vec![Part::Log]),
            (("2", "2"), vec![Part::Service, Part::Log]),
        ];
        for ((log, run), expected) in cases {
            let found = parts(&[("log", "/"), ("log/run", log), ("run", run)]);
            assert_eq!(found, expected);
        }
    }

    fn any_tree() -> impl Strategy<Value = Tree> {
        let paths = prop::sample::subsequence(vec!["check", "env", "finish", "run"], 0..=4);
        (paths, prop::collection::vec("[123]", 4)).prop_map(|(paths, texts)| {
            let files = paths
                .iter()
                .zip(&texts)
                .map(|(path, text)| (*path, text.as_str()));
            tree(&files.collect::<Vec<_>>())
        })
    }

    proptest! {
        #[test]
        fn planning_twice_changes_nothing_more(base in any_tree(), stock in any_tree(), live in any_tree()) {
            let first = plan(Versions { base: &base, stock: &stock, live: &live });
            let again = plan(Versions { base: &stock, stock: &stock, live: &first.target });
            for path in stock.paths() {
                prop_assert_eq!(again.target.get(path), first.target.get(path));
            }
            prop_assert!(again.kept.is_empty());
        }

        #[test]
        fn what_is_not_edited_becomes_stock_and_what_is_edited_is_never_lost(
            base in any_tree(), stock in any_tree(), live in any_tree()
        ) {
            let plan = plan(Versions { base: &base, stock: &stock, live: &live });
            for path in ["check", "env", "finish", "run"] {
                let known = base.get(path).is_some() || stock.get(path).is_some();
                let (was, is, new) = (base.get(path), live.get(path), plan.target.get(path));
                if known && was == is {
                    prop_assert_eq!(new, stock.get(path));
                } else if known {
                    prop_assert_eq!(new, is);
                }
            }
        }
    }
}
