//! Where a command line's words go. A closed pipe ends the output, never the program.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Write};

use super::plain::{lines, one_line};
use super::told::{Over, Told};

/// Standard output and standard error, or what stands for them in a test.
pub struct Console<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    failure: Option<io::Error>,
    onlooker: Onlooker,
    /// What was said of each subject last.
    said: BTreeMap<String, String>,
    /// Where the answer is to be one document: what it is made of.
    told: Option<Told>,
}

/// Whether what is written still arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// It does.
    Goes,
    /// It does not: the reader went away, or the disk is full. [`Console::finish`] tells which.
    Stopped,
}

/// Whether a person looks on while something takes its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Onlooker {
    /// At a terminal.
    Person,
    /// A file, a pipe, or nobody knows.
    None,
}

impl<'a> Console<'a> {
    /// A console that writes to these two.
    pub fn new(out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        Self {
            out,
            err,
            failure: None,
            onlooker: Onlooker::None,
            said: BTreeMap::new(),
            told: None,
        }
    }

    /// From now on keeps what is said, in place of writing it; what goes wrong is written too.
    pub fn collect(&mut self) {
        self.told = Some(Told::default());
    }

    /// What was said since; from now on it is written again.
    pub fn collected(&mut self) -> Option<Told> {
        self.told.take()
    }

    /// The same for whoever looks on.
    #[must_use]
    pub fn watched_by(self, onlooker: Onlooker) -> Self {
        Self { onlooker, ..self }
    }

    /// Whether a person looks on.
    pub fn onlooker(&self) -> Onlooker {
        self.onlooker
    }

    /// Tells a person what is being done; nobody else wants it.
    pub fn progress(&mut self, text: impl Display) {
        if self.onlooker == Onlooker::Person {
            self.complain(text);
        }
    }

    /// One line, or several, of what was asked for.
    pub fn say(&mut self, text: impl Display) {
        if self.failure.is_some() {
            return;
        }
        if let Some(told) = &mut self.told {
            return told.say(&text.to_string());
        }
        self.failure = writeln!(self.out, "{}", lines(&text.to_string())).err();
        if self.onlooker == Onlooker::Person {
            // One that fails is told of in the end.
            let _ = self.out.flush();
        }
    }

    /// Hands over what is complete in itself, at once and as it is: the caller drew it, colours and all, and
    /// made harmless what came from outside.
    pub fn hand_out(&mut self, drawn: &str) -> Flow {
        if self.failure.is_none() {
            let written = self.out.write_all(drawn.as_bytes());
            self.failure = written.and_then(|()| self.out.flush()).err();
        }
        self.flow()
    }

    /// Whether what was written up to now arrived.
    pub fn flow(&self) -> Flow {
        match self.failure {
            None => Flow::Goes,
            Some(_) => Flow::Stopped,
        }
    }

    /// The same of one subject, unless that was the last that was said of it: whoever looks again and
    /// again fills no log with what has not changed.
    pub fn say_once(&mut self, subject: &str, text: &str) {
        if let Some(told) = &mut self.told {
            told.of(subject, text, Over::No);
        }
        let before = self.said.insert(subject.to_owned(), text.to_owned());
        if before.as_deref() != Some(text) {
            self.say(text);
        }
    }

    /// The same where it is over: what comes later is news.
    pub fn say_last(&mut self, subject: &str, text: &str) {
        if let Some(told) = &mut self.told {
            told.of(subject, text, Over::Yes);
        }
        self.said.remove(subject);
        self.say(text);
    }

    /// One line for the human, on standard error; where that is closed nobody wants it.
    pub fn complain(&mut self, text: impl Display) {
        let text = text.to_string();
        if let Some(told) = &mut self.told {
            told.complain(&text);
        }
        let _ = writeln!(self.err, "rcpolicy: {}", one_line(&text));
    }

    /// The same, of a text that we laid out in lines.
    pub fn complain_at_length(&mut self, text: impl Display) {
        let _ = writeln!(self.err, "rcpolicy: {}", lines(&text.to_string()));
    }

    /// What a program wrote that was run for this, as it is: what it said, and what it complained of. Where the
    /// answer is to be one document, nothing else stands where that does.
    pub fn pass_on(&mut self, said: &[u8], complained: &[u8]) {
        // Whoever went away does not want it; that a disk is full what we say ourselves will show.
        let _ = match (&self.told, &self.failure) {
            (Some(_), _) => write_lines(self.err, said),
            (None, None) => write_lines(self.out, said),
            (None, Some(_)) => Ok(()),
        };
        let _ = write_lines(self.err, complained);
    }

