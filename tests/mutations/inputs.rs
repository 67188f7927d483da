//! The input of a number, and what it is given to.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use nix::sys::memfd::{MFdFlags, memfd_create};
use rcpolicy::audit::package::{Limits, read};
use rcpolicy::audit::shipped;
use rcpolicy::policy::Tier;

use crate::archives::{archive, members, mend_sums, tar_of};
use crate::mutate;
use crate::packages::{BUS, INIT_SCRIPT, UNIT, with_files};
use crate::random::Random;
use crate::seeds::Seeds;
use crate::words::{CONTROL, IMPORT, LSB, NOTE, POLICY, SCRIPT, UNIT as UNIT_WORDS};
use crate::{imports, records, scripts, whole};

/// What became of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was read, maybe with problems that were told.
    Read,
    /// It was refused with an error.
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unit,
    InitScript,
    Bus,
    Deb,
    Tar,
    Members,
    Control,
    Script,
    Policy,
    /// What our own programs wrote down.
    Note,
    /// Another tool's policy.
    Import,
    /// Units, an init script and a script in one package, through all that an audit does.
    Whole,
}

const TIERS: [Tier; 3] = [Tier::Admin, Tier::Runtime, Tier::Vendor];

/// How many of a hundred are of each kind.
const KINDS: [(Kind, usize); 12] = [
    (Kind::Unit, 14),
    (Kind::InitScript, 11),
    (Kind::Bus, 6),
    (Kind::Deb, 12),
    (Kind::Tar, 12),
    (Kind::Members, 6),
    (Kind::Control, 6),
    (Kind::Script, 18),
    (Kind::Policy, 5),
    (Kind::Note, 5),
    (Kind::Import, 4),
    (Kind::Whole, 1),
];

pub(crate) struct Inputs {
    seeds: Seeds,
    /// What is mutated of each package: its members.
    plain: Vec<(String, Vec<u8>)>,
    /// A file that is in memory alone.
    file: File,
    path: PathBuf,
    limits: Limits,
}

