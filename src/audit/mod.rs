//! Packages, read as dpkg will run them: what their scripts will do to services, before anybody
//! installs them. Nothing of a package is ever run, and nothing is written but the reports.
//!
//! | Room | What it owns |
//! |---|---|
//! | [`package`] | a package, from a `.deb`, an unpacked tree or a source package, within limits; the only reader |
//! | [`shipped`] | what of a package is about services: units, bus names, init scripts; pure |
//! | [`shell`] | a maintainer script, evaluated as far as it can be known; pure |
//! | [`call`] | what a script asks of services, and where it stands; pure |
//! | [`course`] | which scripts dpkg runs, in which order, and what they then ask for; pure |
//! | [`play`] | what they ask for, played on two simulated machines: with the stock tools, and with ours |
//! | [`check`] | what goes wrong with services: a table of checks, and what finds each; pure |
//! | [`finding`] | what an audit has to say, and where; pure |
//! | [`upgrade`] | all of the above for one upgrade |
//! | [`audited`] | what came of it, as every output has it and as JSON keeps it; pure |
//! | [`show`] | the outputs: for people, SARIF, the HTML report, which it writes |
//! | [`many`] | many packages at once: workers, lists, results in files |
//! | [`version`] | versions of packages, in their order; pure |
pub mod audited;
pub mod call;
pub mod check;
pub mod course;
pub mod finding;
pub mod many;
pub mod package;
pub mod play;
pub mod shell;
pub mod shipped;
pub mod show;
mod spool;
pub mod upgrade;
pub mod version;
