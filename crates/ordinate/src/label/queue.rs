//! What is to be labelled, and in which order.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use ordinate_core::random::{mix, shuffle};
use ordinate_core::verdict::Verdict;
use ordinate_core::{Item, OutputKind};
use ordinate_data::{ItemToAsk, Task, load_items, read_kept_task, read_task_of, recorded_outputs};

use super::answers::{self, ToGrade};
use crate::error::Error;
use crate::folder::Folder;
use crate::grading::judge_of;
use crate::label_next::{Given, Ranker, given};
use crate::materials::labels_of;
use crate::options::Options;

/// What is labelled, and where the labels go.
#[derive(Debug, Clone, Default)]
pub struct Labelling {
    /// A run folder, or a task file of which there is no run yet.
    pub place: PathBuf,
    /// The items; those of the task that have no target, where `None`.
    pub items: Option<PathBuf>,
    /// Answers of candidates that do not run in this process, by candidate: files of recorded answers, with `id` and `output`.
    pub answers: Vec<(String, PathBuf)>,
    /// The file of labels. Default: the one that the task names as `targets`, else `NAME.labels.jsonl` in the current folder; for grades
    /// the JSON lines that `[judge] human` names, else `NAME.grades.jsonl`.
    pub out: Option<PathBuf>,
    /// The order. Default: `settling` for labels, `random` for grades that a judge is held to.
    pub order: Option<LabelOrder>,
}

/// The order in which items come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelOrder {
    /// A random draw, by the seed of the task.
    Random,
    /// What settles most first.
    Settling,
}

/// An item of the queue.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) item: Item,
    /// Why it stands where it does, in words.
    pub(super) why: Option<String>,
    /// What candidates said.
    pub(super) said: Vec<(String, String)>,
    /// The answer that is graded, where no label is asked for.
    pub(super) answer: Option<ToGrade>,
}

/// What is to be labelled.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) task: Task,
    pub(super) items: Vec<Queued>,
    /// The labels that are known.
    pub(super) labels: BTreeSet<String>,
    /// What is to be known of it: plain sentences.
    pub(super) notes: Vec<String>,
}

/// The task that is labelled for, and its run where there is one.
pub(super) fn task_of(place: &Path, options: &Options) -> Result<(Task, Option<Folder>), Error> {
    if place.is_dir() {
        let folder = Folder::open(place)?;
        // Its data may be gone where items are named.
        let task = read_kept_task(&folder.path("task.toml"), &options.task_kinds)?;
        return Ok((task, Some(folder)));
    }
    Ok((read_task_of(place, &options.task_kinds)?, None))
}

impl Queue {
    /// Reads the items, and ranks them by what their labels would be worth to the run.
    pub(super) fn of(
        task: Task,
        folder: Option<&Folder>,
        labelling: &Labelling,
        options: &Options,
    ) -> Result<Self, Error> {
        if let Some((judge, folder)) = judge_of(&task).zip(folder).filter(|_| labelling.items.is_none()) {
            let judge = judge.clone();
            return answers::queue(task, &judge, folder, labelling.order);
        }
        check(&task)?;
        let of = with_items(&task, labelling);
        if of.file.data.evidence.is_some() {
            let problem = "[data] evidence: a table of answers, whose items all have their scores; name a file of items with --items";
            return Err(Error::task(&task, problem));
        }
        let items = load_items(&of)?;
        // Targets of the task's own items are labels too, where others are labelled.
        let mut labels: BTreeSet<String> = labels_of(&of, &items).into_iter().collect();
        if labelling.items.is_some()
            && task.file.data.evidence.is_none()
            && let Ok(own) = load_items(&task)
        {
            labels.extend(labels_of(&task, &own));
        }
        let mut notes = Vec::new();
        let mut seen = HashSet::new();
        let mut unlabelled = Vec::new();
        for row in 0..items.len() {
            let input = items.input(row).unwrap_or_default();
            let is_text = !input.trim().is_empty();
            // A second label of the same text tells nothing.
            if items.target(row).is_none() && is_text && seen.insert((input.to_owned(), items.context(row))) {
                unlabelled.push(row);
            }
        }
        if unlabelled.is_empty() {
            let problem = "every item has a target, so nothing is to be labelled; name a file of items without with --items";
            return Err(Error::task(&of, problem));
        }
        let plain = |row: usize| Queued { item: items.item(row), why: None, said: Vec::new(), answer: None };
        let ranked = match folder {
            None => None,
            Some(folder) => {
                let verdict = folder.verdict()?;
                if let Ok(all) = crate::reopen::Reopened::read(folder) {
                    labels.extend(all.labels);
                }
                let mut given = given(&task, &verdict, &labelling.answers)?;
                recorded(&of, &verdict, &items, &mut given);
                ranked(folder, &verdict, &of, given, options, &unlabelled, &items)?
            }
        };
        let mut items = match ranked {
            Some((ranked, note)) => {
                notes.extend(note);
                ranked
            }
            None => {
                let why = if folder.is_none() {
                    "there is no run yet"
                } else {
                    "no candidate's answers are at hand"
                };
                if labelling.order != Some(LabelOrder::Random) {
                    notes.push(format!("The items come in the order of the data: {why}."));
                }
                unlabelled.iter().map(|&row| plain(row)).collect()
            }
        };
        if labelling.order == Some(LabelOrder::Random) {
            let seed = task.file.statistics.seed.unwrap_or_default();
            shuffle(&mut items, mix(seed));
            items.iter_mut().for_each(|queued| queued.why = None);
            notes.push(format!(
                "The items come in a random order (seed {seed}); what is skipped makes it no random draw."
            ));
        }
        Ok(Self { task, items, labels, notes })
    }
}

