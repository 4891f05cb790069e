//! Runs as a server is told of them: the policy of each, and everybody who can be asked.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use ordinate_core::task::CandidateEntry;
use ordinate_core::verdict::{CandidateRow, Verdict};
use ordinate_core::{CandidateName, Evidence, Item, Items, Prediction};
use ordinate_data::{RequestedItems, Task, read_evidence, read_kept_task};
use ordinate_serve::{AnswersItems, Candidate, Drift, How, MeasuredInput, Score};
use ordinate_tasks::Reader;
use serde::Deserialize;

use crate::ask::policy_of;
use crate::error::{Error, Fault};
use crate::folder::{EVIDENCE, Folder};
use crate::grading::judge_of;
use crate::kinds::{Place, ServedElsewhere, may_have_the_data};
use crate::metric;
use crate::options::Options;
use crate::reopen::{Again, AnswersInputs, Reopened, ReopenedCandidate};
use crate::work::aside;

/// What of a run is served.
#[derive(Debug, Clone, Default)]
pub struct Serving {
    /// The run folder.
    pub run: PathBuf,
    /// Another policy of the run than the recommended one.
    pub policy: Option<String>,
    /// A file with `[[candidate]]` entries that say how candidates are asked which were recorded, or are elsewhere now.
    pub upstreams: Option<PathBuf>,
    /// Whether candidates beside those of the policy are opened too, where they meet the needs: to stand in for them, or to
    /// be asked for by name.
    pub with_others: bool,
    /// Candidates that are opened too, whether or not they meet the needs.
    pub also: Vec<String>,
    /// Whether answers are to be scored against right ones that come later.
    pub scored: bool,
    /// Whether inputs are to be held against those that were measured.
    pub drift: bool,
}

/// Opens a run for a server. What was left out and why is told as lines beside it.
///
/// # Errors
/// [`Error`] where the folder holds no run, or a candidate of the policy cannot be asked.
pub async fn serve(
    serving: &Serving,
    options: &Options,
) -> Result<(ordinate_serve::Run, Vec<String>), Error> {
    let (serving, how) = (serving.clone(), options.clone());
    aside(&options.cancel, move || opened(&serving, &how)).await
}

fn opened(serving: &Serving, options: &Options) -> Result<(ordinate_serve::Run, Vec<String>), Error> {
    let folder = Folder::open(&serving.run)?;
    let verdict = folder.verdict()?;
    let artefact = policy_of(&folder, &verdict, serving.policy.as_deref())?;
    let path = folder.path("task.toml");
    let task = read_kept_task(&path, &options.task_kinds)?;
    let mut all = Reopened::read(&folder)?;
    if let Some(file) = &serving.upstreams {
        put_upstreams(file, &task, &mut all, options)?;
    }
    let desk = Desk { folder: &folder, task: &task, all: &all, options };
    let (mut candidates, mut notes) = (Vec::new(), Vec::new());
    let own = artefact.policy.candidates();
    // Who of the policy has no answer to an item without a passage.
    let mut reader: Option<CandidateName> = None;
    for name in own {
        let (how, reads_passages) = desk.open(name)?.ok_or_else(|| desk.not_asked(name))?;
        reader = reader.or_else(|| reads_passages.then(|| name.clone()));
        candidates.push(candidate(&verdict, name, how));
    }
    let is_other = |row: &&CandidateRow| {
        let is_named = serving.also.iter().any(|name| row.name.as_str() == name);
        !own.contains(&row.name) && (is_named || (serving.with_others && row.meets_needs))
    };
    for row in verdict.candidates.iter().filter(is_other) {
        match desk.open(&row.name) {
            Ok(Some((how, _))) => candidates.push(candidate(&verdict, &row.name, how)),
            Ok(None) => {}
            Err(error) => notes.push(format!("{} cannot stand in for others: {error}", row.name)),
        }
    }
    let requested = RequestedItems::of(&task)?;
    let created = std::fs::metadata(folder.path("verdict.json")).and_then(|meta| meta.modified()).ok();
    let created =
        created.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map_or(0, |since| since.as_secs());
    let evidence = (serving.scored || serving.drift)
        .then(|| read_evidence(&folder.path(EVIDENCE)))
        .transpose()
        .unwrap_or_else(|error| {
            notes.push(format!(
                "what was measured cannot be read, so that inputs are not held against it: {error}"
            ));
            None
        });
    let items = evidence.as_ref().map(Evidence::items);
    let run = ordinate_serve::Run {
        name: task.file.task.name.clone(),
        best_single: verdict.candidates.first().map(|best| best.name.clone()),
        best_single_usd: verdict.candidates.first().and_then(|best| best.cost_per_1k).map(|cost| cost / 1e3),
        claimed: claimed(&verdict, &artefact.name),
        reader: Reader::new(task.kind, &all.labels),
        output: task.kind.output().or(task.file.task.output),
        read_items: Box::new(move |rows| {
            let items = requested.read(rows).map_err(|error| error.to_string())?;
            match &reader {
                Some(reader) => with_passages(items, reader, requested.context_field()),
                None => Ok(items),
            }
        }),
        margin: verdict.needs.margin(),
        score: items.filter(|_| serving.scored).and_then(|items| score(&task, items, &mut notes)),
        drift: items.filter(|_| serving.drift).and_then(drift),
        artefact,
        candidates,
        created,
    };
    Ok((run, notes))
}

