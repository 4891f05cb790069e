//! Pages about the items of one run: the items themselves, two contenders on them, the slices, and who said what for what. They
//! have no script; whoever serves them does the filtering.

mod confusion;
mod drawn;
mod heat;
mod label;
mod pair;
mod pieces;
mod slices;

use askama::Template;

use crate::error::ReportError;
use crate::figures;
use crate::page::STYLE;
use crate::page::series::Picture;
use crate::text::clean;

pub use confusion::{ConfusionPage, SaidFor, confusion_page};
pub use heat::{HeatShown, LookedAt};
pub use label::{
    LABEL_POLICY, LabelAnswer, LabelDone, LabelForm, LabelGrading, LabelPage, label_done_page, label_page,
};
pub use pair::{PairOn, PairOnSlice, PairPage, pair_page};
pub use pieces::{Piece, differing};
pub use slices::{SliceShown, SlicesPage, slices_page};

use drawn::drawn;
use heat::Looked;

/// The content policy that these pages are to be served under: pictures come from the server, and scripts from nowhere.
pub const ITEMS_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Styles of these pages, after those of all.
pub(crate) const ITEMS_STYLE: &str = include_str!("../templates/items.css");

/// The run that a page is about, and what else there is about it.
#[derive(Debug, Clone, Copy)]
pub struct RunHead<'a> {
    /// Its id in addresses: letters and digits.
    pub id: &'a str,
    /// Its folder, as the list of runs has it.
    pub name: &'a str,
    /// The task's name.
    pub task: &'a str,
    /// Whether answers are labels, so that there is a table of who said what for what.
    pub has_labels: bool,
    /// Whether items have slices.
    pub has_slices: bool,
}

/// A choice of one value in a form.
#[derive(Debug, Clone)]
pub struct Select {
    /// What is chosen, in words.
    pub label: String,
    /// The key in the address.
    pub key: String,
    /// Values with their words, the one that is chosen marked.
    pub options: Vec<(String, String, bool)>,
}

/// A filter of items as a form.
#[derive(Debug, Clone, Default)]
pub struct FilterForm {
    /// The text that is looked for.
    pub text: String,
    /// What there is to choose.
    pub selects: Vec<Select>,
    /// The same, candidate by candidate.
    pub candidates: Vec<Select>,
    /// Whether any of the latter is chosen, so that they are to be seen.
    pub by_candidate: bool,
    /// From which score on an answer is called right, where scores are graded.
    pub right_from: Option<f64>,
    /// Candidates by number and name, and whether their answers are shown.
    pub shown: Vec<(usize, String, bool)>,
    /// What is asked for besides, by an address alone: key, value, and what it means.
    pub fixed: Vec<(String, String, String)>,
}

/// How an answer came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Right.
    Right,
    /// Wrong.
    Wrong,
    /// There is none: it failed.
    Error,
    /// Never asked.
    NotAsked,
}

impl Mark {
    fn word(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Wrong => "wrong",
            Self::Error => "error",
            Self::NotAsked => "not asked",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::NotAsked => "unasked",
            other => other.word(),
        }
    }
}

/// What one candidate said to an item.
#[derive(Debug, Clone)]
pub struct ShownAnswer<'a> {
    /// The candidate.
    pub name: &'a str,
    /// How it came out.
    pub mark: Mark,
    /// The score, where there is one.
    pub score: Option<f64>,
    /// What it said.
    pub output: Option<&'a str>,
    /// What went wrong.
    pub error: Option<&'a str>,
    /// How sure it is, in `[0, 1]`.
    pub confidence: Option<f64>,
    /// USD.
    pub cost_usd: Option<f64>,
    /// Milliseconds.
    pub latency_ms: Option<f64>,
}

