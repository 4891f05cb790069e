//! The paired bootstrap: intervals of means and of differences of means over the same items.
//!
//! All statistics of one call are computed on the same resamples. Where items are clustered, whole groups
//! are resampled and a mean is the ratio of the drawn groups' sums to their counts (Davison and Hinkley 1997,
//! sections 2.4 and 3.8). With fewer than [`FEW`](crate::cluster::FEW) groups the interval is Student's t with the errors of
//! [`cluster`](crate::cluster), since resamples of so few groups vary too little. Results depend on the seed and the data only, bit for bit: not on the number of
//! threads, nor on which other statistics are asked for.

mod bca;
mod draw;
mod joint;
mod memory;
mod part;
mod plan;
mod resample;
mod units;

use std::num::NonZeroU32;
use std::sync::Arc;

use ordinate_core::task::IntervalKind;
use ordinate_core::verdict::Estimate;
use rayon::prelude::*;

use crate::groups::Groups;
use part::Part;
use plan::Plan;
use units::Units;

pub use joint::{Chosen, Joint};
pub use memory::Memory;

/// The seed of resamples that claims of several statistics at once rest on, whatever the seed of the intervals.
const CLAIMS: u64 = 0;

/// How intervals are computed: 95 %, two-sided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bootstrap {
    /// Resamples.
    pub resamples: NonZeroU32,
    /// Seed.
    pub seed: u64,
    /// BCa or percentile.
    pub interval: IntervalKind,
}

/// What is estimated. Columns are numbered as in [`Bootstrap::run`].
#[derive(Debug, Clone, PartialEq)]
pub enum Statistic {
    /// Mean of a column over the items that have a value in it.
    Mean(usize),
    /// Mean of the first column minus the second, over the items that have a value in both.
    Difference(usize, usize),
    /// Mean of the weighted sum of columns, over the items that have a value in all of them.
    Linear(Vec<(usize, f64)>),
}

impl Statistic {
    fn weights(&self) -> Vec<(usize, f64)> {
        match self {
            Self::Mean(column) => vec![(*column, 1.0)],
            Self::Difference(a, b) => vec![(*a, 1.0), (*b, -1.0)],
            Self::Linear(weights) => weights.clone(),
        }
    }

    fn of<'a>(&self, columns: &[&'a [f64]]) -> Vec<(&'a [f64], f64)> {
        self.weights().into_iter().map(|(column, weight)| (columns[column], weight)).collect()
    }
}

/// A statistic with what the resamples say about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimated {
    /// The statistic on the items as they are, and its 95 % interval, which contains it.
    pub estimate: Estimate,
    /// Standard error, from the spread between items or groups (the infinitesimal jackknife): it does not
    /// depend on the seed. With fewer than [`FEW`](crate::cluster::FEW) groups it is CR2.
    pub se: f64,
    /// Degrees of freedom of Student's t that go with the standard error: units - 1, with few groups Satterthwaite's.
    pub freedom: f64,
    /// Two-sided p value of the statistic being 0; without meaning for the mean of a score. Twice the smaller
    /// share of resamples at or beyond 0, each share with one added to both its counts (Davison and Hinkley
    /// 1997, section 4.2). Where fewer than 10 resamples lie beyond 0 that count cannot tell p = 0.001 from
    /// p = 10^-9, so that corrected for many comparisons nothing would ever be shown, and three items that
    /// agree would show anything; there p is that of Student's t.
    pub p: f64,
    /// Items that have all the values.
    pub items: usize,
    /// Units that were resampled and have such items: groups, or items where there are no groups.
    pub units: usize,
    /// Whether the units do not vary at all (as with one unit, or equal scores): the interval has no width
    /// and says nothing about how sure the estimate is.
    pub constant: bool,
}

