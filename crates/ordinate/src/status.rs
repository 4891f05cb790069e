//! How what is served stands: traffic, cost and feedback on the record, against what the verdict said.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use ordinate_core::shown;
use ordinate_core::verdict::Verdict;
use ordinate_serve::{
    DriftStanding, EVIDENCE, FEEDBACK, Names, Paired, PairedStanding, Seen, SeenTask, Standing, Watch,
    feedback,
};
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
    /// Those that were given before, and again from memory.
    pub cached: u64,
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
    /// Shadow requests, by the candidate that was asked.
    pub shadow: BTreeMap<String, ShadowRequests>,
    /// How the policy stands against each of them, on items that both were scored on.
    pub runner_up: BTreeMap<String, PairedStanding>,
    /// How inputs differ from the measured ones.
    pub drift: Vec<DriftStanding>,
    /// By candidate: what servers call who answers, where it has changed.
    pub changed_models: BTreeMap<String, Names>,
}

/// Shadow requests to one candidate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct ShadowRequests {
    /// Requests on the record.
    pub requests: u64,
    /// Those without an answer.
    pub errors: u64,
    /// Answers that were the policy's too.
    pub same: u64,
    /// USD, as far as it is known.
    pub cost_usd: f64,
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
    #[serde(default)]
    cached: bool,
    error: Option<String>,
    cost_usd: Option<f64>,
    asked: Vec<AskedLine>,
}

/// What is read of a line about a shadow request.
#[derive(Deserialize)]
struct ShadowLine {
    task: String,
    policy: String,
    shadow: String,
    error: Option<String>,
    cost_usd: Option<f64>,
    same: Option<bool>,
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
    cached: u64,
    unpriced: u64,
    cost_usd: f64,
    given: BTreeMap<String, u64>,
    models: BTreeMap<String, u64>,
    shadow: BTreeMap<String, ShadowRequests>,
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
            let line = line.map_err(fail)?;
            if let Ok(line) = serde_json::from_str::<Line>(&line) {
                if line.task == verdict.task {
                    policies.entry(line.policy.clone()).or_default().add(line);
                }
            } else if let Ok(line) = serde_json::from_str::<ShadowLine>(&line)
                && line.task == verdict.task
            {
                policies.entry(line.policy.clone()).or_default().add_shadow(line);
            }
        }
    }
    let most = policies.into_iter().max_by_key(|(_, counted)| counted.answers);
    let (policy, counted) = most.map_or((None, Counted::default()), |(name, counted)| (Some(name), counted));
    let recommended =
        verdict.recommended.as_ref().filter(|row| policy.as_ref().is_none_or(|policy| *policy == row.name));
    let said: BTreeMap<String, f64> = recommended.map(|row| row.share.clone()).unwrap_or_default();
    // What was given again says nothing new of whom the policy asks.
    let of = |count: u64| count as f64 / (counted.answers - counted.cached).max(1) as f64;
    let mut share: BTreeMap<String, Share> =
        said.into_iter().map(|(name, said)| (name, Share { seen: 0.0, said: Some(said) })).collect();
    for (name, count) in &counted.given {
        share.entry(name.clone()).or_default().seen = of(*count);
    }
    let watched = policy.as_deref().or(recommended.map(|row| row.name.as_str()));
    let mut lines = feedback(record).unwrap_or_default();
    lines.retain(|line| line.task == verdict.task && Some(line.policy.as_str()) == watched);
    let standing = watched.and_then(|policy| {
        let mut watch = Watch::new(claimed(verdict, policy)?);
        lines.iter().filter_map(|line| line.score).for_each(|score| {
            watch.see(score);
        });
        Some(watch.standing())
    });
    let mut pairs: BTreeMap<String, Paired> = BTreeMap::new();
    for shadowed in lines.into_iter().filter_map(|line| line.shadow) {
        let pair = pairs.entry(shadowed.candidate).or_insert_with(|| Paired::new(verdict.needs.margin()));
        pair.see(shadowed.of_policy, shadowed.score);
    }
    let mut seen = Seen::read(record).map_err(fail)?;
    let SeenTask { drift, names } = seen.0.remove(&verdict.task).unwrap_or_default();
    let priced = counted.answers - counted.unpriced;
    Ok(Status {
        task: verdict.task.clone(),
        said_cost_per_1k: recommended.and_then(|row| row.cost_per_1k),
        cost_per_1k: (priced > 0).then(|| counted.cost_usd / priced as f64 * 1e3),
        policy,
        answers: counted.answers,
        errors: counted.errors,
        stood_in: counted.stood_in,
        cached: counted.cached,
        unpriced: counted.unpriced,
        share,
        other_models: counted.models,
        verdict: standing,
        shadow: counted.shadow,
        runner_up: pairs.into_iter().map(|(name, pair)| (name, pair.standing())).collect(),
        drift: drift.map(|kept| kept.standings()).unwrap_or_default(),
        changed_models: names.into_iter().filter(|(_, names)| names.changed().next().is_some()).collect(),
    })
}

