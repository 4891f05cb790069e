//! A task held against its data, without running it.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use ordinate_core::task::CandidateEntry;
use ordinate_core::{CandidateName, Lineage, PolicyKind};
use ordinate_data::Task;
use ordinate_measure::Estimate;

use crate::asking::Session;
use crate::error::Error;
use crate::estimates::estimate_lines;
use crate::gather::{Ready, look};
use crate::grading;
use crate::kinds::Place;
use crate::metric::load_evidence;
use crate::observe::Seen;
use crate::options::Options;
use crate::work::aside;

/// What was found in a task whose file and data are fine; as text, lines for people.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Checked {
    /// The task file.
    pub task: PathBuf,
    /// How many items.
    pub items: usize,
    /// How many of them have a target, where candidates are trained here.
    pub targets: Option<usize>,
    /// How many slices, where they were counted.
    pub slices: Option<usize>,
    /// How many groups of dependent items, where they were counted.
    pub groups: Option<usize>,
    /// The candidates.
    pub candidates: Vec<CheckedCandidate>,
    /// The policies that would be tried, and why others are not; empty where answers are still to be had.
    pub policies: Vec<(String, Result<(), String>)>,
    /// Who grades the answers, in words, where a judge does.
    pub judge: Option<String>,
    /// The candidates that are trained on parts of the labels too, how often each part is drawn, and the most items that the
    /// trainings of one learn from together.
    pub data_needs: Option<(Vec<CandidateName>, u32, u64)>,
    /// What was assumed or is missing.
    pub notes: Vec<String>,
    /// What asking will probably cost, and the limit, USD; `None` where nobody is asked.
    pub estimates: Option<(Vec<Estimate>, Option<f64>)>,
    /// The prompt for the first item, per candidate that is prompted.
    pub prompts: Vec<(String, String)>,
}

/// A candidate of a task that was checked.
#[derive(Debug)]
pub struct CheckedCandidate {
    /// Its name.
    pub name: CandidateName,
    /// Its lineage.
    pub lineage: Lineage,
    /// How it is answered, in words; `None` where all are recorded.
    pub how: Option<String>,
}

/// Reads a task's data and says what a run would do. Nothing is asked, trained or fetched.
///
/// # Errors
/// [`Error`] for the first thing that is wrong.
pub async fn check(task: &Task, options: &Options) -> Result<Checked, Error> {
    let (looking, how) = (task.clone(), options.clone());
    let (looked, candidates) =
        aside(&options.cancel, move || Ok((look(&looking, &how)?, candidates(&looking, &how)?))).await?;
    if !looked.asks {
        let task = task.clone();
        return aside(&options.cancel, move || recorded(&task)).await;
    }
    let (reading, how) = (task.clone(), options.clone());
    let ready = aside(&options.cancel, move || {
        let seen: Seen = Arc::new(());
        let ready = Ready::read(&reading, looked, &how, &seen, true)?;
        for entry in &reading.file.candidate {
            let place = Place { task: &reading, entry, methods: &how.methods };
            how.kinds.of(place)?.check_items(place, &ready.materials.items)?;
        }
        Ok(ready)
    });
    let Ready { materials, unasked, asked } = ready.await?;
    let (store, seen): (_, Seen) = (options.store_of(&options.folder_of(task)), Arc::new(()));
    let session = Session { task, materials: &materials, store, options, seen: &seen };
    let mut estimates = session.estimate(&asked).await?;
    let (of_judge, judge_prompt) = grading::estimate(&session, &unasked).await?;
    estimates.extend(of_judge);
    let items = &materials.items;
    let slices: BTreeSet<_> =
        materials.evidence.iter().filter_map(|&row| items.slices().get(row as usize)).collect();
    let has_target = |row: &usize| items.target(*row).is_some();
    let live = looked.spares_train;
    Ok(Checked {
        task: task.path.clone(),
        items: materials.evidence.len(),
        targets: (!live).then(|| (0..items.len()).filter(has_target).count()),
        slices: live.then_some(slices.len()),
        candidates,
        notes: crate::script::note(task, items)
            .into_iter()
            .chain(unasked.notes.iter().cloned())
            .chain(not_ready(task, options))
            .collect(),
        estimates: looked.elsewhere.then_some((estimates, task.file.measure.max_spend)),
        data_needs: data_needs(task, options)?,
        prompts: asked
            .iter()
            .filter_map(|one| {
                Some((one.opened.contender.name.to_string(), one.opened.prompt.as_ref()?.to_string()))
            })
            .chain(judge_prompt.map(|prompt| ("the judge".to_owned(), prompt)))
            .collect(),
        judge: grading::in_words(task)?,
        ..Checked::default()
    })
}

