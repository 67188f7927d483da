//! What a finding is recognised by when its file has changed elsewhere: its line's text and not its number.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::place;
use crate::audit::finding::Finding;

/// Bytes of a fingerprint: enough to tell all findings of an archive apart.
const LENGTH: usize = 16;

/// The fingerprints given to one package's findings, so that equal lines get different ones.
#[derive(Debug, Default)]
pub(super) struct Fingerprints {
    given: BTreeMap<Vec<u8>, u32>,
}

impl Fingerprints {
    /// That of `finding`: of its check, package, file and line, where the line's blanks do not count, and of
    /// how many equal ones came before it.
    pub(super) fn of(&mut self, finding: &Finding) -> String {
        let mut parts = vec![finding.check.clone(), finding.package.clone()];
        match finding.spots.first() {
            Some(spot) => {
                parts.push(place::inside(spot));
                let words: Vec<&str> = spot.text.split_whitespace().collect();
                parts.push(words.join(" "));
            }
            None => parts.push(finding.message.clone()),
        }
        let key = digest(&parts);
        let before = self.given.entry(key).or_insert(0);
        parts.push(before.to_string());
        *before += 1;
        let bytes = digest(&parts);
        let hex = bytes.iter().take(LENGTH).map(|byte| format!("{byte:02x}"));
        hex.collect()
    }
}

/// Of the parts, so that no two lists of them look the same.
fn digest(parts: &[String]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().to_vec()
}
