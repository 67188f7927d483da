//! Names of entries' files.

use crate::domain::ServiceName;
use crate::files::Directory;

use super::error::LedgerError;

/// The names of all entries in `directory`.
pub(super) fn entry_names(directory: &Directory) -> Result<Vec<String>, LedgerError> {
    let names = directory.names()?.into_iter();
    Ok(names
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name.ends_with(".json") && !name.starts_with('.'))
        .collect())
}

/// The file of a service.
pub(super) fn file_name(service: &ServiceName) -> String {
    service.file_stem() + ".json"
}