/// Refuses a task that labels are of no use to.
fn check(task: &Task) -> Result<(), Error> {
    let problem = match task.kind.output() {
        None => {
            "[task] kind: its answers were scored elsewhere, so that no target is held against them; labels are for the other kinds"
        }
        Some(OutputKind::Series) => {
            "[task] kind: what comes next in a series comes by itself; there is nothing to label"
        }
        Some(_) => return Ok(()),
    };
    Err(Error::task(task, problem))
}

/// The task with these items in place of its own.
fn with_items(task: &Task, labelling: &Labelling) -> Task {
    let mut of = task.clone();
    if let Some(items) = &labelling.items {
        let items = std::path::absolute(items).unwrap_or_else(|_| items.clone());
        let data = &mut of.file.data;
        (data.evidence, data.train, data.test, data.targets) = (None, None, None, None);
        data.items = Some(items.to_string_lossy().into_owned());
    }
    of
}

/// Adds what recorded candidates said to items of the task that nobody could score. What cannot be read is not at hand.
fn recorded(task: &Task, verdict: &Verdict, items: &ordinate_core::Items, given: &mut Given) {
    for entry in &task.file.candidate {
        let name = entry.name.as_str();
        if given.contains_key(name) || !verdict.candidates.iter().any(|row| row.name == entry.name) {
            continue;
        }
        let Ok(outputs) = recorded_outputs(task, entry, items) else { continue };
        let outputs: HashMap<String, (String, Option<f64>)> = outputs
            .into_iter()
            .filter(|one| items.target(one.row).is_none())
            .map(|one| (items.id(one.row).to_owned(), (one.output, one.confidence)))
            .collect();
        if !outputs.is_empty() {
            given.insert(name.to_owned(), outputs);
        }
    }
}

/// Items in their order, and what is to be known of it.
type Ranked = (Vec<Queued>, Option<String>);

/// The items by what their labels are worth; `None` where nobody's answers are at hand.
fn ranked(
    folder: &Folder,
    verdict: &Verdict,
    task: &Task,
    given: Given,
    options: &Options,
    rows: &[usize],
    items: &ordinate_core::Items,
) -> Result<Option<Ranked>, Error> {
    let mut ranker = Ranker::of(folder, verdict, task, given, options)?;
    if ranker.at_hand.is_empty() {
        return Ok(None);
    }
    let between = ranker.between();
    let mut ranked = Vec::with_capacity(rows.len());
    for &row in rows {
        if options.cancel.is_cancelled() {
            return Err(Error::Stopped);
        }
        let item = items.item(row);
        let asked = ItemToAsk {
            id: item.id.clone(),
            input: Some(item.input.text.clone()),
            slice: item.slice.clone(),
            context: item.context.clone(),
            options: item.options.clone(),
        };
        let to_label = ranker.rank(asked)?;
        let why = match between.as_slice() {
            [one, other] if to_label.settles > 0.0 => {
                format!("{one} and {other} answer it differently: its label says which of them is right.")
            }
            _ if to_label.said.is_empty() => "Nobody has answered it.".to_owned(),
            _ => "Those in question answer it alike; its label teaches more than it settles.".to_owned(),
        };
        let said = to_label.said.into_iter().collect();
        ranked.push((to_label.worth, Queued { item, why: Some(why), said, answer: None }));
    }
    // Alike ones stay in the order of the data.
    ranked.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let without = ranker.without;
    let note = (!without.is_empty()).then(|| {
        format!("Ranked without {}, whose answers are not at hand (--answers NAME=FILE).", without.join(", "))
    });
    Ok(Some((ranked.into_iter().map(|(_, queued)| queued).collect(), note)))
}
