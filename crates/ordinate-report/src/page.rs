//! The page `report.html`.
//!
//! Every module here turns one part of a verdict into what its template shows: text that was cleaned and
//! numbers that were formatted. The templates only lay out; askama escapes whatever they print.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ordinate_core::verdict::{Outcome, Verdict};

use crate::PageTrials;
use crate::error::ReportError;
use crate::text::clean;
use crate::words;

mod alone;
mod answers;
mod bar;
mod candidates;
mod chart;
mod coverage;
mod deployment;
mod evidence;
mod hero;
mod judge;
mod labels;
mod lines;
mod moves;
mod needs_of_data;
mod scale;
pub(crate) mod series;

pub use alone::Drawing;
pub(crate) use alone::drawings;

/// Styles, for screen (light, dark, phone) and print.
pub(crate) const STYLE: &str = include_str!("../templates/style.css");
/// Sorting of tables, reading of the coverage map, and needs that move: nothing needs it.
const SCRIPT: &str = concat!(include_str!("../templates/page.js"), include_str!("../templates/moves.js"));
/// The judge and this crate, compiled for WebAssembly and packed by gzip: `scripts/page_module` makes it.
#[cfg(not(target_family = "wasm"))]
const MODULE: &[u8] = include_bytes!("../module/page.wasm.gz");
#[cfg(target_family = "wasm")]
const MODULE: &[u8] = &[];
/// Base64 of the SHA-256 of [`SCRIPT`] (a test holds them together): the page allows no other script, so
/// that a name that slipped through the escaping still could not run.
const SCRIPT_HASH: &str = "16lAR/GwzbQHlVPg50bxLF6jY9AWg4f9FR8d2+1ccvI=";

#[derive(Template)]
#[template(path = "page.html", blocks = ["verdict", "cost", "candidates", "hosting", "evidence", "assumed"])]
struct Page {
    /// The id of the run, where a server shows the page.
    served: Option<String>,
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
    moves: Option<moves::Moves>,
    carried: Option<Carried>,
    charts: Vec<chart::Chart>,
    candidates: candidates::Candidates,
    coverage: Option<coverage::Coverage>,
    grades: Option<judge::Grades>,
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

/// What the page has to have with it for needs to be moved, as base64.
struct Carried {
    module: String,
    trials: String,
}

pub(crate) fn page(
    verdict: &Verdict,
    trials: Option<&PageTrials>,
    served: Option<&str>,
) -> Result<String, ReportError> {
    let (moves, carried) = match trials {
        None => (None, None),
        Some(PageTrials::Packed(packed)) => {
            let carried = Carried { module: BASE64.encode(MODULE), trials: BASE64.encode(packed) };
            (Some(moves::moves(verdict)), Some(carried))
        }
        Some(PageTrials::LeftOut(why)) => (Some(moves::Moves::elsewhere(why)), None),
    };
    let page = Page {
        served: served.map(str::to_owned),
        moves,
        carried,
        coverage: coverage::coverage(verdict),
        grades: judge::grades(verdict),
        answers: answers::answers(verdict),
        series: series::series(verdict),
        ..moving(verdict)
    };
    Ok(page.render()?)
}

pub(crate) fn sections(verdict: &Verdict) -> Result<Vec<(&'static str, String)>, ReportError> {
    let page = moving(verdict);
    Ok(vec![
        ("verdict", page.as_verdict().render()?),
        ("cost", page.as_cost().render()?),
        ("candidates", page.as_candidates().render()?),
        ("hosting", page.as_hosting().render()?),
        ("evidence", page.as_evidence().render()?),
        ("assumed", page.as_assumed().render()?),
    ])
}

/// Whatever depends on the needs.
fn moving(verdict: &Verdict) -> Page {
    let tone = if verdict.recommended.is_some() { verdict.outcome.as_str() } else { "none" };
    Page {
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
        served: None,
        moves: None,
        carried: None,
        charts: chart::charts(verdict),
        candidates: candidates::candidates(verdict),
        coverage: None,
        grades: None,
        answers: None,
        series: None,
        deployment: deployment::deployment(verdict),
        evidence: evidence::evidence(verdict),
        data_needs: needs_of_data::data_needs(verdict),
        assumed: verdict.assumed.iter().map(|note| clean(note)).collect(),
        terms: &crate::TERMS,
        basis: words::basis(verdict),
        version: clean(&verdict.basis.ordinate),
    }
}
