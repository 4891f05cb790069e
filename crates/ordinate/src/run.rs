//! `ordinate run`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use ordinate_core::task::{CombineSection, StatisticsSection};
use ordinate_core::verdict::{Deployment, Measured};
use ordinate_core::{Candidate, Evidence, Needs};
use ordinate_data::{Loaded, Task, can_compare, is_live, read_task, write_evidence};
use ordinate_judge::{Case, Hosted, Judged, Resampling, break_even, host, judge};

use crate::cli::RunArgs;
use crate::embed;
use crate::failure::Failure;
use crate::folder::{Folder, policy_file};
use crate::live::{self, Asking, STORE};
use crate::local::Ready;
use crate::metric::load_evidence;
use crate::output::{coloured, columns, print, tell};

pub(crate) fn run(args: &RunArgs) -> Result<(), Failure> {
    let started = Instant::now();
    let progress = |line: &str| {
        if !args.quiet {
            tell(&format!("[{:6.2} s] {line}", started.elapsed().as_secs_f64()));
        }
    };
    let mut task = read_task(&args.task)?;
    override_needs(&mut task.file.needs, &args.needs)?;
    if let Some(seed) = args.seed {
        task.file.statistics.seed = Some(seed);
    }
    if let Some(most) = args.max_spend {
        task.file.measure.max_spend = Some(most);
    }
    let path = args.out.clone().unwrap_or_else(|| default_folder(&task.file.task.name));
    let Answers { mut loaded, measured, deployment, folder } = answers(args, &task, &path, &progress)?;
    let hosted = hosted(&loaded.evidence, &deployment);
    loaded.notes.extend(host(&mut loaded.evidence, &hosted, task.file.needs.volume_per_day));
    let evidence = &loaded.evidence;
    progress(&format!("{} items x {} candidates read", evidence.len(), evidence.candidates().len()));
    let mut judged = decide(&task, evidence, &loaded.notes)?;
    judged.verdict.measured = measured;
    judged.verdict.break_even = break_even(evidence, &judged.verdict.candidates, &hosted);
    judged.verdict.deployment = deployment;
    progress(&format!("judged; policies tried: {}", judged.verdict.policies.len()));

    write_evidence(&folder.path("evidence.parquet"), evidence)
        .map_err(|error| Failure::Run(error.to_string()))?;
    folder.write("task.toml", &task.to_toml()?)?;
    for artefact in &judged.artefacts {
        folder.write(&policy_file(&artefact.name), &artefact.to_json()?)?;
    }
    if let Some(recommended) = &mut judged.verdict.recommended {
        recommended.file = Some(policy_file(&recommended.name));
    }
    let json = verdict_json(&judged)?;
    folder.write("report.html", &ordinate_report::page(&judged.verdict)?)?;
    // Last, so that a folder with a verdict is a whole one.
    folder.write("verdict.json", &json)?;
    progress(&format!("written to {}", path.display()));
    if args.json {
        return print(&json);
    }
    let style = ordinate_report::Style { colour: coloured(), width: columns() };
    print(&ordinate_report::summary(&judged.verdict, style))?;
    if !args.quiet {
        tell(&format!("The whole report: {}", folder.path("report.html").display()));
    }
    Ok(())
}

/// The answers of every candidate, and the folder that the run is written to.
struct Answers {
    loaded: Loaded,
    measured: Vec<Measured>,
    deployment: Vec<Deployment>,
    folder: Folder,
}

