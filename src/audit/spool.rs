//! A file without a name, for what is written now and read again later: it goes away with its process,
//! however that ends.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many names are tried.
const TRIES: u32 = 100;

/// Makes one in `directory`, readable by nobody else.
///
/// # Errors
/// When nothing can be made there.
pub(super) fn spool(directory: &Path) -> io::Result<File> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let mut options = OpenOptions::new();
    // Never one that another has put there: these directories may be everybody's.
    options.read(true).write(true).create_new(true).mode(0o600);
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for _ in 0..TRIES {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!(".rcpolicy-{}-{number}", std::process::id());
        let path = directory.join(name);
        match options.open(&path) {
            Ok(file) => {
                std::fs::remove_file(&path)?;
                return Ok(file);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}