impl Bootstrap {
    /// Estimates every statistic, in the order given; `None` where no item has all the values.
    ///
    /// `columns` hold a value per item, `NaN` (or infinite) where there is none.
    ///
    /// Time is proportional to items (or groups) x resamples x distinct columns. Two columns with values for
    /// different items cost two more for their difference, so that sparse tables take longer. Takes
    /// 200 bytes an item beside the columns, at most.
    ///
    /// # Panics
    /// When columns and groups are not of one length, or a statistic names a column that there is not.
    #[must_use]
    pub fn run(
        &self,
        columns: &[&[f64]],
        groups: Option<&Groups>,
        statistics: &[Statistic],
    ) -> Vec<Option<Estimated>> {
        alike(columns, groups);
        let plan = Plan::new(columns, groups.is_some(), statistics);
        let sums = resample::sums(self, columns, groups, plan.columns(), None);
        statistics
            .par_iter()
            .zip(plan.ratios())
            .map(|(statistic, ratio)| {
                let units = Units::measure(&statistic.of(columns), groups)?;
                let replicates = ratio.with(&sums).values(units.all());
                Some(part::resampled(&units, replicates, self.interval))
            })
            .collect()
    }

    /// The same estimates, each made when it is asked for, with what `memory` has of these columns; the items and groups are
    /// those of the memory.
    ///
    /// # Panics
    /// As [`Bootstrap::run`].
    #[must_use]
    pub fn later(&self, memory: &Memory, columns: &[&[f64]], statistics: &[Statistic]) -> Estimates {
        alike(columns, memory.groups());
        Estimates(memory.resampled(self, columns, statistics))
    }

    /// The same estimates, with what every statistic was on every resample: for what is said of several at once. These resamples
    /// are the same for every seed; a seed other than 0 takes twice the time, for its own intervals. Keeps 8 bytes a statistic and resample.
    ///
    /// # Panics
    /// As [`Bootstrap::run`].
    #[must_use]
    pub fn joint(&self, memory: &Memory, columns: &[&[f64]], statistics: &[Statistic]) -> Joint {
        // What is claimed of several statistics does not hang on the seed: one data set, one outcome.
        alike(columns, memory.groups());
        let claims = Self { seed: CLAIMS, ..*self };
        let parts = memory.resampled(&claims, columns, statistics);
        let own =
            if self.seed == CLAIMS { parts.clone() } else { memory.resampled(self, columns, statistics) };
        Joint { estimates: Estimates(own), claims: parts }
    }
}

/// Estimates that are made when they are asked for.
#[derive(Debug, Clone, Default)]
pub struct Estimates(Vec<Arc<Part>>);

