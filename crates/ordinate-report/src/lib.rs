//! The verdict, shown: a summary for the terminal and one self-contained HTML page.
//!
//! Input is a [`Verdict`] and nothing else, so a report can be made again from `verdict.json` alone. Names
//! and reasons are text written by others: [`summary`] drops control characters and [`page`] escapes, so
//! that no name can move the cursor, open an element or turn the reading direction of what follows it.

mod error;
mod figures;
mod glossary;
mod hosting;
mod page;
mod summary;
mod text;
mod words;

use ordinate_core::verdict::Verdict;

pub use error::ReportError;
pub use glossary::{TERMS, Term, term};
pub use summary::{MAX_WIDTH, MIN_WIDTH, Style};

/// The summary for the terminal: what to use and why, then candidates and policies, never wider than
/// `style` allows. Ends with a line break.
#[must_use]
pub fn summary(verdict: &Verdict, style: Style) -> String {
    summary::summary(verdict, style)
}

/// The page `report.html`: one file that needs no network and can be read without JavaScript.
///
/// # Errors
/// [`ReportError`] when the template cannot be rendered.
pub fn page(verdict: &Verdict) -> Result<String, ReportError> {
    page::page(verdict)
}