/// An item and what was said to it.
#[derive(Debug, Clone)]
pub struct ShownItem<'a> {
    /// Its number in the run.
    pub row: usize,
    /// Its id.
    pub id: &'a str,
    /// Its slice.
    pub slice: Option<&'a str>,
    /// Its group.
    pub group: Option<&'a str>,
    /// Its text; of an image or a series the text that stands for it.
    pub input: Option<&'a str>,
    /// What is right.
    pub target: Option<&'a str>,
    /// What the policy did, in words.
    pub policy: Option<String>,
    /// The answers that are shown.
    pub answers: Vec<ShownAnswer<'a>>,
}

/// Some items of a run.
#[derive(Debug, Clone)]
pub struct ItemsPage<'a> {
    /// The run.
    pub run: RunHead<'a>,
    /// The filter.
    pub form: FilterForm,
    /// How many items the run scored.
    pub of: usize,
    /// How many the filter leaves.
    pub found: usize,
    /// The number of the first that is shown, from 1.
    pub first: usize,
    /// Each contender's mean score on the items that are left, and how many of them it has a score for.
    pub means: Vec<(&'a str, f64, usize)>,
    /// The items that are shown.
    pub items: Vec<ShownItem<'a>>,
    /// Addresses of the pages before and after.
    pub before: Option<String>,
    /// See `before`.
    pub after: Option<String>,
    /// What is to be known of them.
    pub notes: Vec<String>,
}

/// The page of some items.
///
/// # Errors
/// [`ReportError`] when the template cannot be rendered.
pub fn items_page(page: &ItemsPage<'_>) -> Result<String, ReportError> {
    let cards: Vec<Card> = page.items.iter().map(|item| Card::of(item, page.run.id, Extent::BRIEF)).collect();
    let count = |count: usize| figures::count(count as u64);
    let mean = |(name, mean, known): &(&str, f64, usize)| {
        (clean(name), figures::quality(*mean), (*known != page.found).then(|| count(*known)))
    };
    let template = ItemsTemplate {
        style: STYLE,
        more: ITEMS_STYLE,
        head: &page.run,
        form: &page.form,
        of: count(page.of),
        found: count(page.found),
        is_all: page.found == page.of,
        is_none: page.found == 0,
        first: page.first,
        shown: format!("{} to {}", count(page.first), count(page.first + cards.len().saturating_sub(1))),
        is_marked: cards.iter().any(|card| card.picture.is_none() && card.answers.len() > 1),
        means: page.means.iter().map(mean).collect(),
        cards,
        page,
    };
    Ok(template.render()?)
}

/// The page of one item, with all that is known of it; of an image with what networks looked at.
///
/// # Errors
/// [`ReportError`] when the template cannot be rendered.
pub fn item_page(
    run: &RunHead<'_>,
    item: &ShownItem<'_>,
    looked: Option<&LookedAt<'_>>,
) -> Result<String, ReportError> {
    let card = Card::of(item, run.id, Extent::WHOLE);
    let looked = looked.map(|looked| Looked::of(looked, item, run.id));
    Ok(ItemTemplate { style: STYLE, more: ITEMS_STYLE, head: run, card, looked }.render()?)
}

#[derive(Template)]
#[template(path = "items.html")]
struct ItemsTemplate<'a> {
    style: &'static str,
    more: &'static str,
    head: &'a RunHead<'a>,
    page: &'a ItemsPage<'a>,
    form: &'a FilterForm,
    of: String,
    found: String,
    is_all: bool,
    is_none: bool,
    first: usize,
    shown: String,
    is_marked: bool,
    /// Name, mean, and of how many items where that is not all.
    means: Vec<(String, String, Option<String>)>,
    cards: Vec<Card>,
}

#[derive(Template)]
#[template(path = "item.html")]
struct ItemTemplate<'a> {
    style: &'static str,
    more: &'static str,
    head: &'a RunHead<'a>,
    card: Card,
    looked: Option<Looked>,
}

/// How much of a text is shown.
#[derive(Debug, Clone, Copy)]
struct Extent {
    input: usize,
    output: usize,
}

impl Extent {
    /// In a list.
    const BRIEF: Self = Self { input: 600, output: 400 };
    /// Alone: a book is not.
    const WHOLE: Self = Self { input: 200_000, output: 200_000 };
}

