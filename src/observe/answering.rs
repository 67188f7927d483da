//! The small script at `/usr/sbin/policy-rc.d` by which other tools get our answers: what it says, and
//! whether a file is it. Our own tools go by the policy itself and need not ask it. It is put there and taken
//! away by `rcpolicy answer-others`, never here.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;

/// Its directory.
pub const DIRECTORY: &str = "/usr/sbin";
/// Its name in it.
pub const NAME: &str = "policy-rc.d";
/// The program that answers.
pub const TOOL: &str = "/usr/libexec/rcpolicy/policy-rc-d";
/// What it says. The package's maintainer scripts have the same text, to know it by.
pub const TEXT: &str = include_str!("policy-rc.d");

/// Whether the file at `path` is the script, to the byte. A link to it is not, nor what cannot be read.
pub fn is_ours(path: &Path) -> bool {
    // Opening a pipe or a device could have effects of its own, and most files differ in length already.
    let alike = path
        .symlink_metadata()
        .is_ok_and(|found| found.is_file() && found.len() == TEXT.len() as u64);
    alike && read(path).is_some_and(|text| text == TEXT.as_bytes())
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(path)
        .ok()?;
    let mut text = Vec::with_capacity(TEXT.len() + 1);
    // It may grow while it is read.
    file.take(TEXT.len() as u64 + 1)
        .read_to_end(&mut text)
        .ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_the_script_itself_is_taken_for_it() {
        let top = tempfile::tempdir().unwrap();
        let file = top.path().join("policy-rc.d");
        let longer = format!("{TEXT}exit 101\n");
        let other = TEXT.replace("exit 0", "exit 1");
        let first = TEXT.lines().next().unwrap();
        for (text, expected) in [
            (TEXT, true),
            (&*longer, false),
            (&*other, false),
            (first, false),
            ("", false),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(is_ours(&file), expected, "{text}");
        }
        std::fs::write(&file, TEXT).unwrap();
        let link = top.path().join("link");
        symlink(&file, &link).unwrap();
        assert!(!is_ours(&link));
        assert!(!is_ours(top.path()));
        assert!(!is_ours(&top.path().join("nothing")));
    }

    /// Whoever changes the text leaves scripts behind, after an upgrade of the package, that nobody takes for ours: the old
    /// text has to be known then as well, here and in the package's maintainer scripts.
    #[test]
    fn the_text_is_still_the_one_that_was_put_on_machines() {
        let digest = TEXT.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        assert_eq!(digest, 0xb8fe_a62a_30f3_ff11);
    }

    #[test]
    fn a_pipe_is_not_waited_for() {
        let top = tempfile::tempdir().unwrap();
        let path = top.path().join("pipe");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(!is_ours(&path));
    }
}
