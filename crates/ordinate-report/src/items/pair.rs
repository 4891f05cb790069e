//! Two contenders of a run against each other, on the same items.

use askama::Template;
use ordinate_core::verdict::Estimate;

use super::{ITEMS_STYLE, RunHead, Select};
use crate::error::ReportError;
use crate::figures;
use crate::page::STYLE;
use crate::text::clean;

/// How two contenders did on some items.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairOn {
    /// Items that both have a score for.
    pub items: usize,
    /// Mean scores of the first and the second.
    pub means: [f64; 2],
    /// The first less the second, with its interval; `None` where there are too few items for one.
    pub difference: Option<Estimate>,
    /// Items on which both were right, only the first, only the second, neither.
    pub counts: [usize; 4],
}

/// The same on a slice.
#[derive(Debug, Clone)]
pub struct PairOnSlice<'a> {
    /// The slice.
    pub slice: &'a str,
    /// How they did.
    pub on: PairOn,
    /// The address of its items on which they differ.
    pub items: Option<String>,
}

/// Two contenders of a run.
#[derive(Debug, Clone)]
pub struct PairPage<'a> {
    /// The run.
    pub run: RunHead<'a>,
    /// Whom to choose, first and second.
    pub selects: [Select; 2],
    /// Their names.
    pub names: [&'a str; 2],
    /// On all items.
    pub all: PairOn,
    /// Addresses of the items of each of the counts, where both are candidates.
    pub links: Option<[String; 4]>,
    /// From which score on an answer is called right, where scores are graded.
    pub right_from: Option<f64>,
    /// Whether what is said on all items is corrected by grades of people, as counts and slices are not.
    pub is_corrected: bool,
    /// Slice by slice.
    pub slices: Vec<PairOnSlice<'a>>,
}

#[derive(Template)]
#[template(path = "pair.html")]
struct PairTemplate<'a> {
    style: &'static str,
    more: &'static str,
    head: &'a RunHead<'a>,
    selects: &'a [Select],
    names: [String; 2],
    said: String,
    right: Option<String>,
    counts: Vec<(String, String, Option<String>)>,
    slices: Vec<SliceRow>,
    is_corrected: bool,
}

struct SliceRow {
    slice: String,
    items: String,
    means: [String; 2],
    counts: [String; 4],
    difference: String,
    told: &'static str,
    address: Option<String>,
}

/// The page of two contenders.
///
/// # Errors
/// [`ReportError`] when the template cannot be rendered.
pub fn pair_page(page: &PairPage<'_>) -> Result<String, ReportError> {
    let names = page.names.map(clean);
    let what = [
        "Both right".to_owned(),
        format!("Only {}", names[0]),
        format!("Only {}", names[1]),
        "Neither".to_owned(),
    ];
    let link = |at: usize| page.links.as_ref().map(|links| links[at].clone());
    let counts = what.into_iter().zip(page.all.counts).enumerate();
    let template = PairTemplate {
        is_corrected: page.is_corrected,
        style: STYLE,
        more: ITEMS_STYLE,
        head: &page.run,
        selects: &page.selects,
        said: said(&names, &page.all),
        right: page.right_from.map(figures::number),
        counts: counts.map(|(at, (what, n))| (what, figures::count(n as u64), link(at))).collect(),
        slices: page.slices.iter().map(row).collect(),
        names,
    };
    Ok(template.render()?)
}

fn said(names: &[String; 2], on: &PairOn) -> String {
    let [first, second] = names;
    if on.items == 0 {
        return format!("No item has a score of both {first} and {second}.");
    }
    let of = format!("on {} items that both have a score for", figures::count(on.items as u64));
    let [a, b] = on.means.map(figures::quality);
    let Some(difference) = on.difference else {
        return format!("{first} scores {a}, {second} {b}, {of}: too few for an interval.");
    };
    let weighed =
        if told(&difference) { "more than noise" } else { "no more than noise: the interval holds zero" };
    let shown = format!("{} {}", figures::difference(difference.mean), figures::interval(&difference));
    format!("{first} scores {a}, {second} {b}, {of}: a difference of {shown}, {weighed}.")
}

fn told(difference: &Estimate) -> bool {
    difference.low > 0.0 || difference.high < 0.0
}

fn row(one: &PairOnSlice<'_>) -> SliceRow {
    let shown = |d: &Estimate| format!("{} {}", figures::difference(d.mean), figures::interval(d));
    SliceRow {
        slice: clean(one.slice),
        items: figures::count(one.on.items as u64),
        means: one.on.means.map(figures::quality),
        counts: one.on.counts.map(|n| figures::count(n as u64)),
        difference: one.on.difference.as_ref().map_or_else(|| "too few items".to_owned(), shown),
        told: if one.on.difference.as_ref().is_some_and(told) { "yes" } else { "no" },
        address: one.items.clone(),
    }
}
