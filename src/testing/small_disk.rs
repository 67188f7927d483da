//! A disk that is all but full, in a process of its own, which may mount.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Set in that process.
const INSIDE: &str = "RCPOLICY_TEST_MAY_MOUNT";
/// What a file takes at least, in bytes.
const PAGE: usize = 4096;
/// What takes the room.
const FILL: &str = "fill";

/// What there is hardly any of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lacks {
    /// Room for what files hold.
    Bytes,
    /// Room for more files.
    Files,
}

/// Whether this process may mount. If not, plays the test `name` in one that does, and sees to it that it passes.
pub(crate) fn may_mount(name: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let mut unshare = Command::new("unshare");
    if !nix::unistd::geteuid().is_root() {
        unshare.arg("--map-root-user");
    }
    let played = unshare
        .args(["--mount", "--propagation", "private"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env(INSIDE, "yes")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&played.stdout);
    assert!(said.contains("1 passed"), "{said}{played:?}");
    false
}

/// The disk.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounted over the directory `path`.
    pub(crate) fn over(path: &Path) -> Self {
        let mounted = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                "mode=755,size=512k,nr_inodes=200",
                "small",
            ])
            .arg(path)
            .status();
        assert!(mounted.unwrap().success());
        Self(path.to_path_buf())
    }

    /// Leaves so many pages, or files, to `spare`.
    pub(crate) fn fill(&self, lacks: Lacks, spare: usize) {
        let fill = self.0.join(FILL);
        fs::create_dir(&fill).unwrap();
        match lacks {
            Lacks::Bytes => {
                let mut file = fs::File::create(fill.join("0")).unwrap();
                let mut pages = 0_usize;
                while file.write_all(&[0; PAGE]).is_ok() {
                    pages += 1;
                }
                let left = pages.saturating_sub(spare) * PAGE;
                file.set_len(u64::try_from(left).unwrap()).unwrap();
            }
            Lacks::Files => {
                let path = |at: usize| fill.join(at.to_string());
                let made = (0..)
                    .take_while(|at| fs::write(path(*at), "").is_ok())
                    .count();
                (0..spare.min(made)).for_each(|at| fs::remove_file(path(at)).unwrap());
            }
        }
    }

    /// There is room again.
    pub(crate) fn free(&self) {
        fs::remove_dir_all(self.0.join(FILL)).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// From nothing to spare to enough: `play` tells whether all went well. It has to fail at first.
pub(crate) fn from_nothing_to_enough(mut play: impl FnMut(Lacks, usize) -> bool) {
    for lacks in [Lacks::Bytes, Lacks::Files] {
        let (mut failed, mut went_well) = (0, 0);
        for spare in 0.. {
            match play(lacks, spare) {
                true => went_well += 1,
                false => failed += 1,
            }
            if went_well > 2 {
                break;
            }
        }
        assert!(failed > 3, "{lacks:?}: {failed}");
    }
}
