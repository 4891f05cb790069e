//! Whatever may be recommended: every single and every policy, with what it costs and where it fails.

use std::collections::BTreeMap;

use ordinate_combine::{Played, Trial, Trials};
use ordinate_core::verdict::Outcome;
use ordinate_core::{Candidate, Dial, Evidence, Hosting, Lineage, Needs, PolicyKind, Row};

/// A single or a policy, with its outcomes on the evaluated rows.
#[derive(Debug)]
pub(crate) struct Contender<'a> {
    pub(crate) name: String,
    pub(crate) kind: PolicyKind,
    /// The column, for a single.
    pub(crate) candidate: Option<usize>,
    /// The trial, for a policy.
    pub(crate) trial: Option<&'a Trial>,
    pub(crate) played: Played,
    pub(crate) dial: Option<Dial>,
    /// Columns that it asks at least once.
    pub(crate) uses: Vec<usize>,
    pub(crate) cost_per_1k: Option<f64>,
    pub(crate) p95_ms: Option<f64>,
    pub(crate) memory_gb: Option<f64>,
    pub(crate) share: BTreeMap<String, f64>,
    /// What a verdict for it would be called.
    pub(crate) outcome: Outcome,
}

impl Contender<'_> {
    pub(crate) fn is_single(&self) -> bool {
        self.candidate.is_some()
    }

    /// `general`, `vertical`, `transferred` or `mixed`.
    pub(crate) fn lineage(&self) -> &'static str {
        if self.outcome == Outcome::Combined { "mixed" } else { self.outcome.as_str() }
    }

    /// What the goal wants little of: USD per 1,000 items, or the 95th percentile of latency.
    pub(crate) fn outlay(&self, needs: &Needs) -> Option<f64> {
        match needs.goal {
            ordinate_core::Goal::Latency => self.p95_ms,
            ordinate_core::Goal::Quality | ordinate_core::Goal::Cost => self.cost_per_1k,
        }
    }
}

/// All singles, then all policies.
pub(crate) fn contenders<'a>(evidence: &Evidence, trials: &'a Trials, needs: &Needs) -> Vec<Contender<'a>> {
    let policies = trials.trials.iter().map(|trial| {
        let asked = trial.played.asked.iter().fold(0_u64, |all, asked| all | asked);
        let mut uses: Vec<usize> =
            (0..evidence.candidates().len().min(64)).filter(|c| asked >> c & 1 == 1).collect();
        for &given in trial.played.given.iter().filter(|&&given| given != Played::NOBODY && given >= 64) {
            if !uses.contains(&usize::from(given)) {
                uses.push(usize::from(given));
            }
        }
        Contender {
            trial: Some(trial),
            dial: Some(trial.dial),
            ..contender(evidence, trial.name.clone(), trial.kind, paid(evidence, trial, &uses, needs), uses)
        }
    });
    singles(evidence, &trials.rows).into_iter().chain(policies).collect()
}

/// What a policy played, with the idle hours of its machines paid for too: one that is hosted by the hour for a day's volume is
/// paid for whether it is asked or not, so that every item bears its part of them.
fn paid(evidence: &Evidence, trial: &Trial, uses: &[usize], needs: &Needs) -> Played {
    let mut played = trial.played.clone();
    if needs.volume_per_day.is_none() {
        return played;
    }
    for &column in uses {
        let candidate = &evidence.candidates()[column];
        let by_the_hour = candidate.price.is_some_and(|price| price.per_hour.is_some());
        let each = cost_and_asked(evidence, column, &trial.played).filter(|_| by_the_hour);
        let Some((each, asked)) = each else { continue };
        let idle = each * (1.0 - asked as f64 / played.len().max(1) as f64);
        played.cost_usd.iter_mut().for_each(|cost| *cost += idle);
    }
    played
}

/// What an answer of this candidate costs, and how many items it was asked about.
fn cost_and_asked(evidence: &Evidence, column: usize, played: &Played) -> Option<(f64, usize)> {
    let asked = |row: usize| match column {
        0..64 => played.asked[row] >> column & 1 == 1,
        _ => usize::from(played.given[row]) == column,
    };
    let each = (0..evidence.len()).find_map(|row| evidence.answers(column).cost_usd(row))?;
    Some((each, (0..played.len()).filter(|&row| asked(row)).count()))
}

/// Every candidate by itself.
pub(crate) fn singles<'a>(evidence: &Evidence, rows: &[Row]) -> Vec<Contender<'a>> {
    let single = |(column, candidate): (usize, &Candidate)| {
        let played = Played::single(evidence, column, rows);
        Contender {
            candidate: Some(column),
            ..contender(evidence, candidate.name.to_string(), PolicyKind::Single, played, vec![column])
        }
    };
    evidence.candidates().iter().enumerate().map(single).collect()
}

fn contender<'a>(
    evidence: &Evidence,
    name: String,
    kind: PolicyKind,
    played: Played,
    uses: Vec<usize>,
) -> Contender<'a> {
    let used = || uses.iter().map(|&column| &evidence.candidates()[column]);
    let costs_known = uses.iter().all(|&column| evidence.answers(column).has_cost());
    let times_known = uses.iter().all(|&column| evidence.answers(column).has_latency());
    let known = |values: &[f64]| values.iter().copied().filter(|v| !v.is_nan()).collect::<Vec<_>>();
    Contender {
        cost_per_1k: mean(&known(&played.cost_usd)).filter(|_| costs_known).map(|usd| 1000.0 * usd),
        p95_ms: ordinate_score::quantile::p95(&known(&played.latency_ms)).filter(|_| times_known),
        memory_gb: used().map(memory).sum(),
        share: share(evidence, &played),
        outcome: outcome(used().map(|candidate| candidate.lineage)),
        candidate: None,
        trial: None,
        dial: None,
        name,
        kind,
        played,
        uses,
    }
}

/// Memory that hosting a candidate takes: none where it runs behind somebody else's API.
fn memory(candidate: &Candidate) -> Option<f64> {
    match candidate.hosting {
        Some(Hosting::Remote) => Some(0.0),
        _ => candidate.memory_gb,
    }
}

fn outcome(lineages: impl Iterator<Item = Lineage>) -> Outcome {
    let mut distinct: Vec<Lineage> = lineages.collect();
    distinct.sort_unstable();
    distinct.dedup();
    match distinct[..] {
        [Lineage::General] => Outcome::General,
        [Lineage::Vertical] => Outcome::Vertical,
        [Lineage::Transferred] => Outcome::Transferred,
        _ => Outcome::Combined,
    }
}

fn share(evidence: &Evidence, played: &Played) -> BTreeMap<String, f64> {
    let mut counts = vec![0_usize; evidence.candidates().len()];
    let mut total = 0_usize;
    for (given, quality) in played.given.iter().zip(&played.quality) {
        if let Some(count) = counts.get_mut(usize::from(*given)).filter(|_| !quality.is_nan()) {
            *count += 1;
            total += 1;
        }
    }
    evidence
        .candidates()
        .iter()
        .zip(counts)
        .filter(|(_, count)| *count > 0)
        .map(|(candidate, count)| (candidate.name.to_string(), count as f64 / total as f64))
        .collect()
}

/// The mean, if there is anything.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
