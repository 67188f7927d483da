//! The admin's command line.

use std::io::{BufWriter, IsTerminal};
use std::process::ExitCode;

use rcpolicy::front::rcpolicy::{Place, run};
use rcpolicy::report::console::{Console, Onlooker};

fn main() -> ExitCode {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut err = std::io::stderr().lock();
    let onlooker = match err.is_terminal() {
        true => Onlooker::Person,
        false => Onlooker::None,
    };
    let mut console = Console::new(&mut out, &mut err).watched_by(onlooker);
    let ending = run(std::env::args_os(), &Place::here(), &mut console);
    ExitCode::from(ending.status())
}
