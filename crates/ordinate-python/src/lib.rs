//! Ordinate for Python: the functions under `ordinate/__init__.py`.
//!
//! What they take and give is text, JSON for the most part: the Python side makes objects of it. The interpreter is let go of
//! while Rust works, and looked at ten times a second for Ctrl-C.

mod answers;
mod candidate;
mod sums;
mod vectors;
mod waiting;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ordinate::{CancellationToken, CandidateKinds, Error, Event, Fault, Observer, Options, Question, Task};
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use candidate::PythonKind;
use waiting::wait;

/// As in the command line.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

create_exception!(
    ordinate,
    OrdinateError,
    PyException,
    "Why a run, or a part of it, fails: what to do next is in it."
);
create_exception!(
    ordinate,
    InputError,
    OrdinateError,
    "What was given is wrong: the task, the data, the folder."
);
create_exception!(ordinate, RunError, OrdinateError, "What was given may be right, and the run failed.");

/// The exception for an error of the library, with the same text as on the command line.
fn raised(error: &Error) -> PyErr {
    let text = error.to_string();
    match error.fault() {
        Fault::Input => InputError::new_err(text),
        Fault::Run => RunError::new_err(text),
    }
}

fn json(value: &impl serde::Serialize) -> PyResult<String> {
    serde_json::to_string(value).map_err(|error| RunError::new_err(error.to_string()))
}

/// Reads a task: of the file `path`, or of `toml`, a text that would lie there.
fn read(path: &Path, toml: Option<&str>) -> PyResult<Task> {
    let read = match toml {
        Some(text) => ordinate_data::parse_task(path, text),
        None => ordinate_data::read_task(path),
    };
    read.map_err(|error| raised(&error.into()))
}

/// A JSON object as TOML.
#[pyfunction]
fn to_toml(object: &str) -> PyResult<String> {
    let bad = |error: &dyn std::fmt::Display| {
        InputError::new_err(format!("the task cannot be a task file: {error}"))
    };
    let value: serde_json::Value = serde_json::from_str(object).map_err(|error| bad(&error))?;
    toml::to_string(&value).map_err(|error| bad(&error))
}

/// The other way round.
#[pyfunction]
fn from_toml(text: &str) -> PyResult<String> {
    let value: toml::Value =
        toml::from_str(text).map_err(|error| InputError::new_err(format!("the task is no TOML: {error}")))?;
    json(&value)
}

/// Hands every step to a callable.
struct Steps(Option<Py<PyAny>>);

impl Observer for Steps {
    fn see(&self, event: Event<'_>) {
        let (Some(told), Event::Step(step)) = (&self.0, event) else { return };
        let line = step.to_string();
        Python::attach(|py| {
            // What a callable for progress raises is no reason to lose a run.
            if let Err(error) = told.call1(py, (line,)) {
                error.write_unraisable(py, Some(told.bind(py)));
            }
        });
    }
}

/// Runs a task: `verdict.json` as it was written, and the run folder.
#[pyfunction]
#[pyo3(signature = (path, toml, needs, folder, cache, helper, candidates, progress, resume, retry_errors))]
#[allow(clippy::too_many_arguments, reason = "keywords, on the Python side")]
fn run(
    py: Python<'_>,
    path: &str,
    toml: Option<&str>,
    needs: Vec<String>,
    folder: Option<PathBuf>,
    cache: Option<PathBuf>,
    helper: Option<PathBuf>,
    candidates: &Bound<'_, PyDict>,
    progress: Option<Py<PyAny>>,
    resume: bool,
    retry_errors: bool,
) -> PyResult<(String, PathBuf)> {
    let mut task = read(Path::new(path), toml)?;
    for need in needs {
        let set = task.file.needs.set(&need);
        set.map_err(|error| InputError::new_err(format!("need {need}: {error}")))?;
    }
    let cancel = CancellationToken::new();
    let options = Options {
        store: Options::shared_store(None).map_err(|error| raised(&error))?,
        folder,
        cache,
        resume,
        retry_errors,
        hosting_helper: helper,
        kinds: CandidateKinds::default().with(PythonKind::new(candidates)?),
        cancel: cancel.clone(),
        ..Options::default()
    };
    let steps = Arc::new(Steps(progress));
    let run = wait(py, &cancel, async move { ordinate::run(&task, &options, steps).await })?;
    let path = run.folder.path("");
    Ok((run.json, path))
}

