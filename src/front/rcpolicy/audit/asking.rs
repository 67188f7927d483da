//! What is asked for, read and audited: one new version with the old one that belongs to it. It reads what
//! it is given and prints nothing.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::arguments::Arguments;
use super::failure::AuditFailure;
use crate::audit::audited::{Input, Line, Unreadable};
use crate::audit::check::Tie;
use crate::audit::many::asked::{Asked, Older, list};
use crate::audit::package::{self, Limits, Package};
use crate::audit::upgrade::{self, Drawn, Given};

/// A list of more bytes is none.
const LONGEST_LIST: u64 = 1 << 30;

/// Where old versions come from that nobody named with the new one.
enum From {
    /// Each package is upgraded to itself.
    Itself,
    /// This file or directory.
    One(PathBuf),
    /// One of these, by its name.
    Among(PathBuf, Older),
}

/// What holds for all that is asked for.
pub(super) struct Asking {
    from: From,
    limits: Limits,
    given: Given,
}

impl Asking {
    pub(super) fn of(arguments: &Arguments) -> Result<Self, AuditFailure> {
        let from = match &arguments.from {
            None => From::Itself,
            Some(path) if is_package(path) => From::One(path.clone()),
            Some(path) => {
                let older = Older::of(path).map_err(|source| AuditFailure::From {
                    path: path.clone(),
                    source,
                })?;
                From::Among(path.clone(), older)
            }
        };
        Ok(Self {
            from,
            limits: Limits::default(),
            given: Given {
                drawn: match arguments.html.is_some() || arguments.timelines {
                    true => Drawn::Yes,
                    false => Drawn::No,
                },
                ties: Vec::new(),
            },
        })
    }

    /// All that is asked for, in its order.
    pub(super) fn all(&self, arguments: &Arguments) -> Result<Vec<Asked>, AuditFailure> {
        let mut all = Vec::new();
        for path in &arguments.packages {
            if path == Path::new("-") {
                all.extend(list(&standard_input().map_err(AuditFailure::Input)?)?);
            } else {
                all.push(Asked {
                    path: path.clone(),
                    from: None,
                });
            }
        }
        Ok(all)
    }

    /// As the results name it.
    pub(super) fn input(&self, asked: &Asked) -> Input {
        let mut input = asked.input();
        if let (None, From::One(path) | From::Among(path, _)) = (&input.from, &self.from) {
            input.from = Some(path.to_string_lossy().into_owned());
        }
        input
    }

    /// What of it falls with units of others; nothing of what cannot be read, which is told of later.
    pub(super) fn ties(&self, asked: &Asked) -> Vec<Tie> {
        let packages = self.read(&asked.path).unwrap_or_default();
        packages.iter().flat_map(upgrade::ties).collect()
    }

    /// Takes these into account.
    pub(super) fn bind(&mut self, ties: Vec<Tie>) {
        self.given.ties = ties;
    }

    /// Reads it and audits it: a line for each binary package.
    pub(super) fn audit(&self, asked: &Asked) -> Vec<Line> {
        let input = self.input(asked);
        match self.packages(asked, &input) {
            Ok(lines) => lines,
            Err(error) => vec![Line::Unreadable(Unreadable { input, error })],
        }
    }

    fn packages(&self, asked: &Asked, input: &Input) -> Result<Vec<Line>, String> {
        let news = self.read(&asked.path)?;
        let named = match (&asked.from, &self.from) {
            (Some(path), _) | (None, From::One(path)) => Some(path),
            (None, From::Itself | From::Among(..)) => None,
        };
        let olds = named.map(|path| self.read(path)).transpose()?;
        if let (Some(path), Some(olds)) = (named, &olds) {
            let known = |new: &Package| olds.iter().any(|old| old.name == new.name);
            if !news.iter().any(known) {
                let names: Vec<&str> = olds.iter().map(|old| old.name.as_str()).collect();
                let (old, new) = (path.display(), asked.path.display());
                let names = names.join(", ");
                return Err(format!(
                    "`{old}` is no older version of `{new}`: it is {names}"
                ));
            }
        }
        let lines = news
            .iter()
            .map(|new| self.package(new, olds.as_deref(), input));
        lines.collect()
    }

    fn package(
        &self,
        new: &Package,
        olds: Option<&[Package]>,
        input: &Input,
    ) -> Result<Line, String> {
        let found = self.found(new)?;
        let old = match olds {
            Some(olds) => olds.iter().find(|old| old.name == new.name),
            None => found.iter().find(|old| old.name == new.name),
        };
        let audited = upgrade::audit(old, new, (input.clone(), &self.given));
        Ok(Line::Package(Box::new(audited.tidied())))
    }

    /// The older version of `new` in the directory, if there is one.
    fn found(&self, new: &Package) -> Result<Vec<Package>, String> {
        let From::Among(_, older) = &self.from else {
            return Ok(Vec::new());
        };
        let architecture = new.fields.get("architecture").map_or("", String::as_str);
        match older.than(&new.name, &new.version, architecture) {
            Some(path) => self.read(path),
            None => Ok(Vec::new()),
        }
    }

    fn read(&self, path: &Path) -> Result<Vec<Package>, String> {
        package::read(path, &self.limits).map_err(|error| error.to_string())
    }
}

/// Whether it is one package, and no directory of many.
fn is_package(path: &Path) -> bool {
    let has = |name: &str| path.join(name).exists();
    !path.is_dir() || has("DEBIAN") || has("debian") || has("control")
}

fn standard_input() -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let input = io::stdin().lock();
    input.take(LONGEST_LIST + 1).read_to_end(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|length| length > LONGEST_LIST) {
        return Err(io::Error::other("it is too long"));
    }
    Ok(text)
}