impl Inputs {
    pub(crate) fn new() -> Self {
        let seeds = Seeds::new();
        let fd = memfd_create("mutation", MFdFlags::MFD_CLOEXEC).unwrap();
        let path = PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()));
        let plain = members(&seeds.debs[0]);
        // Small, so that a bomb that is found costs no time.
        let limits = Limits {
            harmless: 1 << 20,
            stream: 16 << 20,
            control: 4 << 20,
            memory: 16 << 20,
            ..Limits::default()
        };
        Self {
            seeds,
            plain,
            file: fd.into(),
            path,
            limits,
        }
    }

    /// The parts of an input, most often one, and what is random about what it is given to.
    fn make(&self, number: u64) -> (Kind, Vec<Vec<u8>>, Random) {
        let mut random = Random::of(number);
        let kind = kind(&mut random);
        let parts = match kind {
            Kind::Unit
            | Kind::InitScript
            | Kind::Bus
            | Kind::Script
            | Kind::Policy
            | Kind::Note
            | Kind::Import => {
                vec![self.mutated(kind, &mut random)]
            }
            Kind::Whole => [
                Kind::Unit,
                Kind::Unit,
                Kind::InitScript,
                Kind::Bus,
                Kind::Script,
            ]
            .map(|part| self.mutated(part, &mut random))
            .into(),
            Kind::Deb => {
                let mut bytes = random.pick(&self.seeds.debs).clone();
                mutate::raw(&mut bytes, &mut random);
                vec![bytes]
            }
            Kind::Tar => vec![self.with_mutated_tar(&mut random)],
            Kind::Members => vec![self.with_mutated_members(&mut random)],
            Kind::Control => {
                let text = self.mutated(kind, &mut random);
                let mut members = self.plain.clone();
                members[1].1 = tar_of("./control", &text);
                vec![archive(&members)]
            }
        };
        (kind, parts, random)
    }

    /// A mutated text of a kind.
    fn mutated(&self, kind: Kind, random: &mut Random) -> Vec<u8> {
        let seeds = &self.seeds;
        let (all, words) = match kind {
            Kind::InitScript => (&seeds.init_scripts, LSB),
            Kind::Bus => (&seeds.bus, UNIT_WORDS),
            Kind::Script => (&seeds.scripts, SCRIPT),
            Kind::Control => (&seeds.controls, CONTROL),
            Kind::Policy => (&seeds.policies, POLICY),
            Kind::Note => (&seeds.notes, NOTE),
            Kind::Import => (&seeds.imports, IMPORT),
            _ => (&seeds.units, UNIT_WORDS),
        };
        let mut bytes = random.pick(all).clone();
        mutate::text(&mut bytes, random, all, words);
        bytes
    }

    fn with_mutated_tar(&self, random: &mut Random) -> Vec<u8> {
        let mut members = self.plain.clone();
        let (name, bytes) = &mut members[1 + random.below(2)];
        mutate::raw(bytes, random);
        if !random.one_in(4) {
            mend_sums(bytes);
        }
        if random.one_in(4) {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            *bytes = encoder.finish().unwrap();
            name.push_str(".gz");
        }
        archive(&members)
    }

    fn with_mutated_members(&self, random: &mut Random) -> Vec<u8> {
        let deb: &Vec<u8> = random.pick(&self.seeds.debs);
        let mut members = members(deb);
        for _ in 0..=random.below(3) {
            let (one, two) = (random.below(members.len()), random.below(members.len()));
            match random.below(5) {
                0 => members.swap(one, two),
                1 => members.insert(one, members[two].clone()),
                2 if members.len() > 1 => drop(members.remove(one)),
                3 => members[one].1 = members[two].1.clone(),
                _ => {
                    let name = members[two].0.clone();
                    members[one].0 = name;
                }
            }
        }
        let mut whole = archive(&members);
        if random.one_in(3) {
            whole.truncate(2000);
            mutate::text(
                &mut whole,
                random,
                &self.seeds.debs[..1],
                &["`\n", "/1", "//", "#1/20", "!<arch>\n"],
            );
        }
        whole
    }

    /// Gives the input of this number to what reads its kind.
    pub(crate) fn give(&self, number: u64) -> Outcome {
        let (kind, parts, mut random) = self.make(number);
        let texts = || -> Vec<String> {
            let texts = parts.iter().map(|part| String::from_utf8_lossy(part));
            texts.map(std::borrow::Cow::into_owned).collect()
        };
        match kind {
            Kind::Unit => describes(UNIT, &texts()[0]),
            Kind::InitScript => describes(INIT_SCRIPT, &texts()[0]),
            Kind::Bus => describes(BUS, &texts()[0]),
            Kind::Deb | Kind::Tar | Kind::Members | Kind::Control => self.package(&parts[0]),
            Kind::Script => scripts::give(&texts()[0], &mut random),
            Kind::Policy => records::policy(&texts()[0], *random.pick(&TIERS)),
            Kind::Note => records::note(&parts[0]),
            Kind::Import => imports::give(&texts()[0], &mut random),
            Kind::Whole => whole::give(&texts(), &mut random),
        }
    }

    fn package(&self, bytes: &[u8]) -> Outcome {
        self.file.set_len(0).unwrap();
        self.file.write_all_at(bytes, 0).unwrap();
        match read(&self.path, &self.limits) {
            Ok(all) => {
                for package in &all {
                    let _ = shipped::of(package);
                }
                Outcome::Read
            }
            Err(error) => refused(&error.to_string()),
        }
    }

    /// The input of this number, for a reader.
    pub(crate) fn shown(&self, number: u64) -> String {
        let (kind, parts, _) = self.make(number);
        let shown: Vec<String> = parts
            .iter()
            .map(|part| format!("\"{}\"", part.escape_ascii()))
            .collect();
        format!("{number} is a {kind:?}: {}", shown.join("\n"))
    }

    /// Its bytes alone.
    pub(crate) fn bytes(&self, number: u64) -> Vec<u8> {
        self.make(number).1.concat()
    }
}

/// An error is told in one line.
pub(crate) fn refused(told: &str) -> Outcome {
    assert!(!told.contains('\n'), "an error of several lines: {told:?}");
    Outcome::Refused
}

fn kind(random: &mut Random) -> Kind {
    let mut left = random.below(KINDS.iter().map(|(_, many)| many).sum());
    let kind = KINDS.iter().find(|(_, many)| {
        let found = left < *many;
        left = left.saturating_sub(*many);
        found
    });
    kind.unwrap().0
}

/// A file, and a drop-in beside it, of a package that has nothing else.
fn describes(path: &str, text: &str) -> Outcome {
    let drop_in = format!("{UNIT}.d/a.conf");
    let package = with_files(&[(path, text), (&drop_in, text)]);
    match shipped::of(&package).problems.is_empty() {
        true => Outcome::Read,
        false => Outcome::Refused,
    }
}
