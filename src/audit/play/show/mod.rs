//! What a reader sees of a play: on a terminal, as SVG, as JSON.

mod drawing;
mod json;
mod lanes;
mod panel;
mod svg;
mod text;
mod words;

pub use json::json;
pub use svg::svg;
pub use text::text;
pub use words::{headline as title, word};
