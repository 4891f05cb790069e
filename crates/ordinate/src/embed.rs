//! Candidates made here on the embeddings of an API (`openai` beside `adapt = { from = "openai", method = "probe" }`):
//! each text is embedded once and its vector kept in the answer store, so that nothing is paid for twice; a probe is
//! trained on the vectors, and its answers are read as recorded ones from there on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ordinate_core::task::{CandidateEntry, Recorded};
use ordinate_core::verdict::Measured as Record;
use ordinate_core::{Item, Items};
use ordinate_data::{Task, load_items};
use ordinate_measure::{CancellationToken, Contender, EmbeddingsAnswerer, Estimate, Plan, Row};
use ordinate_models::{Answered, Embedded, From, Recipe, answer_items};
use ordinate_remote::Embeddings;
use ordinate_tasks::Reader;
use ordinate_tasks::kinds::Generate;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::live::{self, Asking};
use crate::local::{cache, key, write};
use crate::metric;
use crate::observe::{Doing, Step, step};
use crate::work::aside;

/// Whether a task has such candidates.
pub(crate) fn any(task: &Task) -> bool {
    task.file.candidate.iter().any(CandidateEntry::embeds)
}

/// The task with every such candidate answered, how their asking went, and what it cost in all, USD.
pub(crate) struct Ready {
    pub(crate) task: Task,
    pub(crate) measured: Vec<Record>,
    pub(crate) spent_usd: f64,
}

/// Asks for the vector of every item with a target that `store` does not hold, and lets a probe on them answer.
pub(crate) async fn answered(task: &Task, asking: &Asking<'_>) -> Result<Ready, Error> {
    let mut ready = Ready { task: task.clone(), measured: Vec::new(), spent_usd: 0.0 };
    if !any(task) {
        return Ok(ready);
    }
    let (items, rows, plan) = planned(task, asking.store, &asking.options.cancel).await?;
    let (items, rows) = (Arc::new(items), Arc::new(rows));
    let columns: Vec<usize> =
        (0..task.file.candidate.len()).filter(|&at| task.file.candidate[at].embeds()).collect();
    step(asking.seen.as_ref(), Step::Embeddings(rows.len()));
    let live::Rows { rows: asked, summaries, spent_usd } = live::rows(plan, asking).await?;
    ready.spent_usd = spent_usd;
    for ((column, asked), summary) in columns.into_iter().zip(asked).zip(&summaries) {
        let entry = &mut ready.task.file.candidate[column];
        step(asking.seen.as_ref(), Step::Candidate(&entry.name, Doing::Training(rows.len())));
        let folder = cache(asking.options)?;
        let (task, training) = (task.clone(), entry.clone());
        let (items, rows) = (Arc::clone(&items), Arc::clone(&rows));
        let path =
            aside(&asking.options.cancel, move || probe(&task, &training, &items, &rows, asked, &folder))
                .await?;
        // The price of a machine by the hour is put in later.
        entry.price = entry.price.or(entry.openai.as_ref().and_then(|openai| openai.price));
        (entry.openai, entry.adapt) = (None, None);
        entry.recorded = Some(Recorded { path: path.to_string_lossy().into_owned() });
        ready.measured.push(live::record(summary));
    }
    Ok(ready)
}

/// What asking for the vectors will probably cost. Nothing is asked.
pub(crate) async fn estimates(
    task: &Task,
    store: &Path,
    cancel: &CancellationToken,
) -> Result<Vec<Estimate>, Error> {
    if !any(task) {
        return Ok(Vec::new());
    }
    let (_, _, plan) = planned(task, store, cancel).await?;
    live::estimates(plan).await
}

/// The items, the rows of those that are embedded, and how.
async fn planned(
    task: &Task,
    store: &Path,
    cancel: &CancellationToken,
) -> Result<(Items, Vec<usize>, Plan), Error> {
    let (task, store) = (task.clone(), store.to_owned());
    aside(cancel, move || {
        let (items, rows) = texts(&task)?;
        let plan = plan(&task, &items, &rows, &store)?;
        Ok((items, rows, plan))
    })
    .await
}

/// The items, and the rows of those that are embedded: all with a target, train items too.
fn texts(task: &Task) -> Result<(Items, Vec<usize>), Error> {
    let items = load_items(task)?;
    let rows: Vec<usize> = (0..items.len()).filter(|&row| items.target(row).is_some()).collect();
    match rows.iter().find(|&&row| items.input(row).is_none()) {
        Some(&row) => Err(Error::task(
            task,
            format!(
                "item {:?} has no input to embed: name the field with the text in [data] input; where it is empty, fill \
                 it or remove the item",
                items.id(row)
            ),
        )),
        None => Ok((items, rows)),
    }
}

