//! The hard needs: what must hold whatever the goal.

use ordinate_core::verdict::Estimate;
use ordinate_core::{Candidate, Hosting, Needs};

use crate::contender::Contender;

/// A need that is not met, with the figure that shows it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Miss {
    /// The key of the need.
    pub(crate) need: &'static str,
    /// In plain words.
    pub(crate) why: String,
}

/// The hard needs that this contender misses. What is not known cannot be shown to hold, and is missed.
pub(crate) fn misses(
    contender: &Contender<'_>,
    quality: Option<&Estimate>,
    candidates: &[Candidate],
    needs: &Needs,
) -> Vec<Miss> {
    let mut misses = Vec::new();
    let mut at_most = |need: &'static str, limit: Option<f64>, value: Option<f64>, unit: &str, tell: &str| {
        let Some(limit) = limit else { return };
        let why = match value {
            Some(value) if value <= limit => return,
            Some(value) => format!("{value:.4} {unit} is above {need} = {limit}"),
            None => format!("{need} = {limit}, but {tell}"),
        };
        misses.push(Miss { need, why });
    };
    at_most(
        "max_cost_per_1k",
        needs.max_cost_per_1k,
        contender.cost_per_1k,
        "USD per 1,000 items",
        "its cost is not known: record cost_usd, or give token counts and a price",
    );
    at_most(
        "max_p95_ms",
        needs.max_p95_ms,
        contender.p95_ms,
        "ms at the 95th percentile",
        "its latency is not known: record latency_ms",
    );
    at_most(
        "max_memory_gb",
        needs.max_memory_gb,
        contender.memory_gb,
        "GB",
        "its memory is not known: give memory_gb, or hosting = \"remote\"",
    );
    let known = contender.played.quality.iter().filter(|quality| !quality.is_nan()).count();
    let all = contender.played.quality.len();
    if 2 * known <= all {
        let why = format!("it has answers for {known} of {all} items only, too few to stand for all");
        misses.push(Miss { need: "coverage", why });
    }
    if needs.stay_local {
        let leaves = contender.uses.iter().map(|&column| &candidates[column]).find_map(not_local);
        misses.extend(leaves.map(|why| Miss { need: "stay_local", why }));
    }
    if let Some(least) = needs.min_quality {
        let low = quality.map_or(f64::NEG_INFINITY, |quality| quality.low);
        if low < least {
            let why = quality.map_or_else(
                || "its quality is not known".to_owned(),
                |q| format!("quality {:.3}, at least {:.3}, is below min_quality = {least}", q.mean, q.low),
            );
            misses.push(Miss { need: "min_quality", why });
        }
    }
    misses
}

fn not_local(candidate: &Candidate) -> Option<String> {
    match candidate.hosting {
        Some(Hosting::Local) => None,
        Some(Hosting::Remote) => {
            Some(format!("{} runs remotely, and the data must stay local", candidate.name))
        }
        None => Some(format!(
            "where {} runs is not known, and the data must stay local: give hosting = \"local\" or \"remote\"",
            candidate.name
        )),
    }
}

/// Whether each candidate keeps the limits that can be told before anything is compared (all but
/// `min_quality`): who may be the best single.
pub(crate) fn eligible(singles: &[Contender<'_>], candidates: &[Candidate], needs: &Needs) -> Vec<bool> {
    let without_quality = Needs { min_quality: None, ..needs.clone() };
    let keeps = |single: &Contender<'_>| misses(single, None, candidates, &without_quality).is_empty();
    singles.iter().map(keeps).collect()
}
