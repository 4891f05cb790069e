//! What was resampled of some items, kept from one call to the next: who asks again, with most columns the same, waits for
//! the others only. What is kept changes no bit of what is said.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::bootstrap::draw::Draws;
use crate::bootstrap::part::{How, Part};
use crate::bootstrap::plan::{Plan, Sum};
use crate::bootstrap::{Bootstrap, Statistic, resample};
use crate::groups::Groups;

/// Bytes of columns above which what was not used lately is forgotten, and the calls that are lately.
const MOST: usize = 48 << 20;
const CALLS: u64 = 24;

/// What was said of columns over one list of items.
#[derive(Debug)]
pub struct Memory {
    groups: Option<Arc<Groups>>,
    /// Whether it serves more than one call.
    lasts: bool,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    call: u64,
    columns: HashMap<u64, Vec<Aged<Column>>>,
    known: u64,
    sums: HashMap<SumKey, Aged<Arc<[f64]>>>,
    parts: HashMap<PartKey, Aged<Arc<Part>>>,
    draws: HashMap<(u64, usize), Arc<Draws>>,
}

/// With the last call that used it.
#[derive(Debug)]
struct Aged<T> {
    value: T,
    call: u64,
}

/// A column that was seen, under a number that no other one ever has.
#[derive(Debug, Clone)]
struct Column {
    number: u64,
    values: Arc<[f64]>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum SumOf {
    Weighted(Vec<(u64, u64)>),
    Count(Vec<u64>),
}

/// A sum, and the seed and number of the resamples.
type SumKey = (SumOf, u64, usize);
/// Columns with the bits of their weights, and how the statistic is estimated.
type PartKey = (Vec<(u64, u64)>, How);

impl Memory {
    /// For one call.
    #[must_use]
    pub fn new(groups: Option<&Groups>) -> Self {
        Self { groups: groups.cloned().map(Arc::new), lasts: false, kept: Mutex::default() }
    }

    /// For many calls on the same items: keeps the draws too, a byte an item and resample.
    #[must_use]
    pub fn lasting(groups: Option<&Groups>) -> Self {
        Self { lasts: true, ..Self::new(groups) }
    }