/// The items, each of which has to have the passage that `reader` looks for its answers in.
fn with_passages(items: Vec<Item>, reader: &CandidateName, field: &str) -> Result<Vec<Item>, String> {
    let lacks = |item: &Item| item.context.as_deref().is_none_or(|passage| passage.trim().is_empty());
    match items.iter().position(lacks) {
        Some(at) => Err(format!(
            "item:{}: {field}: there is no passage, and {reader} looks for its answer in one; send it as \"context\" beside the input (in a \
             chat request: \"ordinate\": {{\"item\": {{...}}}})",
            at + 1
        )),
        None => Ok(items),
    }
}

/// Scores answers as those of the run were scored.
fn score(task: &Task, items: &Items, notes: &mut Vec<String>) -> Option<Score> {
    if judge_of(task).is_some() {
        notes.push(
            "right answers that come as feedback are not scored: a judge graded the answers of the run"
                .to_owned(),
        );
        return None;
    }
    match metric::of(task, items) {
        Ok(scorer) => Some(Box::new(move |output, target, input| scorer.score(output, target, input))),
        Err(error) => {
            notes.push(format!("right answers that come as feedback are not scored: {error}"));
            None
        }
    }
}

/// What is known of the inputs that were measured.
fn drift(items: &Items) -> Option<Drift> {
    let all: Vec<Item> = (0..items.len()).map(|row| items.item(row)).collect();
    fn input(item: &Item) -> MeasuredInput<'_> {
        let Item { input, slice, group, .. } = item;
        MeasuredInput { text: &input.text, slice: slice.as_deref(), group: group.as_deref() }
    }
    let inputs: Vec<MeasuredInput<'_>> = all.iter().map(input).collect();
    Drift::of(&inputs).filter(|_| items.has_inputs())
}

/// What the verdict says that the mean score of a policy is at least.
pub(crate) fn claimed(verdict: &Verdict, policy: &str) -> Option<f64> {
    let recommended = verdict.recommended.iter().map(|row| (row.name.as_str(), row.quality));
    let policies = verdict.policies.iter().map(|row| (row.name.as_str(), row.quality));
    let singles = verdict.candidates.iter().map(|row| (row.name.as_str(), row.quality));
    let mut all = recommended.chain(policies).chain(singles);
    all.find(|(name, _)| *name == policy).map(|(_, quality)| quality.low)
}

