//! What a policy of a run would do with one input, why, and what it expects.

use std::fmt;
use std::path::Path;

use ordinate_combine::Artefact;
use ordinate_core::image::is_image;
use ordinate_core::verdict::{Promise, Verdict};
use ordinate_core::{CandidateName, Dial, Goal, Item, Mix, PolicyKind, Query, Series, Step, shown};
use ordinate_data::{RequestedItems, image_input, read_kept_task, series_input};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{Error, Fault};
use crate::folder::Folder;
use crate::options::Options;
use crate::play::{Bench, Said, play};
use crate::reopen::Reopened;
use crate::verify::file_of;

/// One input, for a policy.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// The text.
    pub input: String,
    /// The passage that it is about, where the task has passages.
    pub context: Option<String>,
    /// The slice that it belongs to, where the task has slices.
    pub slice: Option<String>,
    /// The whole item, in place of text, passage and slice: a JSON object with the fields that the task reads its items from.
    pub item: Option<Map<String, Value>>,
    /// Another policy of the run than the recommended one.
    pub policy: Option<String>,
}

/// What a policy would do with an input. As text, lines for people; serialised, the JSON of `ordinate ask --json`.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Asked {
    /// The policy.
    pub policy: String,
    /// Its kind.
    pub kind: PolicyKind,
    /// The dial that it is served with: for this input, where a coin chooses it.
    pub dial: Dial,
    /// The coin by which it spends a budget, a hash of the input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mix: Option<Mix>,
    /// What outlays are in: `USD`, or `ms` where the goal is latency.
    pub outlay_unit: &'static str,
    /// Whom it asks first.
    pub ask: Vec<String>,
    /// What it expects of each candidate.
    pub candidates: Vec<Expected>,
    /// The candidate with the best mean over all items.
    pub best_single: Option<String>,
    /// Expected quality gained against always asking the best single, where one candidate is asked.
    pub expected_gain: Option<f64>,
    /// Expected outlay spared against always asking the best single.
    pub expected_saving: Option<f64>,
    /// What the policy promises over all items.
    pub promise: Option<Promise>,
    /// The slice, where the evidence of the run has no items of it.
    pub new_slice: Option<String>,
    /// The slices of the run, where it has some, the policy looks at them, and none was given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<String>,
    /// What candidates in this process said, in the order of the asking.
    pub answers: Vec<Said>,
    /// The policy's answer; `None` where it needs a candidate that is not in this process, or nobody answered.
    pub answer: Option<String>,
}

/// What a policy expects of a candidate for an input.
#[derive(Debug, Clone, Serialize)]
pub struct Expected {
    /// The candidate.
    pub name: String,
    /// Its score.
    pub expected_quality: Option<f64>,
    /// What asking it takes.
    pub expected_outlay: Option<f64>,
}

/// Asks the recommended policy of the run in this folder, or another one, what it would do with an input, and lets the
/// candidates answer that run in this process. Nobody else is asked.
///
/// # Errors
/// [`Error`] where the folder holds no run, or the policy cannot be read.
pub async fn ask(run: &Path, question: &Question, options: &Options) -> Result<Asked, Error> {
    let (run, question, how) = (run.to_owned(), question.clone(), options.clone());
    crate::work::aside(&options.cancel, move || asked(&Folder::open(&run)?, &question, &how)).await
}

/// The input as policies and candidates read it: of a series its canonical text, with season and horizon of the task file where
/// it does not say them; of an image the text of the file that it names.
fn readable(folder: &Folder, input: &str, options: &Options) -> Result<String, Error> {
    let kind = Reopened::read(folder).ok().and_then(|all| options.task_kinds.get(&all.task_kind));
    if kind.is_some_and(ordinate_tasks::Kind::takes_images) && !is_image(input) {
        let path = folder.path("task.toml");
        let task = read_kept_task(&path, &options.task_kinds)?;
        let file = Path::new(input);
        return image_input(&task, file).map_err(|problem| Error::file(file, Fault::Input, problem));
    }
    if Series::read(input).is_some() || !kind.is_some_and(ordinate_tasks::Kind::takes_series) {
        return Ok(input.to_owned());
    }
    let path = folder.path("task.toml");
    let task = read_kept_task(&path, &options.task_kinds)?;
    series_input(&task, input)
        .map_err(|problem| Error::file(&path, Fault::Input, format!("the input: {problem}")))
}

