//! A mutated script, as an audit takes it: parsed, evaluated on one of the ways on which dpkg runs it, under
//! some init. Whatever is said of it must lie within it.

use rcpolicy::audit::call::{Place, Side};
use rcpolicy::audit::course::{Course, Courses, Pair, Scene, Step, Way};
use rcpolicy::audit::package::{Package, ScriptName};
use rcpolicy::audit::shell::{Parsed, Path};
use rcpolicy::domain::InitKind;

use crate::inputs::{Outcome, refused};
use crate::packages::{INIT_SCRIPT, SOCKET, UNIT, with_files, with_script};
use crate::random::Random;
use crate::seeds;

use ScriptName::{Postinst, Postrm, Preinst, Prerm};
use Side::{New, Old};

/// Which script of which side runs on which ways.
const RUNS: [(ScriptName, Side, Way); 16] = [
    (Preinst, New, Way::Install),
    (Preinst, New, Way::Upgrade),
    (Preinst, Old, Way::Failed(New, Postrm)),
    (Postinst, New, Way::Install),
    (Postinst, New, Way::Upgrade),
    (Postinst, New, Way::Again),
    (Postinst, New, Way::Trigger),
    (Postinst, New, Way::FailedRemove),
    (Postinst, Old, Way::Failed(New, Preinst)),
    (Prerm, Old, Way::Upgrade),
    (Prerm, New, Way::Remove),
    (Prerm, New, Way::Deconfigure),
    (Prerm, New, Way::Failed(Old, Prerm)),
    (Postrm, Old, Way::Upgrade),
    (Postrm, New, Way::Remove),
    (Postrm, New, Way::Purge),
];
const SHELLS: [&str; 4] = ["sh", "sh", "sh", "bash"];

/// Gives it to what reads it.
pub(crate) fn give(text: &str, random: &mut Random) -> Outcome {
    let (name, side, way) = *random.pick(&RUNS);
    let scene = Scene::new(*random.pick(&InitKind::ALL));
    let shell = *random.pick(&SHELLS);
    let plain = with_files(&[
        (UNIT, seeds::UNIT),
        (SOCKET, seeds::SOCKET),
        (INIT_SCRIPT, seeds::INIT),
    ]);
    let mutated = with_script(plain.clone(), name, (shell, text));
    let (old, new) = match side {
        Old => (&mutated, &plain),
        New => (&plain, &mutated),
    };
    let courses = Courses::new(Pair {
        old: Some(old),
        new: Some(new),
    });
    if let Some((_, _, error)) = courses.errors().first() {
        return refused(&error.to_string());
    }
    said_within(&courses.course(way, &scene), text);
    if random.one_in(4) {
        outlined_within(&mutated, text);
    }
    Outcome::Read
}

/// All calls and assumptions have their places in the text.
fn said_within(course: &Course, text: &str) {
    let mut runs = 0;
    for step in &course.steps {
        let Step::Run { paths, cut, .. } = step else {
            continue;
        };
        runs += 1;
        // Of one that never ends this is said.
        let told = !paths.is_empty() || cut.is_some();
        assert!(told, "there is no way through it");
        paths.iter().for_each(|path| path_within(path, text));
    }
    assert!(runs > 0, "it is never run");
}

fn path_within(path: &Path, text: &str) {
    let calls = path.calls.iter();
    let places = calls.map(|call| call.place);
    let assumed = path.assumed.iter().map(|assumed| assumed.place);
    for place in places.chain(assumed) {
        assert!(is_within(place, text), "{place:?} is no place in it");
    }
}

fn is_within(place: Place, text: &str) -> bool {
    let Some(before) = text.get(..place.start) else {
        return false;
    };
    let lines = before.bytes().filter(|byte| *byte == b'\n').count();
    text.get(place.start..place.end).is_some() && place.line as usize == lines + 1
}

fn outlined_within(package: &Package, text: &str) {
    let parsed = package.scripts.values().map(Parsed::parse);
    for outline in parsed.map(|parsed| parsed.unwrap().outline()) {
        for simple in &outline.simples {
            assert!(text.get(simple.start..simple.end).is_some(), "{simple:?}");
        }
        for branch in &outline.branches {
            let ((from, to), (first, last)) = (branch.asked, branch.body);
            assert!(text.get(from..to).is_some(), "{branch:?}");
            assert!(text.get(first..last).is_some(), "{branch:?}");
        }
    }
}