/// Who is trained on parts of the labels too.
fn data_needs(task: &Task, options: &Options) -> Result<Option<(Vec<CandidateName>, u32, u64)>, Error> {
    let mut names = Vec::new();
    for entry in &task.file.candidate {
        let place = Place { task, entry, methods: &options.methods };
        if options.kinds.of(place)?.has_curve(place)? {
            names.push(entry.name.clone());
        }
    }
    let section = &task.file.data_needs;
    Ok((!names.is_empty()).then_some((names, section.draws(), section.max_items())))
}

/// What `run` will want and is not there yet.
fn not_ready(task: &Task, options: &Options) -> Vec<String> {
    let of = |entry: &CandidateEntry| {
        let place = Place { task, entry, methods: &options.methods };
        match options.kinds.of(place).and_then(|kind| kind.ready(place)) {
            Ok(()) => None,
            Err(Error::Candidate { candidate, problem, .. }) => {
                Some(format!("{candidate} cannot be asked yet: {problem}"))
            }
            Err(other) => Some(other.to_string()),
        }
    };
    let judge = grading::ready(task, options).err().map(|error| error.to_string());
    task.file.candidate.iter().filter_map(of).chain(judge).collect()
}

fn candidates(task: &Task, options: &Options) -> Result<Vec<CheckedCandidate>, Error> {
    let of = |entry: &CandidateEntry| {
        let place = Place { task, entry, methods: &options.methods };
        let how = options.kinds.of(place)?.check(place)?;
        check_files(place)?;
        Ok(CheckedCandidate { name: entry.name.clone(), lineage: entry.lineage, how: Some(how) })
    };
    task.file.candidate.iter().map(of).collect()
}

/// Looks into the files of a model that runs here as far as that takes a moment: what makes it fail when it is opened, after
/// others were trained, is better said now.
fn check_files(place: Place<'_>) -> Result<(), Error> {
    let local = place.entry.local.as_ref().map(|local| &local.model);
    let model = local.or_else(|| place.entry.adapt.as_ref().map(|adapt| &adapt.from));
    // What is no folder, no file and not in the hub's cache is looked at by its kind.
    let found = model.and_then(|model| ordinate_models::inspect(model, place.task.dir()).ok());
    match found.and_then(|found| found.problem) {
        Some(problem) => Err(place.fail(problem)),
        None => Ok(()),
    }
}

/// A task whose candidates are all recorded.
fn recorded(task: &Task) -> Result<Checked, Error> {
    let loaded = load_evidence(task)?;
    let items = loaded.evidence.items();
    let candidates = loaded.evidence.candidates().iter().map(|candidate| CheckedCandidate {
        name: candidate.name.clone(),
        lineage: candidate.lineage,
        how: None,
    });
    let kinds = task.file.combine.kinds.as_deref().unwrap_or(&PolicyKind::ALL);
    let policies = ordinate_combine::learners(Some(kinds))
        .iter()
        .map(|learner| match learner.applies(&loaded.evidence) {
            Ok(()) => (learner.name().to_string(), Ok(())),
            Err(not) => (not.kind.to_string(), Err(not.why.to_string())),
        })
        .collect();
    Ok(Checked {
        task: task.path.clone(),
        items: items.len(),
        slices: Some(items.slices().names().len()),
        groups: Some(items.groups().names().len()),
        candidates: candidates.collect(),
        policies,
        notes: loaded.notes,
        ..Checked::default()
    })
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: fine", self.task.display())?;
        writeln!(f, "items       {}", self.items)?;
        for (name, count) in [("targets", self.targets), ("slices", self.slices), ("groups", self.groups)] {
            if let Some(count) = count {
                writeln!(f, "{name:<11} {count}")?;
            }
        }
        for CheckedCandidate { name, lineage, how } in &self.candidates {
            let how = how.as_ref().map(|how| format!(", {how}")).unwrap_or_default();
            writeln!(f, "candidate   {name} ({lineage}){how}")?;
        }
        for (policy, applies) in &self.policies {
            match applies {
                Ok(()) => writeln!(f, "policy      {policy}")?,
                Err(why) => writeln!(f, "no policy   {policy}: {why}")?,
            }
        }
        if let Some(judge) = &self.judge {
            writeln!(f, "judge       {judge}")?;
        }
        if let Some((names, draws, most)) = &self.data_needs {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            let names = names.join(", ");
            writeln!(
                f,
                "data needs  {names}: trained on parts of the labels too, each drawn {draws} times, at most {most} items in all \
                 a candidate ([data_needs] measure = \"none\" leaves it out)"
            )?;
        }
        for note in &self.notes {
            writeln!(f, "note        {note}")?;
        }
        if let Some((estimates, max_spend)) = &self.estimates {
            // Trained candidates have no heading of their own.
            if self.targets.is_none() {
                writeln!(f, "to ask")?;
            }
            for line in estimate_lines(estimates, *max_spend) {
                writeln!(f, "{line}")?;
            }
        }
        for (name, prompt) in &self.prompts {
            writeln!(f, "\nprompt of {name} for the first item\n{prompt}")?;
        }
        Ok(())
    }
}
