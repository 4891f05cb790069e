//! One statistic, estimated when it is asked for: of the many pairs of a verdict most never are.

use std::sync::{Arc, OnceLock};

use ordinate_core::task::IntervalKind;
use ordinate_core::verdict::Estimate;

use crate::bootstrap::units::Units;
use crate::bootstrap::{Estimated, bca};
use crate::groups::Groups;

/// How a statistic is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum How {
    /// From resamples.
    Resampled { seed: u64, resamples: u32, interval: IntervalKind },
    /// By Student's t.
    Student,
}

/// A statistic on every resample, in terms of resampled sums.
#[derive(Debug)]
pub(super) struct Ratios {
    pub(super) numerator: Vec<(Arc<[f64]>, f64)>,
    /// The sum that is its denominator; `None` where that is the number of units drawn, always the same.
    pub(super) count: Option<Arc<[f64]>>,
}

impl Ratios {
    /// The statistic on each resample; not finite where the resample has no item of it.
    pub(super) fn values(&self, units: usize) -> Vec<f64> {
        let resamples = self.numerator.first().map_or(0, |(sums, _)| sums.len());
        let value = |resample: usize| {
            let numerator: f64 = self.numerator.iter().map(|(sums, weight)| weight * sums[resample]).sum();
            numerator / self.count.as_ref().map_or(units as f64, |count| count[resample])
        };
        (0..resamples).map(value).collect()
    }
}

/// A statistic with what is known of it so far.
#[derive(Debug)]
pub(super) struct Part {
    columns: Vec<(Arc<[f64]>, f64)>,
    groups: Option<Arc<Groups>>,
    /// `None` by Student's t.
    resampled: Option<(Ratios, IntervalKind)>,
    units: OnceLock<Option<Units>>,
    estimated: OnceLock<Option<Estimated>>,
    off: OnceLock<Vec<f64>>,
}

impl Part {
    pub(super) fn resampled(
        columns: Vec<(Arc<[f64]>, f64)>,
        groups: Option<Arc<Groups>>,
        how: How,
        ratios: Ratios,
    ) -> Arc<Self> {
        let resampled = match how {
            How::Resampled { interval, .. } => Some((ratios, interval)),
            How::Student => None,
        };
        Arc::new(Self { resampled, ..Self::new(columns, groups) })
    }

    pub(super) fn by_student(columns: Vec<(Arc<[f64]>, f64)>, groups: Option<Arc<Groups>>) -> Arc<Self> {
        Arc::new(Self::new(columns, groups))
    }

    fn new(columns: Vec<(Arc<[f64]>, f64)>, groups: Option<Arc<Groups>>) -> Self {
        Self {
            columns,
            groups,
            resampled: None,
            units: OnceLock::new(),
            estimated: OnceLock::new(),
            off: OnceLock::new(),
        }
    }

    fn units(&self) -> Option<&Units> {
        let measure = || {
            let columns: Vec<(&[f64], f64)> =
                self.columns.iter().map(|(values, weight)| (&**values, *weight)).collect();
            Units::measure(&columns, self.groups.as_deref())
        };
        self.units.get_or_init(measure).as_ref()
    }

    fn replicates(&self) -> Vec<f64> {
        let all = self.units().map_or(0, Units::all);
        self.resampled.as_ref().map_or_else(Vec::new, |(ratios, _)| ratios.values(all))
    }

    /// The estimate; `None` where no item has all the values.
    pub(super) fn estimated(&self) -> Option<Estimated> {
        *self.estimated.get_or_init(|| {
            let units = self.units()?;
            Some(match &self.resampled {
                Some((_, interval)) => resampled(units, self.replicates(), *interval),
                None => student(units),
            })
        })
    }

    /// How far each resample is from the estimate; empty where there is none.
    pub(super) fn off(&self) -> &[f64] {
        self.off.get_or_init(|| {
            let Some(mean) = self.units().map(Units::mean) else { return Vec::new() };
            // A resample without any item of the statistic says nothing.
            let off = |value: f64| if value.is_finite() { value - mean } else { 0.0 };
            self.replicates().into_iter().map(off).collect()
        })
    }
}

pub(super) fn resampled(units: &Units, mut replicates: Vec<f64>, interval: IntervalKind) -> Estimated {
    let mean = units.mean();
    let constant = units.constant();
    // A resample without any item of the statistic has no value.
    replicates.retain(|value| value.is_finite());
    replicates.sort_unstable_by(f64::total_cmp);
    let (low, high) = if constant || replicates.is_empty() {
        (mean, mean)
    } else if units.few() {
        units.by_student(bca::TAILS[1])
    } else {
        let ends = match interval {
            IntervalKind::Percentile => bca::TAILS,
            IntervalKind::Bca => {
                // Equal in exact arithmetic, not in sums of different order.
                let bias = bca::bias(&replicates, mean, 1e-7 * units.se());
                bca::levels(bias, units.acceleration())
            }
        };
        let [low, high] = ends.map(|level| crate::quantile::quantile_of_sorted(&replicates, level));
        (low.min(mean), high.max(mean))
    };
    Estimated {
        estimate: Estimate { mean, low, high },
        se: if constant { 0.0 } else { units.se() },
        freedom: units.freedom(),
        p: if constant { f64::from(mean == 0.0) } else { p(&replicates, units) },
        items: units.items(),
        units: units.count(),
        constant,
    }
}

pub(super) fn student(units: &Units) -> Estimated {
    let (mean, constant) = (units.mean(), units.constant());
    let freedom = units.freedom();
    let se = if constant { 0.0 } else { units.se() };
    let (low, high) = if constant { (mean, mean) } else { units.by_student(bca::TAILS[1]) };
    let p =
        if constant { f64::from(mean == 0.0) } else { crate::normal::student_two_sided(mean / se, freedom) };
    let estimate = Estimate { mean, low, high };
    Estimated { estimate, se, freedom, p, items: units.items(), units: units.count(), constant }
}

/// See [`Estimated::p`].
fn p(sorted: &[f64], units: &Units) -> f64 {
    const ENOUGH: usize = 10;
    let noise = 1e-7 * units.se();
    let at_most = sorted.partition_point(|&value| value <= noise);
    let at_least = sorted.len() - sorted.partition_point(|&value| value < -noise);
    let beyond = at_most.min(at_least);
    if beyond >= ENOUGH && !units.few() {
        return (2.0 * (beyond + 1) as f64 / (sorted.len() + 1) as f64).min(1.0);
    }
    crate::normal::student_two_sided(units.mean() / units.se(), units.freedom())
}
