//! Tasks with live candidates: the plan, the asking, and the joining with what was recorded.

mod join;
mod plan;
mod show;

use std::path::Path;
use std::time::Duration;

use ordinate_data::{Loaded, Task};
use ordinate_measure::{CancellationToken, Ended, Estimate, MeasureError, Summary};
use ordinate_remote::FailureKind;

use crate::failure::Failure;
use plan::Prepared;
pub(crate) use plan::{examples, item, labels};
pub(crate) use show::{Teller, estimate_lines};

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
}

/// Asks every live candidate about every item that `store` holds no answer to.
pub(crate) fn ask(task: &Task, store: &Path, retry_errors: bool, teller: Teller) -> Result<Asked, Failure> {
    let mut prepared = Prepared::new(task, store)?;
    prepared.plan.retry_errors = retry_errors;
    let runtime = runtime()?;
    let asked = runtime.block_on(async {
        let cancel = CancellationToken::new();
        tokio::spawn(heed_signals(cancel.clone()));
        let measured = ordinate_measure::measure(prepared.plan.clone(), teller, cancel)
            .await
            .map_err(|error| failure(&error))?;
        if let Some(message) = unfinished(&measured.summaries, store, measured.spent_usd) {
            measured.close().await.map_err(|error| Failure::Run(error.to_string()))?;
            return Err(Failure::Run(message));
        }
        let joined = join::join(task, prepared, &measured).await?;
        measured.close().await.map_err(|error| Failure::Run(error.to_string()))?;
        Ok(joined)
    });
    // A program that does not end of itself must not hold the run up.
    runtime.shutdown_timeout(Duration::from_millis(500));
    asked
}

/// Reads and estimates, and asks nothing.
pub(crate) fn look(task: &Task, store: &Path) -> Result<Looked, Failure> {
    let folder =
        tempfile::tempdir().map_err(|error| Failure::Run(format!("no temporary folder: {error}")))?;
    // A store that is not there is not made by looking.
    let store = if store.exists() { store.to_owned() } else { folder.path().join(STORE) };
    let prepared = Prepared::new(task, &store)?;
    let prompts = prepared.prompts()?;
    let estimates =
        runtime()?.block_on(ordinate_measure::estimate(&prepared.plan)).map_err(|error| failure(&error))?;
    let slices: std::collections::BTreeSet<_> =
        prepared.questions.iter().filter_map(|question| question.slice.as_deref()).collect();
    Ok(Looked { items: prepared.questions.len(), slices: slices.len(), estimates, prompts })
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
    Some(format!(
        "{}. Every answer is kept in {}: run the same command again and it goes on where it stopped, asking for none of \
         them twice",
        reasons.join("; "),
        store.display()
    ))
}
