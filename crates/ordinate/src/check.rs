//! A task held against its data, without running it.

use std::fmt;
use std::path::PathBuf;

use ordinate_core::task::CandidateEntry;
use ordinate_core::{CandidateName, Lineage, PolicyKind};
use ordinate_data::{Task, is_live};
use ordinate_measure::Estimate;

use crate::embed;
use crate::error::Error;
use crate::estimates::estimate_lines;
use crate::live::{self, STORE};
use crate::local;
use crate::metric::load_evidence;
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
    let store = options.folder_of(task).join(STORE);
    if is_live(task) {
        let looked = live::look(task, &store, &options.cancel).await?;
        let mut estimates = embed::estimates(task, &store, &options.cancel).await?;
        estimates.extend(looked.estimates);
        let (items, slices) = (looked.items.len(), looked.items.slices().names().len());
        let checking = task.clone();
        let told = looked.notes;
        let (candidates, notes) = aside(&options.cancel, move || {
            let notes = crate::script::note(&checking)?.into_iter().chain(told).collect();
            Ok((candidates(&checking, "live")?, notes))
        })
        .await?;
        return Ok(Checked {
            task: task.path.clone(),
            items,
            slices: Some(slices),
            candidates,
            notes,
            estimates: Some((estimates, task.file.measure.max_spend)),
            prompts: looked.prompts,
            ..Checked::default()
        });
    }
    let checking = task.clone();
    let here = aside(&options.cancel, move || here(&checking)).await?;
    if let Some(mut checked) = here {
        let estimates = embed::estimates(task, &store, &options.cancel).await?;
        checked.estimates = (!estimates.is_empty()).then_some((estimates, task.file.measure.max_spend));
        return Ok(checked);
    }
    let task = task.clone();
    aside(&options.cancel, move || recorded(&task)).await
}

fn candidates(task: &Task, otherwise: &str) -> Result<Vec<CheckedCandidate>, Error> {
    let of = |entry: &CandidateEntry| {
        let how = match local::how(task, entry)? {
            Some(here) => here,
            None if entry.recorded.is_some() => "recorded".to_owned(),
            None => otherwise.to_owned(),
        };
        Ok(CheckedCandidate { name: entry.name.clone(), lineage: entry.lineage, how: Some(how) })
    };
    task.file.candidate.iter().map(of).collect()
}

/// A task with candidates that run here and none that is live; `None` where it has none of the former either.
fn here(task: &Task) -> Result<Option<Checked>, Error> {
    let candidates = candidates(task, "recorded")?;
    let Some((items, targets)) = local::checked(task)? else { return Ok(None) };
    Ok(Some(Checked {
        task: task.path.clone(),
        items,
        targets: Some(targets),
        candidates,
        notes: crate::script::note(task)?.into_iter().collect(),
        ..Checked::default()
    }))
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
