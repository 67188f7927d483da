//! The pages, as mandoc, man and whatis see them.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use super::{Manual, run, text};

#[test]
fn mandoc_finds_nothing_wrong_with_any_page() {
    let manual = Manual::written();
    let mut command = Command::new("mandoc");
    command
        .args(["-T", "lint", "-W", "warning"])
        .args(manual.pages());
    let looked = run(&mut command);
    assert_eq!(text(&looked.stdout), "");
    assert!(looked.status.success(), "{looked:?}");
}

#[test]
fn man_formats_every_page_without_a_warning() {
    let manual = Manual::written();
    for page in manual.pages() {
        let mut command = Command::new("man");
        command
            .args(["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"])
            .arg(&page);
        let formatted = run(command.env("MANROFFSEQ", "").env("MANWIDTH", "80"));
        assert!(formatted.status.success(), "{}", page.display());
        assert_eq!(text(&formatted.stderr), "", "{}", page.display());
    }
}

#[test]
fn whatis_finds_every_page_by_its_name() {
    let manual = Manual::written();
    for page in manual.pages() {
        let found = run(Command::new("lexgrog").arg(&page));
        let found = text(&found.stdout);
        let name = page.file_stem().unwrap().to_string_lossy().into_owned();
        let expected = format!("\"{name} - ");
        assert!(found.contains(&expected), "{found} for {}", page.display());
    }
}

#[test]
fn no_page_takes_the_place_of_one_of_the_stock_tools() {
    let listed = run(Command::new("dpkg").args(["--listfiles", "init-system-helpers"]));
    let listed = text(&listed.stdout);
    let theirs: BTreeSet<&str> = listed
        .lines()
        .filter(|line| line.starts_with("/usr/share/man/"))
        .filter_map(|line| line.rsplit('/').next()?.strip_suffix(".gz"))
        .collect();
    assert!(theirs.contains("invoke-rc.d.8"), "{theirs:?}");
    for page in Manual::written().pages() {
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        assert!(!theirs.contains(name.as_str()), "{name}");
    }
}

#[test]
fn every_page_that_a_page_of_ours_names_as_ours_is_there() {
    let manual = Manual::written();
    let pages = manual.pages();
    let names: BTreeSet<String> = pages
        .iter()
        .map(|page| page.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    let mut named = 0;
    for page in &pages {
        let source = fs::read_to_string(page).unwrap().replace("\\-", "-");
        for word in source.split(|c: char| !(c.is_alphanumeric() || "-.()".contains(c))) {
            let section = word
                .strip_suffix(')')
                .and_then(|word| word.rsplit_once('('));
            let Some((name, section)) = section.filter(|(name, _)| name.contains("rcpolicy"))
            else {
                continue;
            };
            // a word set bold comes with the escape before it
            let name = name.trim_start_matches("fB");
            let file = format!("{name}.{section}");
            assert!(names.contains(&file), "{file}, in {}", page.display());
            named += 1;
        }
    }
    assert!(named > 40, "only {named} found");
}
