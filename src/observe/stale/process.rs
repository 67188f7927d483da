//! One process: does it still run the files that lie at their paths now? They are looked at where the
//! process saw them when it mapped them: in its own mount namespace, whatever root directory it has there.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::maps::{self, Mapped};
use crate::domain::Staleness;

/// Programs that read what they run as data, so that no map tells it. Shells are left out: what they
/// run beside programs belongs to the package that is looked at anyway.
const INTERPRETERS: [&str; 16] = [
    "python", "pypy", "perl", "ruby", "node", "java", "php", "lua", "tclsh", "guile", "mono",
    "dotnet", "beam", "erl", "gjs", "sbcl",
];

/// Adds what is found out about the process behind `directory`, its directory in /proc. One that has
/// ended meanwhile runs nothing.
pub(super) fn look(directory: &Path, into: &mut Staleness) {
    match fs::read(directory.join("maps")) {
        Ok(text) => {
            let text = String::from_utf8_lossy(&text);
            into.processes += 1;
            for file in maps::parse(&text) {
                compare(directory, &file, into);
            }
            interpreter(directory, into);
        }
        Err(error) if is_gone(&error) => {}
        Err(error) => {
            let process = directory.display();
            into.unknown
                .push(format!("what `{process}` runs cannot be read: {error}"));
        }
    }
}

/// The process has ended.
pub(super) fn is_gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(Errno::ESRCH as i32)
}

fn compare(process: &Path, file: &Mapped, into: &mut Staleness) {
    match state(process, file) {
        Ok(State::Same) => {}
        Ok(State::Replaced) => into.replaced.push(file.path.clone()),
        // It may have ended while it was looked at.
        Err(_) if !process.exists() => {}
        Err(why) => into
            .unknown
            .push(format!("whether `{}` was replaced: {why}", file.path)),
    }
}

enum State {
    Same,
    Replaced,
}

fn state(process: &Path, file: &Mapped) -> Result<State, String> {
    let now = match fs::symlink_metadata(seen_at(process, &file.path)) {
        Ok(now) => Some(now),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error.to_string()),
    };
    let same = now.as_ref().is_some_and(|now| now.ino() == file.inode);
    match (file.deleted, now) {
        _ if same => Ok(State::Same),
        (true, Some(_)) => Ok(State::Replaced),
        (true, None) if maps::was_installed(&file.path) => Ok(State::Replaced),
        (true, None) => Ok(State::Same),
        (false, now) => is_another(process, file, now),
    }
}

/// Where layers of file systems lie over each other the map gives the inode of a layer. What is mapped
/// can be looked at itself; that needs rights that only root has.
fn is_another(process: &Path, file: &Mapped, now: Option<Metadata>) -> Result<State, String> {
    let mapped = fs::metadata(process.join("map_files").join(&file.range));
    let mapped = mapped.map_err(|error| format!("what is mapped cannot be seen: {error}"))?;
    let now = now.ok_or("there is no such path, but nobody removed it")?;
    match (mapped.dev(), mapped.ino()) == (now.dev(), now.ino()) {
        true => Ok(State::Same),
        false => Ok(State::Replaced),
    }
}

/// Where the file of a map lies for us. The kernel writes its path as the reader sees it where both are in
/// one mount namespace, whatever root directory the process has given itself with chroot(2); from another
/// namespace it writes it as it is there.
fn seen_at(process: &Path, path: &str) -> PathBuf {
    let namespace = |directory: &Path| fs::read_link(directory.join("ns/mnt")).ok();
    let ours = namespace(Path::new("/proc/self"));
    match ours.is_some() && ours == namespace(process) {
        true => PathBuf::from(path),
        false => process.join("root").join(path.trim_start_matches('/')),
    }
}

