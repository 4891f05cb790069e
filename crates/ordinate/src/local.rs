//! Candidates that run in this process: answered once for the same data, and kept as recorded answers.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use ordinate_core::features::Values;
use ordinate_core::task::{CandidateEntry, Recorded};
use ordinate_core::verdict::Deployment;
use ordinate_core::{Hosting, Items, Part};
use ordinate_data::{Task, can_compare, load_features, load_items};
use ordinate_models::{
    Answered, CrossFit, Encoders, Facts, Fitting, Kind, Manifest, Method, Methods, ModelError, Reads, Stop,
    answer_items, save,
};
use ordinate_tasks::Scorer;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::decode;
use crate::deploy::Site;
use crate::error::{Error, Fault};
use crate::hub;
use crate::metric;
use crate::observe::{Doing, Observer, Seen, Step, step};
use crate::options::Options;
use crate::work::aside;

/// Raised when a model here comes to answer differently: what older versions answered is not taken then.
const VERSION: u32 = 2;

/// A row of recorded answers.
#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    score: f64,
    output: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f64>,
    latency_ms: f64,
    cost_usd: f64,
}

/// A task whose candidates that run here were answered.
pub(crate) struct Ready {
    pub(crate) task: Task,
    /// What hosting each of them takes on this machine.
    pub(crate) deployment: Vec<Deployment>,
    /// What could not be measured, in words.
    pub(crate) notes: Vec<String>,
}

/// What is kept beside the answers.
#[derive(Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) parameters: u64,
    pub(crate) bytes: u64,
}

/// A method, and what the task asks of its models.
type Made = (Box<dyn Method>, Kind);

/// The method by which a candidate is made here; `None` for another one.
pub(crate) fn method(task: &Task, entry: &CandidateEntry) -> Result<Option<Made>, Error> {
    let fail = |error: &dyn std::fmt::Display| Error::candidate(task, &entry.name, error);
    let Some(method) = Methods::default().of(entry, task.dir()).map_err(|error| fail(&error))? else {
        return Ok(None);
    };
    let kind = method.kind(task.kind).map_err(|error| fail(&error))?;
    let reads_fields = method.reads() == Reads::Fields;
    if reads_fields && task.file.data.features.is_none() {
        return Err(fail(
            &"it reads fields of items, and [data] names none; say features = \"all\" there, or features = [\"name\", ...]",
        ));
    }
    if reads_fields && entry.local.as_ref().is_some_and(|local| !local.labels.is_empty()) {
        return Err(fail(&"labels are for models that were not trained on the task, and it is; remove them"));
    }
    Ok(Some((method, kind)))
}

/// The items of the task; with their fields as numbers and categories where a candidate reads those.
fn items(task: &Task) -> Result<Items, Error> {
    let items = load_items(task)?;
    // What is wrong with other candidates is said elsewhere.
    let methods = Methods::default();
    let methods = task.file.candidate.iter().map(|entry| methods.of(entry, task.dir()));
    let mut known = methods.filter_map(|method| method.ok().flatten());
    if known.any(|method| method.reads() == Reads::Fields) {
        return Ok(items.with_features(load_features(task)?));
    }
    Ok(items)
}

/// How a candidate runs here, in words; `None` for one that does not. Nothing is trained or fetched.
pub(crate) fn how(task: &Task, entry: &CandidateEntry) -> Result<Option<String>, Error> {
    if entry.embeds() {
        return Ok(Some("probe on embeddings of an API".to_owned()));
    }
    if let Some(model) = hub::absent(task, entry)? {
        return Ok(Some(format!("runs here; `run` would fetch {model}")));
    }
    let here = decode::of(task, entry)?.is_some() || method(task, entry)?.is_some();
    Ok(here.then(|| "runs here".to_owned()))
}

/// Whether a candidate that is trained here, or told the labels, reads the text of items.
fn reads_text(task: &Task, entry: &CandidateEntry) -> Result<bool, Error> {
    if hub::absent(task, entry)?.is_some() || decode::of(task, entry)?.is_some() {
        return Ok(false);
    }
    Ok(method(task, entry)?.is_some_and(|(method, _)| method.reads() == Reads::Text))
}

