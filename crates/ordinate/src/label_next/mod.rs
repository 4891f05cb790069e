//! Which items to label next: those whose labels would tell most about the verdict, or teach most.

mod written;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use ordinate_core::verdict::{Outcome, Verdict};
use ordinate_core::{CandidateName, Choice, OutputKind};
use ordinate_data::{ItemToAsk, Task, Wanted, read_items_to_ask, read_outputs, read_task_of};
use serde::Serialize;

use crate::error::Error;
use crate::folder::Folder;
use crate::options::Options;
use crate::play::{Bench, Said};
use crate::work::aside;

/// A file of items without labels.
#[derive(Debug, Clone, Default)]
pub struct Unlabelled {
    /// The file: JSON lines, CSV or any other format of a task's data, with the fields of the run's task.
    pub items: PathBuf,
    /// Answers of candidates that do not run in this process, by candidate: files of recorded answers, with `id` and `output`.
    pub answers: Vec<(String, PathBuf)>,
    /// How many items are wanted; all where `None`.
    pub count: Option<usize>,
}

/// An item to label, with what it is worth.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ToLabel {
    /// The item's id; its number, from 1, where it has none.
    pub id: String,
    /// Its text.
    pub input: String,
    /// Its slice.
    pub slice: Option<String>,
    /// The passage that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The options to choose from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<Choice>,
    /// How much its label is worth, in `[0, 1]`: the mean of `settles` and `teaches`; where the verdict is undecided `settles` counts
    /// for three quarters of it.
    pub worth: f64,
    /// How probably its label tells the two leading candidates apart: nothing where they answer alike.
    pub settles: f64,
    /// How far the candidates are from agreeing and being sure.
    pub teaches: f64,
    /// What the candidates said.
    pub said: BTreeMap<String, String>,
}

/// What is to be labelled next.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LabelNext {
    /// The items, what is worth most first.
    pub items: Vec<ToLabel>,
    /// How many items were looked at.
    pub of: usize,
    /// The two candidates whose difference is in question; one where no other answered.
    pub between: Vec<String>,
    /// The candidates whose answers were not at hand.
    pub without: Vec<String>,
    /// The fields of the task for id (none where items are numbered), input, slice and target.
    pub fields: Fields,
}

/// The fields that a task reads its items from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    /// Of the id; `None` where items have none and are numbered.
    pub id: Option<String>,
    /// Of the text.
    pub input: String,
    /// Of the slice.
    pub slice: String,
    /// Of the passage.
    pub context: String,
    /// Of the options.
    pub options: String,
    /// Of each option, where they have fields of their own.
    pub option_columns: Vec<String>,
    /// Of what is to be filled in.
    pub target: String,
}

/// Ranks the items of a file by what their labels would be worth to the run in this folder. Candidates that run in this
/// process answer them; answers of others are taken from files. Nobody else is asked, and nothing is written.
///
/// # Errors
/// [`Error`] where the folder holds no run, an item has no text, or no candidate's answers are at hand.
pub async fn label_next(run: &Path, unlabelled: &Unlabelled, options: &Options) -> Result<LabelNext, Error> {
    let (run, unlabelled, how) = (run.to_owned(), unlabelled.clone(), options.clone());
    aside(&options.cancel, move || ranked(&Folder::open(&run)?, &unlabelled, &how)).await
}

