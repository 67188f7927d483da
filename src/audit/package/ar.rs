//! The outer archive of a `.deb`: a table of its members, with every size checked against the file
//! before anything is read. See deb(5); the long names of other kinds of ar are no part of that format.

use std::io::{Read, Seek, SeekFrom};

use super::error::Reason;

const MAGIC: &[u8; 8] = b"!<arch>\n";
const HEADER: usize = 60;
const END: &[u8; 2] = b"`\n";

/// A member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// Its name; printable ASCII.
    pub(super) name: String,
    /// Where it begins, in bytes from the file's start.
    pub(super) start: u64,
    /// How long it is, in bytes.
    pub(super) size: u64,
}

/// Whether `bytes` begin like an ar archive.
pub(super) fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The members of the archive in `file`, of which there may be `most`.
pub(super) fn members(file: &mut (impl Read + Seek), most: usize) -> Result<Vec<Member>, Reason> {
    let length = file.seek(SeekFrom::End(0)).map_err(unreadable)?;
    let mut at = MAGIC.len() as u64;
    let mut found = Vec::new();
    while at < length {
        if found.len() == most {
            return Err(Reason::limit(
                "it",
                "the number of its members",
                most as u64,
            ));
        }
        let mut header = [0; HEADER];
        file.seek(SeekFrom::Start(at)).map_err(unreadable)?;
        file.read_exact(&mut header).map_err(unreadable)?;
        let member = parse(&header, at + HEADER as u64)?;
        if member.size > length - member.start {
            let part = format!("its member `{}`", member.name);
            return Err(Reason::Truncated { part });
        }
        // Each begins at an even offset; what pads the last one may be missing.
        at = member.start + member.size + member.size % 2;
        found.push(member);
    }
    Ok(found)
}

fn unreadable(error: std::io::Error) -> Reason {
    Reason::of_stream("it", error)
}

/// The header of the member whose bytes begin at `start`.
fn parse(header: &[u8; HEADER], start: u64) -> Result<Member, Reason> {
    let broken = |why: &str| Reason::Broken {
        part: format!("what stands before its byte {start}"),
        why: why.to_owned(),
    };
    let field = |from: usize, to: usize| {
        let bytes = header.get(from..to).unwrap_or_default();
        let text = std::str::from_utf8(bytes).ok();
        text.filter(|text| text.bytes().all(|b| matches!(b, b' '..=b'~')))
            .map(|text| text.trim_end_matches(' '))
    };
    if header.get(HEADER - END.len()..) != Some(END) {
        return Err(broken("it is no header of a member"));
    }
    let name = field(0, 16).ok_or_else(|| broken("the name of a member is no plain text"))?;
    // dpkg takes the slash that GNU's ar puts behind a name.
    let name = name.strip_suffix('/').unwrap_or(name);
    let size = field(48, 58).filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    let size = size.and_then(|text| text.parse().ok());
    let size = size.ok_or_else(|| broken("the size of a member is no number"))?;
    if name.is_empty() {
        return Err(broken("a member has no name"));
    }
    Ok(Member {
        name: name.to_owned(),
        start,
        size,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn header(name: &str, size: &str) -> String {
        format!(
            "{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n",
            0, 0, 0, "100644"
        )
    }

    fn read(rest: &str) -> Result<Vec<Member>, String> {
        let bytes = [MAGIC, rest.as_bytes()].concat();
        members(&mut Cursor::new(bytes), 3).map_err(|error| error.to_string())
    }

    #[test]
    fn members_are_found_at_even_offsets() {
        let text = format!(
            "{}abc\n{}xy",
            header("debian-binary", "3"),
            header("b/", "2")
        );
        let found = read(&text).unwrap();
        let all: Vec<_> = found
            .iter()
            .map(|m| (m.name.as_str(), m.start, m.size))
            .collect();
        assert_eq!(all, [("debian-binary", 68, 3), ("b", 132, 2)]);
        assert_eq!(read("").unwrap(), []);
        // What pads the last one is missing.
        assert_eq!(read(&format!("{}abc", header("a", "3"))).unwrap().len(), 1);
    }

    #[test]
    fn a_member_that_is_not_all_there_is_cut_off_whatever_its_size_says() {
        for size in ["4", "9999999999"] {
            let error = read(&format!("{}abc", header("data.tar", size))).unwrap_err();
            assert_eq!(
                error,
                "its member `data.tar` is cut off: fetch or build it again"
            );
        }
        let error = read(&header("a", "0")[..59]).unwrap_err();
        assert!(error.contains("cut off"), "{error}");
    }

    #[test]
    fn names_and_sizes_of_other_kinds_of_archives_are_no_members() {
        for (name, size) in [
            ("a", "-1"),
            ("a", "+1"),
            ("a", "1x"),
            ("a", ""),
            ("a", "0x1"),
            ("", "0"),
            ("/", "0"),
            ("a\nb", "0"),
        ] {
            let error = read(&header(name, size)).unwrap_err();
            assert!(error.contains("is broken"), "{name:?} {size:?}: {error}");
        }
        // The index of a long name that is nowhere is a name like any other.
        assert_eq!(read(&header("/999999", "0")).unwrap()[0].name, "/999999");
        let error = read(&header("a", "0").replace('`', "'")).unwrap_err();
        assert!(error.contains("no header"), "{error}");
    }

    #[test]
    fn an_archive_of_very_many_members_is_refused() {
        let error = read(&header("a", "0").repeat(4)).unwrap_err();
        assert!(error.contains("number of its members"), "{error}");
    }
}