/// The item that is asked about.
fn item(folder: &Folder, question: &Question, options: &Options) -> Result<Item, Error> {
    if let Some(fields) = &question.item {
        let task = read_kept_task(&folder.path("task.toml"), &options.task_kinds)?;
        let read = RequestedItems::of(&task)?.read(vec![fields.clone()])?;
        return read.into_iter().next().ok_or_else(|| Error::Options("--item: there is no item".to_owned()));
    }
    Ok(Item {
        id: "asked".to_owned(),
        input: readable(folder, &question.input, options)?.into(),
        context: question.context.clone(),
        slice: question.slice.clone(),
        ..Item::default()
    })
}

/// Refuses an item without a passage where somebody who answers here looks for the answer in one, or those of the run had one.
fn has_passage(
    item: &Item,
    folder: &Folder,
    names: &[CandidateName],
    bench: &mut Bench<'_>,
    options: &Options,
) -> Result<(), Error> {
    if item.context.as_deref().is_some_and(|passage| !passage.trim().is_empty()) {
        return Ok(());
    }
    let reads = bench.reader_of_passages(names)?;
    let field = || -> Option<String> {
        let task = read_kept_task(&folder.path("task.toml"), &options.task_kinds).ok()?;
        task.file.data.context
    };
    let why = match (reads, field()) {
        (Some(name), _) => format!("{name} looks for its answer in the passage that a question is about"),
        (None, Some(field)) if item.context.is_none() && bench.can_answer(names)? => {
            format!("the items of this run have a passage ([data] context = {field:?})")
        }
        _ => return Ok(()),
    };
    Err(Error::Options(format!(
        "{why}, and there is none: give it with --context TEXT, or as a field of --item JSON"
    )))
}

fn asked(folder: &Folder, question: &Question, options: &Options) -> Result<Asked, Error> {
    let item = item(folder, question, options)?;
    let verdict = folder.verdict()?;
    let artefact = policy_of(folder, &verdict, question.policy.as_deref())?;
    let mut bench = Bench::of(folder, options)?;
    has_passage(&item, folder, artefact.policy.candidates(), &mut bench, options)?;
    let query = Query { input: Some(&item.input.text), slice: item.slice.as_deref(), notes: None };
    let dial = artefact.dial_for(&item.input.text);
    let mut thought = artefact.policy.think(&query);
    let step = artefact.policy.next(&query, &mut thought, &[], dial);
    let asked = match step {
        Step::Ask(candidates) => candidates,
        Step::Give(_) => Vec::new(),
    };
    let names = artefact.policy.candidates();
    let expected = |at: usize| (thought.quality.get(at).copied(), thought.outlay.get(at).copied());
    let best = verdict.candidates.first();
    let best_single = best.and_then(|best| names.iter().position(|name| *name == best.name));
    let gain = match (asked.as_slice(), best_single) {
        ([asked], Some(best)) => {
            let (own, theirs) = (expected(*asked), expected(best));
            let saving = theirs.1.zip(own.1).map(|(theirs, own)| theirs - own);
            own.0.zip(theirs.0).map(|(own, theirs)| (own - theirs, saving))
        }
        _ => None,
    };
    let played = play(&mut bench, &artefact, &query, &item, dial)?;
    let seen = |slice: &&String| !verdict.candidates.iter().any(|one| one.slices.contains_key(*slice));
    Ok(Asked {
        policy: artefact.name.clone(),
        kind: artefact.policy.kind(),
        dial,
        mix: artefact.mix,
        outlay_unit: if verdict.needs.goal == Goal::Latency { "ms" } else { "USD" },
        ask: asked.iter().map(|&at| names[at].to_string()).collect(),
        candidates: (0..names.len())
            .map(|at| {
                let (expected_quality, expected_outlay) = expected(at);
                Expected { name: names[at].to_string(), expected_quality, expected_outlay }
            })
            .collect(),
        best_single: best_single.map(|at| names[at].to_string()),
        expected_gain: gain.map(|(gain, _)| gain),
        expected_saving: gain.and_then(|(_, saving)| saving),
        promise: artefact.promise.clone(),
        slices: if item.slice.is_none() && artefact.policy.kind() != PolicyKind::Single {
            slices(&verdict)
        } else {
            Vec::new()
        },
        new_slice: item.slice.as_ref().filter(seen).cloned(),
        answers: played.answers,
        answer: played.answer,
    })
}

