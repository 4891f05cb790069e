//! Whatever may be recommended: every single and every policy, with what it costs and where it fails.

use std::collections::BTreeMap;

use ordinate_core::verdict::Outcome;
use ordinate_core::{Candidate, Dial, Hosting, Lineage, Mix, Needs, PolicyKind};
use ordinate_trials::{Played, Priced};

use crate::chosen::Chosen;

/// A single or a policy, with its outcomes on the evaluated rows.
#[derive(Debug)]
pub(crate) struct Contender<'a> {
    pub(crate) name: String,
    pub(crate) kind: PolicyKind,
    /// The column, for a single.
    pub(crate) candidate: Option<usize>,
    /// The trial, for a policy.
    pub(crate) chosen: Option<&'a Chosen<'a>>,
    pub(crate) played: Played<'a>,
    pub(crate) dial: Option<Dial>,
    /// The coin between that dial and another one.
    pub(crate) mix: Option<Mix>,
    /// Columns that it asks at least once.
    pub(crate) uses: Vec<usize>,
    pub(crate) cost_per_1k: Option<f64>,
    /// Whether it asks what runs on a machine of one's own that has no price.
    pub(crate) not_priced: bool,
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
pub(crate) fn contenders<'a>(
    singles: Vec<Contender<'a>>,
    candidates: &[Candidate],
    scored: &'a Priced<'a>,
    chosen: &'a [Chosen<'a>],
    needs: &Needs,
) -> Vec<Contender<'a>> {
    let policies = chosen.iter().map(|chosen| {
        let uses = uses(&chosen.played);
        let played = paid(candidates, scored, &chosen.played, &uses, needs);
        Contender {
            chosen: Some(chosen),
            dial: Some(chosen.dial),
            mix: chosen.mix,
            ..contender(candidates, scored, chosen.trial.name.clone(), chosen.trial.kind, played, uses)
        }
    });
    singles.into_iter().chain(policies).collect()
}

/// The columns that it asks at least once.
fn uses(played: &Played<'_>) -> Vec<usize> {
    (0..played.asked.len()).filter(|&column| played.asked[column] > 0).collect()
}

/// What 1,000 items of what a policy played cost, USD, if that is known.
pub(crate) fn cost_per_1k(
    candidates: &[Candidate],
    scored: &Priced<'_>,
    played: &Played<'_>,
    needs: &Needs,
) -> Option<f64> {
    let uses = uses(played);
    let paid = paid(candidates, scored, played, &uses, needs);
    let known: Vec<f64> = paid.cost_usd.iter().copied().filter(|cost| !cost.is_nan()).collect();
    mean(&known).filter(|_| uses.iter().all(|&column| scored.has_cost(column))).map(|usd| 1000.0 * usd)
}

/// What a policy played, with the idle hours of its machines paid for too: one that is hosted by the hour for a day's volume is
/// paid for whether it is asked or not, so that every item bears its part of them.
fn paid<'a>(
    candidates: &[Candidate],
    scored: &Priced<'_>,
    played: &Played<'a>,
    uses: &[usize],
    needs: &Needs,
) -> Played<'a> {
    let mut paid = played.clone();
    if needs.volume_per_day.is_none() {
        return paid;
    }
    for &column in uses {
        let by_the_hour = candidates[column].price.is_some_and(|price| price.per_hour.is_some());
        let each = scored.cost(column).iter().find(|cost| !cost.is_nan()).filter(|_| by_the_hour);
        let Some(each) = each else { continue };
        let idle = each * (1.0 - played.asked[column] as f64 / played.given.len().max(1) as f64);
        paid.cost_usd.to_mut().iter_mut().for_each(|cost| *cost += idle);
    }
    paid
}

/// Every candidate by itself.
pub(crate) fn singles<'a>(candidates: &[Candidate], scored: &'a Priced<'a>) -> Vec<Contender<'a>> {
    let single = |(column, candidate): (usize, &Candidate)| {
        let (name, played) = (candidate.name.to_string(), scored.single(column));
        Contender {
            candidate: Some(column),
            ..contender(candidates, scored, name, PolicyKind::Single, played, vec![column])
        }
    };
    candidates.iter().enumerate().map(single).collect()
}

fn contender<'a>(
    candidates: &[Candidate],
    scored: &Priced<'_>,
    name: String,
    kind: PolicyKind,
    played: Played<'a>,
    uses: Vec<usize>,
) -> Contender<'a> {
    let used = || uses.iter().map(|&column| &candidates[column]);
    let costs_known = uses.iter().all(|&column| scored.has_cost(column));
    let times_known = uses.iter().all(|&column| scored.has_latency(column));
    let known = |values: &[f64]| values.iter().copied().filter(|v| !v.is_nan()).collect::<Vec<_>>();
    Contender {
        cost_per_1k: mean(&known(&played.cost_usd)).filter(|_| costs_known).map(|usd| 1000.0 * usd),
        not_priced: uses.iter().any(|&column| not_priced(&candidates[column], scored.cost(column))),
        p95_ms: ordinate_score::quantile::p95(&known(&played.latency_ms)).filter(|_| times_known),
        memory_gb: used().map(memory).sum(),
        share: share(candidates, &played),
        outcome: outcome(used().map(|candidate| candidate.lineage)),
        candidate: None,
        chosen: None,
        dial: None,
        mix: None,
        name,
        kind,
        played,
        uses,
    }
}

/// Whether a candidate runs on a machine of one's own, and nothing says what that costs: 0 is no price.
fn not_priced(candidate: &Candidate, costs: &[f64]) -> bool {
    let mut known = costs.iter().filter(|cost| !cost.is_nan()).peekable();
    candidate.hosting == Some(Hosting::Local)
        && candidate.price.is_none()
        && known.peek().is_some()
        && known.all(|cost| *cost == 0.0)
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

fn share(candidates: &[Candidate], played: &Played<'_>) -> BTreeMap<String, f64> {
    let mut counts = vec![0_usize; candidates.len()];
    let mut total = 0_usize;
    for given in &played.given {
        if let Some(count) = counts.get_mut(usize::from(*given)) {
            *count += 1;
            total += 1;
        }
    }
    candidates
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
