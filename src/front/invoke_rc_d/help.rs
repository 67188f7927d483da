//! The help text. Byte for byte the stock script's, since scripts and tests compare it.

/// What `--help` prints on standard output.
pub(super) const TEXT: &str = include_str!("help.txt");
