//! Tasks with live candidates: the plan, the asking, and the joining with what was recorded.

mod join;
mod plan;
mod show;

use std::path::Path;
use std::time::Duration;

use ordinate_data::{Loaded, Task};
use ordinate_measure::{CancellationToken, Ended, Estimate, MeasureError, Measured, Plan, Row, Summary};
use ordinate_remote::FailureKind;

use crate::failure::Failure;
pub(crate) use join::record;
use plan::Prepared;
pub(crate) use plan::{examples, may_be_sent, set_limits, set_rates};
use show::Teller;
pub(crate) use show::estimate_lines;

/// The file with the answers, in the run folder.
pub(crate) const STORE: &str = "answers.sqlite";

/// Evidence with the answers of candidates that were asked, and how their asking went.
pub(crate) struct Asked {
    pub(crate) loaded: Loaded,
    pub(crate) measured: Vec<ordinate_core::verdict::Measured>,
}

/// What `check` says of live candidates.
pub(crate) struct Looked {
    pub(crate) items: usize,
    pub(crate) slices: usize,
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
    /// Whether items whose error was recorded are asked again.
    pub(crate) retry_errors: bool,
    /// Whether nothing is told.
    pub(crate) quiet: bool,
}

/// Asks every live candidate about every item that the store holds no answer to.
pub(crate) fn ask(task: &Task, asking: &Asking<'_>) -> Result<Asked, Failure> {
    let prepared = Prepared::new(task, asking.store)?;
    let plan = prepared.plan.clone();
    carried_out(plan, asking, async |measured| join::join(task, prepared, measured).await)
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
pub(crate) fn rows(plan: Plan, asking: &Asking<'_>) -> Result<Rows, Failure> {
    carried_out(plan, asking, async |measured| {
        let mut all = Vec::new();
        for which in 0..measured.summaries.len() {
            let mut rows = Vec::new();
            measured.rows(which, |row| rows.push(row)).await.map_err(|error| failure(&error))?;
            all.push(rows);
        }
        Ok(Rows { rows: all, summaries: measured.summaries.clone(), spent_usd: measured.spent_usd })
    })
}

/// Carries a plan out, and hands what came of it to `then`, unless a candidate could not be asked about everything.
fn carried_out<T>(
    mut plan: Plan,
    asking: &Asking<'_>,
    then: impl AsyncFnOnce(&Measured) -> Result<T, Failure>,
) -> Result<T, Failure> {
    plan.retry_errors = asking.retry_errors;
    let teller = Teller::new(asking.quiet, plan.max_spend);
    let runtime = runtime()?;
    let done = runtime.block_on(async {
        let cancel = CancellationToken::new();
        tokio::spawn(heed_signals(cancel.clone()));
        let measured =
            ordinate_measure::measure(plan, teller, cancel).await.map_err(|error| failure(&error))?;
        let done = match unfinished(&measured.summaries, asking.store, measured.spent_usd) {
            Some(message) => Err(Failure::Run(message)),
            None => then(&measured).await,
        };
        measured.close().await.map_err(|error| Failure::Run(error.to_string()))?;
        done
    });
    // A program that does not end of itself must not hold the run up.
    runtime.shutdown_timeout(Duration::from_millis(500));
    done
}

/// What carrying a plan out will probably cost. Nothing is asked, and a store that is not there is not made by looking.
pub(crate) fn estimates(mut plan: Plan) -> Result<Vec<Estimate>, Failure> {
    let folder =
        tempfile::tempdir().map_err(|error| Failure::Run(format!("no temporary folder: {error}")))?;
    if !plan.store.exists() {
        plan.store = folder.path().join(STORE);
    }
    runtime()?.block_on(ordinate_measure::estimate(&plan)).map_err(|error| failure(&error))
}

/// Reads and estimates, and asks nothing.
pub(crate) fn look(task: &Task, store: &Path) -> Result<Looked, Failure> {
    let prepared = Prepared::new(task, store)?;
    let prompts = prepared.prompts()?;
    let estimates = estimates(prepared.plan.clone())?;
    let items = &prepared.items;
    let labels = prepared.unasked.labels();
    let notes = ordinate_data::label_note(task, &labels).into_iter().collect();
    Ok(Looked { items: items.len(), slices: items.slices().names().len(), estimates, prompts, notes })
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::Run(format!("the asking cannot be started: {error}")))
}

fn failure(error: &MeasureError) -> Failure {
    match error {
        MeasureError::Plan(_) | MeasureError::Prompt { .. } => Failure::Input(error.to_string()),
        MeasureError::Store(_) | MeasureError::Broken(_) => Failure::Run(error.to_string()),
    }
}

/// The first Ctrl-C or SIGTERM stops the asking and keeps every answer; the second ends the program.
async fn heed_signals(cancel: CancellationToken) {
    signal().await;
    cancel.cancel();
    signal().await;
    std::process::exit(130);
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

#[cfg(not(unix))]
async fn signal() {
    let _ = tokio::signal::ctrl_c().await;
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
