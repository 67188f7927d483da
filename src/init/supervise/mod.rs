//! What runit and s6 have in common, both being daemontools' descendants: a scanner runs one supervisor
//! for each service directory, which listens on a pipe in `supervise/` and writes a small status file
//! there. Which letters the pipe takes, and what the file holds, each of them has for itself.

pub(in crate::init) mod clock;
pub(in crate::init) mod errand;
pub(in crate::init) mod holder;
pub(in crate::init) mod place;
pub(in crate::init) mod scanner;
pub(in crate::init) mod tai;
pub(in crate::init) mod terms;