impl Counted {
    fn add(&mut self, line: Line) {
        self.answers += 1;
        self.errors += u64::from(line.error.is_some());
        self.stood_in += u64::from(line.stood_in);
        self.cached += u64::from(line.cached);
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

impl Counted {
    fn add_shadow(&mut self, line: ShadowLine) {
        let shadow = self.shadow.entry(line.shadow).or_default();
        shadow.requests += 1;
        shadow.errors += u64::from(line.error.is_some());
        shadow.same += u64::from(line.same == Some(true));
        shadow.cost_usd += line.cost_usd.unwrap_or_default();
    }
}

/// The files of the record, a day each, in their order.
fn days(record: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(record)? {
        let path = entry?.path();
        let is_of_a_day = path.file_name().is_some_and(|name| name != FEEDBACK && name != EVIDENCE);
        if is_of_a_day && path.extension().is_some_and(|extension| extension == "jsonl") {
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
        if self.cached > 0 {
            writeln!(f, "{} were given again from memory, and cost nothing.", self.cached)?;
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
        self.tell_observed(f)?;
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

impl Status {
    /// Tells what was seen of the runner-up, of inputs and of who answers.
    fn tell_observed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, ShadowRequests { requests, errors, same, cost_usd }) in &self.shadow {
            let name = shown(name);
            writeln!(
                f,
                "{name} was asked about {requests} of these items too: {same} answers were the same, {errors} were none; ${cost_usd:.4}."
            )?;
        }
        for (name, now) in &self.runner_up {
            let (Some(policy), Some(candidate)) = (now.policy, now.candidate) else { continue };
            let figures = format!(
                "on the same {} items it scored {candidate:.3}, and the policy {policy:.3} (margin {}, evidence {:.1}; 20 shows it)",
                now.items, now.margin, now.evidence
            );
            match now.holds {
                true => writeln!(f, "{} is not shown to be better: {figures}.", shown(name))?,
                false => {
                    writeln!(
                        f,
                        "{} is better: {figures}. Run the task again with answers of now.",
                        shown(name)
                    )?;
                }
            }
        }
        for now in &self.drift {
            let (Some(since), Some(lately)) = (&now.since, now.lately) else { continue };
            writeln!(
                f,
                "Inputs are not like the measured ones since {since}: {} was {:.3} on average and is {lately:.3} of late ({} inputs, \
                 evidence {:.0}; 20 shows it).",
                now.figure.as_str(),
                now.measured,
                now.inputs,
                now.evidence
            )?;
        }
        for (candidate, names) in &self.changed_models {
            for told in names.changed() {
                let before = names.first(told.part).map(|first| format!("; before: {}", shown(first)));
                writeln!(
                    f,
                    "What answers as {} is not what was measured: {} is {} since {}, in {} answers{}.",
                    shown(candidate),
                    told.part.as_str(),
                    shown(&told.name),
                    told.since,
                    told.answers,
                    before.unwrap_or_default()
                )?;
            }
        }
        Ok(())
    }
}
