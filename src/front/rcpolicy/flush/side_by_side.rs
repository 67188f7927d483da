//! Paying by init scripts that need nothing of each other: a few of them run at once. All but the runs
//! themselves is done by one thread: deciding, the ledger's notes, the log, and what is said, in the order in
//! which they stand.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use crate::domain::{InitKind, ServiceName};
use crate::front::perform::Case;
use crate::front::script::{Script, Streams};
use crate::front::way::{self, Way};
use crate::ledger::Entry;

use super::by_script::{Judged, Note, Ran, Word};
use super::kept::{Kept, Shown};
use super::occasion::Occasion;
use super::payer::{Paid, Payer};
use super::rounds::Rounds;

/// So many at once: as many as sysv-rc has startpar run at boot. Scripts wait now and then for what they stop or start: on
/// two cores four at a time take three fifths of what two take.
const AT_ONCE: usize = 4;
/// How often is looked whether one writes too much.
const LOOK: Duration = Duration::from_millis(100);
/// What is enough for whoever waits for a script's end, in bytes.
const STACK: usize = 256 * 1024;

impl Rounds<'_, '_> {
    /// Pays the entries of `wave`, whose scripts need nothing of each other.
    pub(super) fn side_by_side(&mut self, kind: InitKind, wave: Vec<Entry>) {
        self.announce_side_by_side(&wave);
        let payer = self.payer;
        let mut row = Row::new(payer, kind, self.occasion);
        let mut queue = wave.into_iter();
        loop {
            while row.running.len() < AT_ONCE
                && let Some(entry) = queue.next()
            {
                row.begin(entry);
            }
            while let Some(over) = row.over_next() {
                over.into_iter().for_each(|over| self.hear(over));
            }
            if row.running.is_empty() {
                break;
            }
            row.wait();
        }
        // What may take several scripts in turn is heard as it comes.
        for (entry, case) in row.later {
            let paid = payer.carried_out(kind, &entry, &case);
            let paid = paid.unwrap_or_else(|unpaid| payer.unpaid(&entry, unpaid));
            self.tell(&entry.service, paid);
        }
    }

    fn hear(&mut self, over: Over) {
        self.pass_on(&over.service, &over.shown);
        self.tell(&over.service, over.paid);
    }
}

/// The entries of one wave on their way, by their places in it.
struct Row<'a> {
    payer: &'a Payer<'a>,
    kind: InitKind,
    occasion: Occasion<'a>,
    /// How many were begun.
    begun: usize,
    running: BTreeMap<usize, Errand>,
    /// Those that are over and were not heard; nothing stands for one that comes later.
    over: BTreeMap<usize, Option<Over>>,
    /// How many of them were heard.
    heard: usize,
    later: Vec<(Entry, Box<Case>)>,
    // INVARIANT: as long as the sender lives here nobody finds the other end closed.
    ending: Sender<(usize, Ran)>,
    endings: Receiver<(usize, Ran)>,
}

/// A script that runs.
struct Errand {
    entry: Entry,
    /// As it was noted when that began.
    noted: Option<Entry>,
    case: Box<Case>,
    kept: Kept,
}

impl Errand {
    /// Notes that it begins. INVARIANT: its script is run after that, so that nothing is lost of any of them whenever
    /// we are killed.
    fn new(payer: &Payer<'_>, entry: Entry, case: Box<Case>, kept: Kept) -> Self {
        let noted = payer.begin_script(&Note::of(&entry), &case.request.action);
        Self {
            entry,
            noted,
            case,
            kept,
        }
    }
}

/// What became of an entry.
struct Over {
    service: ServiceName,
    paid: Paid,
    shown: Shown,
}

/// What comes of an entry before a script is run.
enum Outset {
    Over(Paid),
    /// By several actions in turn.
    InTurn(Box<Case>),
    Script(Box<Case>, String),
}

impl<'a> Row<'a> {
    fn new(payer: &'a Payer<'a>, kind: InitKind, occasion: Occasion<'a>) -> Self {
        let (ending, endings) = mpsc::channel();
        Self {
            payer,
            kind,
            occasion,
            begun: 0,
            running: BTreeMap::new(),
            over: BTreeMap::new(),
            heard: 0,
            later: Vec::new(),
            ending,
            endings,
        }
    }

