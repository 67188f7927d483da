//! Many at once: real processes that put off, merge and pay what is owed to the same few services.

use std::fs;

use super::world::{Seen, World};

const DEFER: &str = "[[rule]]\nservice = \"s*\"\naction = [\"restart\", \"reload\"]\ndecide = \"defer\"\nuntil = \"flush\"\n";
/// Notes when it was restarted, and takes a moment for it.
const SERVICE: &str =
    "#!/bin/sh\ncase $1 in restart) date +%s%N >>/tmp/restarted.${0##*/}; sleep 0.02 ;; esac\n";
/// 64 processes: one in eight flushes, one in eight asks for a reload, the others for a restart. Each
/// notes when it asked, and how it ended.
const CROWD: &str = "
for number in $(seq 64); do (
    name=s$((number % 5))
    case $((number % 8)) in
    0) rcpolicy flush >>/tmp/flushes 2>&1; echo $? >>/tmp/flushed ;;
    1) invoke-rc.d $name reload 2>/dev/null; echo $? >>/tmp/ended ;;
    *) date +%s%N >>/tmp/asked.$name; invoke-rc.d $name restart 2>/dev/null; echo $? >>/tmp/ended ;;
    esac
) & done
wait
echo 'at last'
rcpolicy flush
echo \"status $?\"
rcpolicy pending
";

fn latest(world: &World, file: &str) -> u64 {
    let text = fs::read_to_string(world.path(file)).unwrap();
    let times = text.lines().map(|line| line.parse().unwrap());
    times.max().unwrap()
}

fn statuses(world: &World, file: &str) -> Vec<u8> {
    let text = fs::read_to_string(world.path(file)).unwrap();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

fn crowded() -> (World, Seen) {
    let mut world = World::new().policy(DEFER);
    for name in ["s0", "s1", "s2", "s3", "s4"] {
        let link = format!("ln -sf ../init.d/{name} /etc/rc2.d/S01{name}");
        world = world
            .program(&format!("etc/init.d/{name}"), SERVICE)
            .setup(&link);
    }
    let seen = world.call(CROWD);
    (world, seen)
}

#[test]
fn sixty_four_processes_that_add_merge_and_flush_lose_nothing_and_damage_nothing() {
    let (world, seen) = crowded();
    seen.ended(0);
    let (_, last) = seen.stdout.split_once("at last\n").unwrap();
    assert!(last.ends_with("status 0\nnothing is owed\n"), "{seen:#?}");
    let ended = statuses(&world, "tmp/ended");
    assert_eq!(ended, vec![0; 56], "{seen:#?}");
    // 1: more was asked for while it paid, or somebody else did; never wrong usage, never a failure.
    let flushed = statuses(&world, "tmp/flushed");
    let text = fs::read_to_string(world.path("tmp/flushes")).unwrap();
    assert!(flushed.len() == 8, "{text}");
    assert!(flushed.iter().all(|status| *status <= 1), "{text}");
    for name in ["s0", "s1", "s2", "s3", "s4"] {
        let asked = latest(&world, &format!("tmp/asked.{name}"));
        let restarted = latest(&world, &format!("tmp/restarted.{name}"));
        assert!(restarted > asked, "{name} was asked for after its restart");
    }
    let left = fs::read_dir(world.path("run/rcpolicy/ledger")).unwrap();
    let left: Vec<_> = left.map(|file| file.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!text.contains("damaged"), "{text}");
}
