//! Packages as bytes: taken apart into their members, and put together again.

use std::io::Write;

/// The members of a package that is well made.
pub(crate) fn members(deb: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut at = 8;
    while at < deb.len() {
        let text =
            |from: usize, to: usize| String::from_utf8_lossy(&deb[at + from..at + to]).into_owned();
        let size: usize = text(48, 58).trim().parse().unwrap();
        let name = text(0, 16).trim_end_matches([' ', '/']).to_owned();
        let start = at + 60;
        found.push((name, deb[start..start + size].to_vec()));
        at = start + size + size % 2;
    }
    found
}

pub(crate) fn archive(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut whole = b"!<arch>\n".to_vec();
    for (name, bytes) in members {
        let size = bytes.len();
        writeln!(
            whole,
            "{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`",
            0, 0, 0, 100_644
        )
        .unwrap();
        whole.extend(bytes);
        whole.resize(whole.len() + size % 2, b'\n');
    }
    whole
}

pub(crate) fn tar_of(name: &str, text: &[u8]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, name, text).unwrap();
    builder.into_inner().unwrap()
}

/// Makes the sums of all headers right again.
pub(crate) fn mend_sums(bytes: &mut [u8]) {
    for block in bytes.chunks_exact_mut(512) {
        if block[257..].starts_with(b"ustar") {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
}
