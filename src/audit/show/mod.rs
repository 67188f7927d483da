//! What was found, for people, for CI services and as a report to look through. What packages say is
//! hostile until it was made harmless here, for the terminal, for HTML, for an address.
//!
//! | Room | What it owns |
//! |---|---|
//! | [`about`] | what the outputs say of a check |
//! | [`seen`] | a place in a file, as it can be shown |
//! | [`people`] | source lines underlined, as a compiler does it; pure |
//! | [`sarif`] | SARIF 2.1.0; pure |
//! | [`html`] | the report with index and search; it writes its files |
pub mod about;
pub mod html;
pub mod people;
#[cfg(test)]
pub(in crate::audit) mod sample;
pub mod sarif;
pub mod seen;