fn ranked(folder: &Folder, unlabelled: &Unlabelled, options: &Options) -> Result<LabelNext, Error> {
    let verdict = folder.verdict()?;
    let task = read_task_of(&folder.path("task.toml"), &options.task_kinds)?;
    let data = &task.file.data;
    if data.input.is_none() && data.features.is_some() {
        let problem = "[data] input: its items are made up of fields, and label-next ranks texts; name the field with the text";
        return Err(Error::task(&task, problem));
    }
    let mut ranker =
        Ranker::of(folder, &verdict, &task, given(&task, &verdict, &unlabelled.answers)?, options)?;
    if ranker.at_hand.is_empty() {
        return Err(Error::Options(format!(
            "no candidate of this run is in this process, so nobody can answer the items; give their answers: --answers {}=FILE",
            ranker.without.first().map_or("NAME", String::as_str)
        )));
    }
    let (mut items, mut of, mut failed, mut seen) = (Vec::new(), 0_usize, None, HashSet::new());
    let mut is_numbered = true;
    let wanted = Wanted { input: true, passage: ranker.wants_passages()? };
    read_items_to_ask(&task, &unlabelled.items, wanted, &mut |item| {
        of += 1;
        is_numbered &= item.id == of.to_string();
        // A second label of the same text, about the same passage, tells nothing.
        if !seen.insert((item.input.clone().unwrap_or_default(), item.context.clone())) {
            return true;
        }
        match ranker.rank(item) {
            Ok(item) => items.push(item),
            Err(error) => failed = Some(error),
        }
        failed.is_none() && !options.cancel.is_cancelled()
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    if options.cancel.is_cancelled() {
        return Err(Error::Stopped);
    }
    // Alike ones stay in the order of the file.
    items.sort_by(|one, other| other.worth.total_cmp(&one.worth));
    items.truncate(unlabelled.count.unwrap_or(items.len()));
    let (between, without) = (ranker.between(), ranker.without);
    Ok(LabelNext { items, of, between, without, fields: fields(&task, is_numbered) })
}

/// Says what the labels of items would be worth to a run.
pub(crate) struct Ranker<'a> {
    bench: Bench<'a>,
    /// The candidates whose answers are at hand.
    pub(crate) at_hand: Vec<CandidateName>,
    /// The others.
    pub(crate) without: Vec<String>,
    given: Given,
    ranking: Ranking<'a>,
}

impl<'a> Ranker<'a> {
    /// For the run in this folder; `given` are answers that need not be asked for.
    pub(crate) fn of(
        folder: &'a Folder,
        verdict: &'a Verdict,
        task: &Task,
        given: Given,
        options: &'a Options,
    ) -> Result<Self, Error> {
        let names: Vec<CandidateName> = verdict.candidates.iter().map(|row| row.name.clone()).collect();
        let mut bench = Bench::of(folder, options)?;
        let mut at_hand = Vec::new();
        for name in &names {
            // Whether this one is, whoever else was asked for.
            if given.contains_key(name.as_str()) || bench.answers(name)? {
                at_hand.push(name.clone());
            }
        }
        let without = names.iter().filter(|name| !at_hand.contains(name)).map(ToString::to_string).collect();
        let ranking = Ranking { verdict, kind: task.kind.output(), between: between(verdict, &at_hand) };
        Ok(Self { bench, at_hand, without, given, ranking })
    }

    /// The item with what its label is worth, and what was said to it.
    pub(crate) fn rank(&mut self, item: ItemToAsk) -> Result<ToLabel, Error> {
        let said = said(&mut self.bench, &self.at_hand, &self.given, &item)?;
        Ok(self.ranking.to_label(item, &said))
    }

    /// Whether somebody whose answers are not given looks for them in passages.
    pub(crate) fn wants_passages(&mut self) -> Result<bool, Error> {
        let asked: Vec<CandidateName> =
            self.at_hand.iter().filter(|name| !self.given.contains_key(name.as_str())).cloned().collect();
        Ok(self.bench.reader_of_passages(&asked)?.is_some())
    }

    /// The two candidates whose difference is in question.
    pub(crate) fn between(&self) -> Vec<String> {
        self.ranking.between.iter().map(ToString::to_string).collect()
    }
}

fn fields(task: &Task, is_numbered: bool) -> Fields {
    let data = &task.file.data;
    let field = |given: &Option<String>, usual: &str| given.clone().unwrap_or_else(|| usual.to_owned());
    Fields {
        id: (!is_numbered).then(|| field(&data.id, "id")),
        input: field(&data.input, "input"),
        slice: field(&data.slice, "slice"),
        context: field(&data.context, "context"),
        options: field(&data.options, "options"),
        option_columns: data.option_columns.clone(),
        target: field(&data.target, "target"),
    }
}

/// Answers, each with how sure its candidate was, by candidate and item.
pub(crate) type Given = HashMap<String, HashMap<String, (String, Option<f64>)>>;

/// The answers that are given in files, by candidate and item.
pub(crate) fn given(task: &Task, verdict: &Verdict, answers: &[(String, PathBuf)]) -> Result<Given, Error> {
    let mut all = Given::new();
    for (name, file) in answers {
        if !verdict.candidates.iter().any(|row| row.name.as_str() == name) {
            let known: Vec<&str> = verdict.candidates.iter().map(|row| row.name.as_str()).collect();
            let known = known.join(", ");
            return Err(Error::Options(format!(
                "--answers {name}: the run has no candidate of this name; it has {known}"
            )));
        }
        all.insert(name.clone(), read_outputs(task, file)?);
    }
    Ok(all)
}

/// The two candidates whose difference the verdict hangs on, of those whose answers are at hand: the recommended one, or the best, and
/// the best of another lineage, or the next.
pub(crate) fn between(verdict: &Verdict, at_hand: &[CandidateName]) -> Vec<CandidateName> {
    let mut rows: Vec<_> = verdict.candidates.iter().filter(|row| at_hand.contains(&row.name)).collect();
    rows.sort_by(|one, other| other.quality.mean.total_cmp(&one.quality.mean));
    let recommended = verdict.recommended.as_ref();
    let first = rows
        .iter()
        .find(|row| recommended.is_some_and(|recommended| recommended.name == row.name.as_str()))
        .or(rows.first());
    let Some(first) = first.copied() else { return Vec::new() };
    let others = || rows.iter().filter(|row| row.name != first.name);
    let second = others().find(|row| row.lineage != first.lineage).or_else(|| others().next());
    [Some(first.name.clone()), second.map(|row| row.name.clone())].into_iter().flatten().collect()
}

/// What the candidates at hand say to an item.
fn said(
    bench: &mut Bench<'_>,
    at_hand: &[CandidateName],
    given: &Given,
    item: &ItemToAsk,
) -> Result<Vec<Said>, Error> {
    let asked = item.item();
    let mut all = Vec::new();
    for name in at_hand {
        match given.get(name.as_str()) {
            Some(answers) => {
                let Some((output, confidence)) = answers.get(&item.id) else { continue };
                let (output, confidence) = (Some(output.clone()), *confidence);
                let probabilities = Vec::new();
                all.push(Said { candidate: name.clone(), output, confidence, probabilities, error: None });
            }
            None => all.extend(bench.ask(name, &asked)?),
        }
    }
    Ok(all)
}

struct Ranking<'a> {
    verdict: &'a Verdict,
    /// What outputs are: how they are compared.
    kind: Option<OutputKind>,
    between: Vec<CandidateName>,
}