/// The items of a task with candidates that run here, and how many of them have a target; `None` where it has no such
/// candidates. Nothing is trained.
pub(crate) fn checked(task: &Task) -> Result<Option<(usize, usize)>, Error> {
    let mut any = false;
    for entry in &task.file.candidate {
        any |= how(task, entry)?.is_some();
    }
    if !any {
        return Ok(None);
    }
    can_compare(task)?;
    metric::of(task)?;
    let items = items(task)?;
    let trained = (0..items.len()).filter(|&row| items.target(row).is_some()).count();
    let untold = (0..items.len()).find(|&row| items.target(row).is_some() && items.input(row).is_none());
    for entry in &task.file.candidate {
        let reads = entry.embeds() || reads_text(task, entry)?;
        if let Some(row) = untold.filter(|_| reads) {
            let error = ModelError::NoInput(items.id(row).to_owned());
            return Err(Error::candidate(task, &entry.name, error));
        }
    }
    Ok(Some((items.len(), trained)))
}

/// The task with every candidate that runs here answered: its entry names a file of recorded answers, and what is
/// known of its size where the task file does not say it. Other candidates are as they were.
pub(crate) async fn answered(task: &Task, options: &Options, seen: &Seen) -> Result<Ready, Error> {
    tokio::select! {
        biased;
        () = options.cancel.cancelled() => return Err(Error::Stopped),
        fetched = hub::fetch_absent(task, seen) => fetched?,
    }
    let (task, options, seen) = (task.clone(), options.clone(), Seen::clone(seen));
    aside(&options.cancel.clone(), move || all(&task, &options, seen.as_ref())).await
}

fn all(task: &Task, options: &Options, seen: &dyn Observer) -> Result<Ready, Error> {
    let mut ready = task.clone();
    let (mut deployment, mut notes) = (Vec::new(), Vec::new());
    let mut settled =
        |entry: &mut CandidateEntry, facts: Kept, path: &Path, measured: Result<Deployment, String>| {
            let memory = match measured {
                Ok(measured) => {
                    let Deployment { memory_bytes, peak_memory_bytes, .. } = measured;
                    deployment.push(measured);
                    peak_memory_bytes.unwrap_or(memory_bytes)
                }
                Err(why) => {
                    let note = format!("What hosting {} takes was not measured: {why}.", entry.name);
                    step(seen, Step::Note(&note));
                    notes.push(note);
                    facts.bytes
                }
            };
            settle(entry, Facts { parameters: facts.parameters, bytes: memory }, path);
        };
    let mut items = None;
    // What one candidate's encoder said of the items serves all candidates on that encoder.
    let encoders = Encoders::keeping();
    for entry in &mut ready.file.candidate {
        if options.cancel.is_cancelled() {
            return Err(Error::Stopped);
        }
        let name = entry.name.clone();
        let fail = |error: &dyn std::fmt::Display| Error::candidate(task, &name, error);
        let does = |doing| step(seen, Step::Candidate(&name, doing));
        if let Some(decoding) = decode::of(task, entry)? {
            let (kept, path, measured) = decoding.answered(options, seen)?;
            settled(entry, kept, &path, measured);
            continue;
        }
        let Some((method, kind)) = method(task, entry)? else { continue };
        if items.is_none() {
            items = Some((self::items(task)?, metric::of(task)?));
        }
        let Some((items, metric)) = &items else { continue };
        let seed = task.file.statistics.seed.unwrap_or_default();
        let cost_usd = entry.price.and_then(|price| price.per_item).unwrap_or(0.0);
        let identity = method.identity().map_err(|error| fail(&error))?;
        let identity = serde_json::to_string(&identity).map_err(Error::broken)?;
        let fields = if method.reads() == Reads::Fields { digest(items) } else { String::new() };
        let key = key(items, task, &format!("{identity} {metric:?} {fields}"), seed, cost_usd);
        let folder = cache(options)?;
        let (path, model) = (folder.join(format!("{key}.jsonl")), folder.join(&key));
        let site = Site::new(&name, &folder, &key, options);
        let manifest = match Manifest::read(&model) {
            Ok(manifest) if path.is_file() => {
                does(Doing::Kept);
                manifest
            }
            _ => {
                does(Doing::Training(items.len()));
                let crossfit = CrossFit::new(items, kind, method.as_ref(), &|_| true, seed)
                    .map_err(|error| fail(&error))?;
                let cancelled = || options.cancel.is_cancelled();
                let fitting = Fitting { seed, stop: Stop::when(&cancelled), encoders: &encoders };
                let (answers, whole) = answer_items(&crossfit, &fitting).map_err(|error| fail(&error))?;
                write(&folder, &path, &rows((items, metric), &answers, cost_usd)?)?;
                // Last: what has a manifest is whole.
                save(method.as_ref(), whole.as_ref(), &model).map_err(|error| fail(&error))?
            }
        };
        let measured = match site.kept() {
            Some(measured) => Ok(measured),
            None => {
                site.tell(seen);
                site.model(&model, &manifest, items)
            }
        };
        let facts = Kept { parameters: manifest.parameters, bytes: manifest.memory_bytes };
        settled(entry, facts, &path, measured);
    }
    Ok(Ready { task: ready, deployment, notes })
}

