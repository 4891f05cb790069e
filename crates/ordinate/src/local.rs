//! Candidates that run in this process: answered once for the same data, and kept as recorded answers.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use ordinate_core::task::{CandidateEntry, Recorded};
use ordinate_core::verdict::Deployment;
use ordinate_core::{Hosting, Items, Part};
use ordinate_data::{Task, load_items};
use ordinate_models::{Answered, Embedded, Facts, From, Kind, Recipe, answer_items, train};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::decode;
use crate::deploy::Site;
use crate::failure::Failure;
use crate::hub;

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

/// The recipe of a candidate that runs here; `None` for another one.
fn recipe(task: &Task, entry: &CandidateEntry) -> Result<Option<(Recipe, Kind)>, Failure> {
    let fail = |error: &dyn std::fmt::Display| {
        Failure::Input(format!("{}: [[candidate]] {}: {error}", task.path.display(), entry.name))
    };
    let Some(recipe) = Recipe::of(entry, task.dir()).map_err(|error| fail(&error))? else { return Ok(None) };
    let kind = Recipe::kind(task.file.task.kind).map_err(|error| fail(&error))?;
    match task.file.task.metric.as_deref() {
        Some(metric) if metric != kind.metric() => Err(fail(&format!(
            "the metric {metric:?} is not known for models that run here; leave it out, or say {:?}",
            kind.metric()
        ))),
        _ => Ok(Some((recipe, kind))),
    }
}

/// What `ordinate check` says of a task with candidates that run here; `None` where it has none. Nothing is trained.
pub(crate) fn checked(task: &Task) -> Result<Option<String>, Failure> {
    let mut lines = vec![format!("{}: fine", task.path.display())];
    let mut any = false;
    for entry in &task.file.candidate {
        if let Some(model) = hub::absent(task, entry)? {
            any = true;
            let (name, lineage) = (&entry.name, &entry.lineage);
            lines.push(format!("candidate   {name} ({lineage}), runs here; `run` would fetch {model}"));
            continue;
        }
        let here = decode::of(task, entry)?.is_some() || recipe(task, entry)?.is_some();
        any |= here;
        let how = if here { "runs here" } else { "recorded" };
        lines.push(format!("candidate   {} ({}), {how}", entry.name, entry.lineage));
    }
    if !any {
        return Ok(None);
    }
    let items = load_items(task)?;
    let trained = (0..items.len()).filter(|&row| items.target(row).is_some()).count();
    lines.insert(1, format!("items       {}", items.len()));
    lines.insert(2, format!("targets     {trained}"));
    Ok(Some(lines.join("\n") + "\n"))
}