fn plan(task: &Task, items: &Items, rows: &[usize], store: &Path) -> Result<Plan, Error> {
    let mut contenders = Vec::new();
    for entry in task.file.candidate.iter().filter(|entry| entry.embeds()) {
        let fail = |problem: String| Error::candidate(task, &entry.name, problem);
        let Some(openai) = &entry.openai else { continue };
        if let Some(method) =
            entry.adapt.as_ref().map(|adapt| &adapt.method).filter(|method| *method != "probe")
        {
            return Err(fail(format!(
                "method {method:?} needs the model itself, and an API gives its vectors alone; say \"probe\""
            )));
        }
        recipe(entry).kind(task.kind).map_err(|error| fail(error.to_string()))?;
        live::may_be_sent(entry, &task.file.needs).map_err(&fail)?;
        let embeddings = Embeddings::new(openai).map_err(|error| fail(error.to_string()))?;
        let mut contender = Contender::new(entry.name.clone(), EmbeddingsAnswerer(embeddings));
        live::set_rates(&mut contender, entry, openai);
        contenders.push(contender);
    }
    let asked: Vec<Item> = rows.iter().map(|&row| items.item(row)).collect();
    // A vector is taken whole, as a generated text is.
    let mut plan = Plan::new(asked, contenders, Reader::new(&Generate, &[]), store.to_owned());
    live::set_limits(&mut plan, task)?;
    Ok(plan)
}

/// What is made on the vectors.
fn recipe(entry: &CandidateEntry) -> Recipe {
    Recipe::Probe { from: From::Elsewhere, examples: entry.adapt.as_ref().and_then(|adapt| adapt.examples) }
}

/// A row of recorded answers.
#[derive(Debug, Serialize)]
struct Line<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_usd: Option<f64>,
}

/// Trains the probe and lets it answer; the file of its answers. An item whose vector could not be had is an error.
fn probe(
    task: &Task,
    entry: &CandidateEntry,
    items: &Items,
    rows: &[usize],
    asked: Vec<Row>,
    folder: &Path,
) -> Result<PathBuf, Error> {
    let fail = |error: &dyn std::fmt::Display| Error::candidate(task, &entry.name, error);
    let recipe = recipe(entry);
    let kind = recipe.kind(task.kind).map_err(|error| fail(&error))?;
    let metric = metric::of(task)?;
    let (mut vectors, mut took_ms) = (vec![Vec::new(); items.len()], vec![f64::NAN; items.len()]);
    let mut digest = Sha256::new();
    for one in &asked {
        let row = rows[one.item];
        let Some(text) = one.output.as_deref() else { continue };
        vectors[row] = serde_json::from_str::<Vec<f32>>(text).map_err(|error| fail(&error))?;
        took_ms[row] = one.latency_ms.unwrap_or(f64::NAN);
        digest.update(text);
    }
    let length = vectors.iter().map(Vec::len).max().unwrap_or(0);
    if let Some(row) = vectors.iter().position(|vector| !vector.is_empty() && vector.len() != length) {
        return Err(fail(&format!(
            "the vector of item {:?} has {} numbers, and others have {length}; the API changed its model",
            items.id(row),
            vectors[row].len()
        )));
    }
    let seed = task.file.statistics.seed.unwrap_or_default();
    let embedded = Embedded::elsewhere(vectors, took_ms);
    let (answers, ..) =
        answer_items(items, (kind, &metric), &recipe, Some(&embedded), seed).map_err(|error| fail(&error))?;
    let mut text = String::new();
    let mut answer = answers.iter().peekable();
    for one in asked {
        let row = rows[one.item];
        let said = answer.next_if(|answer| answer.row == row);
        let line = line(items.id(row), said, &one);
        text += &serde_json::to_string(&line).map_err(Error::broken)?;
        text.push('\n');
    }
    digest.update(&text);
    let key = key(items, task, &format!("{recipe:?} {metric:?} {:x}", digest.finalize()), seed, 0.0);
    let path = folder.join(format!("{key}.jsonl"));
    write(folder, &path, &text)?;
    Ok(path)
}

fn line<'a>(id: &'a str, said: Option<&'a Answered>, asked: &Row) -> Line<'a> {
    let error = asked.error.as_ref().map(|(kind, message)| format!("{kind}: {message}"));
    Line {
        id,
        score: said.map(|said| said.score),
        output: said.map(|said| said.output.as_str()),
        confidence: said.and_then(|said| said.confidence),
        error,
        input_tokens: asked.input_tokens,
        latency_ms: said.map(|said| said.latency_ms),
        cost_usd: asked.cost_usd,
    }
}