    /// Decides about `entry`, and runs its script where it is to be run.
    fn begin(&mut self, entry: Entry) {
        let at = self.begun;
        self.begun += 1;
        match self.outset(&entry) {
            Outset::Over(paid) => {
                let over = Over {
                    service: entry.service,
                    paid,
                    shown: Shown::default(),
                };
                self.over.insert(at, Some(over));
            }
            Outset::InTurn(case) => self.put_off(at, entry, case),
            Outset::Script(case, word) => match room() {
                Ok((kept, streams)) => {
                    let run = Run {
                        at,
                        script: self.payer.script(self.kind, &entry),
                        word,
                        streams,
                        ending: self.ending.clone(),
                    };
                    self.run(run, Errand::new(self.payer, entry, case, kept));
                }
                Err(_) => self.put_off(at, entry, case),
            },
        }
    }

    /// Runs the script of what is noted as begun.
    fn run(&mut self, run: Run, errand: Errand) {
        self.running.insert(run.at, errand);
        Arc::new(run).begin();
    }

    fn put_off(&mut self, at: usize, entry: Entry, case: Box<Case>) {
        self.later.push((entry, case));
        self.over.insert(at, None);
    }

    fn outset(&self, entry: &Entry) -> Outset {
        let payer = self.payer;
        if let Some(paid) = payer.waits(entry, self.occasion) {
            return Outset::Over(paid);
        }
        let action = match payer.action(entry) {
            Ok(action) => action,
            Err(paid) => return Outset::Over(paid),
        };
        let case = match payer.judged(self.kind, entry, &action, None) {
            Ok(Judged::Due(case)) => case,
            Ok(Judged::Over(done)) => return Outset::Over(payer.strike(entry, None, &done)),
            Err(unpaid) => return Outset::Over(payer.unpaid(entry, unpaid)),
        };
        let way = way::of_invoke_rc_d(&case, case.request.action.as_str());
        if matches!(way, Way::Instead(_)) {
            return Outset::InTurn(case);
        }
        match payer.word(&Note::of(entry), &case, &way) {
            Ok(Word::Run(word)) => Outset::Script(case, word),
            Ok(Word::Needless(paid)) => Outset::Over(paid),
            Err(unpaid) => Outset::Over(payer.unpaid(entry, unpaid)),
        }
    }

    /// Waits until one that runs has ended, for a while.
    fn wait(&mut self) {
        let Ok((at, ran)) = self.endings.recv_timeout(LOOK) else {
            return self.running.values().for_each(|errand| errand.kept.trim());
        };
        let Some(errand) = self.running.remove(&at) else {
            return;
        };
        let Errand {
            entry,
            noted,
            case,
            kept,
        } = errand;
        let payer = self.payer;
        let paid = payer.has_run(noted.as_ref().unwrap_or(&entry), None, &case, ran);
        let paid = paid.unwrap_or_else(|unpaid| payer.unpaid(&entry, unpaid));
        let over = Over {
            service: entry.service,
            paid,
            shown: kept.shown(),
        };
        self.over.insert(at, Some(over));
    }

    /// The next in their order, once it is over.
    fn over_next(&mut self) -> Option<Option<Over>> {
        let next = self.over.remove(&self.heard)?;
        self.heard += 1;
        Some(next)
    }
}

/// Room for what a script writes, and the script's ends of it.
fn room() -> io::Result<(Kept, (File, File))> {
    let kept = Kept::like_ours()?;
    let streams = kept.streams()?;
    Ok((kept, streams))
}

/// One run of a script.
struct Run {
    at: usize,
    script: Script,
    word: String,
    streams: (File, File),
    ending: Sender<(usize, Ran)>,
}

impl Run {
    /// In a thread of its own; where there can be none, here.
    fn begin(self: Arc<Self>) {
        let own = Arc::clone(&self);
        let spawned: io::Result<_> = thread::Builder::new()
            .stack_size(STACK)
            .spawn(move || own.go());
        if spawned.is_err() {
            self.go();
        }
    }

    fn go(&self) {
        let (out, err) = &self.streams;
        let ran = self
            .script
            .run_with(Streams::Into(out, err), &self.word, &[]);
        // It is heard as long as anybody waits for it.
        let _ = self.ending.send((self.at, Ran::of(&self.word, ran)));
    }
}
