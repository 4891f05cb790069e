//! A second look: did a verdict hold on answers that came later?

use ordinate_core::verdict::{Estimate, Verdict};
use ordinate_score::normal::{cdf, quantile};
use ordinate_score::{Bootstrap, Groups, Statistic};
use serde::Serialize;

use crate::bar::LEVEL;
use crate::weigh::Resampling;

/// What a contender did with items that came after the verdict.
#[derive(Debug, Clone)]
pub struct Later {
    /// Its name in the verdict.
    pub name: String,
    /// Its score on each item, NaN where nothing can be said.
    pub quality: Vec<f64>,
    /// USD of each item, NaN where it is not known.
    pub cost_usd: Vec<f64>,
}

/// What later answers say of a verdict.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verified {
    /// What the verdict recommended.
    pub policy: String,
    /// Later items with a score of it.
    pub items: u64,
    /// Its quality as the verdict had it.
    pub said: Estimate,
    /// Its quality on the later items.
    pub found: Estimate,
    /// The probability of qualities at least as far apart, had the verdict's been right: two-sided, both taken to be normal.
    pub probability: f64,
    /// USD per 1,000 later items, if known.
    pub cost_per_1k: Option<f64>,
    /// Every other contender that meets the needs: on the same items, less what was recommended; the largest lead first.
    pub others: Vec<Other>,
    /// Whether the quality is one that the verdict allows, and nothing is clearly better by more than the margin.
    pub held: bool,
}

/// Another contender on the later items.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Other {
    /// Its name.
    pub name: String,
    /// Its quality less that of what was recommended.
    pub difference: Estimate,
    /// USD per 1,000 later items, if known.
    pub cost_per_1k: Option<f64>,
    /// Whether it is better by more than the margin: the lower bound, at its share of the 5 %, is above it.
    pub clearly_better: bool,
}

/// Scores a verdict on later items: `recommended` is what it recommended, `others` what else meets the needs, all on the same
/// items. `None` where nothing can be said of what was recommended.
#[must_use]
pub fn verify(
    verdict: &Verdict,
    recommended: &Later,
    others: &[Later],
    groups: Option<&Groups>,
    resampling: Resampling,
) -> Option<Verified> {
    let said = verdict.recommended.as_ref()?.quality;
    let columns: Vec<&[f64]> =
        [recommended].into_iter().chain(others).map(|one| one.quality.as_slice()).collect();
    let mut statistics = vec![Statistic::Mean(0)];
    statistics.extend((1..columns.len()).map(|other| Statistic::Difference(other, 0)));
    let bootstrap =
        Bootstrap { resamples: resampling.resamples, seed: resampling.seed, interval: resampling.interval };
    let estimates = bootstrap.run(&columns, groups, &statistics);
    let found = (*estimates.first()?)?;
    let of_said = (said.high - said.low) / 2.0 / quantile(0.975);
    let error = of_said.hypot(found.se);
    let apart = found.estimate.mean - said.mean;
    let probability = if error > 0.0 { 2.0 * cdf(-(apart / error).abs()) } else { f64::from(apart == 0.0) };
    let wider = quantile(1.0 - LEVEL / 2.0 / others.len().max(1) as f64) / quantile(0.975);
    let mut compared: Vec<Other> = others
        .iter()
        .zip(&estimates[1..])
        .filter_map(|(other, difference)| {
            let difference = (*difference)?.estimate;
            let low = wider.mul_add(difference.low - difference.mean, difference.mean);
            Some(Other {
                name: other.name.clone(),
                difference,
                cost_per_1k: cost_per_1k(other),
                clearly_better: low > verdict.basis.margin,
            })
        })
        .collect();
    compared.sort_by(|a, b| b.difference.mean.total_cmp(&a.difference.mean));
    Some(Verified {
        policy: recommended.name.clone(),
        items: found.items as u64,
        said,
        found: found.estimate,
        probability,
        cost_per_1k: cost_per_1k(recommended),
        held: probability >= LEVEL && !compared.iter().any(|other| other.clearly_better),
        others: compared,
    })
}

fn cost_per_1k(later: &Later) -> Option<f64> {
    let known: Vec<f64> = later.cost_usd.iter().copied().filter(|cost| !cost.is_nan()).collect();
    crate::contender::mean(&known).map(|usd| 1000.0 * usd)
}

impl std::fmt::Display for Verified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use crate::words::{level, signed_number, usd};
        let what = if self.held { "The verdict held" } else { "The verdict did not hold" };
        writeln!(f, "{what} on {} later items.", self.items)?;
        writeln!(
            f,
            "{} was said to have {}, and has {} at {}: qualities at least as far apart come by chance in {:.1} of 100 cases.",
            self.policy,
            level(&self.said),
            level(&self.found),
            usd(self.cost_per_1k),
            100.0 * self.probability
        )?;
        for other in self.others.iter().take(5) {
            let mark = if other.clearly_better { "; clearly better" } else { "" };
            let Estimate { mean, low, high } = other.difference;
            let interval = format!("[{}, {}]", signed_number(low), signed_number(high));
            writeln!(
                f,
                "  {}: {} {interval} at {}{mark}",
                other.name,
                signed_number(mean),
                usd(other.cost_per_1k)
            )?;
        }
        Ok(())
    }
}
