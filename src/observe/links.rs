//! The S and K links of an init script in the runlevel directories.

use std::fs;
use std::io;
use std::path::Path;

use crate::domain::order;
use crate::domain::{Links, RunlevelLink};

use super::detect::is_executable;

/// The runlevels whose start links stock takes for "enabled" under systemd.
const ENABLING: [&str; 5] = ["S", "2", "3", "4", "5"];

/// Where a script comes that has no start link: after all that have one.
pub const NO_NUMBER: u8 = u8::MAX;

fn directory(root: &Path, runlevel: &str) -> String {
    root.join(format!("etc/rc{runlevel}.d"))
        .display()
        .to_string()
}

/// Paths of `LETTER??NAME` for each of `letters` in `directory`, which is read once, sorted as `ls` sorts
/// them. A directory that is not there has none.
fn entries<const N: usize>(
    directory: &str,
    letters: [char; N],
    name: &str,
) -> Result<[Vec<String>; N], String> {
    let unread = |error: io::Error| format!("cannot read {directory}: {error}");
    let listing = match fs::read_dir(directory) {
        Ok(listing) => Some(listing),
        Err(error) if is_missing(&error) => None,
        Err(error) => return Err(unread(error)),
    };
    let mut files = Vec::new();
    for entry in listing.into_iter().flatten() {
        let file = entry.map_err(unread)?.file_name().into_string();
        files.extend(file.ok().filter(|file| file.ends_with(name)));
    }
    order::sort(&mut files);
    Ok(letters.map(|letter| {
        let found = files.iter().filter(|file| is_link_name(file, letter, name));
        found.map(|file| format!("{directory}/{file}")).collect()
    }))
}

fn is_missing(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

fn is_link_name(file: &str, letter: char, name: &str) -> bool {
    let Some(rest) = file
        .strip_prefix(letter)
        .and_then(|rest| rest.strip_suffix(name))
    else {
        return false;
    };
    rest.len() == 2 && rest.bytes().all(|byte| byte.is_ascii_digit())
}

fn look(path: String) -> RunlevelLink {
    let file = Path::new(&path);
    RunlevelLink {
        is_link: file.is_symlink(),
        leads_to_file: file.is_file(),
        executable: is_executable(&path),
        path,
    }
}

/// The number of the start link of `name` in `runlevel`: scripts are started in the order of those.
pub fn number(root: &Path, runlevel: &str, name: &str) -> Option<u8> {
    let [links] = entries(&directory(root, runlevel), ['S'], name).ok()?;
    let file = Path::new(links.first()?).file_name()?.to_str()?;
    file.get(1..3)?.parse().ok()
}

/// The links of `name` in `runlevel`, and its boot links, below `root`.
pub fn of_runlevel(root: &Path, runlevel: &str, name: &str) -> Links {
    let mut unread = Vec::new();
    let of_level = entries(&directory(root, runlevel), ['S', 'K'], name);
    let [start, kill] = of_level.unwrap_or_else(|why| {
        unread.push(why);
        Default::default()
    });
    let [boot] = entries(&directory(root, "S"), ['S'], name).unwrap_or_else(|why| {
        unread.push(why);
        Default::default()
    });
    let look_at = |paths: Vec<String>| paths.into_iter().map(look).collect();
    Links {
        start: look_at(start),
        kill: look_at(kill),
        boot: look_at(boot),
        unread,
    }
}

/// Whether any runlevel that is reached by booting has a start link for `name`, below `root`.
///
/// # Errors
/// Which directory cannot be read, and why, where none of the others has one.
pub fn enables(root: &Path, name: &str) -> Result<bool, String> {
    let mut unread = Ok(false);
    for level in ENABLING {
        match entries(&directory(root, level), ['S'], name) {
            Ok([links]) if links.is_empty() => {}
            Ok(_) => return Ok(true),
            Err(why) => unread = Err(why),
        }
    }
    unread
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_digits_stand_between_letter_and_name() {
        assert!(is_link_name("S20foo", 'S', "foo"));
        for other in ["S2foo", "S200foo", "K20foo", "Sxxfoo", "S20food", "S20-foo"] {
            assert!(!is_link_name(other, 'S', "foo"), "{other}");
        }
    }
}