    /// Flushes. A reader that went away is no failure: it has seen what it wanted.
    ///
    /// # Errors
    /// When not all of the output could be written for another reason, a full disk for one.
    pub fn finish(&mut self) -> io::Result<()> {
        let result = match self.failure.take() {
            Some(error) => Err(error),
            None => self.out.flush(),
        };
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}

/// Writes `text` at once; what comes next begins a line.
fn write_lines(to: &mut dyn Write, text: &[u8]) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    to.write_all(text)?;
    if !text.ends_with(b"\n") {
        to.write_all(b"\n")?;
    }
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_wrote_ends_with_a_line_and_does_not_spoil_a_document() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut console = Console::new(&mut out, &mut err);
        console.pass_on(b"Restarting x...", b"");
        console.say("x: done");
        console.collect();
        console.pass_on(b"Restarting y...\n", b"y: odd");
        assert!(console.collected().is_some());
        assert_eq!(out, b"Restarting x...\nx: done\n");
        assert_eq!(err, b"Restarting y...\ny: odd\n");
    }

    #[test]
    fn what_has_not_changed_is_said_once_and_again_once_it_was_over() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut console = Console::new(&mut out, &mut err);
        for (subject, text) in [
            ("a", "waits"),
            ("b", "waits"),
            ("a", "waits"),
            ("a", "fails"),
        ] {
            console.say_once(subject, text);
        }
        for text in ["done", "done"] {
            console.say_last("b", text);
        }
        console.say_once("b", "waits");
        let said = String::from_utf8(out).unwrap();
        assert_eq!(said, "waits\nwaits\nfails\ndone\ndone\nwaits\n");
    }

    struct Refusing(io::ErrorKind);

    impl Write for Refusing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_others_wrote_cannot_move_the_cursor_or_begin_a_line() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut console = Console::new(&mut out, &mut err);
        console.say("a\tb\nc\u{1b}[1A");
        console.complain("no answer\nrcpolicy: done\u{1b}[2K");
        console.complain_at_length("usage\n  x\r");
        assert!(console.finish().is_ok());
        assert_eq!(String::from_utf8(out).unwrap(), "a\tb\nc\u{fffd}[1A\n");
        assert_eq!(
            String::from_utf8(err).unwrap(),
            "rcpolicy: no answer\u{fffd}rcpolicy: done\u{fffd}[2K\nrcpolicy: usage\n  x\u{fffd}\n"
        );
    }

    #[test]
    fn only_a_person_is_told_what_is_being_done() {
        for (onlooker, expected) in [
            (Onlooker::Person, "rcpolicy: paying\n"),
            (Onlooker::None, ""),
        ] {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let mut console = Console::new(&mut out, &mut err).watched_by(onlooker);
            console.progress("paying");
            assert_eq!(String::from_utf8(err).unwrap(), expected);
        }
    }

    #[test]
    fn what_was_drawn_keeps_its_colours_and_a_reader_that_goes_away_is_noticed() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut console = Console::new(&mut out, &mut err);
        assert_eq!(console.hand_out("\u{1b}[1mbold\u{1b}[0m\n"), Flow::Goes);
        assert!(console.finish().is_ok());
        assert_eq!(String::from_utf8(out).unwrap(), "\u{1b}[1mbold\u{1b}[0m\n");
        let mut closed = Refusing(io::ErrorKind::BrokenPipe);
        let mut console = Console::new(&mut closed, &mut err);
        assert_eq!(console.hand_out("x"), Flow::Stopped);
        assert_eq!(console.flow(), Flow::Stopped);
    }

    #[test]
    fn a_closed_pipe_is_swallowed_and_a_full_disk_is_not() {
        let mut err = Vec::new();
        let mut closed = Refusing(io::ErrorKind::BrokenPipe);
        let mut console = Console::new(&mut closed, &mut err);
        console.say("x");
        console.say("y");
        assert!(console.finish().is_ok());
        let mut full = Refusing(io::ErrorKind::StorageFull);
        let mut console = Console::new(&mut full, &mut err);
        console.say("x");
        assert!(console.finish().is_err());
    }
}
