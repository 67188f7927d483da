//! Reading a process's memory map (`/proc/PID/maps`): which files it runs code of, and which of them
//! count. Pure.

/// Directories whose files come and go while their users run: what lies there is nobody's program.
const PASSING: [&str; 8] = [
    "/dev/",
    "/proc/",
    "/run/",
    "/sys/",
    "/tmp/",
    "/var/run/",
    "/var/tmp/",
    "/memfd:",
];
/// What the kernel calls memory that no file stands for.
const NO_FILES: [&str; 4] = ["/SYSV", "/[", "/drm ", "/anon_hugepage"];
/// Directories that programs and libraries are installed in. Elsewhere a file that is gone may have
/// been made by its user for itself alone, as just-in-time compilers do.
const PROGRAMS: [&str; 8] = [
    "/usr/", "/lib/", "/lib32/", "/lib64/", "/libx32/", "/bin/", "/sbin/", "/opt/",
];
/// What the kernel appends to the name of a file that is not there any more.
const DELETED: &str = " (deleted)";

/// A file that a process runs code of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mapped {
    /// Its path, as the process sees it.
    pub(super) path: String,
    /// Its inode.
    pub(super) inode: u64,
    /// Whether the kernel says that this file is at its path no longer.
    pub(super) deleted: bool,
    /// The addresses of one of its mappings, as `map_files` names them.
    pub(super) range: String,
}

/// The files of which code is mapped, each once.
pub(super) fn parse(text: &str) -> Vec<Mapped> {
    let mut files: Vec<Mapped> = Vec::new();
    for found in text.lines().filter_map(line) {
        let known = |file: &Mapped| file.path == found.path && file.inode == found.inode;
        if !files.iter().any(known) {
            files.push(found);
        }
    }
    files
}

/// proc_pid_maps(5): addresses, permissions, offset, device, inode, path. `None` for what runs no code
/// of a file that counts.
fn line(line: &str) -> Option<Mapped> {
    let mut rest = line;
    let mut field = || {
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        rest = after.trim_start_matches(' ');
        word
    };
    let (range, permissions) = (field(), field());
    let (_offset, _device) = (field(), field());
    let inode: u64 = field().parse().ok()?;
    // The kernel writes a newline in a name as an escape.
    let name = rest.replace("\\012", "\n");
    let (path, deleted) = match name.strip_suffix(DELETED) {
        Some(path) => (path, true),
        None => (name.as_str(), false),
    };
    let runs = permissions.contains('x') && inode != 0;
    (runs && is_program(path)).then(|| Mapped {
        path: path.to_owned(),
        inode,
        deleted,
        range: range.to_owned(),
    })
}

fn is_program(path: &str) -> bool {
    let begins = |list: &[&str]| list.iter().any(|prefix| path.starts_with(prefix));
    path.starts_with('/') && !begins(&PASSING) && !begins(&NO_FILES)
}

/// Whether a file that is gone from `path`, with nothing in its place, was a program or a library.
pub(super) fn was_installed(path: &str) -> bool {
    PROGRAMS.iter().any(|prefix| path.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From a running sshd on Debian 12 after an upgrade of libc and libcrypto, with lines of other
    /// programs added.
    const SAMPLE: &str = "\
55d0c8a00000-55d0c8a0b000 r--p 00000000 08:01 393 /usr/sbin/sshd
55d0c8a0b000-55d0c8a9d000 r-xp 0000b000 08:01 393                        /usr/sbin/sshd
7f2b4c000000-7f2b4c021000 rw-p 00000000 00:00 0 
7f2b50e00000-7f2b50e28000 r--p 00000000 08:01 1712  /usr/lib/x86_64-linux-gnu/libc.so.6 (deleted)
7f2b50e28000-7f2b50fbd000 r-xp 00028000 08:01 1712  /usr/lib/x86_64-linux-gnu/libc.so.6 (deleted)
7f2b51000000-7f2b51001000 r-xp 00029000 08:01 1712  /usr/lib/x86_64-linux-gnu/libc.so.6 (deleted)
7f2b51200000-7f2b51300000 r--p 00000000 08:01 77    /usr/lib/locale/locale-archive (deleted)
7f2b51400000-7f2b51500000 rwxs 00000000 00:01 2049  /memfd:pcre2 (deleted)
7f2b51600000-7f2b51700000 r-xs 00000000 00:1b 3     /dev/shm/x (deleted)
7f2b51800000-7f2b51900000 rwxp 00000000 08:01 99    /tmp/ffiX3aQ1p (deleted)
7f2b51a00000-7f2b51b00000 rwxs 00000000 00:01 5     /SYSV00000000 (deleted)
7f2b51c00000-7f2b51d00000 r-xp 00000000 08:01 12    /opt/a b/lib\\012x.so
7ffd2d5f0000-7ffd2d611000 rw-p 00000000 00:00 0     [stack]
7ffd2d7d5000-7ffd2d7d7000 r-xp 00000000 00:00 0     [vdso]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]
";

    #[test]
    fn files_that_code_is_run_of_are_found_once_and_nothing_that_passes_by() {
        let found = parse(SAMPLE);
        let found: Vec<_> = found
            .iter()
            .map(|file| (file.path.as_str(), file.inode, file.deleted))
            .collect();
        let expected = [
            ("/usr/sbin/sshd", 393, false),
            ("/usr/lib/x86_64-linux-gnu/libc.so.6", 1712, true),
            ("/opt/a b/lib\nx.so", 12, false),
        ];
        assert_eq!(found, expected);
        assert_eq!(parse(SAMPLE)[0].range, "55d0c8a0b000-55d0c8a9d000");
    }

    #[test]
    fn nonsense_and_an_empty_map_hold_no_files() {
        for text in [
            "",
            "\n",
            "x",
            "1-2 r-xp",
            "1-2 r-xp 0 08:01 n /usr/x",
            " (deleted)",
        ] {
            assert_eq!(parse(text), [], "{text:?}");
        }
    }

    #[test]
    fn only_where_programs_are_installed_a_file_that_is_gone_was_one() {
        for (path, expected) in [
            ("/usr/lib/libx.so.1", true),
            ("/opt/x/bin/x", true),
            ("/var/lib/x/jit-1.so", false),
            ("/home/x/.cache/y", false),
        ] {
            assert_eq!(was_installed(path), expected, "{path}");
        }
    }

    #[test]
    fn no_mutation_ends_in_a_panic() {
        crate::testing::mutations::mutated_text(
            &[SAMPLE],
            &[" (deleted)", " r-xp ", "\\012", "/usr/", "0"],
            |text| {
                for file in parse(text) {
                    let _ = was_installed(&file.path);
                }
            },
        );
    }
}
