//! Candidates made here on the embeddings of an API (`openai` beside `adapt = { from = "openai", method = "probe" }`):
//! each text is embedded once and its vector kept in the answer store, so that nothing is paid for twice; a probe is
//! trained on the vectors, and its answers are read as recorded ones from there on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ordinate_core::task::{CandidateEntry, Recorded};
use ordinate_core::verdict::Measured as Record;
use ordinate_core::{Item, Items};
use ordinate_data::{Task, load_items};
use ordinate_measure::{CancellationToken, Contender, EmbeddingsAnswerer, Estimate, Plan, Row};
use ordinate_models::{Answered, CrossFit, Embedding, Encoders, Fitting, Kind, Method, Stop, answer_items};
use ordinate_remote::Embeddings;
use ordinate_tasks::Reader;
use ordinate_tasks::kinds::Generate;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::live::{self, Asking};
use crate::local::{cache, key, method, write};
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
        probing(task, entry)?;
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

/// How it is made on the vectors.
fn probing(task: &Task, entry: &CandidateEntry) -> Result<(Box<dyn Method>, Kind), Error> {
    method(task, entry)?.ok_or_else(|| Error::candidate(task, &entry.name, "it has no method"))
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
    let (method, kind) = probing(task, entry)?;
    let metric = metric::of(task)?;
    let (encoders, mut length) = (Encoders::keeping(), None);
    let source = method.source().ok_or_else(|| fail(&"it has no encoder"))?;
    let encoder = encoders.get(source).map_err(|error| fail(&error))?;
    let (mut embedded, mut digest) = (vec![false; items.len()], Sha256::new());
    for one in &asked {
        let row = rows[one.item];
        let Some(text) = one.output.as_deref() else { continue };
        let vector = serde_json::from_str::<Vec<f32>>(text).map_err(|error| fail(&error))?;
        let wanted = *length.get_or_insert(vector.len());
        if vector.len() != wanted {
            return Err(fail(&format!(
                "the vector of item {:?} has {} numbers, and others have {wanted}; the API changed its model",
                items.id(row),
                vector.len()
            )));
        }
        let took = Duration::from_secs_f64(one.latency_ms.unwrap_or(0.0).max(0.0) / 1e3);
        encoder.keep(items.input(row).unwrap_or_default(), Embedding { vector, took });
        embedded[row] = true;
        digest.update(text);
    }
    let seed = task.file.statistics.seed.unwrap_or_default();
    let crossfit = CrossFit::new(items, kind, method.as_ref(), &|row| embedded[row], seed)
        .map_err(|error| fail(&error))?;
    let fitting = Fitting { seed, stop: Stop::NEVER, encoders: &encoders };
    let (answers, _) = answer_items(&crossfit, &fitting).map_err(|error| fail(&error))?;
    let mut text = String::new();
    let mut answer = answers.iter().peekable();
    for one in asked {
        let row = rows[one.item];
        let said = answer.next_if(|answer| answer.row == row);
        let score = said.map(|said| metric.score(&said.output, items.target(row).unwrap_or_default()));
        let line = line(items.id(row), said, score, &one);
        text += &serde_json::to_string(&line).map_err(Error::broken)?;
        text.push('\n');
    }
    digest.update(&text);
    let identity = method.identity().map_err(|error| fail(&error))?;
    let identity = serde_json::to_string(&identity).map_err(Error::broken)?;
    let key = key(items, task, &format!("{identity} {metric:?} {:x}", digest.finalize()), seed, 0.0);
    let path = folder.join(format!("{key}.jsonl"));
    write(folder, &path, &text)?;
    Ok(path)
}

fn line<'a>(id: &'a str, said: Option<&'a Answered>, score: Option<f64>, asked: &Row) -> Line<'a> {
    let error = asked.error.as_ref().map(|(kind, message)| format!("{kind}: {message}"));
    Line {
        id,
        score,
        output: said.map(|said| said.output.as_str()),
        confidence: said.and_then(|said| said.confidence),
        error,
        input_tokens: asked.input_tokens,
        latency_ms: said.map(|said| said.latency_ms),
        cost_usd: asked.cost_usd,
    }
}