    pub(super) fn groups(&self) -> Option<&Groups> {
        self.groups.as_deref()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The statistics, none of which is estimated yet; what is to be resampled for them is.
    pub(super) fn resampled(
        &self,
        bootstrap: &Bootstrap,
        columns: &[&[f64]],
        statistics: &[Statistic],
    ) -> Vec<Arc<Part>> {
        let how = How::Resampled {
            seed: bootstrap.seed,
            resamples: bootstrap.resamples.get(),
            interval: bootstrap.interval,
        };
        let known = self.columns(columns);
        let plan = Plan::new(columns, self.groups.is_some(), statistics);
        let sums = self.sums(bootstrap, columns, &known, plan.columns());
        let mut kept = self.kept();
        let call = kept.call;
        let parts = statistics.iter().zip(plan.ratios()).map(|(statistic, ratio)| {
            let make = || Part::resampled(of(&known, statistic), self.groups.clone(), how, ratio.with(&sums));
            aged(&mut kept.parts, (key(&known, statistic), how), call, make)
        });
        parts.collect()
    }

    /// The same without resamples.
    pub(super) fn by_student(&self, columns: &[&[f64]], statistics: &[Statistic]) -> Vec<Arc<Part>> {
        let known = self.columns(columns);
        let mut kept = self.kept();
        let call = kept.call;
        let parts = statistics.iter().map(|statistic| {
            let make = || Part::by_student(of(&known, statistic), self.groups.clone());
            aged(&mut kept.parts, (key(&known, statistic), How::Student), call, make)
        });
        parts.collect()
    }

    /// Columns by their values; begins a call, and forgets what many calls had no use for.
    fn columns(&self, columns: &[&[f64]]) -> Vec<Column> {
        let mut kept = self.kept();
        kept.call += 1;
        let call = kept.call;
        let values: usize = kept.columns.values().flatten().map(|column| column.value.values.len()).sum();
        if size_of::<f64>() * values > MOST {
            kept.columns.retain(|_, alike| {
                alike.retain(|column| column.call + CALLS > call);
                !alike.is_empty()
            });
            kept.sums.retain(|_, sum| sum.call + CALLS > call);
            kept.parts.retain(|_, part| part.call + CALLS > call);
        }
        columns.iter().map(|values| kept.column(values, call)).collect()
    }

    fn sums(
        &self,
        bootstrap: &Bootstrap,
        columns: &[&[f64]],
        known: &[Column],
        sums: &[Sum],
    ) -> Vec<Arc<[f64]>> {
        let (seed, resamples) = (bootstrap.seed, bootstrap.resamples.get() as usize);
        let keys: Vec<SumKey> = sums.iter().map(|sum| (sum_of(known, sum), seed, resamples)).collect();
        let mut found: Vec<Option<Arc<[f64]>>> = {
            let mut kept = self.kept();
            let call = kept.call;
            let mut find = |key: &SumKey| {
                let sum = kept.sums.get_mut(key)?;
                sum.call = call;
                Some(sum.value.clone())
            };
            keys.iter().map(&mut find).collect()
        };
        let missing: Vec<usize> = (0..sums.len()).filter(|&sum| found[sum].is_none()).collect();
        let wanted: Vec<Sum> = missing.iter().map(|&sum| sums[sum].clone()).collect();
        // Not under the lock: threads that wait for each other may take up other work, which may ask here too.
        let units =
            self.groups.as_ref().map_or(columns.first().map_or(0, |column| column.len()), |g| g.count());
        let draws = if self.lasts && !wanted.is_empty() { self.draws(bootstrap, units) } else { None };
        let made = resample::sums(bootstrap, columns, self.groups.as_deref(), &wanted, draws.as_deref());
        let mut kept = self.kept();
        let call = kept.call;
        for (sum, made) in missing.into_iter().zip(made) {
            kept.sums.insert(keys[sum].clone(), Aged { value: made.clone(), call });
            found[sum] = Some(made);
        }
        found.into_iter().map(Option::unwrap_or_default).collect()
    }

    fn draws(&self, bootstrap: &Bootstrap, units: usize) -> Option<Arc<Draws>> {
        let (seed, resamples) = (bootstrap.seed, bootstrap.resamples.get() as usize);
        if let Some(draws) = self.kept().draws.get(&(seed, resamples)) {
            return Some(draws.clone());
        }
        let draws = Arc::new(Draws::new(seed, resamples, units)?);
        self.kept().draws.insert((seed, resamples), draws.clone());
        Some(draws)
    }
}

impl Kept {
    fn column(&mut self, values: &[f64], call: u64) -> Column {
        let hash = values.iter().fold(values.len() as u64, |hash, value| {
            (hash.rotate_left(5) ^ value.to_bits()).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        });
        let alike = self.columns.entry(hash).or_default();
        let same = |known: &[f64]| {
            known.len() == values.len() && known.iter().zip(values).all(|(a, b)| a.to_bits() == b.to_bits())
        };
        if let Some(known) = alike.iter_mut().find(|known| same(&known.value.values)) {
            known.call = call;
            return known.value.clone();
        }
        self.known += 1;
        let column = Column { number: self.known, values: values.into() };
        alike.push(Aged { value: column.clone(), call });
        column
    }
}

fn aged<K: Eq + Hash, T: Clone>(
    map: &mut HashMap<K, Aged<T>>,
    key: K,
    call: u64,
    make: impl FnOnce() -> T,
) -> T {
    match map.entry(key) {
        Entry::Occupied(mut known) => {
            known.get_mut().call = call;
            known.get().value.clone()
        }
        Entry::Vacant(new) => new.insert(Aged { value: make(), call }).value.clone(),
    }
}

fn of(known: &[Column], statistic: &Statistic) -> Vec<(Arc<[f64]>, f64)> {
    statistic.weights().into_iter().map(|(column, weight)| (known[column].values.clone(), weight)).collect()
}

fn key(known: &[Column], statistic: &Statistic) -> Vec<(u64, u64)> {
    weighted(known, &statistic.weights())
}

fn weighted(known: &[Column], weights: &[(usize, f64)]) -> Vec<(u64, u64)> {
    weights.iter().map(|&(column, weight)| (known[column].number, weight.to_bits())).collect()
}

fn sum_of(known: &[Column], sum: &Sum) -> SumOf {
    match sum {
        Sum::Column(column) => SumOf::Weighted(weighted(known, &[(*column, 1.0)])),
        Sum::Weighted(weights) => SumOf::Weighted(weighted(known, weights)),
        Sum::Count(columns) => SumOf::Count(columns.iter().map(|&column| known[column].number).collect()),
    }
}
