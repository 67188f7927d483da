//! Full disks: of bytes, and of files. What is live, what is staged and what is noted lie on one.

use super::*;
use crate::testing::small_disk::{Lacks, SmallDisk, from_nothing_to_enough, may_mount};

const NAME: &str = "definitions::tests::disks::a_disk_that_is_full_at_any_write_loses_nothing";

#[test]
fn a_disk_that_is_full_at_any_write_loses_nothing() {
    if may_mount(NAME) {
        from_nothing_to_enough(with);
    }
}

/// Flushes with as much to `spare`, and once more with enough; whether the first one did all.
fn with(lacks: Lacks, spare: usize) -> bool {
    let at = format!("{lacks:?}, {spare}");
    let top = tempfile::tempdir().unwrap();
    let disk = SmallDisk::over(top.path());
    let mut room = Room::within(top);
    room.ship(&NEW, "2");
    disk.fill(lacks, spare);
    let told = room.try_flush();
    let why: Vec<String> = told.iter().filter_map(why).collect();
    let full = "No space left on device";
    assert!(why.iter().all(|why| why.contains(full)), "{at}: {why:?}");
    assert!(room.live().is_some() && room.model.running, "{at}");
    disk.free();
    room.flush();
    assert_eq!(room.live(), Some("2"), "{at}");
    assert!(room.model.running && room.is_clean(), "{at}");
    for read in &room.model.read {
        assert!(["1", "2"].contains(&read.as_str()), "{at}: {read}");
    }
    drop(disk);
    why.is_empty()
}

/// Why it did not come to its end.
fn why(tried: &Result<Outcome, DefinitionError>) -> Option<String> {
    match tried {
        Err(error) => Some(error.to_string()),
        Ok(Outcome::Ended(Ended::RolledBack(why) | Ended::Stuck(why) | Ended::Withheld(why))) => {
            Some(why.clone())
        }
        Ok(Outcome::Waits(why) | Outcome::Lasts(why)) => Some(why.clone()),
        Ok(Outcome::Noted | Outcome::Removed | Outcome::Ended(Ended::Updated)) => None,
    }
}
