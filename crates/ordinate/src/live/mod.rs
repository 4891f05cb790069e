//! Tasks with live candidates: the plan, the asking, and the joining with what was recorded.

mod join;
mod plan;

use std::path::Path;
use std::sync::Arc;

use ordinate_core::Items;
use ordinate_data::{Loaded, Task};
use ordinate_measure::{CancellationToken, Ended, Estimate, Measured, Plan, Row, Summary};
use ordinate_remote::FailureKind;

use crate::error::Error;
use crate::observe::{self, Seen};
use crate::options::Options;
use crate::work::aside;
pub(crate) use join::record;
use plan::Prepared;
pub(crate) use plan::{examples, may_be_sent, set_limits, set_rates};

/// The file with the answers, in the run folder.
pub(crate) const STORE: &str = "answers.sqlite";

/// Evidence with the answers of candidates that were asked, and how their asking went.
pub(crate) struct Asked {
    pub(crate) loaded: Loaded,
    pub(crate) measured: Vec<ordinate_core::verdict::Measured>,
}

/// What is known of live candidates before they are asked.
pub(crate) struct Looked {
    pub(crate) items: Arc<Items>,
    pub(crate) estimates: Vec<Estimate>,
    /// The prompt for the first item, per candidate that has one.
    pub(crate) prompts: Vec<(String, String)>,
    /// What tilts the comparison, in plain words.
    pub(crate) notes: Vec<String>,
}

/// How a run asks.
pub(crate) struct Asking<'a> {
    /// The file with the answers.
    pub(crate) store: &'a Path,
    /// How the task is run.
    pub(crate) options: &'a Options,
    /// Who is told.
    pub(crate) seen: &'a Seen,
}

/// Asks every live candidate about every item that the store holds no answer to.
pub(crate) async fn ask(task: &Task, asking: &Asking<'_>) -> Result<Asked, Error> {
    let prepared = prepared(task, asking.store, &asking.options.cancel).await?;
    let measured = carried_out(prepared.plan.clone(), asking).await?;
    let asked = join::join(task, prepared, &measured).await;
    close(measured).await?;
    asked
}

/// What came of a plan.
pub(crate) struct Rows {
    /// The rows of each of its candidates.
    pub(crate) rows: Vec<Vec<Row>>,
    /// How their asking went.
    pub(crate) summaries: Vec<Summary>,
    /// What it cost in all, USD.
    pub(crate) spent_usd: f64,
}

/// Carries a plan out.
pub(crate) async fn rows(plan: Plan, asking: &Asking<'_>) -> Result<Rows, Error> {
    let measured = carried_out(plan, asking).await?;
    let mut all = Vec::new();
    for which in 0..measured.summaries.len() {
        let mut rows = Vec::new();
        measured.rows(which, |row| rows.push(row)).await?;
        all.push(rows);
    }
    let rows = Rows { rows: all, summaries: measured.summaries.clone(), spent_usd: measured.spent_usd };
    close(measured).await?;
    Ok(rows)
}

/// Carries a plan out; an error, where a candidate could not be asked about everything.
async fn carried_out(mut plan: Plan, asking: &Asking<'_>) -> Result<Measured, Error> {
    plan.retry_errors = asking.options.retry_errors;
    let told = observe::Asked { seen: asking.seen.as_ref(), max_spend: plan.max_spend };
    let measured = ordinate_measure::measure(plan, &told, asking.options.cancel.clone()).await?;
    match unfinished(&measured.summaries, asking.store, measured.spent_usd) {
        Some(message) => {
            let summaries = measured.summaries.clone();
            close(measured).await?;
            Err(Error::Unfinished { message, summaries })
        }
        None => Ok(measured),
    }
}

async fn close(measured: Measured) -> Result<(), Error> {
    measured.close().await.map_err(Error::broken)
}

/// What carrying a plan out will probably cost. Nothing is asked, and a store that is not there is not made by looking.
pub(crate) async fn estimates(mut plan: Plan) -> Result<Vec<Estimate>, Error> {
    let folder =
        tempfile::tempdir().map_err(|error| Error::Broken(format!("no temporary folder: {error}")))?;
    if !plan.store.exists() {
        plan.store = folder.path().join(STORE);
    }
    Ok(ordinate_measure::estimate(&plan).await?)
}

/// Reads and estimates, and asks nothing.
pub(crate) async fn look(task: &Task, store: &Path, cancel: &CancellationToken) -> Result<Looked, Error> {
    let prepared = prepared(task, store, cancel).await?;
    let prompts = prepared.prompts()?;
    let estimates = estimates(prepared.plan.clone()).await?;
    let labels = prepared.unasked.labels();
    let notes = ordinate_data::label_note(task, &labels).into_iter().collect();
    Ok(Looked { items: prepared.items, estimates, prompts, notes })
}

async fn prepared(task: &Task, store: &Path, cancel: &CancellationToken) -> Result<Prepared, Error> {
    let (task, store) = (task.clone(), store.to_owned());
    aside(cancel, move || Prepared::new(&task, &store)).await
}

/// What to do about the errors by which an endpoint is known to be dead: they stand as the candidate's answers, though
/// they say nothing of the candidate.
fn again(summary: &Summary) -> String {
    let of_endpoint = |kind: &str| {
        // An error of connecting is asked again anyhow.
        FailureKind::from_word(kind).is_some_and(|kind| kind.is_of_endpoint() && kind != FailureKind::Connect)
    };
    let stand: u64 =
        summary.errors.iter().filter(|(kind, _)| of_endpoint(kind)).map(|(_, count)| count).sum();
    if stand == 0 {
        return String::new();
    }
    format!(
        "; {stand} such errors stand as its answers until you add --retry-errors, which asks for them again"
    )
}

/// Why there can be no verdict yet, if a candidate was not asked about everything for a reason other than being
/// beaten.
fn unfinished(summaries: &[Summary], store: &Path, spent: f64) -> Option<String> {
    let mut reasons = Vec::new();
    for summary in summaries {
        let (name, done, items) = (&summary.name, summary.done, summary.items);
        reasons.push(match &summary.ended {
            Ended::Complete | Ended::Beaten { .. } => continue,
            Ended::Cancelled => format!("{name} was stopped at {done} of {items} items"),
            Ended::Budget => format!(
                "{name} reached max_spend at {done} of {items} items (${spent:.4} spent in all; the next request could \
                 exceed it)"
            ),
            Ended::Dead(why) => {
                let again = again(summary);
                format!("{name} cannot be asked any more, at {done} of {items} items: {why}{again}")
            }
        });
    }
    if reasons.is_empty() {
        return None;
    }
    let next = if summaries.iter().all(|summary| summary.done == summary.items) {
        "run the same command with --retry-errors, and only the errors are asked again"
    } else {
        "run the same command again and it goes on where it stopped, asking for none of them twice"
    };
    Some(format!("{}. Every answer is kept in {}: {next}", reasons.join("; "), store.display()))
}
