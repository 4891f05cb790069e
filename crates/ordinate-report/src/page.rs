//! The page `report.html`.
//!
//! Every module here turns one part of a verdict into what its template shows: text that was cleaned and
//! numbers that were formatted. The templates only lay out; askama escapes whatever they print.

use askama::Template;
use ordinate_core::verdict::{Outcome, Verdict};

use crate::error::ReportError;
use crate::text::clean;
use crate::words;

mod answers;
mod bar;
mod candidates;
mod chart;
mod coverage;
mod deployment;
mod evidence;
mod hero;
mod labels;
mod lines;
mod needs_of_data;
mod scale;
mod series;

/// Styles, for screen (light, dark, phone) and print.
const STYLE: &str = include_str!("../templates/style.css");
/// Sorting of tables and reading of the coverage map: nothing needs it.
const SCRIPT: &str = include_str!("../templates/page.js");
/// Base64 of the SHA-256 of [`SCRIPT`] (a test holds them together): the page allows no other script, so
/// that a name that slipped through the escaping still could not run.
const SCRIPT_HASH: &str = "NvO/Gxs2tthdrVugm1vce2K9PR50r2lFVFbnS3QbVx4=";

#[derive(Template)]
#[template(path = "page.html")]
struct Page {
    style: &'static str,
    script: &'static str,
    script_hash: &'static str,
    task: String,
    outcome: &'static str,
    headline: &'static str,
    tone: &'static str,
    undecided: bool,
    hero: Option<hero::Hero>,
    why: Vec<String>,
    notes: Vec<String>,
    needs: Vec<(&'static str, String)>,
    charts: Vec<chart::Chart>,
    candidates: candidates::Candidates,
    coverage: Option<coverage::Coverage>,
    answers: Option<answers::Answers>,
    series: Option<series::SeriesSection>,
    deployment: Option<deployment::Deployment>,
    evidence: evidence::Evidence,
    data_needs: Vec<needs_of_data::Learning>,
    assumed: Vec<String>,
    terms: &'static [crate::Term],
    basis: String,
    version: String,
}

pub(crate) fn page(verdict: &Verdict) -> Result<String, ReportError> {
    let tone = if verdict.recommended.is_some() { verdict.outcome.as_str() } else { "none" };
    let page = Page {
        style: STYLE,
        script: SCRIPT,
        script_hash: SCRIPT_HASH,
        task: clean(&verdict.task),
        outcome: if verdict.recommended.is_some() { verdict.outcome.as_str() } else { "no policy" },
        headline: words::headline(verdict),
        tone,
        undecided: verdict.outcome == Outcome::Undecided,
        hero: hero::hero(verdict),
        why: verdict.why.iter().map(|reason| clean(reason)).collect(),
        notes: words::distance_to_a_decision(verdict)
            .into_iter()
            .chain(words::other_reading(verdict))
            .collect(),
        needs: words::needs(&verdict.needs, verdict.basis.margin),
        charts: chart::charts(verdict),
        candidates: candidates::candidates(verdict),
        coverage: coverage::coverage(verdict),
        answers: answers::answers(verdict),
        series: series::series(verdict),
        deployment: deployment::deployment(verdict),
        evidence: evidence::evidence(verdict),
        data_needs: needs_of_data::data_needs(verdict),
        assumed: verdict.assumed.iter().map(|note| clean(note)).collect(),
        terms: &crate::TERMS,
        basis: words::basis(verdict),
        version: clean(&verdict.basis.ordinate),
    };
    Ok(page.render()?)
}
