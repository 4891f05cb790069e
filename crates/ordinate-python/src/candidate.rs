//! Candidates that are Python callables: `custom = { kind = "python" }` in the task file.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ordinate::{CandidateKind, Error, Opened, Opening, Place};
use ordinate_core::{FieldValue, Item};
use ordinate_measure::{Answerer, AnswererError, Attempt, Contender, Limits, Request};
use ordinate_remote::{Failure, FailureKind, PromptError, Reply};
use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyList, PyString};
use serde_json::{Map, Value, json};

/// After so many batches in a row without an answer in time nothing more is asked: each holds a thread for good.
const HUNG: u32 = 3;

/// The kind of such candidates, and the callables by the name of the candidate.
pub(crate) struct PythonKind(HashMap<String, Callable>);

/// A callable: a list of items in, a list of answers out.
#[derive(Clone)]
struct Callable {
    call: Arc<Py<PyAny>>,
    /// What its answers hang on: kept answers of the same are taken.
    version: String,
    batch: usize,
    timeout: Duration,
    /// Calls side by side.
    concurrency: usize,
    /// Whether it takes this machine's processors.
    alone: bool,
}

/// A candidate as Python hands it over.
type Settings = (Py<PyAny>, String, usize, f64, usize, bool);

impl PythonKind {
    /// Of a dictionary from names to `(callable, version, batch, seconds, calls side by side, takes this machine)`.
    pub(crate) fn new(candidates: &Bound<'_, PyDict>) -> PyResult<Self> {
        let mut all = HashMap::new();
        for (name, candidate) in candidates {
            let (call, version, batch, seconds, concurrency, alone): Settings = candidate.extract()?;
            let timeout = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
            let (batch, concurrency) = (batch.max(1), concurrency.max(1));
            let callable = Callable { call: Arc::new(call), version, batch, timeout, concurrency, alone };
            all.insert(name.extract()?, callable);
        }
        Ok(Self(all))
    }
}

impl CandidateKind for PythonKind {
    fn name(&self) -> &'static str {
        "python"
    }

    fn takes(&self, place: Place<'_>) -> Result<bool, Error> {
        Ok(place.entry.custom.as_ref().is_some_and(|custom| custom.kind == self.name()))
    }

    fn check(&self, place: Place<'_>) -> Result<String, Error> {
        self.callable(place).map(|_| "a callable in this process".to_owned())
    }

    fn open(&self, opening: &Opening<'_>) -> Result<Opened, Error> {
        let place = opening.place;
        let callable = self.callable(place)?.clone();
        let labels = opening.materials.labels.as_slice().into();
        let mut contender =
            Contender::new(place.entry.name.clone(), Asked { callable, labels, hung: AtomicU32::new(0) });
        contender.price = place.entry.price;
        Ok(Opened::new(contender))
    }
}

impl PythonKind {
    fn callable(&self, place: Place<'_>) -> Result<&Callable, Error> {
        let name = place.entry.name.as_str();
        self.0.get(name).ok_or_else(|| {
            place.fail(format!("no callable was given for it; run(task, candidates={{{name:?}: function}})"))
        })
    }
}

struct Asked {
    callable: Callable,
    /// Those of the task, which stand in every item that it is given.
    labels: Arc<[String]>,
    hung: AtomicU32,
}

impl Answerer for Asked {
    fn identity(&self) -> String {
        format!("python 1 {}", self.callable.version)
    }

    fn request(&self, _: usize, item: &Item) -> Result<String, PromptError> {
        Ok(line(item).to_string())
    }

    fn ask<'a>(&'a self, batch: &'a [Request]) -> Attempt<'a> {
        Box::pin(async move {
            if self.hung.load(Ordering::Relaxed) >= HUNG {
                let why = "the callable did not answer in time again and again, and is asked no more";
                return Ok(batch.iter().map(|_| Err(Failure::new(FailureKind::Reported, why))).collect());
            }
            let bodies: Vec<String> = batch.iter().map(|request| request.body.clone()).collect();
            let (call, count) = (Arc::clone(&self.callable.call), bodies.len());
            let labels = Arc::clone(&self.labels);
            let (sender, receiver) = tokio::sync::oneshot::channel();
            // A thread of its own, which may be left behind where the callable hangs.
            let started = std::thread::Builder::new().name("python candidate".to_owned()).spawn(move || {
                let _ = sender.send(Python::attach(|py| answers(py, &call, &bodies, &labels)));
            });
            started.map_err(AnswererError::new)?;
            match tokio::time::timeout(self.callable.timeout, receiver).await {
                Ok(Ok(answers)) => {
                    self.hung.store(0, Ordering::Relaxed);
                    Ok(answers)
                }
                Ok(Err(_)) => Err(AnswererError::new("the thread of the callable ended without an answer")),
                Err(_) => {
                    self.hung.fetch_add(1, Ordering::Relaxed);
                    let seconds = self.callable.timeout.as_secs_f64();
                    let why = format!("the callable gave no answer within {seconds} s");
                    Ok((0..count).map(|_| Err(Failure::new(FailureKind::Reported, why.clone()))).collect())
                }
            }
        })
    }

    fn limits(&self) -> Limits {
        let Callable { batch, concurrency, alone, .. } = self.callable;
        Limits { in_flight: Some(concurrency), batch, files: 0, alone }
    }
}

