//! What is done to an input: to its bytes, its lines, its words.

use super::random::Random;

/// No input grows over this.
const LONGEST: usize = 1 << 16;
const ODD: [u8; 12] = [0, 1, 9, 10, 13, 32, 34, 39, 92, 127, 128, 255];
const NUMBERS: [&str; 10] = [
    "0",
    "-1",
    "1",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "99999999999999999999999",
    "0x7fffffff",
    "1e9",
];

/// Changes `bytes` one to eight times, most often once or twice, so that enough of it goes on to mean something; `others`
/// and `words` are what is put in.
pub(crate) fn text(bytes: &mut Vec<u8>, random: &mut Random, others: &[Vec<u8>], words: &[&str]) {
    let most = *random.pick(&[1, 3, 8]);
    for _ in 0..=random.below(most) {
        match random.below(12) {
            0..=2 => byte(bytes, random),
            3 => range(bytes, random),
            4 | 5 => line(bytes, random, others),
            6..=9 => word(bytes, random, words),
            10 => number(bytes, random),
            _ => nest(bytes, random, words),
        }
    }
    bytes.truncate(LONGEST);
}

/// Changes bytes alone.
pub(crate) fn raw(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(6) {
        if random.one_in(4) {
            range(bytes, random);
        } else {
            byte(bytes, random);
        }
    }
    bytes.truncate(LONGEST);
}

fn byte(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len());
    match random.below(5) {
        0 => bytes.insert(at, *random.pick(&ODD)),
        1 if !bytes.is_empty() => {
            bytes.remove(at);
        }
        2 if !bytes.is_empty() => bytes[at] = *random.pick(&ODD),
        3 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
        _ => bytes.insert(at, u8::try_from(random.below(256)).unwrap()),
    }
}

fn some_range(bytes: &[u8], random: &mut Random) -> std::ops::Range<usize> {
    let start = random.below(bytes.len());
    let most = if random.one_in(4) { bytes.len() } else { 64 };
    let length = random.below(most.min(bytes.len() - start) + 1);
    start..start + length
}

fn range(bytes: &mut Vec<u8>, random: &mut Random) {
    let range = some_range(bytes, random);
    match random.below(5) {
        0 => drop(bytes.drain(range)),
        1 => bytes.truncate(range.start),
        2 => {
            let again = bytes[range.clone()].repeat(1 + random.below(40));
            bytes.splice(range, again);
        }
        3 => {
            let moved: Vec<u8> = bytes.drain(range).collect();
            let at = random.below(bytes.len() + 1);
            bytes.splice(at..at, moved);
        }
        _ => bytes[range].fill(*random.pick(&ODD)),
    }
}

fn line(bytes: &mut Vec<u8>, random: &mut Random, others: &[Vec<u8>]) {
    let mut lines: Vec<Vec<u8>> = bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    let (one, two) = (random.below(lines.len()), random.below(lines.len()));
    match random.below(4) {
        0 => lines.swap(one, two),
        1 => drop(lines.remove(one)),
        2 => lines.insert(one, lines[two].clone()),
        _ => {
            let other = random.pick(others);
            let theirs: Vec<&[u8]> = other.split(|b| *b == b'\n').collect();
            let from = random.below(theirs.len());
            let taken = theirs[from..].iter().take(1 + random.below(6));
            lines.splice(one..one, taken.map(|line| line.to_vec()));
        }
    }
    *bytes = lines.join(&b'\n');
}

/// Puts a word in, or in another's place.
fn word(bytes: &mut Vec<u8>, random: &mut Random, words: &[&str]) {
    let range = word_at(bytes, random);
    let at = if random.one_in(2) {
        range
    } else {
        range.start..range.start
    };
    bytes.splice(at, random.pick(words).bytes());
}

fn word_at(bytes: &[u8], random: &mut Random) -> std::ops::Range<usize> {
    let at = random.below(bytes.len());
    let ends = |byte: &u8| byte.is_ascii_whitespace();
    let start = bytes[..at].iter().rposition(ends).map_or(0, |p| p + 1);
    let end = bytes[at..]
        .iter()
        .position(ends)
        .map_or(bytes.len(), |p| at + p);
    start..end
}

fn number(bytes: &mut Vec<u8>, random: &mut Random) {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let at = random.below(bytes.len());
    let Some(start) = bytes[at..].iter().position(is_digit).map(|p| at + p) else {
        return;
    };
    let length = bytes[start..].iter().take_while(|b| is_digit(b)).count();
    bytes.splice(start..start + length, random.pick(&NUMBERS).bytes());
}

/// Puts one word before, and maybe one behind, very often: what nests, nests deeply.
fn nest(bytes: &mut Vec<u8>, random: &mut Random, words: &[&str]) {
    if !random.one_in(4) {
        return word(bytes, random, words);
    }
    let times = [3, 30, 300, 3000][random.below(4)];
    let (open, close) = (
        random.pick(words).repeat(times),
        random.pick(words).repeat(times),
    );
    let range = some_range(bytes, random);
    bytes.splice(range.end..range.end, close.bytes());
    bytes.splice(range.start..range.start, open.bytes());
}