/// The task with every candidate that runs here answered: its entry names a file of recorded answers, and what is
/// known of its size where the task file does not say it. Other candidates are as they were.
pub(crate) fn answered(task: &Task, progress: &dyn Fn(&str)) -> Result<Ready, Failure> {
    hub::fetch_absent(task, progress)?;
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
                    progress(&note);
                    notes.push(note);
                    facts.bytes
                }
            };
            settle(entry, Facts { parameters: facts.parameters, bytes: memory }, path);
        };
    let mut items = None;
    // What one candidate's encoder said of the items serves all candidates on that encoder.
    let mut opened: Vec<(From, Embedded)> = Vec::new();
    for entry in &mut ready.file.candidate {
        let fail = |error: &dyn std::fmt::Display| {
            Failure::Input(format!("{}: [[candidate]] {}: {error}", task.path.display(), entry.name))
        };
        if let Some(decoding) = decode::of(task, entry)? {
            let (kept, path, measured) = decoding.answered(progress)?;
            settled(entry, kept, &path, measured);
            continue;
        }
        let Some((recipe, kind)) = recipe(task, entry)? else { continue };
        if items.is_none() {
            items = Some(load_items(task)?);
        }
        let Some(items) = &items else { continue };
        let seed = task.file.statistics.seed.unwrap_or_default();
        let cost_usd = entry.price.and_then(|price| price.per_item).unwrap_or(0.0);
        let identity = recipe.identity().map_err(|error| fail(&error))?;
        let key = key(items, task, &format!("{recipe:?} {identity}"), seed, cost_usd);
        let folder = cache()?;
        let (path, facts_path) = (folder.join(format!("{key}.jsonl")), folder.join(format!("{key}.json")));
        let name = entry.name.clone();
        let site = Site::new(&name, &folder, &key);
        let kept = read(&facts_path).filter(|_| path.is_file());
        if kept.is_some() {
            progress(&format!("{name}: answers of an earlier run on the same data"));
        }
        let (facts, measured) = match (kept, site.kept()) {
            (Some(facts), Some(measured)) => (facts, Ok(measured)),
            (kept, _) => {
                if let Some(from) =
                    recipe.from().filter(|from| opened.iter().all(|(known, _)| known != *from))
                {
                    progress(&format!("{name}: embedding {} items", items.len()));
                    opened.push((from.clone(), Embedded::of(from, items).map_err(|error| fail(&error))?));
                }
                let embedded = opened.iter().find(|(known, _)| Some(known) == recipe.from());
                let embedded = embedded.map(|(_, embedded)| embedded);
                let (facts, saved) = if let Some(facts) = kept {
                    progress(&format!("{name}: training again, to measure it on this machine"));
                    (facts, train(items, kind, &recipe, embedded, seed).map_err(|error| fail(&error))?)
                } else {
                    progress(&format!("{name}: training and answering {} items", items.len()));
                    let (answers, Facts { parameters, bytes }, saved) =
                        answer_items(items, kind, &recipe, embedded, seed).map_err(|error| fail(&error))?;
                    write(&folder, &path, &rows(items, &answers, cost_usd)?)?;
                    let facts = Kept { parameters, bytes };
                    let text =
                        serde_json::to_string(&facts).map_err(|error| Failure::Run(error.to_string()))?;
                    write(&folder, &facts_path, &text)?;
                    (facts, saved)
                };
                progress(&format!("{name}: measuring what hosting it takes"));
                let sizes = Facts { parameters: facts.parameters, bytes: facts.bytes };
                let measured = site.model(&saved, sizes, items);
                (facts, measured)
            }
        };
        settled(entry, facts, &path, measured);
    }
    Ok(Ready { task: ready, deployment, notes })
}

fn settle(entry: &mut CandidateEntry, facts: Facts, path: &Path) {
    #[allow(clippy::cast_precision_loss)] // sizes
    let billion = |number: u64| number as f64 / 1e9;
    entry.hosting.get_or_insert(Hosting::Local);
    entry.memory_gb.get_or_insert(billion(facts.bytes));
    entry.parameters_billion.get_or_insert(billion(facts.parameters));
    (entry.local, entry.adapt) = (None, None);
    entry.recorded = Some(Recorded { path: path.to_string_lossy().into_owned() });
}

fn rows(items: &Items, answers: &[Answered], cost_usd: f64) -> Result<String, Failure> {
    let mut text = String::new();
    for one in answers {
        let row = Row {
            id: items.id(one.row),
            score: one.score,
            output: &one.output,
            confidence: one.confidence,
            latency_ms: one.latency_ms,
            cost_usd,
        };
        text += &serde_json::to_string(&row).map_err(|error| Failure::Run(error.to_string()))?;
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
    use std::fmt::Write as _;
    hasher.finalize().iter().take(20).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Where answers are kept: `ORDINATE_CACHE`, else the user's cache folder.
pub(crate) fn cache() -> Result<PathBuf, Failure> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = named("ORDINATE_CACHE")
        .or_else(|| Some(named("XDG_CACHE_HOME")?.join("ordinate")))
        .or_else(|| Some(named("HOME")?.join(".cache/ordinate")))
        .unwrap_or_else(|| std::env::temp_dir().join("ordinate"))
        .join("local");
    fs::create_dir_all(&folder).map_err(|error| {
        Failure::Run(format!(
            "{}: the folder of kept answers cannot be made: {error}; name another in ORDINATE_CACHE",
            folder.display()
        ))
    })?;
    // Evidence names this file: what is relative would be relative to the task file there.
    std::path::absolute(&folder).map_err(|error| Failure::Run(error.to_string()))
}

pub(crate) fn read(path: &Path) -> Option<Kept> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}

/// Writes a file whole or not at all.
pub(crate) fn write(folder: &Path, path: &Path, text: &str) -> Result<(), Failure> {
    let whole = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(path)?;
        Ok(())
    };
    whole().map_err(|error| Failure::Run(format!("{}: cannot be written: {error}", path.display())))
}