/// The slices of a run, by name.
fn slices(verdict: &Verdict) -> Vec<String> {
    let all = verdict.candidates.iter().flat_map(|one| one.slices.keys().cloned());
    let all: std::collections::BTreeSet<String> = all.collect();
    if all.len() > 1 { all.into_iter().collect() } else { Vec::new() }
}

/// The recommended policy of a run, or another one.
pub(crate) fn policy_of(folder: &Folder, verdict: &Verdict, policy: Option<&str>) -> Result<Artefact, Error> {
    let file = match (policy, &verdict.recommended) {
        (Some(name), _) => file_of(verdict, name),
        (None, Some(recommended)) => {
            recommended.file.clone().unwrap_or_else(|| file_of(verdict, &recommended.name))
        }
        (None, None) => {
            let message = "the verdict of this run recommends no policy; name one with --policy";
            return Err(Error::Options(message.to_owned()));
        }
    };
    let path = folder.path(&file);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        let known: Vec<&str> = verdict.policies.iter().map(|policy| policy.name.as_str()).collect();
        let known = known.join(", ");
        let problem = format!("the policy cannot be read: {error}; the policies of this run are: {known}");
        Error::file(&path, Fault::Input, problem)
    })?;
    Artefact::from_json(&text).map_err(|error| Error::file(&path, Fault::Input, error))
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = self.outlay_unit;
        writeln!(f, "{} asks {}", self.policy, self.ask.join(", "))?;
        if let Some(mix) = self.mix {
            let side = if self.dial == mix.dial { mix.share } else { 1.0 - mix.share };
            writeln!(
                f,
                "A coin, which is a hash of the input, fell on this side, as it does for {:.1} % of the items.",
                100.0 * side
            )?;
        }
        if let Some(gain) = self.expected_gain {
            let best = self.best_single.as_deref().unwrap_or_default();
            write!(f, "It expects {gain:+.3} of quality against {best}")?;
            match self.expected_saving {
                Some(saving) => writeln!(f, ", and spares {saving:.6} {unit}.")?,
                None => writeln!(f, ".")?,
            }
        } else if self.ask.len() > 1 {
            writeln!(f, "The answer is made of theirs.")?;
        }
        if let Some(promise) = &self.promise {
            writeln!(
                f,
                "Over all items its mean score is at most {} below that of {}, with {:.0} % confidence.",
                promise.margin,
                promise.against,
                100.0 * promise.confidence
            )?;
        }
        if let Some(slice) = &self.new_slice {
            writeln!(f, "No item of the run has the slice {slice:?}: it is treated as one of none.")?;
        }
        if !self.slices.is_empty() {
            let (some, more) =
                (self.slices.len().min(SLICES_SHOWN), self.slices.len().saturating_sub(SLICES_SHOWN));
            let shown: Vec<String> = self.slices[..some].iter().map(|slice| shown(slice)).collect();
            let more = if more > 0 { format!(", and {more} more") } else { String::new() };
            writeln!(
                f,
                "No slice was given, and the policy was measured with them: it is treated as one of none. Name it with --slice ({}{more}).",
                shown.join(", ")
            )?;
        }
        let mut known: Vec<(&Expected, f64)> =
            self.candidates.iter().filter_map(|one| Some((one, one.expected_quality?))).collect();
        known.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        if !known.is_empty() {
            writeln!(f, "\n  quality   outlay/{unit:<4}  candidate")?;
        }
        for (one, quality) in known {
            let outlay = one.expected_outlay;
            let outlay = outlay.map_or_else(|| "unknown".to_owned(), |outlay| format!("{outlay:.6}"));
            let mark = if self.ask.contains(&one.name) { '>' } else { ' ' };
            writeln!(f, "{mark} {quality:7.3}   {outlay:>11}  {}", one.name)?;
        }
        for said in &self.answers {
            let Said { candidate, output, confidence, error, .. } = said;
            let what = output.as_ref().or(error.as_ref()).map_or("", String::as_str);
            let sure = confidence.map(|sure| format!(" ({:.0} % sure)", 100.0 * sure)).unwrap_or_default();
            writeln!(f, "{candidate} says {}{sure}", shown(what))?;
        }
        match &self.answer {
            Some(answer) => writeln!(f, "answer  {}", shown(answer)),
            None => Ok(()),
        }
    }
}

/// Slices that are named.
const SLICES_SHOWN: usize = 8;
