use std::fs;

use super::*;
use crate::audit::show::sample;

fn package(path: &str) -> String {
    let mut audited = sample::acpid();
    audited.input = sample::input(path);
    Line::Package(Box::new(audited)).to_json().unwrap()
}

fn unreadable(path: &str) -> String {
    Line::Unreadable(sample::unreadable(path))
        .to_json()
        .unwrap()
}

struct Scene {
    top: tempfile::TempDir,
}

impl Scene {
    fn with(text: &str) -> Self {
        let top = tempfile::tempdir().unwrap();
        fs::write(top.path().join("all.jsonl"), text).unwrap();
        Self { top }
    }

    fn path(&self) -> PathBuf {
        self.top.path().join("all.jsonl")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    fn has(&self, path: &str) -> bool {
        Kept::open(&self.path()).unwrap().has(&sample::input(path))
    }
}

#[test]
fn what_was_added_is_there_for_the_next_run() {
    let scene = Scene::with("");
    fs::remove_file(scene.path()).unwrap();
    let mut kept = Kept::open(&scene.path()).unwrap();
    kept.add(&[package("a.deb")]).unwrap();
    kept.add(&[package("b.deb"), package("b.deb")]).unwrap();
    drop(kept);
    assert_eq!(scene.text().lines().count(), 3);
    assert!(scene.has("a.deb") && scene.has("b.deb") && !scene.has("c.deb"));
}

#[test]
fn a_last_line_that_is_not_whole_is_cut_off_and_done_again() {
    let (a, b) = (package("a.deb"), package("b.deb"));
    for length in 1..b.len() {
        let scene = Scene::with(&format!("{a}\n{}", &b[..length]));
        assert!(!scene.has("b.deb"), "{length}");
        // The one before may be of the same source package, of which another line was to come.
        assert!(!scene.has("a.deb"));
        assert_eq!(scene.text(), "", "{length}");
    }
    let scene = Scene::with(&format!("{a}\n{b}\n{}", &b[..100]));
    assert!(scene.has("a.deb") && !scene.has("b.deb"));
    assert_eq!(scene.text(), format!("{a}\n"));
}

#[test]
fn what_could_not_be_read_is_tried_again() {
    let scene = Scene::with(&format!("{}\n", unreadable("a.deb")));
    assert!(!scene.has("a.deb"));
}

#[test]
fn another_file_is_named_and_left_as_it_is() {
    let newer = package("a.deb").replace("rcpolicy-audit/1", "rcpolicy-audit/2");
    for (text, line) in [
        ("Dear diary".to_owned(), 1),
        ("Dear diary\n".to_owned(), 1),
        (format!("{}\n{{}}\n", package("a.deb")), 2),
        (format!("{}\nDear", package("a.deb")), 2),
        (format!("{newer}\n"), 1),
        ("\n".to_owned(), 1),
        ("\u{0}\u{0}\n".to_owned(), 1),
    ] {
        let scene = Scene::with(&text);
        let error = Kept::open(&scene.path()).unwrap_err().to_string();
        let place =
            format!("all.jsonl:{line}: this is no line of an audit, and nothing was written");
        assert!(error.contains(&place), "{error}");
        assert_eq!(scene.text(), text);
    }
}

#[test]
fn two_runs_do_not_write_the_same_file() {
    let scene = Scene::with("");
    let kept = Kept::open(&scene.path()).unwrap();
    let error = Kept::open(&scene.path()).unwrap_err();
    assert!(matches!(error, KeptError::Busy(_)), "{error}");
    drop(kept);
    assert!(Kept::open(&scene.path()).is_ok());
}

#[test]
fn what_is_no_file_is_refused() {
    let scene = Scene::with("");
    for path in [
        scene.top.path(),
        Path::new("/dev/null"),
        Path::new("/proc/x"),
    ] {
        assert!(Kept::open(path).is_err(), "{}", path.display());
    }
}
