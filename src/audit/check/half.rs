//! A package, together with what of it is about services.

use super::generated::generator;
use crate::audit::call::Place;
use crate::audit::package::Package;
use crate::audit::shipped::Shipped;

/// A package, and what of it is about services.
#[derive(Debug, Clone, Copy)]
pub struct Half<'a> {
    /// The package.
    pub package: &'a Package,
    /// What is about services.
    pub shipped: &'a Shipped,
}

impl Half<'_> {
    /// The debhelper command that wrote the line of `place`.
    pub(super) fn generator(&self, place: Place) -> Option<&str> {
        let script = self.package.scripts.get(&place.script)?;
        generator(&script.text, place.line)
    }
}
