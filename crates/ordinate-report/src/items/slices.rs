//! Which contender for which slice.

use askama::Template;
use ordinate_core::verdict::Estimate;

use super::{ITEMS_STYLE, RunHead};
use crate::error::ReportError;
use crate::figures;
use crate::page::STYLE;
use crate::text::clean;

/// A slice: who is best there, and what the policy does with it.
#[derive(Debug, Clone)]
pub struct SliceShown<'a> {
    /// The slice.
    pub slice: &'a str,
    /// How many items of it were scored.
    pub items: usize,
    /// The candidate with the highest mean score, and that score.
    pub best: Option<(&'a str, f64)>,
    /// The next, and that score.
    pub next: Option<(&'a str, f64)>,
    /// The best less the next, with its interval; `None` where there are too few items for one.
    pub lead: Option<Estimate>,
    /// What the policy scores.
    pub policy: Option<f64>,
    /// Whose answers the policy gives, the most frequent first, as shares of the items.
    pub given: Vec<(String, f64)>,
    /// The address of its items.
    pub address: String,
}

/// The slices of a run.
#[derive(Debug, Clone)]
pub struct SlicesPage<'a> {
    /// The run.
    pub run: RunHead<'a>,
    /// The policy that is looked at: the recommended one.
    pub policy: Option<&'a str>,
    /// The slices, the one with the most items first.
    pub slices: Vec<SliceShown<'a>>,
}

#[derive(Template)]
#[template(path = "slices.html")]
struct SlicesTemplate<'a> {
    style: &'static str,
    more: &'static str,
    head: &'a RunHead<'a>,
    policy: Option<String>,
    rows: Vec<Row>,
}

struct Row {
    slice: String,
    items: String,
    best: String,
    next: String,
    lead: String,
    told: &'static str,
    policy: String,
    given: String,
    address: String,
}

/// The page of slices.
///
/// # Errors
/// [`ReportError`] when the template cannot be rendered.
pub fn slices_page(page: &SlicesPage<'_>) -> Result<String, ReportError> {
    let template = SlicesTemplate {
        style: STYLE,
        more: ITEMS_STYLE,
        head: &page.run,
        policy: page.policy.map(clean),
        rows: page.slices.iter().map(row).collect(),
    };
    Ok(template.render()?)
}

fn row(one: &SliceShown<'_>) -> Row {
    /// Names that are told of; the rest are one share.
    const GIVERS: usize = 3;
    let scored = |who: &Option<(&str, f64)>| {
        who.map_or_else(
            || "nobody".to_owned(),
            |(name, mean)| format!("{} {}", clean(name), figures::quality(mean)),
        )
    };
    let mut given: Vec<String> = one
        .given
        .iter()
        .take(GIVERS)
        .map(|(name, share)| format!("{} {}", clean(name), figures::percent(*share)))
        .collect();
    let rest: f64 = one.given.iter().skip(GIVERS).map(|(_, share)| share).sum();
    if rest > 0.0 {
        given.push(format!("others {}", figures::percent(rest)));
    }
    let is_told = one.lead.is_some_and(|lead| lead.low > 0.0);
    Row {
        slice: clean(one.slice),
        items: figures::count(one.items as u64),
        best: scored(&one.best),
        next: scored(&one.next),
        lead: one.lead.map_or_else(
            || "too few items".to_owned(),
            |lead| format!("{} {}", figures::difference(lead.mean), figures::interval(&lead)),
        ),
        told: if is_told { "yes" } else { "no" },
        policy: one.policy.map_or_else(String::new, figures::quality),
        given: given.join(", "),
        address: one.address.clone(),
    }
}
