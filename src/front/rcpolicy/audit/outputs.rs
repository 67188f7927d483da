//! Where results go: standard output, the file that is gone on with, the report; and what they come to.

use super::super::Ending;
use super::super::look::look;
use super::arguments::{Arguments, FailOn};
use super::failure::AuditFailure;
use super::printer::Printer;
use super::progress::Progress;
use crate::audit::audited::{Counts, Line};
use crate::audit::many::Go;
use crate::audit::many::kept::Kept;
use crate::audit::show::about::About;
use crate::audit::show::html::Report;
use crate::audit::show::people;
use crate::report::console::{Console, Flow};

/// All outputs of one run.
pub(super) struct Outputs<'a, 'c> {
    console: &'a mut Console<'c>,
    printer: Printer,
    report: Option<Report<'a>>,
    kept: Option<Kept>,
    fail_on: FailOn,
    progress: Progress,
    all: usize,
    /// Of what was asked for, whether it could be read or not.
    done: usize,
    packages: usize,
    unreadable: usize,
    counts: Counts,
    failure: Option<AuditFailure>,
}

impl<'a, 'c> Outputs<'a, 'c> {
    pub(super) fn open(
        arguments: &Arguments,
        abouts: &[About<'a>],
        kept: Option<Kept>,
        console: &'a mut Console<'c>,
    ) -> Result<Self, AuditFailure> {
        let printer = Printer::of(arguments, look());
        let report = arguments.html.as_deref();
        let report = report.map(|path| Report::begin(path, abouts)).transpose()?;
        console.hand_out(&printer.open(abouts));
        Ok(Self {
            console,
            printer,
            report,
            kept,
            fail_on: arguments.fail_on,
            progress: Progress::none(),
            all: 0,
            done: 0,
            packages: 0,
            unreadable: 0,
            counts: Counts::default(),
            failure: None,
        })
    }

    /// So much is to come: that many, of so many bytes together.
    pub(super) fn expect(&mut self, all: usize, weight: u64) {
        self.all = all;
        self.progress = Progress::of(self.console.onlooker(), all, weight);
    }

    /// Hands on what came of one thing that was asked for.
    pub(super) fn take(&mut self, lines: Vec<Line>, weight: u64) -> Go {
        let handed_on = self.hand_on(&lines);
        self.progress.advance(self.done, weight, self.counts.errors);
        match handed_on {
            Ok(Flow::Goes) => Go::On,
            Ok(Flow::Stopped) => Go::Stop,
            Err(failure) => {
                self.failure = Some(failure);
                Go::Stop
            }
        }
    }

    fn hand_on(&mut self, lines: &[Line]) -> Result<Flow, AuditFailure> {
        if let Some(kept) = &mut self.kept {
            let json: Result<Vec<String>, _> = lines.iter().map(Line::to_json).collect();
            kept.add(&json?)?;
        }
        for line in lines {
            if let Some(report) = &mut self.report {
                report.add(line)?;
            }
            if self.print(line)? == Flow::Stopped {
                return Ok(Flow::Stopped);
            }
        }
        self.done += 1;
        Ok(Flow::Goes)
    }

    fn print(&mut self, line: &Line) -> Result<Flow, AuditFailure> {
        let text = self.printer.line(line)?;
        let console = &mut *self.console;
        match line {
            Line::Package(audited) => {
                self.packages += 1;
                self.counts.add(audited.counts());
            }
            Line::Unreadable(unreadable) => {
                self.unreadable += 1;
                let told = people::unreadable(unreadable);
                self.progress.aside(|| console.complain(told));
            }
        }
        Ok(match text.is_empty() {
            true => console.flow(),
            false => self.progress.aside(|| console.hand_out(&text)),
        })
    }

    /// Closes all of them, and says what it came to.
    pub(super) fn finish(mut self) -> Result<Ending, AuditFailure> {
        self.progress = Progress::none();
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        if self.done < self.all || self.console.flow() == Flow::Stopped {
            return Err(AuditFailure::Cut {
                done: self.done,
                all: self.all,
            });
        }
        let page = self.report.map(Report::finish).transpose()?;
        let printer = &self.printer;
        let close = printer.close(self.packages, self.unreadable, self.counts);
        self.console.hand_out(&close);
        if let (Some(page), Printer::Nothing) = (page, printer) {
            let page = page.display();
            self.console.say(format_args!("written: {page}"));
        }
        Ok(if self.unreadable > 0 {
            Ending::Failed
        } else if self.fail_on.is_met(self.counts) {
            Ending::No
        } else {
            Ending::Done
        })
    }
}