/// An item as a callable gets it.
fn line(item: &Item) -> Value {
    let fields: Map<String, Value> = item
        .input
        .fields
        .iter()
        .map(|field| {
            let value = match &field.value {
                FieldValue::Number(number) => json!(number),
                FieldValue::Category(text) => json!(text),
            };
            (field.name.clone(), value)
        })
        .collect();
    let mut line = json!({ "id": item.id, "input": item.input.text });
    if !fields.is_empty() {
        line["fields"] = Value::Object(fields);
    }
    if let Some(slice) = &item.slice {
        line["slice"] = json!(slice);
    }
    if let Some(context) = &item.context {
        line["context"] = json!(context);
    }
    if !item.options.is_empty() {
        line["options"] = json!(item.options);
    }
    line
}

/// Calls it, and reads what it gives: an answer for each item. What it raises is said of every item.
fn answers(
    py: Python<'_>,
    call: &Py<PyAny>,
    bodies: &[String],
    labels: &[String],
) -> Vec<Result<Reply, Failure>> {
    let begun = Instant::now();
    let all =
        |why: String| bodies.iter().map(|_| Err(Failure::new(FailureKind::Reported, why.clone()))).collect();
    let called = || -> PyResult<Vec<Bound<'_, PyAny>>> {
        let loads = py.import("json")?.getattr("loads")?;
        let items = bodies.iter().map(|body| loads.call1((body,))).collect::<PyResult<Vec<_>>>()?;
        if !labels.is_empty() {
            items.iter().try_for_each(|item| item.set_item("labels", labels))?;
        }
        let given = call.bind(py).call1((PyList::new(py, items)?,))?;
        given.try_iter()?.collect()
    };
    match called() {
        Err(error) => all(said(py, &error)),
        Ok(given) if given.len() != bodies.len() => all(format!(
            "the callable gave {} answers to {} items: which is to which cannot be known",
            given.len(),
            bodies.len()
        )),
        Ok(given) => {
            let share = begun.elapsed() / u32::try_from(given.len().max(1)).unwrap_or(u32::MAX);
            let read = |answer| {
                reply(answer).map_err(|error| Failure::new(FailureKind::Reported, said(py, &error)))?
            };
            given
                .iter()
                .map(|answer| read(answer).map(|reply: Reply| Reply { latency: share, ..reply }))
                .collect()
        }
    }
}

/// What was raised, on one line.
fn said(py: Python<'_>, error: &PyErr) -> String {
    let kind = error.get_type(py).name().map_or_else(|_| "an exception".to_owned(), |name| name.to_string());
    let text = error.value(py).to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() { kind } else { format!("{kind}: {text}") }
}

/// One answer: a text, a number, a list (as JSON), `{"output", "confidence", "cost_usd"}`, a forecast with `quantiles`, or an exception
/// for this item alone.
fn reply(answer: &Bound<'_, PyAny>) -> PyResult<Result<Reply, Failure>> {
    if answer.is_none() {
        return Ok(Err(Failure::new(FailureKind::Empty, "the callable gave None for this item")));
    }
    if answer.is_instance_of::<PyBaseException>() {
        let error = PyErr::from_value(answer.clone());
        return Ok(Err(Failure::new(FailureKind::Reported, said(answer.py(), &error))));
    }
    let Ok(fields) = answer.cast::<PyDict>() else {
        return Ok(Ok(Reply { text: text(answer)?, ..Reply::default() }));
    };
    let number = |name: &str| -> PyResult<Option<f64>> {
        fields.get_item(name)?.filter(|value| !value.is_none()).map(|value| value.extract()).transpose()
    };
    let output = fields.get_item("output")?.filter(|value| !value.is_none());
    // A forecast with quantiles is a dict itself.
    let is_output = output.is_none() && fields.contains("quantiles")?;
    let Some(output) = output.or_else(|| is_output.then(|| answer.clone())) else {
        let why = "the callable gave a dict without \"output\" for this item";
        return Ok(Err(Failure::new(FailureKind::Reported, why)));
    };
    let confidence = number("confidence")?;
    if confidence.is_some_and(|confidence| !(0.0..=1.0).contains(&confidence)) {
        let why = "its confidence is not in [0, 1]";
        return Ok(Err(Failure::new(FailureKind::Reported, why)));
    }
    Ok(Ok(Reply { text: text(&output)?, confidence, cost_usd: number("cost_usd")?, ..Reply::default() }))
}

/// A text as it is; numbers, lists and dicts as JSON, those of numpy as well.
fn text(value: &Bound<'_, PyAny>) -> PyResult<String> {
    if value.is_instance_of::<PyString>() {
        return value.extract();
    }
    let plain = plain(value)?;
    if plain.is_instance_of::<PyString>() || plain.is_instance_of::<PyBool>() {
        return Ok(plain.str()?.to_string());
    }
    value.py().import("json")?.getattr("dumps")?.call1((plain,))?.extract()
}

/// Without arrays and scalars of numpy and tensors of torch, also as values of a dict.
fn plain<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    if let Ok(tolist) = value.getattr("tolist") {
        return tolist.call0();
    }
    let Ok(dict) = value.cast::<PyDict>() else { return Ok(value.clone()) };
    let plainly = PyDict::new(value.py());
    for (key, value) in dict {
        plainly.set_item(key, plain(&value)?)?;
    }
    Ok(plainly.into_any())
}
