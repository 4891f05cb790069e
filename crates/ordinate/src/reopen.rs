//! `candidates.json` of a run folder: how each candidate is opened again, without the data and the cache of the run.

use std::path::{Path, PathBuf};

use ordinate_core::task::{CandidateEntry, PromptSection};
use ordinate_core::{CandidateName, Item, Prediction};
use ordinate_data::Task;
use serde::{Deserialize, Serialize};

use crate::asking::Asked;
use crate::cache::copy_folder;
use crate::error::{Error, Fault};
use crate::folder::{Folder, file_name};
use crate::options::Options;

/// The name of the file.
pub(crate) const FILE: &str = "candidates.json";
/// Raised when the file comes to mean something else.
const VERSION: u32 = 1;

/// What a run folder says of its candidates.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reopened {
    version: u32,
    /// The word for the task's kind.
    pub task_kind: String,
    /// The labels of the task, where its kind has a list of them.
    pub labels: Vec<String>,
    /// What candidates are told.
    pub prompt: PromptSection,
    /// The seed of the run.
    pub seed: u64,
    /// The items that examples are drawn from, where some are shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Item>,
    /// The candidates, in the order of the task file.
    pub candidates: Vec<ReopenedCandidate>,
}

/// How one candidate is opened again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReopenedCandidate {
    /// The name of its kind.
    pub kind: String,
    /// The folder with what was trained, within the run folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Its entry in the task file, with absolute paths.
    pub entry: CandidateEntry,
}

impl Reopened {
    /// Reads that of a run folder.
    ///
    /// # Errors
    /// [`Error::File`] where it is missing, damaged, or of another version.
    pub fn read(folder: &Folder) -> Result<Self, Error> {
        let path = folder.path(FILE);
        let bad =
            |problem: String| Error::file(&path, Fault::Input, format!("{problem}; run the task again"));
        let text = std::fs::read_to_string(&path).map_err(|error| bad(format!("cannot be read: {error}")))?;
        let read: Self = serde_json::from_str(&text).map_err(|error| bad(format!("is damaged: {error}")))?;
        if read.version != VERSION {
            let found = read.version;
            return Err(bad(format!("has version {found}, and this program reads {VERSION}")));
        }
        Ok(read)
    }
}

/// What all candidates were told besides an item.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shared {
    /// The labels of the task.
    pub(crate) labels: Vec<String>,
    /// The items that examples are drawn from.
    pub(crate) examples: Vec<Item>,
}

/// Writes the file, and beside it everything that was trained. Gives the folder of each candidate that was.
pub(crate) fn write(
    folder: &Folder,
    task: &Task,
    told: &Shared,
    asked: &[Asked],
) -> Result<Vec<(CandidateName, PathBuf)>, Error> {
    let mut candidates: Vec<ReopenedCandidate> = Vec::new();
    for (column, entry) in task.resolved().candidate.into_iter().enumerate() {
        let one = asked.iter().find(|one| one.column == column);
        let trained = one.and_then(|one| one.opened.here.as_ref()?.model()).filter(|model| model.is_dir());
        let named = || {
            let plain = format!("models/{}", file_name(entry.name.as_str()));
            let is_taken = |one: &ReopenedCandidate| {
                one.model.as_ref().is_some_and(|model| model.to_lowercase() == plain.to_lowercase())
            };
            // Names that differ in marks alone, or in capitals, which some disks do not tell apart.
            if candidates.iter().any(is_taken) { format!("{plain}-{column}") } else { plain }
        };
        let model = trained.as_ref().map(|_| named());
        if let (Some(from), Some(to)) = (&trained, &model) {
            copy_folder(from, &folder.path(to))?;
        }
        let kind = one.map_or("recorded", |one| one.kind.name()).to_owned();
        candidates.push(ReopenedCandidate { kind, model, entry });
    }
    let task_kind = task.kind.name().to_owned();
    let Shared { labels, examples } = told.clone();
    let prompt = task.file.prompt.clone();
    let seed = task.file.statistics.seed.unwrap_or_default();
    let model = |one: &ReopenedCandidate| Some((one.entry.name.clone(), folder.path(one.model.as_ref()?)));
    let models = candidates.iter().filter_map(model).collect();
    let all = Reopened { version: VERSION, task_kind, labels, prompt, seed, examples, candidates };
    let text = serde_json::to_string_pretty(&all).map_err(Error::broken)?;
    folder.write(FILE, &(text + "\n"))?;
    Ok(models)
}

/// The candidate of this name, opened again; `None` where it is not in this process.
///
/// # Errors
/// [`Error`] where it cannot be opened.
pub(crate) fn opened(
    folder: &Folder,
    all: &Reopened,
    name: &CandidateName,
    options: &Options,
) -> Result<Option<Box<dyn AnswersInputs>>, Error> {
    let Some(candidate) = all.candidates.iter().find(|one| one.entry.name == *name) else {
        return Ok(None);
    };
    let folder = folder.path("");
    let (task_kinds, methods) = (&options.task_kinds, &options.methods);
    let again = Again { folder: &folder, all, candidate, task_kinds, methods };
    match options.kinds.named(&candidate.kind) {
        Some(kind) => kind.reopen(&again),
        None => Ok(None),
    }
}

/// Something that was opened again, and answers inputs.
pub trait AnswersInputs: Send + Sync {
    /// The answer to an input, and how sure it is.
    ///
    /// # Errors
    /// Why there is none, in words.
    fn answer(&self, input: &str) -> Result<Prediction, String>;

    /// The same for an item that may be more than its input: by whoever looks at its passage or its options.
    ///
    /// # Errors
    /// As [`Self::answer`].
    fn answer_item(&self, item: &Item) -> Result<Prediction, String> {
        self.answer(&item.input.text)
    }

    /// How probable it finds a label, of each of these inputs, in `[0, 1]`; `None` where it has no probabilities of single labels, or does
    /// not know this one.
    fn shares(&self, _inputs: &[&str], _label: &str) -> Option<Result<Vec<f64>, String>> {
        None
    }

    /// Whether it looks for its answer in a passage, and has none without one.
    fn reads_passages(&self) -> bool {
        false
    }

    /// The vector of a text, by the encoder that it stands on; `None` where it stands on none.
    fn embed(&self, _text: &str) -> Option<Result<Vec<f32>, String>> {
        None
    }

    /// Whether it has such vectors.
    fn embeds(&self) -> bool {
        false
    }

    /// Items that it can answer at one time.
    fn at_once(&self) -> usize {
        std::thread::available_parallelism().map_or(1, usize::from)
    }
}

/// With what a candidate is opened again.
pub struct Again<'a> {
    /// The run folder.
    pub folder: &'a Path,
    /// What it says of all candidates.
    pub all: &'a Reopened,
    /// The candidate.
    pub candidate: &'a ReopenedCandidate,
    /// The kinds of task that there are.
    pub task_kinds: &'a ordinate_tasks::Kinds,
    /// The methods of training that there are.
    pub methods: &'a ordinate_models::Methods,
}

impl Again<'_> {
    /// That it cannot be opened.
    pub fn fail(&self, problem: impl std::fmt::Display) -> Error {
        let path = self.folder.join(FILE);
        Error::file(&path, Fault::Input, format!("{}: {problem}", self.candidate.entry.name))
    }
}