/// An item, ready to be printed.
struct Card {
    /// Where it is looked at alone.
    whole: String,
    id: String,
    slice: Option<String>,
    group: Option<String>,
    text: Option<String>,
    is_cut: bool,
    /// The address of its picture.
    image: Option<String>,
    picture: Option<Picture>,
    /// The names of the lines of the picture.
    legend: Vec<(String, &'static str)>,
    target: Option<String>,
    policy: Option<String>,
    answers: Vec<Line>,
}

/// An answer, ready to be printed.
struct Line {
    name: String,
    mark: &'static str,
    class: &'static str,
    score: Option<String>,
    pieces: Vec<Piece>,
    is_cut: bool,
    error: Option<String>,
    figures: String,
}

impl Card {
    fn of(item: &ShownItem<'_>, run: &str, extent: Extent) -> Self {
        let is_image = item.input.is_some_and(ordinate_core::image::is_image);
        let (picture, legend) = drawn(item).unzip();
        let legend = legend.unwrap_or_default();
        let is_drawn = picture.is_some();
        let words = item.input.filter(|_| !is_image && !is_drawn);
        let (text, is_cut) = words.map_or((None, false), |text| {
            let (text, is_cut) = cut(text, extent.input);
            (Some(text), is_cut)
        });
        // Of a series the picture says it; its numbers stand in the answers where there is one alone to look at.
        let target = item.target.filter(|_| !is_drawn || extent.input > Extent::BRIEF.input);
        let target = target.map(|text| cut(text, extent.output).0);
        let against = reference(item);
        let line = |(at, answer): (usize, &ShownAnswer<'_>)| {
            let against = against.filter(|(whose, _)| *whose != Some(at)).map(|(_, text)| text);
            Line::of(answer, against, is_drawn, extent)
        };
        Self {
            whole: format!("/run/{run}/item?row={}", item.row),
            id: clean(item.id),
            slice: item.slice.map(clean),
            group: item.group.map(clean),
            text,
            is_cut,
            image: is_image.then(|| format!("/run/{run}/image?row={}", item.row)),
            target,
            policy: item.policy.as_deref().map(clean),
            answers: item.answers.iter().enumerate().map(line).collect(),
            picture,
            legend,
        }
    }
}

/// The text that others are held to: the target, or else the first answer, with its place.
fn reference<'a>(item: &ShownItem<'a>) -> Option<(Option<usize>, &'a str)> {
    let first = || item.answers.iter().enumerate().find_map(|(at, one)| Some((Some(at), one.output?)));
    item.target.map(|target| (None, target)).or_else(first)
}

impl Line {
    fn of(answer: &ShownAnswer<'_>, against: Option<&str>, is_drawn: bool, extent: Extent) -> Self {
        let output = answer.output.filter(|_| !is_drawn || extent.output > Extent::BRIEF.output);
        let (pieces, is_cut) = output.map_or((Vec::new(), false), |output| {
            let (text, is_cut) = cut(output, extent.output);
            (differing(&text, against.map(|against| cut(against, extent.output).0).as_deref()), is_cut)
        });
        let mut figures = Vec::new();
        figures.extend(answer.confidence.map(|sure| format!("sure to {}", figures::percent(sure))));
        figures.extend(answer.cost_usd.map(figures::dollars));
        figures.extend(answer.latency_ms.map(|ms| figures::latency(Some(ms))));
        Self {
            name: clean(answer.name),
            mark: answer.mark.word(),
            class: answer.mark.class(),
            score: answer.score.map(figures::quality),
            pieces,
            is_cut,
            error: answer.error.map(|error| cut(error, extent.output).0),
            figures: figures.join(", "),
        }
    }
}

/// At most so many characters of a text, with what cannot be shown replaced, and whether anything was left out.
pub(crate) fn cut(text: &str, most: usize) -> (String, bool) {
    match text.char_indices().nth(most) {
        None => (ordinate_core::shown(text), false),
        Some((end, _)) => (ordinate_core::shown(&text[..end]) + "\u{2026}", true),
    }
}
