//! How what is served stands: traffic, cost and feedback on the record, against what the verdict said.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use ordinate_core::shown;
use ordinate_core::verdict::Verdict;
use ordinate_serve::{FEEDBACK, Standing, Watch, feedback};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Fault};
use crate::folder::Folder;
use crate::serve::claimed;
use crate::work::aside;

/// How a served run stands.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The task.
    pub task: String,
    /// The policy that was served most.
    pub policy: Option<String>,
    /// Answers on the record, of that policy.
    pub answers: u64,
    /// Those that were none.
    pub errors: u64,
    /// Those of somebody who stood in.
    pub stood_in: u64,
    /// USD per 1,000 answers whose cost is known, and how the verdict had it.
    pub cost_per_1k: Option<f64>,
    /// What the verdict said that it costs.
    pub said_cost_per_1k: Option<f64>,
    /// Answers whose cost is not known.
    pub unpriced: u64,
    /// By candidate: the share of answers that are its, and what the verdict said.
    pub share: BTreeMap<String, Share>,
    /// Other models than were asked for that servers named, with how often.
    pub other_models: BTreeMap<String, u64>,
    /// How the verdict stands by the feedback; `None` where it says nothing of the policy.
    pub verdict: Option<Standing>,
}

/// The share of a candidate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Share {
    /// Of the answers on the record.
    pub seen: f64,
    /// In the verdict, of the recommended policy.
    pub said: Option<f64>,
}

/// What is read of a line of the record.
#[derive(Deserialize)]
struct Line {
    task: String,
    policy: String,
    given: Option<String>,
    #[serde(default)]
    stood_in: bool,
    error: Option<String>,
    cost_usd: Option<f64>,
    asked: Vec<AskedLine>,
}

#[derive(Deserialize)]
struct AskedLine {
    model: Option<String>,
}

#[derive(Default)]
struct Counted {
    answers: u64,
    errors: u64,
    stood_in: u64,
    unpriced: u64,
    cost_usd: f64,
    given: BTreeMap<String, u64>,
    models: BTreeMap<String, u64>,
}

/// Reads the record of a served run: of the folder `record`, or of `served` in the run folder.
///
/// # Errors
/// [`Error`] where the folder holds no run, or there is no record.
pub async fn status(run: &Path, record: Option<&Path>) -> Result<Status, Error> {
    let (run, record) = (run.to_owned(), record.map(Path::to_owned));
    let cancel = ordinate_measure::CancellationToken::new();
    aside(&cancel, move || {
        let folder = Folder::open(&run)?;
        let verdict = folder.verdict()?;
        let record = record.unwrap_or_else(|| folder.path("served"));
        read(&verdict, &record)
    })
    .await
}

fn read(verdict: &Verdict, record: &Path) -> Result<Status, Error> {
    let fail = |error: std::io::Error| {
        let problem =
            format!("there is no record: {error}; `ordinate serve` writes it, --record names another folder");
        Error::file(record, Fault::Input, problem)
    };
    let mut policies: BTreeMap<String, Counted> = BTreeMap::new();
    for path in days(record).map_err(fail)? {
        for line in BufReader::new(File::open(&path).map_err(fail)?).lines() {
            // A line that was cut by a kill is none.
            let Ok(line) = serde_json::from_str::<Line>(&line.map_err(fail)?) else { continue };
            if line.task == verdict.task {
                policies.entry(line.policy.clone()).or_default().add(line);
            }
        }
    }
    let most = policies.into_iter().max_by_key(|(_, counted)| counted.answers);
    let (policy, counted) = most.map_or((None, Counted::default()), |(name, counted)| (Some(name), counted));
    let recommended =
        verdict.recommended.as_ref().filter(|row| policy.as_ref().is_none_or(|policy| *policy == row.name));
    let said: BTreeMap<String, f64> = recommended.map(|row| row.share.clone()).unwrap_or_default();
    let of = |count: u64| count as f64 / counted.answers.max(1) as f64;
    let mut share: BTreeMap<String, Share> =
        said.into_iter().map(|(name, said)| (name, Share { seen: 0.0, said: Some(said) })).collect();
    for (name, count) in &counted.given {
        share.entry(name.clone()).or_default().seen = of(*count);
    }
    let watched = policy.as_deref().or(recommended.map(|row| row.name.as_str()));
    let standing = watched.and_then(|policy| {
        let mut watch = Watch::new(claimed(verdict, policy)?);
        let lines = feedback(record).ok()?.into_iter();
        let of = lines.filter(|line| line.task == verdict.task && line.policy == policy);
        of.filter_map(|line| line.score).for_each(|score| {
            watch.see(score);
        });
        Some(watch.standing())
    });
    let priced = counted.answers - counted.unpriced;
    Ok(Status {
        task: verdict.task.clone(),
        said_cost_per_1k: recommended.and_then(|row| row.cost_per_1k),
        cost_per_1k: (priced > 0).then(|| counted.cost_usd / priced as f64 * 1e3),
        policy,
        answers: counted.answers,
        errors: counted.errors,
        stood_in: counted.stood_in,
        unpriced: counted.unpriced,
        share,
        other_models: counted.models,
        verdict: standing,
    })
}