fn candidate(verdict: &Verdict, name: &CandidateName, how: How) -> Candidate {
    let row = verdict.candidates.iter().find(|row| row.name == *name);
    let quality = row.map_or(0.0, |row| row.quality.mean);
    let opened = Candidate::new(name.clone(), how, quality, row.is_some_and(|row| row.meets_needs));
    match verdict.measured.iter().find(|row| row.name == *name) {
        Some(measured) => opened.with_measured(measured.other_models.clone()),
        None => opened,
    }
}

/// With what candidates are opened.
struct Desk<'a> {
    folder: &'a Folder,
    task: &'a Task,
    all: &'a Reopened,
    options: &'a Options,
}

impl Desk<'_> {
    /// How a candidate is asked, and whether it looks for its answers in passages; `None` where it cannot be.
    fn open(&self, name: &CandidateName) -> Result<Option<(How, bool)>, Error> {
        let Some(candidate) = self.all.candidates.iter().find(|one| one.entry.name == *name) else {
            return Ok(None);
        };
        let Some(kind) = self.options.kinds.named(&candidate.kind) else { return Ok(None) };
        let folder = self.folder.path("");
        let (task_kinds, methods) = (&self.options.task_kinds, &self.options.methods);
        let again = Again { folder: &folder, all: self.all, candidate, task_kinds, methods };
        if let Some(served) = kind.serve(&again, self.task.kind)? {
            let ServedElsewhere { contender, chat, embeddings } = served;
            return Ok(Some((How::Elsewhere { contender, chat, embeddings }, false)));
        }
        Ok(kind.reopen(&again)?.map(|model| {
            let (at_once, reads_passages) = (model.at_once(), model.reads_passages());
            let model = Arc::new(Here(model));
            (How::Here { at_once, model, price: candidate.entry.price }, reads_passages)
        }))
    }

    fn not_asked(&self, name: &CandidateName) -> Error {
        let problem = format!(
            "{name} cannot be asked: its answers were recorded. Say how it is asked in a file with `[[candidate]]`, name = \
             {name:?} and openai = {{ ... }} or command = {{ ... }}, and give it with --upstreams FILE; or serve a policy without \
             it (--policy NAME)",
            name = name.as_str()
        );
        Error::file(&self.folder.path(crate::reopen::FILE), Fault::Input, problem)
    }
}

/// A candidate that was opened again, for a server.
struct Here(Box<dyn AnswersInputs>);

impl AnswersItems for Here {
    fn answer(&self, item: &Item) -> Result<Prediction, String> {
        self.0.answer_item(item)
    }

    fn embed(&self, text: &str) -> Option<Result<Vec<f32>, String>> {
        self.0.embed(text)
    }

    fn embeds(&self) -> bool {
        self.0.embeds()
    }
}

/// A file that says how candidates are asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Upstreams {
    candidate: Vec<CandidateEntry>,
}

fn put_upstreams(file: &Path, task: &Task, all: &mut Reopened, options: &Options) -> Result<(), Error> {
    let bad = |problem: String| Error::file(file, Fault::Input, problem);
    let text = std::fs::read_to_string(file).map_err(|error| bad(format!("cannot be read: {error}")))?;
    let read: Upstreams = toml::from_str(&text).map_err(|error| bad(error.to_string()))?;
    for mut entry in read.candidate {
        let place = Place { task, entry: &entry, methods: &options.methods };
        let kind = options.kinds.of(place)?;
        kind.check(place)?;
        may_have_the_data(kind.as_ref(), place)?;
        let kind = kind.name().to_owned();
        if let Some(command) = &mut entry.command {
            let folder =
                file.parent().unwrap_or(Path::new("")).join(command.folder.as_deref().unwrap_or_default());
            command.folder = Some(folder.to_string_lossy().into_owned());
        }
        let Some(known) = all.candidates.iter_mut().find(|one| one.entry.name == entry.name) else {
            let names: Vec<&str> = all.candidates.iter().map(|one| one.entry.name.as_str()).collect();
            return Err(bad(format!(
                "{} is no candidate of the run; those are: {}",
                entry.name,
                names.join(", ")
            )));
        };
        *known = ReopenedCandidate { kind, model: None, entry };
    }
    Ok(())
}
