//! Which life of the init we are in, read from /proc.
//! In a chroot, or where /proc is missing, there is none: nothing can be owed there.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::domain::Life;

/// The life of this machine's init.
pub fn life() -> Option<Life> {
    life_under(Path::new("/"))
}

/// The same for the machine whose root directory is `root`.
pub fn life_under(root: &Path) -> Option<Life> {
    let proc = root.join("proc");
    if is_chroot(root, &proc) {
        return None;
    }
    let boot_id = fs::read_to_string(proc.join("sys/kernel/random/boot_id")).ok()?;
    let namespace = fs::read_link(proc.join("self/ns/pid")).ok()?;
    let stat = fs::read_to_string(proc.join("1/stat")).ok()?;
    Some(Life {
        boot_id: boot_id.trim().to_owned(),
        pid_namespace: namespace_inode(namespace.to_str()?)?,
        init_started: state_and_start(&stat)?.1,
        userspace: None,
    })
}

/// Only a root directory known to be another than PID 1's counts: an ordinary user may not look.
fn is_chroot(root: &Path, proc: &Path) -> bool {
    match (fs::metadata(root), fs::metadata(proc.join("1/root"))) {
        (Ok(ours), Ok(inits)) => (ours.dev(), ours.ino()) != (inits.dev(), inits.ino()),
        (Err(_), _) | (_, Err(_)) => false,
    }
}

/// `pid:[4026531836]`
fn namespace_inode(link: &str) -> Option<u64> {
    let inside = link.strip_prefix("pid:[")?.strip_suffix(']')?;
    inside.parse().ok()
}

/// Fields 3 and 22 of /proc/PID/stat, the latter in clock ticks since boot. Field 2, the command, is
/// in parentheses and may hold anything, parentheses and blanks included.
pub(super) fn state_and_start(stat: &str) -> Option<(char, u64)> {
    let (_, after_command) = stat.rsplit_once(')')?;
    let mut fields = after_command.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(22 - 4)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const STAT: &str = "1 (sys) (d x) S 0 1 1 0 -1 4194560 5 6 7 8 9 10 11 12 20 0 1 0 42 99 100\n";

    fn machine() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let proc = root.path().join("proc");
        for dir in ["sys/kernel/random", "self/ns", "1"] {
            fs::create_dir_all(proc.join(dir)).unwrap();
        }
        fs::write(proc.join("sys/kernel/random/boot_id"), "0f1e\n").unwrap();
        symlink("pid:[4026531836]", proc.join("self/ns/pid")).unwrap();
        fs::write(proc.join("1/stat"), STAT).unwrap();
        symlink(root.path(), proc.join("1/root")).unwrap();
        root
    }

    #[test]
    fn a_life_is_read_from_proc() {
        let machine = machine();
        let life = life_under(machine.path()).unwrap();
        assert_eq!(life.boot_id, "0f1e");
        assert_eq!(life.pid_namespace, 4_026_531_836);
        assert_eq!(life.init_started, 42);
    }

    #[test]
    fn a_chroot_and_a_machine_without_proc_have_no_life() {
        let machine = machine();
        let link = machine.path().join("proc/1/root");
        fs::remove_file(&link).unwrap();
        symlink("/", &link).unwrap();
        assert_eq!(life_under(machine.path()), None);
        fs::remove_dir_all(machine.path().join("proc")).unwrap();
        assert_eq!(life_under(machine.path()), None);
    }

    #[test]
    fn this_machine_has_a_life_and_it_stays_the_same() {
        let (first, second) = (life().unwrap(), life().unwrap());
        assert!(first.is_same(&second));
        assert!(first.init_started < 1 << 60);
    }

    #[test]
    fn nonsense_is_no_answer() {
        assert_eq!(state_and_start("1 (x) S 0"), None);
        assert_eq!(namespace_inode("pid:4026531836"), None);
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        crate::testing::mutations::mutated_text(
            &[STAT, "pid:[4026531836]"],
            &["(", ")", "]", "pid:["],
            |text| {
                let _ = (state_and_start(text), namespace_inode(text));
            },
        );
    }
}
