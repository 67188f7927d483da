//! The admin's command line.

use std::io::BufWriter;
use std::process::ExitCode;

use rcpolicy::front::rcpolicy::{Place, run};
use rcpolicy::report::console::Console;

fn main() -> ExitCode {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut err = std::io::stderr().lock();
    let mut console = Console::new(&mut out, &mut err);
    let ending = run(std::env::args_os(), &Place::here(), &mut console);
    ExitCode::from(ending.status())
}
