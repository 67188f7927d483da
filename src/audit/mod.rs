//! Packages, read as dpkg will run them: what their scripts will do to services, before anybody
//! installs them. Nothing of a package is ever run, and nothing is written but the reports.
//!
//! | Room | What it owns |
//! |---|---|
//! | [`package`] | a package, from a `.deb`, an unpacked tree or a source package; the only reader |
//! | [`shipped`] | what of a package is about services: units, bus names, init scripts; pure |
//! | [`shell`] | a maintainer script, evaluated as far as it can be known; pure |
//! | [`call`] | what a script asks of services, and where it stands; pure |
//! | [`course`] | which scripts dpkg runs, in which order, and what they then ask for; pure |
//! | [`finding`] | what an audit has to say, and where; pure |
pub mod call;
pub mod course;
pub mod finding;
pub mod package;
pub mod shell;
pub mod shipped;
