//! Whether the verdict of a run held on answers that came later.

use std::path::Path;

use ordinate_combine::{Artefact, dense_groups, replay_served};
use ordinate_core::Evidence;
use ordinate_core::verdict::Verdict;
use ordinate_data::{Loaded, infer_task_for, read_task};
use ordinate_judge::{Later, Verified, kept};
use ordinate_score::Groups;
use ordinate_trials::single_file;

use crate::ask::policy_of;
use crate::error::{Error, Fault};
use crate::folder::{Folder, TRIALS};
use crate::metric::load_evidence;
use crate::work::aside;

/// Plays the policy that the run in this folder recommends, and everything else that meets its needs, over later answers
/// of the same candidates: an evidence table, a folder of recorded answers, or a task file that names them.
///
/// # Errors
/// [`Error`] where the folder holds no run, the answers cannot be read, or nothing can be said of them.
pub async fn verify(run: &Path, later: &Path) -> Result<Verified, Error> {
    let (run, later) = (run.to_owned(), later.to_owned());
    let cancel = ordinate_measure::CancellationToken::new();
    aside(&cancel, move || verified(&Folder::open(&run)?, &later)).await
}

fn verified(folder: &Folder, path: &Path) -> Result<Verified, Error> {
    let verdict = folder.verdict()?;
    let (_, setting) = kept(&folder.unpack(TRIALS)?)
        .map_err(|error| Error::file(&folder.path(TRIALS), Fault::Input, error))?;
    let evidence = read(path)?.evidence;
    let own = play(&policy_of(folder, &verdict, None)?, &evidence);
    let others: Vec<Later> = others(&verdict)
        .into_iter()
        .map(|name| Ok(play(&policy_of(folder, &verdict, Some(&name))?, &evidence)))
        .collect::<Result<_, Error>>()?;
    let groups = dense_groups(&evidence.view()).map(|codes| Groups::new(&codes));
    ordinate_judge::verify(&verdict, &own, &others, groups.as_ref(), setting.resampling).ok_or_else(|| {
        let problem = format!(
            "none of its items has the answers that {} wants; it asks {}",
            own.name,
            verdict
                .recommended
                .iter()
                .flat_map(|recommended| recommended.share.keys())
                .cloned()
                .collect::<Vec<_>>()
                .join(", ")
        );
        Error::file(path, Fault::Input, problem)
    })
}

/// The answers, scored.
fn read(path: &Path) -> Result<Loaded, Error> {
    if path.extension().is_some_and(|extension| extension == "toml") {
        return load_evidence(&read_task(path)?);
    }
    let scratch = tempfile::tempdir().map_err(Error::broken)?;
    let task = scratch.path().join("later.toml");
    std::fs::write(&task, infer_task_for(path, scratch.path())?).map_err(Error::broken)?;
    load_evidence(&read_task(&task)?)
}

/// What else meets the needs of the verdict.
fn others(verdict: &Verdict) -> Vec<String> {
    let recommended = verdict.recommended.as_ref().map(|recommended| recommended.name.as_str());
    let singles = verdict.candidates.iter().filter(|row| row.meets_needs).map(|row| row.name.to_string());
    let policies = verdict.policies.iter().filter(|row| row.meets_needs).map(|row| row.name.clone());
    singles.chain(policies).filter(|name| Some(name.as_str()) != recommended).collect()
}

fn play(artefact: &Artefact, evidence: &Evidence) -> Later {
    let rows = evidence.view().rows;
    let played = replay_served(artefact, evidence, &rows);
    Later {
        name: artefact.name.clone(),
        quality: played.quality.into_owned(),
        cost_usd: played.cost_usd.into_owned(),
    }
}

/// Where the policy with this name is saved.
pub(crate) fn file_of(verdict: &Verdict, name: &str) -> String {
    let row = verdict.policies.iter().find(|row| row.name == name);
    let all = verdict.candidates.iter().map(|row| row.name.as_str());
    row.and_then(|row| row.file.clone()).unwrap_or_else(|| single_file(name, all))
}