/// The verdict of a run again, under other needs.
#[pyfunction]
fn judge(py: Python<'_>, run: PathBuf, needs: Vec<String>) -> PyResult<String> {
    let verdict = wait(py, &CancellationToken::new(), async move { ordinate::judge(&run, &needs).await })?;
    json(&verdict)
}

/// What the policy of a run would do with each input; a slice for each, or none for any.
#[pyfunction]
#[pyo3(signature = (run, inputs, policy))]
fn ask(
    py: Python<'_>,
    run: PathBuf,
    inputs: Vec<(String, Option<String>)>,
    policy: Option<String>,
) -> PyResult<Vec<String>> {
    let answers = wait(py, &CancellationToken::new(), async move {
        let options = Options::default();
        let mut answers = Vec::with_capacity(inputs.len());
        for (input, slice) in inputs {
            let question = Question { input, slice, policy: policy.clone(), ..Question::default() };
            answers.push(ordinate::ask(&run, &question, &options).await?);
        }
        Ok(answers)
    })?;
    answers.iter().map(json).collect()
}

/// What the policy of a run would do with every item of a file.
#[pyfunction]
#[pyo3(signature = (run, items, policy))]
fn ask_items(py: Python<'_>, run: PathBuf, items: PathBuf, policy: Option<String>) -> PyResult<Vec<String>> {
    let all = Arc::new(std::sync::Mutex::new(Vec::new()));
    let taken = Arc::clone(&all);
    wait(py, &CancellationToken::new(), async move {
        let questions = ordinate::Questions { items, policy };
        let each = move |decision: &ordinate::Decision| {
            let line = serde_json::to_string(decision).unwrap_or_default();
            taken.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(line);
            true
        };
        ordinate::ask_items(&run, &questions, &Options::default(), each).await
    })?;
    let mut all = all.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(std::mem::take(&mut *all))
}

/// The functions under `ordinate/__init__.py`.
#[pymodule]
fn _ordinate(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    for function in [
        wrap_pyfunction!(to_toml, module)?,
        wrap_pyfunction!(from_toml, module)?,
        wrap_pyfunction!(run, module)?,
        wrap_pyfunction!(judge, module)?,
        wrap_pyfunction!(ask, module)?,
        wrap_pyfunction!(ask_items, module)?,
        wrap_pyfunction!(vectors::vector_pieces, module)?,
        wrap_pyfunction!(vectors::make_vectors, module)?,
        wrap_pyfunction!(vectors::keep_vectors, module)?,
        wrap_pyfunction!(vectors::kept_vectors, module)?,
        wrap_pyfunction!(answers::answer_pieces, module)?,
        wrap_pyfunction!(answers::has_candidate, module)?,
        wrap_pyfunction!(answers::open_candidate, module)?,
        wrap_pyfunction!(answers::put_candidate_away, module)?,
        wrap_pyfunction!(answers::make_answers, module)?,
        wrap_pyfunction!(answers::keep_answers, module)?,
        wrap_pyfunction!(sums::sums_of, module)?,
        wrap_pyfunction!(sums::sums_add, module)?,
        wrap_pyfunction!(sums::sums_write, module)?,
    ] {
        module.add_function(function)?;
    }
    module.add("OrdinateError", py.get_type::<OrdinateError>())?;
    module.add("InputError", py.get_type::<InputError>())?;
    module.add("RunError", py.get_type::<RunError>())?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    Ok(())
}
