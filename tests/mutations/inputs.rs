//! The input of a number, and what it is given to.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use nix::sys::memfd::{MFdFlags, memfd_create};
use rcpolicy::audit::package::{Entry, Form, Limits, Package, read};
use rcpolicy::audit::shipped;

use crate::mutate;
use crate::random::Random;
use crate::seeds::Seeds;

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
}

const KINDS: [Kind; 12] = [
    Kind::Unit,
    Kind::Unit,
    Kind::Unit,
    Kind::InitScript,
    Kind::InitScript,
    Kind::Bus,
    Kind::Deb,
    Kind::Deb,
    Kind::Tar,
    Kind::Tar,
    Kind::Members,
    Kind::Control,
];

const UNIT_WORDS: [&str; 16] = [
    "[Unit]",
    "[Service]",
    "[Install]",
    "[",
    "]",
    "=",
    "\\\n",
    "#",
    ";",
    "Alias=",
    "a@.service",
    "a@b.socket",
    "ExecStart=",
    "\n",
    "%i",
    "After=",
];
const LSB_WORDS: [&str; 12] = [
    "### BEGIN INIT INFO\n",
    "### END INIT INFO\n",
    "# ",
    "#\t",
    "#  ",
    ":",
    "Provides:",
    "$all",
    "#!/sbin/openrc-run\n",
    "#!",
    "\n",
    "-",
];
const CONTROL_WORDS: [&str; 12] = [
    "Package:",
    "Version:",
    "\n\n",
    "\n ",
    "\n\t",
    "#",
    ":",
    "\r\n",
    "~",
    "..",
    "/",
    "Source: a\n\n",
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

    fn make(&self, number: u64) -> (Kind, Vec<u8>) {
        let mut random = Random::of(number);
        let random = &mut random;
        let kind = *random.pick(&KINDS);
        let seeds = &self.seeds;
        let mutated = |all: &[Vec<u8>], words: &[&str], random: &mut Random| {
            let mut bytes = random.pick(all).clone();
            mutate::text(&mut bytes, random, all, words);
            bytes
        };
        let bytes = match kind {
            Kind::Unit => mutated(&seeds.units, &UNIT_WORDS, random),
            Kind::InitScript => mutated(&seeds.init_scripts, &LSB_WORDS, random),
            Kind::Bus => mutated(&seeds.bus, &UNIT_WORDS, random),
            Kind::Deb => {
                let mut bytes = random.pick(&seeds.debs).clone();
                mutate::raw(&mut bytes, random);
                bytes
            }
            Kind::Tar => self.with_mutated_tar(random),
            Kind::Members => self.with_mutated_members(random),
            Kind::Control => {
                let text = mutated(&seeds.controls, &CONTROL_WORDS, random);
                let mut members = self.plain.clone();
                members[1].1 = tar_of("./control", &text);
                archive(&members)
            }
        };
        (kind, bytes)
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
        let (kind, bytes) = self.make(number);
        match kind {
            Kind::Unit => self.text("/usr/lib/systemd/system/foo.service", &bytes),
            Kind::InitScript => self.text("/etc/init.d/foo", &bytes),
            Kind::Bus => self.text("/usr/share/dbus-1/system-services/foo.service", &bytes),
            Kind::Deb | Kind::Tar | Kind::Members | Kind::Control => self.package(&bytes),
        }
    }

    fn text(&self, path: &str, bytes: &[u8]) -> Outcome {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let entry = Entry::File {
            mode: 0o644,
            size: bytes.len() as u64,
            text: Some(text),
        };
        let drop_in = "/usr/lib/systemd/system/foo.service.d/a.conf".to_owned();
        let package = Package {
            path: "foo.deb".into(),
            form: Form::Deb,
            name: "foo".to_owned(),
            version: "1".to_owned(),
            fields: BTreeMap::new(),
            scripts: BTreeMap::new(),
            files: [(path.to_owned(), entry.clone()), (drop_in, entry)].into(),
            conffiles: Default::default(),
            triggers: Vec::new(),
            origins: BTreeMap::new(),
        };
        match shipped::of(&package).problems.is_empty() {
            true => Outcome::Read,
            false => Outcome::Refused,
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
            Err(error) => {
                let told = error.to_string();
                assert!(
                    !told.contains('\n'),
                    "an error of more than one line: {told:?}"
                );
                Outcome::Refused
            }
        }
    }

    /// The input of this number, for a reader.
    pub(crate) fn shown(&self, number: u64) -> String {
        let (kind, bytes) = self.make(number);
        format!("{number} is a {kind:?}: \"{}\"", bytes.escape_ascii())
    }

    /// Its bytes alone.
    pub(crate) fn bytes(&self, number: u64) -> Vec<u8> {
        self.make(number).1
    }
}

/// The members of a package that is well made.
fn members(deb: &[u8]) -> Vec<(String, Vec<u8>)> {
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

fn archive(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut whole = b"!<arch>\n".to_vec();
    for (name, bytes) in members {
        let size = bytes.len();
        write!(
            whole,
            "{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n",
            0, 0, 0, 100_644
        )
        .unwrap();
        whole.extend(bytes);
        whole.resize(whole.len() + size % 2, b'\n');
    }
    whole
}

fn tar_of(name: &str, text: &[u8]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, name, text).unwrap();
    builder.into_inner().unwrap()
}

/// Makes the sums of all headers right again.
fn mend_sums(bytes: &mut [u8]) {
    for block in bytes.chunks_exact_mut(512) {
        if block[257..].starts_with(b"ustar") {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
}