/// Asks whom has to be asked, and reads what was recorded.
fn answers(args: &RunArgs, task: &Task, path: &Path, progress: &dyn Fn(&str)) -> Result<Answers, Failure> {
    let (live, embeds) = (is_live(task), embed::any(task));
    check_resume(args, path, live || embeds)?;
    let store = path.join(STORE);
    let asking = Asking { store: &store, retry_errors: args.retry_errors, quiet: args.quiet };
    if embeds || task.file.candidate.iter().any(|entry| entry.local.is_some() || entry.adapt.is_some()) {
        // What can be refused is refused before anything is paid for, in money or in hours of training.
        // A folder is made where answers to pay for will lie in it: what is trained here lies in the cache.
        if embeds || path.exists() {
            Folder::allowed(path, &args.task)?;
        }
        can_compare(task)?;
        for entry in &task.file.candidate {
            crate::local::how(task, entry)?;
        }
        crate::metric::of(task)?;
    }
    let embedded = embed::answered(task, &asking, progress)?;
    // Candidates that run here are answered, and read as recorded ones from here on.
    let Ready { task: mut ready, deployment, notes } = crate::local::answered(&embedded.task, progress)?;
    let mut measured = embedded.measured;
    let (mut loaded, folder) = if live {
        // The folder first: it holds the answers.
        let folder = Folder::create(path, &args.task)?;
        progress("asking live candidates");
        if let Some(most) = &mut ready.file.measure.max_spend {
            *most = (*most - embedded.spent_usd).max(0.0);
        }
        let asked = live::ask(&ready, &asking)?;
        measured.extend(asked.measured);
        (asked.loaded, folder)
    } else {
        let loaded = load_evidence(&ready)?;
        (loaded, Folder::create(path, &args.task)?)
    };
    loaded.notes.extend(notes);
    loaded.notes.extend(crate::script::note(task)?);
    Ok(Answers { loaded, measured, deployment, folder })
}

/// The candidates with an hourly price, and the items that a machine answers, where that was measured here.
fn hosted(evidence: &Evidence, deployment: &[Deployment]) -> Vec<Hosted> {
    let of = |(column, candidate): (usize, &Candidate)| {
        let per_hour = candidate.price?.per_hour?;
        let measured = deployment.iter().find(|one| one.name == candidate.name);
        Some(Hosted { column, per_hour, per_second: measured.map(|one| one.best_per_second) })
    };
    evidence.candidates().iter().enumerate().filter_map(of).collect()
}

/// Holds `--resume` to what is there: a mistyped folder must not pay for everything again.
fn check_resume(args: &RunArgs, path: &Path, live: bool) -> Result<(), Failure> {
    if !args.resume || path.join(STORE).is_file() {
        return Ok(());
    }
    Err(Failure::Input(if live {
        format!("{}: there is no {STORE} to go on with; check --out, or leave --resume out", path.display())
    } else {
        "--resume: the task has no live candidates, so there is nothing to go on with; leave it out"
            .to_owned()
    }))
}

fn decide(task: &Task, evidence: &Evidence, notes: &[String]) -> Result<Judged, Failure> {
    let file = &task.file;
    let mut all_notes = file.data.notes.clone();
    all_notes.extend_from_slice(notes);
    let learners = ordinate_combine::learners(file.combine.kinds.as_deref());
    let case = Case {
        task: &file.task.name,
        evidence,
        needs: &file.needs,
        learners: &learners,
        folds: file.combine.folds.unwrap_or(CombineSection::FOLDS),
        resampling: Resampling {
            resamples: file.statistics.resamples.unwrap_or(StatisticsSection::RESAMPLES),
            seed: file.statistics.seed.unwrap_or_default(),
            interval: file.statistics.interval.unwrap_or_default(),
        },
        guess_rate: file.task.guess_rate,
        notes: &all_notes,
    };
    judge(&case).map_err(|error| match Failure::from(error) {
        Failure::Input(message) => Failure::Input(format!("{}: {message}", task.path.display())),
        failure @ Failure::Run(_) => failure,
    })
}

fn verdict_json(judged: &Judged) -> Result<String, Failure> {
    serde_json::to_string_pretty(&judged.verdict)
        .map(|text| text + "\n")
        .map_err(|error| Failure::Run(format!("the verdict cannot be written as JSON: {error}")))
}

fn override_needs(needs: &mut Needs, assignments: &[String]) -> Result<(), Failure> {
    for assignment in assignments {
        needs.set(assignment).map_err(|error| Failure::Input(format!("--need {assignment}: {error}")))?;
    }
    Ok(())
}

pub(crate) fn default_folder(task: &str) -> PathBuf {
    let keep = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let name: String = task.chars().map(keep).take(80).collect();
    PathBuf::from(format!("{}.ordinate", name.trim_matches('.')))
}
