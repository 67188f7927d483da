//! When sources are due, with a compiler that can fail.

use std::fs;

use super::*;

/// A compiler that can fail.
struct Fake {
    sources: Vec<PathBuf>,
    settled: bool,
    fails: bool,
    switched: u32,
}

impl Compiler for Fake {
    fn sources(&self) -> &[PathBuf] {
        &self.sources
    }

    fn is_settled(&self) -> bool {
        self.settled
    }

    fn switch(&mut self) -> Result<Option<String>, String> {
        match self.fails {
            true => Err("no such dependency".to_owned()),
            false => {
                (self.switched, self.settled) = (self.switched + 1, true);
                Ok(None)
            }
        }
    }
}

fn scene() -> (tempfile::TempDir, Fake, Compiled) {
    let top = tempfile::tempdir().unwrap();
    let source = top.path().join("source");
    for service in ["db", "web"] {
        fs::create_dir_all(source.join(service)).unwrap();
        fs::write(source.join(service).join("run"), "1").unwrap();
    }
    let fake = Fake {
        sources: vec![source, top.path().join("nowhere")],
        settled: true,
        fails: false,
        switched: 0,
    };
    let compiled = Compiled::beside(&top.path().join("records/s6"));
    let first = compiled.look(&fake).unwrap().unwrap();
    assert_eq!(first.due, Due::Noting);
    let mut fake = fake;
    compiled.bring(&first, &mut fake).unwrap();
    assert_eq!(fake.switched, 0);
    (top, fake, compiled)
}

#[test]
fn what_changed_is_compiled_once_and_told_by_its_services() {
    let (top, mut fake, compiled) = scene();
    let look = |fake: &Fake| compiled.look(fake).unwrap().unwrap();
    assert_eq!(look(&fake).due, Due::Nothing);
    fs::write(top.path().join("source/web/run"), "2").unwrap();
    let found = look(&fake);
    assert_eq!(
        (found.due, found.changed.clone()),
        (Due::Switch, vec!["web".into()])
    );
    compiled.bring(&found, &mut fake).unwrap();
    assert_eq!((fake.switched, look(&fake).due), (1, Due::Nothing));
    fs::remove_dir_all(top.path().join("source/db")).unwrap();
    assert_eq!(look(&fake).changed, ["db"]);
}

#[test]
fn a_switch_that_was_cut_off_is_done_again() {
    let (_top, mut fake, compiled) = scene();
    fake.settled = false;
    let found = compiled.look(&fake).unwrap().unwrap();
    assert_eq!(found.due, Due::Switch);
    compiled.bring(&found, &mut fake).unwrap();
    assert_eq!(compiled.look(&fake).unwrap().unwrap().due, Due::Nothing);
}

#[test]
fn what_cannot_be_compiled_is_counted_until_it_changes() {
    let (top, mut fake, compiled) = scene();
    fake.fails = true;
    fs::write(top.path().join("source/web/run"), "2").unwrap();
    for tries in 1..3 {
        let found = compiled.look(&fake).unwrap().unwrap();
        assert_eq!(found.failed.map_or(0, |(tries, _)| tries), tries - 1);
        let found = compiled.look(&fake).unwrap().unwrap();
        assert!(compiled.bring(&found, &mut fake).is_err());
    }
    fs::write(top.path().join("source/web/run"), "3").unwrap();
    assert_eq!(compiled.look(&fake).unwrap().unwrap().failed, None);
}

#[test]
fn without_sources_there_is_nothing_to_be_done() {
    let (top, fake, compiled) = scene();
    fs::remove_dir_all(top.path().join("source")).unwrap();
    assert_eq!(compiled.look(&fake).unwrap(), None);
}
