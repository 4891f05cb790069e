//! A whole run: answers, verdict, run folder.

use std::path::Path;
use std::sync::Arc;

use ordinate_core::verdict::{Deployment, Measured, Verdict};
use ordinate_core::{Candidate, Evidence};
use ordinate_data::{Loaded, Task, can_compare, is_live, write_evidence};
use ordinate_judge::{Hosted, Setting, host, host_when_busy, keep};

use crate::decide::{Decided, decided, setting};
use crate::embed;
use crate::error::{Error, Fault};
use crate::folder::{Folder, TRIALS};
use crate::live::{self, Asking, STORE};
use crate::local::{self, Ready};
use crate::metric::load_evidence;
use crate::observe::{Observer, Seen, Step, step};
use crate::options::Options;
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
    let answers = answers(task, &path, options, &observer).await?;
    let (task, seen) = (task.clone(), Arc::clone(&observer));
    let run = aside(&options.cancel, move || judged(&task, answers, seen.as_ref())).await?;
    step(observer.as_ref(), Step::Written(&path));
    Ok(run)
}

/// Judges, and writes the run folder.
fn judged(task: &Task, answers: Answers, seen: &dyn Observer) -> Result<Run, Error> {
    let Answers { mut loaded, measured, deployment, folder } = answers;
    let hosted = hosted(&loaded.evidence, &deployment);
    // What policies learn must not hang on needs; the evidence that is kept has the costs that hold under them.
    host_when_busy(&mut loaded.evidence, &hosted);
    let evidence = &loaded.evidence;
    step(seen, Step::Read { items: evidence.len(), candidates: evidence.candidates().len() });
    let setting = Setting { hosted, measured, deployment, ..setting(task, &loaded.notes) };
    let Decided { verdict, learned, setting } = decided(task, evidence, setting)?;
    step(seen, Step::Judged(verdict.policies.len()));

    host(&mut loaded.evidence, &setting.hosted, verdict.needs.volume_per_day);
    write_evidence(&folder.path("evidence.parquet"), &loaded.evidence).map_err(Error::broken)?;
    folder.write("task.toml", &task.to_toml()?)?;
    let trials = keep(&learned.trials, &setting).map_err(Error::broken)?;
    folder.pack(TRIALS, &trials)?;
    for (file, artefact) in learned.artefacts(&verdict) {
        folder.write(&file, &artefact.to_json()?)?;
    }
    let json = verdict_json(&verdict)?;
    folder.write("report.html", &ordinate_report::page(&verdict)?)?;
    // Last, so that a folder with a verdict is a whole one.
    folder.write("verdict.json", &json)?;
    Ok(Run { verdict, json, folder })
}

/// The answers of every candidate, and the folder that the run is written to.
struct Answers {
    loaded: Loaded,
    measured: Vec<Measured>,
    deployment: Vec<Deployment>,
    folder: Folder,
}

/// Asks whom has to be asked, and reads what was recorded.
async fn answers(task: &Task, path: &Path, options: &Options, seen: &Seen) -> Result<Answers, Error> {
    let (live, embeds) = (is_live(task), embed::any(task));
    check_resume(options, path, live || embeds)?;
    let store = path.join(STORE);
    let asking = Asking { store: &store, options, seen };
    let here =
        |task: &Task| task.file.candidate.iter().any(|entry| entry.local.is_some() || entry.adapt.is_some());
    if embeds || here(task) {
        // What can be refused is refused before anything is paid for, in money or in hours of training.
        // A folder is made where answers to pay for will lie in it: what is trained here lies in the cache.
        if embeds || path.exists() {
            Folder::allowed(path, &task.path)?;
        }
        let task = task.clone();
        aside(&options.cancel, move || refused(&task)).await?;
    }
    let embedded = embed::answered(task, &asking).await?;
    // Candidates that run here are answered, and read as recorded ones from here on.
    let Ready { task: mut ready, deployment, notes } = local::answered(&embedded.task, options, seen).await?;
    let mut measured = embedded.measured;
    let (mut loaded, folder) = if live {
        // The folder first: it holds the answers.
        let folder = Folder::create(path, &task.path)?;
        step(seen.as_ref(), Step::Asking);
        if let Some(most) = &mut ready.file.measure.max_spend {
            *most = (*most - embedded.spent_usd).max(0.0);
        }
        let asked = live::ask(&ready, &asking).await?;
        measured.extend(asked.measured);
        (asked.loaded, folder)
    } else {
        let loaded = aside(&options.cancel, move || load_evidence(&ready)).await?;
        (loaded, Folder::create(path, &task.path)?)
    };
    loaded.notes.extend(notes);
    let task = task.clone();
    loaded.notes.extend(aside(&options.cancel, move || crate::script::note(&task)).await?);
    Ok(Answers { loaded, measured, deployment, folder })
}

/// Refuses what is wrong with candidates that run here, before anything is asked or trained.
fn refused(task: &Task) -> Result<(), Error> {
    can_compare(task)?;
    for entry in &task.file.candidate {
        local::how(task, entry)?;
    }
    crate::metric::of(task).map(drop)
}

/// The candidates with an hourly price, and the items that a machine answers, where that was measured here.
fn hosted(evidence: &Evidence, deployment: &[Deployment]) -> Vec<Hosted> {
    let of = |candidate: &Candidate| {
        let per_hour = candidate.price?.per_hour?;
        let measured = deployment.iter().find(|one| one.name == candidate.name);
        let name = candidate.name.clone();
        Some(Hosted { name, per_hour, per_second: measured.map(|one| one.best_per_second) })
    };
    evidence.candidates().iter().filter_map(of).collect()
}

/// Holds `resume` to what is there: a mistyped folder must not pay for everything again.
fn check_resume(options: &Options, path: &Path, live: bool) -> Result<(), Error> {
    if !options.resume || path.join(STORE).is_file() {
        return Ok(());
    }
    if live {
        let problem = format!("there is no {STORE} to go on with; check --out, or leave --resume out");
        return Err(Error::file(path, Fault::Input, problem));
    }
    let message =
        "--resume: the task has no live candidates, so there is nothing to go on with; leave it out";
    Err(Error::Options(message.to_owned()))
}

fn verdict_json(verdict: &Verdict) -> Result<String, Error> {
    serde_json::to_string_pretty(verdict)
        .map(|text| text + "\n")
        .map_err(|error| Error::Broken(format!("the verdict cannot be written as JSON: {error}")))
}
