//! The verdict, shown: a summary for the terminal and one self-contained HTML page.
//!
//! Input is a [`Verdict`] and nothing else, so a report can be made again from `verdict.json` alone. Names
//! and reasons are text written by others: [`summary`] drops control characters and [`page`] escapes, so
//! that no name can move the cursor, open an element or turn the reading direction of what follows it.

mod error;
mod figures;
mod glossary;
mod hosting;
mod items;
mod markdown;
mod page;
mod runs;
mod summary;
mod text;
mod words;

use ordinate_core::verdict::Verdict;

pub use error::ReportError;
pub use glossary::{TERMS, Term, explained, term};
pub use items::{
    ConfusionPage, FilterForm, HeatShown, ITEMS_POLICY, ItemsPage, LABEL_POLICY, LabelAnswer, LabelDone,
    LabelForm, LabelGrading, LabelPage, LookedAt, Mark, PairOn, PairOnSlice, PairPage, Piece, RunHead,
    SaidFor, Select, ShownAnswer, ShownItem, SliceShown, SlicesPage, confusion_page, differing, item_page,
    items_page, label_done_page, label_page, pair_page, slices_page,
};
pub use page::Drawing;
pub use runs::{ListedRun, RUNS_POLICY, RunDifference, TwoRuns, compare_page, runs_page};
pub use summary::{MAX_WIDTH, MIN_WIDTH, Style};

/// The summary for the terminal: what to use and why, then candidates and policies, never wider than
/// `style` allows. Ends with a line break.
#[must_use]
pub fn summary(verdict: &Verdict, style: Style) -> String {
    summary::summary(verdict, style)
}

/// What every candidate and policy did with every item, for a page whose needs can be moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageTrials {
    /// What the judge keeps of a run, packed by gzip.
    Packed(Vec<u8>),
    /// The page cannot have it, for this reason (a sentence): it says how to decide elsewhere.
    LeftOut(&'static str),
}

/// The most bytes of packed trials that a page carries. With the judge and its own figures the page then stays below 4 MB.
pub const MOST_TRIALS: usize = 2 << 20;

/// The page `report.html`: one file that needs no network and can be read without JavaScript. With trials its reader can
/// move the needs, and the judge in the page decides again.
///
/// # Errors
/// [`ReportError`] when the template cannot be rendered.
pub fn page(verdict: &Verdict, trials: Option<&PageTrials>) -> Result<String, ReportError> {
    page::page(verdict, trials, None)
}

/// The same page among those of a server: it leads to the list of runs, and to the items of this one, whose id in addresses
/// (letters and digits) is given.
///
/// # Errors
/// [`ReportError`] when the template cannot be rendered.
pub fn served_page(verdict: &Verdict, trials: Option<&PageTrials>, id: &str) -> Result<String, ReportError> {
    page::page(verdict, trials, Some(id))
}

/// Those sections of the page that depend on the needs, by id; empty where a section is absent. With [`headline`] it is
/// what the page shows where needs were moved.
///
/// # Errors
/// [`ReportError`] when a template cannot be rendered.
pub fn sections(verdict: &Verdict) -> Result<Vec<(&'static str, String)>, ReportError> {
    page::sections(verdict)
}

/// The drawings of the page as files of their own, with their colours and legends: cost and quality, a curve for each candidate that
/// learns here, and a picture a series. The same verdict gives the same bytes.
///
/// # Errors
/// [`ReportError`] when a template cannot be rendered.
pub fn drawings(verdict: &Verdict) -> Result<Vec<Drawing>, ReportError> {
    page::drawings(verdict)
}

/// The verdict as Markdown, to paste into a record of a decision. What others wrote is text in it, and no markup.
#[must_use]
pub fn markdown(verdict: &Verdict) -> String {
    markdown::markdown(verdict)
}

/// Text of others on one line of Markdown, also in a table, with its marks escaped.
#[must_use]
pub fn markdown_text(text: &str) -> String {
    markdown::plain(text)
}

/// The verdict in one line, as the page has it.
#[must_use]
pub fn headline(verdict: &Verdict) -> &'static str {
    words::headline(verdict)
}

/// The title of the page.
#[must_use]
pub fn title(verdict: &Verdict) -> String {
    format!("{}: {}", text::clean(&verdict.task), headline(verdict))
}

/// The name of a candidate or policy as people are shown it: on one line, without what moves the cursor or the eye.
#[must_use]
pub fn shown_name(name: &str) -> String {
    text::clean(name)
}