fn settle(entry: &mut CandidateEntry, facts: Facts, path: &Path) {
    let billion = |number: u64| number as f64 / 1e9;
    entry.hosting.get_or_insert(Hosting::Local);
    entry.memory_gb.get_or_insert(billion(facts.bytes));
    entry.parameters_billion.get_or_insert(billion(facts.parameters));
    (entry.local, entry.adapt) = (None, None);
    entry.recorded = Some(Recorded { path: path.to_string_lossy().into_owned() });
}

fn rows((items, metric): (&Items, &Scorer), answers: &[Answered], cost_usd: f64) -> Result<String, Error> {
    let mut text = String::new();
    for one in answers {
        let row = Row {
            id: items.id(one.row),
            score: metric.score(&one.output, items.target(one.row).unwrap_or_default()),
            output: &one.output,
            confidence: one.confidence,
            latency_ms: one.latency_ms,
            cost_usd,
        };
        text += &serde_json::to_string(&row).map_err(Error::broken)?;
        text.push('\n');
    }
    Ok(text)
}

/// A digest of everything that the answers hang on.
pub(crate) fn key(items: &Items, task: &Task, recipe: &str, seed: u64, cost_usd: f64) -> String {
    let mut hasher = Sha256::new();
    let mut add = |text: &str| {
        // The length keeps `ab` + `c` apart from `a` + `bc`.
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    };
    add(&format!("{VERSION} {:?} {recipe} {seed} {cost_usd}", task.file.task.kind));
    for row in 0..items.len() {
        let part = match items.part(row) {
            None => "",
            Some(Part::Train) => "train",
            Some(Part::Test) => "test",
        };
        let texts =
            [Some(items.id(row)), items.input(row), items.target(row), items.groups().get(row), Some(part)];
        texts.iter().for_each(|text| add(text.unwrap_or("\0")));
    }
    hex(hasher)
}

fn hex(hasher: Sha256) -> String {
    use std::fmt::Write as _;
    hasher.finalize().iter().take(20).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// A digest of the fields of the items.
fn digest(items: &Items) -> String {
    let mut hasher = Sha256::new();
    for feature in items.features().columns() {
        hasher.update((feature.name.len() as u64).to_le_bytes());
        hasher.update(&feature.name);
        match &feature.values {
            // One NaN is as good as another.
            Values::Numbers(numbers) => numbers.iter().for_each(|number| {
                let bits = if number.is_nan() { f64::NAN } else { *number }.to_bits();
                hasher.update(bits.to_le_bytes());
            }),
            Values::Categories(codes) => (0..items.len()).for_each(|row| {
                // No category is as long as no text can be.
                let text = codes.get(row);
                hasher.update(text.map_or(u64::MAX, |text| text.len() as u64).to_le_bytes());
                hasher.update(text.unwrap_or_default());
            }),
        }
    }
    hex(hasher)
}

/// Where answers are kept: what the options say, else `ORDINATE_CACHE`, else the user's cache folder.
pub(crate) fn cache(options: &Options) -> Result<PathBuf, Error> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = options
        .cache
        .clone()
        .or_else(|| named("ORDINATE_CACHE"))
        .or_else(|| Some(named("XDG_CACHE_HOME")?.join("ordinate")))
        .or_else(|| Some(named("HOME")?.join(".cache/ordinate")))
        .unwrap_or_else(|| std::env::temp_dir().join("ordinate"))
        .join("local");
    fs::create_dir_all(&folder).map_err(|error| {
        let problem =
            format!("the folder of kept answers cannot be made: {error}; name another in ORDINATE_CACHE");
        Error::file(&folder, Fault::Run, problem)
    })?;
    // Evidence names this file: what is relative would be relative to the task file there.
    std::path::absolute(&folder).map_err(Error::broken)
}

pub(crate) fn read(path: &Path) -> Option<Kept> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}

/// Writes a file whole or not at all.
pub(crate) fn write(folder: &Path, path: &Path, text: &str) -> Result<(), Error> {
    let whole = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(path)?;
        Ok(())
    };
    whole().map_err(|error| Error::file(path, Fault::Run, format!("cannot be written: {error}")))
}