fn interpreter(process: &Path, into: &mut Staleness) {
    let Ok(program) = fs::read_link(process.join("exe")) else {
        return;
    };
    let name = program.file_name().map(|name| name.to_string_lossy());
    let interprets = |name: &str| INTERPRETERS.iter().any(|known| name.starts_with(known));
    if let Some(name) = name.filter(|name| interprets(name)) {
        let name = name.trim_end_matches(" (deleted)");
        let why = format!("what {name} has read to run it shows in no map");
        if !into.unknown.contains(&why) {
            into.unknown.push(why);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A copy of `cat` that runs until its standard input is closed.
    struct Running {
        child: Child,
        program: PathBuf,
        _directory: tempfile::TempDir,
    }

    impl Running {
        /// Outside of /tmp, where nothing is anybody's program, and the source may lie there.
        fn new() -> Self {
            let home = std::env::var("HOME").unwrap_or_default();
            let bases = ["/var/cache", home.as_str()].into_iter();
            let directory = bases.map(tempfile::tempdir_in).find_map(Result::ok);
            let directory = directory.expect("a directory outside of /tmp to write to");
            let program = directory.path().join("cat");
            fs::copy("/bin/cat", &program).unwrap();
            let child = Command::new(&program)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn();
            let mut running = Self {
                child: child.unwrap(),
                program,
                _directory: directory,
            };
            running.until_it_answers();
            running
        }

        /// Only then its libraries are mapped.
        fn until_it_answers(&mut self) {
            use std::io::{Read, Write};
            let stdin = self.child.stdin.as_mut().unwrap();
            stdin.write_all(b"x").unwrap();
            stdin.flush().unwrap();
            let mut byte = [0];
            let stdout = self.child.stdout.as_mut().unwrap();
            stdout.read_exact(&mut byte).unwrap();
        }

        /// The same in a root directory of its own, which it has given itself before it ran the program.
        fn in_a_chroot() -> Self {
            let mut running = Self::new();
            let root = running._directory.path().join("root");
            let maps = fs::read(format!("/proc/{}/maps", running.child.id())).unwrap();
            let maps = String::from_utf8(maps).unwrap();
            for file in maps::parse(&maps) {
                let copy = root.join(file.path.trim_start_matches('/'));
                fs::create_dir_all(copy.parent().unwrap()).unwrap();
                fs::copy(&file.path, copy).unwrap();
            }
            for directory in ["lib", "lib64"] {
                let copies = root.join(directory);
                fs::create_dir_all(&copies).unwrap();
                for entry in fs::read_dir(Path::new("/").join(directory))
                    .into_iter()
                    .flatten()
                {
                    let linker = entry.unwrap();
                    if linker.file_name().to_string_lossy().starts_with("ld-") {
                        fs::copy(linker.path(), copies.join(linker.file_name())).unwrap();
                    }
                }
            }
            let is_root = nix::unistd::geteuid().is_root();
            let mut command = Command::new(if is_root { "chroot" } else { "unshare" });
            if !is_root {
                command.args(["--map-root-user", "chroot"]);
            }
            let inside = Path::new("/").join(running.program.strip_prefix("/").unwrap());
            command
                .arg(&root)
                .arg(&inside)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped());
            drop(running.child.stdin.take());
            let _ = running.child.wait();
            running.child = command.spawn().unwrap();
            running.program = root.join(inside.strip_prefix("/").unwrap());
            running.until_it_answers();
            running
        }

        fn look(&self) -> Staleness {
            let mut found = Staleness::default();
            let directory = format!("/proc/{}", self.child.id());
            look(Path::new(&directory), &mut found);
            found
        }
    }

    impl Drop for Running {
        fn drop(&mut self) {
            drop(self.child.stdin.take());
            let _ = self.child.wait();
        }
    }

    #[test]
    fn a_process_is_stale_once_another_file_lies_at_its_programs_path() {
        let running = Running::new();
        let fresh = running.look();
        assert_eq!(
            (fresh.processes, &fresh.replaced),
            (1, &Vec::new()),
            "{fresh:?}"
        );
        assert_eq!(fresh.unknown, Vec::<String>::new());
        let new = running.program.with_extension("dpkg-new");
        fs::copy("/bin/cat", &new).unwrap();
        fs::rename(&new, &running.program).unwrap();
        let stale = running.look();
        assert_eq!(stale.replaced, [running.program.display().to_string()]);
    }

    #[test]
    fn a_process_that_has_changed_its_root_directory_is_looked_at_where_its_files_lie() {
        let running = Running::in_a_chroot();
        let fresh = running.look();
        assert_eq!(fresh.processes, 1, "{fresh:?}");
        assert_eq!((fresh.replaced, fresh.unknown), (Vec::new(), Vec::new()));
        let new = running.program.with_extension("new");
        fs::copy("/bin/cat", &new).unwrap();
        fs::rename(&new, &running.program).unwrap();
        let stale = running.look();
        assert_eq!(stale.replaced, [running.program.display().to_string()]);
    }

    #[test]
    fn a_program_that_was_moved_away_and_put_back_is_the_same() {
        let running = Running::new();
        let aside = running.program.with_extension("aside");
        fs::hard_link(&running.program, &aside).unwrap();
        fs::remove_file(&running.program).unwrap();
        fs::rename(&aside, &running.program).unwrap();
        assert_eq!(running.look().replaced, Vec::<String>::new());
    }

    #[test]
    fn what_is_gone_without_a_successor_outside_of_program_directories_was_nobodys_program() {
        let running = Running::new();
        fs::remove_file(&running.program).unwrap();
        assert_eq!(running.look().replaced, Vec::<String>::new());
    }

    #[test]
    fn a_process_that_has_ended_runs_nothing_and_one_that_cannot_be_read_is_unknown() {
        let mut found = Staleness::default();
        look(Path::new("/proc/4194305"), &mut found);
        assert_eq!(found, Staleness::default());
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("maps")).unwrap();
        look(directory.path(), &mut found);
        assert_eq!(found.unknown.len(), 1, "{found:?}");
    }

    #[test]
    fn what_an_interpreter_has_read_is_not_known() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("maps"), "").unwrap();
        for (program, known) in [
            ("/usr/bin/python3.11", false),
            ("/usr/bin/perl (deleted)", false),
            ("/usr/sbin/sshd", true),
            ("/usr/bin/dash", true),
        ] {
            let link = directory.path().join("exe");
            let _ = fs::remove_file(&link);
            std::os::unix::fs::symlink(program, &link).unwrap();
            let mut found = Staleness::default();
            look(directory.path(), &mut found);
            assert_eq!(found.unknown.is_empty(), known, "{program}: {found:?}");
        }
    }
}
