//! Cheap intervals for means of scores, where a bootstrap of each would be too much: one candidate on one
//! slice, the rescue rate of one pair. 95 %, two-sided, never outside `[0, 1]`, never without width.
//!
//! - Right and wrong (0/1): Wilson's interval (1927).
//! - Graded scores: Student's t, cut at 0 and 1.
//! - Items in groups: the cluster-robust standard error, with Student's t of groups - 1 degrees of freedom.
//!   For 0/1 scores Wilson's interval at the effective number of items, which has that standard error (Korn
//!   and Graubard 1998).
//! - Scores that do not vary, or a single item or group: Wilson's interval with as many items as there are
//!   independent units. A score in `[0, 1]` varies most when it is 0/1, so this is wide enough.

use ordinate_core::verdict::Estimate;

use crate::normal;
use crate::shrink::Observed;

/// Wilson's interval of a share seen in `items` (effective) items, `z` standard errors to each side.
#[must_use]
pub fn wilson(share: f64, items: f64, z: f64) -> Estimate {
    let z2 = z * z / items;
    let middle = (share + z2 / 2.0) / (1.0 + z2);
    let half = z / (1.0 + z2) * (share * (1.0 - share) / items + z2 / (4.0 * items)).sqrt();
    // Rounding must not exclude the share itself.
    let (low, high) = ((middle - half).clamp(0.0, share), (middle + half).clamp(share, 1.0));
    Estimate { mean: share, low, high }
}

/// Scores in `[0, 1]`, summed up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scores {
    items: f64,
    mean: f64,
    /// Sum of squared residuals of items.
    squares: f64,
    /// Whether all are 0 or 1.
    binary: bool,
    groups: Option<Clusters>,
}

/// How the groups of the items vary.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Clusters {
    /// Groups with an item.
    pub(crate) count: f64,
    /// Sum over groups of their squared sums of residuals.
    pub(crate) squares: f64,
}

impl Scores {
    /// No score yet.
    pub(crate) const NONE: Self = Self { items: 0.0, mean: 0.0, squares: 0.0, binary: true, groups: None };

    /// So many right answers among so many.
    pub(crate) fn shares(right: f64, items: f64) -> Self {
        let mean = if items > 0.0 { right / items } else { 0.0 };
        Self { items, mean, squares: items * mean * (1.0 - mean), ..Self::NONE }
    }

    /// Adds a score (Welford's update).
    pub(crate) fn add(&mut self, score: f64) {
        self.items += 1.0;
        let difference = score - self.mean;
        self.mean += difference / self.items;
        self.squares += difference * (score - self.mean);
        self.binary &= score == 0.0 || score == 1.0;
    }

    /// Says that the items are in groups.
    pub(crate) fn grouped(self, groups: Clusters) -> Self {
        Self { groups: Some(groups), ..self }
    }

    pub(crate) fn items(&self) -> f64 {
        self.items
    }

    pub(crate) fn mean(&self) -> f64 {
        self.mean
    }

    /// Variance between items, divided by their number.
    fn spread(&self) -> f64 {
        self.squares / self.items
    }

    /// Independent units.
    fn units(&self) -> f64 {
        self.groups.map_or(self.items, |groups| groups.count)
    }

    /// Squared standard error of the mean; `None` where the units do not vary.
    fn se2(&self) -> Option<f64> {
        let squares = self.groups.map_or(self.squares, |groups| groups.squares);
        let units = self.units();
        let se2 = units / (units - 1.0) * squares / (self.items * self.items);
        // Residuals of equal scores are zero but for rounding.
        (units > 1.0 && se2 > 1e-24).then_some(se2)
    }

    /// As many independent items would know the mean as well: at least one, at most those that there are.
    fn effective(&self) -> f64 {
        self.se2().map_or(self.units(), |se2| (self.spread() / se2).clamp(1.0, self.items))
    }

    /// The interval; `None` without items.
    pub(crate) fn interval(&self) -> Option<Estimate> {
        if self.items == 0.0 {
            return None;
        }
        let freedom = self.units() - 1.0;
        Some(match self.se2() {
            Some(se2) if !self.binary => {
                let half = normal::student_quantile(0.975, freedom) * se2.sqrt();
                let mean = self.mean;
                Estimate { mean, low: (mean - half).max(0.0), high: (mean + half).min(1.0) }
            }
            Some(_) if self.groups.is_some() => {
                wilson(self.mean, self.effective(), normal::student_quantile(0.975, freedom))
            }
            _ => {
                let items = if self.groups.is_some() { self.units() } else { self.items };
                wilson(self.mean, items, normal::quantile(0.975))
            }
        })
    }

    /// The same, for shrinking.
    pub(crate) fn observed(&self) -> Observed {
        let variance = if self.items > 1.0 { self.squares / (self.items - 1.0) } else { 0.0 };
        let items = if self.groups.is_some() { self.effective() } else { self.items };
        Observed { items, mean: self.mean, variance }
    }
}
