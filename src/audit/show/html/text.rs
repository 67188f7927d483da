//! What binds a page to its own script and style, and names of files. Pure.

use sha2::{Digest, Sha256};

/// What a Content-Security-Policy calls this text.
pub(super) fn source_hash(text: &str) -> String {
    format!("'sha256-{}'", base64(&Sha256::digest(text.as_bytes())))
}

/// RFC 4648, with padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| chunk.get(at).copied().map_or(0, u32::from);
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4_usize {
            let digit = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap_or(0);
            match (place <= chunk.len(), DIGITS.get(digit)) {
                (true, Some(digit)) => text.push(char::from(*digit)),
                _ => text.push('='),
            }
        }
    }
    text
}

/// A name that is safe in every file system and address: others' characters become `_`.
pub(super) fn file_name(text: &str) -> String {
    /// No file system takes more than 255 bytes, and something may be added.
    const LONGEST: usize = 180;
    let safe = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '+' | '-' | '_' => c,
        _ => '_',
    };
    let name: String = text.chars().take(LONGEST).map(safe).collect();
    match name.trim_start_matches('.') {
        "" => "_".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        for (bytes, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), expected);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xfd]), "//79");
    }

    #[test]
    fn a_file_name_leads_nowhere_else() {
        for (text, expected) in [
            ("acpid_1:2.0-1_amd64", "acpid_1_2.0-1_amd64"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("..", "_"),
            ("", "_"),
            ("é b\n", "__b_"),
        ] {
            let name = file_name(text);
            assert_eq!(name, expected);
            assert!(!name.contains('/') && !name.starts_with('.'));
        }
        assert_eq!(file_name(&"x".repeat(1_000)).len(), 180);
    }
}
