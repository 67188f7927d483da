//! What every page of a report has around it: the style, the script, and the policy that lets no other
//! script run and nothing be fetched from anywhere. Pure.

use super::text::source_hash;
use crate::report::markup::escaped;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// What tells a report of ours from other files.
pub(super) const GENERATOR: &str = "<meta name=\"generator\" content=\"rcpolicy audit\">";

/// All that stands before a page's own content.
pub(super) fn open(title: &str) -> String {
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {}; img-src data:; base-uri 'none'; form-action 'none'",
        source_hash(STYLE),
        source_hash(SCRIPT),
    );
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n{GENERATOR}\n\
         <title>{}</title>\n<style>{STYLE}</style>\n<script>{SCRIPT}</script>\n</head>\n<body>\n",
        escaped(title),
    )
}

/// The line at the top: `heading` is HTML already.
pub(super) fn top(heading: &str) -> String {
    format!(
        "<header class=\"top\">{heading}<button type=\"button\" id=\"theme\" hidden>Colours: automatic</button></header>\n"
    )
}

/// All that stands behind it.
pub(super) fn close() -> String {
    format!(
        "<footer>Made by rcpolicy {}. This page needs no network.</footer>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION")
    )
}