impl Estimates {
    /// An estimate by its place in the order in which they were asked for; `None` where no item has all the values.
    ///
    /// # Panics
    /// Where there is no such place.
    #[must_use]
    pub fn at(&self, statistic: usize) -> Option<Estimated> {
        self.0[statistic].estimated()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn alike(columns: &[&[f64]], groups: Option<&Groups>) {
    let items = columns.first().map_or(0, |column| column.len());
    assert!(columns.iter().all(|column| column.len() == items), "columns must have one length");
    if let Some(groups) = groups {
        assert_eq!(groups.of_item().len(), items, "there must be one group per item");
    }
}

/// The same estimates without resampling: Student's t intervals from the spread between units (with groups
/// the cluster-robust standard error). Time is proportional to items x statistics, whatever values are
/// absent; with tens of thousands of units it agrees with the bootstrap.
///
/// # Panics
/// As [`Bootstrap::run`].
#[must_use]
pub fn by_student(
    columns: &[&[f64]],
    groups: Option<&Groups>,
    statistics: &[Statistic],
) -> Vec<Option<Estimated>> {
    alike(columns, groups);
    let estimate =
        |statistic: &Statistic| Some(part::student(&Units::measure(&statistic.of(columns), groups)?));
    statistics.par_iter().map(estimate).collect()
}

/// The same, each made when it is asked for; the items and groups are those of the memory.
///
/// # Panics
/// As [`Bootstrap::run`].
#[must_use]
pub fn student_later(memory: &Memory, columns: &[&[f64]], statistics: &[Statistic]) -> Estimates {
    alike(columns, memory.groups());
    Estimates(memory.by_student(columns, statistics))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bootstrap(resamples: u32) -> Bootstrap {
        Bootstrap {
            resamples: NonZeroU32::new(resamples).unwrap(),
            seed: 7,
            interval: IntervalKind::default(),
        }
    }

    #[test]
    fn student_agrees_with_the_bootstrap_on_many_items() {
        let column = |salt: u64| -> Vec<f64> {
            (0..20_000_u64).map(|i| f64::from(u8::from((i * 2_654_435_761 + salt) % 1_000 < 600))).collect()
        };
        let (a, mut b) = (column(1), column(77_777));
        b[5] = f64::NAN;
        let statistics = [Statistic::Mean(0), Statistic::Difference(0, 1)];
        // So many that the luck of the resamples moves an end by 0.02 standard errors only.
        let resampled = bootstrap(20_000).run(&[&a, &b], None, &statistics);
        for (resampled, student) in resampled.iter().zip(by_student(&[&a, &b], None, &statistics)) {
            let (resampled, student) = (resampled.unwrap(), student.unwrap());
            assert_eq!((resampled.estimate.mean, resampled.items), (student.estimate.mean, student.items));
            assert!((resampled.estimate.low - student.estimate.low).abs() < 0.1 * student.se);
            assert!((resampled.estimate.high - student.estimate.high).abs() < 0.1 * student.se);
        }
    }

    #[test]
    fn equal_scores_have_no_width_and_say_so() {
        let all = [1.0; 20];
        let run = bootstrap(200).run(&[&all, &all], None, &[Statistic::Mean(0), Statistic::Difference(0, 1)]);
        let [Some(mean), Some(difference)] = run[..] else { panic!("{run:?}") };
        assert_eq!(mean.estimate, Estimate { mean: 1.0, low: 1.0, high: 1.0 });
        assert!(mean.constant && difference.constant);
        assert_eq!((difference.estimate.mean, difference.p), (0.0, 1.0));
    }

    #[test]
    fn one_item_and_no_common_item_are_defined() {
        let nan = f64::NAN;
        let columns = [&[0.25, nan, nan][..], &[nan, 1.0, 0.0]];
        let run = bootstrap(50).run(&columns, None, &[Statistic::Mean(0), Statistic::Difference(0, 1)]);
        let one = run[0].unwrap();
        assert_eq!(one.estimate, Estimate { mean: 0.25, low: 0.25, high: 0.25 });
        assert!(one.constant);
        assert_eq!((one.items, one.units, one.se), (1, 1, 0.0));
        assert_eq!(run[1], None);
        assert_eq!(bootstrap(50).run(&[], None, &[]), []);
        assert_eq!(bootstrap(50).run(&[&[]], None, &[Statistic::Mean(0)]), [None]);
    }

    #[test]
    fn p_beyond_the_reach_of_the_resamples_is_students() {
        let p = |a: &[f64]| {
            let run = bootstrap(500).run(&[a, &vec![0.0; a.len()]], None, &[Statistic::Difference(0, 1)]);
            run[0].unwrap().p
        };
        // scipy.stats.ttest_1samp([0.1, 0.2, 0.4], 0)
        assert!((p(&[0.1, 0.2, 0.4]) - 0.118_082_896_311_8).abs() < 1e-9);
        let far: Vec<f64> = (0..400).map(|item| 0.2 + 0.2 * f64::from(item % 2)).collect();
        assert!(p(&far) > 0.0 && p(&far) < 1e-100);
        let near: Vec<f64> = (0..400).map(|item| f64::from(item % 2) - 0.5 + 0.025).collect();
        // The normal approximation gives 0.317.
        assert!((p(&near) - 0.317).abs() < 0.08);
    }
}