impl Counted {
    fn add(&mut self, line: Line) {
        self.answers += 1;
        self.errors += u64::from(line.error.is_some());
        self.stood_in += u64::from(line.stood_in);
        match line.cost_usd {
            Some(cost) => self.cost_usd += cost,
            None => self.unpriced += 1,
        }
        if let Some(given) = line.given {
            *self.given.entry(given).or_default() += 1;
        }
        for model in line.asked.into_iter().filter_map(|asked| asked.model) {
            *self.models.entry(model).or_default() += 1;
        }
    }
}

/// The files of the record, a day each, in their order.
fn days(record: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(record)? {
        let path = entry?.path();
        let is_feedback = path.file_name().is_some_and(|name| name == FEEDBACK);
        if !is_feedback && path.extension().is_some_and(|extension| extension == "jsonl") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(policy) = &self.policy else {
            return writeln!(f, "{}: nothing was answered yet.", shown(&self.task));
        };
        writeln!(f, "{}: {} answers of {}", shown(&self.task), self.answers, shown(policy))?;
        if self.errors + self.stood_in > 0 {
            writeln!(f, "{} had no answer, {} are of somebody who stood in.", self.errors, self.stood_in)?;
        }
        if let Some(cost) = self.cost_per_1k {
            let said = self.said_cost_per_1k.map(|said| format!("; the verdict said ${said:.4}"));
            writeln!(f, "${cost:.4} per 1,000 answers{}.", said.unwrap_or_default())?;
        }
        if self.unpriced > 0 {
            writeln!(f, "What {} of them cost is not known, and not in it.", self.unpriced)?;
        }
        for (name, Share { seen, said }) in &self.share {
            let said =
                said.map(|said| format!("; the verdict said {:.1} %", 100.0 * said)).unwrap_or_default();
            writeln!(f, "  {:5.1} %  {}{said}", 100.0 * seen, shown(name))?;
        }
        for (model, count) in &self.other_models {
            writeln!(f, "{count} answers name another model than was asked: {}", shown(model))?;
        }
        let Some(now) = self.verdict else { return Ok(()) };
        match now.mean {
            None => writeln!(f, "No feedback with a score yet: whether the verdict stands is not known."),
            Some(mean) if now.holds => writeln!(
                f,
                "The verdict stands: {} scores of feedback have a mean of {mean:.3}, and it said at least {:.3} (evidence \
                 against it {:.1}, of the 20 that refute it).",
                now.scores, now.claimed, now.evidence
            ),
            Some(mean) => writeln!(
                f,
                "The verdict does not stand any more: {} scores of feedback have a mean of {mean:.3}, and it said at least \
                 {:.3} (evidence against it {:.0}; 20 refute it). Run the task again with answers of now.",
                now.scores, now.claimed, now.evidence
            ),
        }
    }
}