impl Ranking<'_> {
    fn to_label(&self, item: ItemToAsk, said: &[Said]) -> ToLabel {
        let (settles, teaches) = (self.settles(said), self.teaches(said));
        // What is in question weighs more than what might be learned.
        let by = if self.verdict.outcome == Outcome::Undecided { 0.75 } else { 0.5 };
        let outputs = said.iter().filter_map(|one| Some((one.candidate.to_string(), one.output.clone()?)));
        ToLabel {
            said: outputs.collect(),
            id: item.id,
            input: item.input.unwrap_or_default(),
            slice: item.slice,
            context: item.context,
            options: item.options,
            worth: by * settles + (1.0 - by) * teaches,
            settles,
            teaches,
        }
    }

    /// How an output is compared with others.
    fn gist(&self, output: &str) -> String {
        match self.kind.and_then(|kind| kind.read(output)) {
            Some(read) => read.to_string(),
            None => output.trim().to_lowercase(),
        }
    }

    fn sure(&self, said: &Said) -> f64 {
        let row = self.verdict.candidates.iter().find(|row| row.name == said.candidate);
        let usual = row.map_or(0.5, |row| row.quality.mean);
        said.confidence.filter(|sure| sure.is_finite()).unwrap_or(usual).clamp(0.0, 1.0)
    }

    /// The label of an item that two candidates answer alike moves their difference by nothing; where they differ, it moves it if one
    /// of them is right.
    fn settles(&self, said: &[Said]) -> f64 {
        let of =
            |name: &CandidateName| said.iter().find(|one| one.candidate == *name && one.output.is_some());
        let [one, other] = self.between.as_slice() else { return 0.0 };
        let (Some(one), Some(other)) = (of(one), of(other)) else { return 0.0 };
        let gist = |said: &Said| said.output.as_deref().map(|output| self.gist(output));
        if gist(one) == gist(other) { 0.0 } else { (self.sure(one) + self.sure(other)).min(1.0) }
    }

    /// The mean of how unsure the candidates are (Lewis and Gale 1994) and the entropy of their votes (Dagan and Engelson 1995),
    /// over the most that so many votes can have.
    fn teaches(&self, said: &[Said]) -> f64 {
        let told: Vec<&Said> = said.iter().filter(|one| one.output.is_some()).collect();
        if told.is_empty() {
            return 1.0;
        }
        let count = told.len() as f64;
        let unsure = told.iter().map(|one| 1.0 - self.sure(one)).sum::<f64>() / count;
        if told.len() == 1 {
            return unsure;
        }
        let mut votes: BTreeMap<String, f64> = BTreeMap::new();
        for one in &told {
            *votes.entry(self.gist(one.output.as_deref().unwrap_or_default())).or_default() += 1.0 / count;
        }
        let entropy = -votes.values().map(|share| share * share.ln()).sum::<f64>() / count.ln();
        f64::midpoint(unsure, entropy)
    }
}
