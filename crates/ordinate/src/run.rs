//! A whole run: answers, verdict, run folder.

use std::sync::Arc;

use ordinate_core::verdict::{Deployment, Verdict};
use ordinate_core::{Candidate, Evidence};
use ordinate_data::{Task, write_evidence};
use ordinate_judge::{Hosted, Setting, host, host_when_busy, keep};

use crate::card;
use crate::decide::{Decided, decided, setting};
use crate::error::Error;
use crate::folder::{EVIDENCE, Folder, TRIALS};
use crate::gather::{Gathered, gather};
use crate::observe::{Observer, Step, step};
use crate::options::Options;
use crate::page::page;
use crate::reopen;
use crate::work::aside;

/// What a run gives.
#[derive(Debug)]
pub struct Run {
    /// The verdict.
    pub verdict: Verdict,
    /// `verdict.json`, as it was written.
    pub json: String,
    /// The run folder.
    pub folder: Folder,
}

/// Asks and trains what has to be, reaches a verdict, and writes the run folder.
///
/// # Errors
/// [`Error`]; what was answered until then is kept, and gone on with the next time.
pub async fn run(task: &Task, options: &Options, observer: Arc<dyn Observer>) -> Result<Run, Error> {
    let path = options.folder_of(task);
    let gathered = gather(task, &path, options, &observer).await?;
    let (task, seen) = (task.clone(), Arc::clone(&observer));
    let run = aside(&options.cancel, move || judged(&task, gathered, seen.as_ref())).await?;
    step(observer.as_ref(), Step::Written(&path));
    Ok(run)
}

/// Judges, and writes the run folder.
fn judged(task: &Task, gathered: Gathered, seen: &dyn Observer) -> Result<Run, Error> {
    let Gathered { mut loaded, measured, deployment, learning, claim, asked, told, grading } = gathered;
    let hosted = hosted(&loaded.evidence, &deployment);
    // What policies learn must not hang on needs; the evidence that is kept has the costs that hold under them.
    host_when_busy(&mut loaded.evidence, &hosted);
    let evidence = &loaded.evidence;
    step(seen, Step::Read { items: evidence.len(), candidates: evidence.candidates().len() });
    let setting = Setting { hosted, measured, deployment, learning, ..setting(task, &loaded.notes) };
    let Decided { verdict, learned, setting } = decided(task, evidence, setting, grading.as_ref(), seen)?;
    step(seen, Step::Judged(verdict.policies.len()));

    let draft = claim.draft()?;
    let folder = draft.folder();
    host(&mut loaded.evidence, &setting.hosted, verdict.needs.volume_per_day);
    write_evidence(&folder.path(EVIDENCE), &loaded.evidence).map_err(Error::broken)?;
    folder.write("task.toml", &task.to_toml()?)?;
    let models = reopen::write(folder, task, &told, &asked)?;
    for (name, model) in &models {
        if let Some(row) = verdict.candidates.iter().find(|row| row.name == *name) {
            card::write(model, task, row, verdict.basis.metric.as_deref().unwrap_or("score"))?;
        }
    }
    folder.pack(TRIALS, |to| keep(&learned.trials, &setting, to))?;
    for (file, artefact) in learned.artefacts(&verdict) {
        folder.write(&file, &artefact.to_json()?)?;
    }
    let json = verdict_json(&verdict)?;
    folder.write("report.html", &page(folder, &verdict)?)?;
    folder.write("verdict.json", &json)?;
    let (folder, kept) = claim.publish(draft)?;
    if let Some(kept) = &kept {
        step(seen, Step::KeptBefore(kept));
    }
    Ok(Run { verdict, json, folder })
}

/// The candidates with an hourly price, and the items that a machine answers, where that was measured here.
pub(crate) fn hosted(evidence: &Evidence, deployment: &[Deployment]) -> Vec<Hosted> {
    let of = |candidate: &Candidate| {
        let per_hour = candidate.price?.per_hour?;
        let measured = deployment.iter().find(|one| one.name == candidate.name);
        let name = candidate.name.clone();
        Some(Hosted { name, per_hour, per_second: measured.map(|one| one.best_per_second) })
    };
    evidence.candidates().iter().filter_map(of).collect()
}

fn verdict_json(verdict: &Verdict) -> Result<String, Error> {
    serde_json::to_string_pretty(verdict)
        .map(|text| text + "\n")
        .map_err(|error| Error::Broken(format!("the verdict cannot be written as JSON: {error}")))
}
