//! Needs choose: the best single of the items that are learned from, and the dial of every policy, from outcomes on items
//! that are not scored with it.

use ordinate_core::verdict::Promise;
use ordinate_core::{Dial, Needs};
use ordinate_score::Groups;
use ordinate_trials::{Curve, Played, Priced, Tested, Trial, Trials, best_column};
use rayon::prelude::*;

use crate::choose::{Outcomes, choose_dial};
use crate::promise::{LEVEL, test};

/// A policy at the dial that the needs choose.
#[derive(Debug)]
pub(crate) struct Chosen<'a> {
    pub(crate) trial: &'a Trial,
    /// The dial that the needs choose, from all outcomes of the curve.
    pub(crate) dial: Dial,
    /// What is promised of the policy at this dial, where the needs have a margin and the kind makes promises.
    pub(crate) promise: Option<Promise>,
    /// The outcome per scored item; each fold at the dial that the other folds chose.
    pub(crate) played: Played<'static>,
}

impl Chosen<'_> {
    /// The outcomes on the scored items at every dial.
    pub(crate) fn curve<'b>(&'b self, scored: &'b Priced<'_>) -> Curve<'b> {
        scored.curve(self.trial.on_test.as_ref().unwrap_or(&self.trial.plays[0]))
    }
}

/// Everything that has to be chosen before anything is compared.
pub(crate) struct Choosing<'a> {
    trials: &'a Trials,
    /// The items that are learned from.
    learn: &'a Priced<'a>,
    needs: &'a Needs,
    /// Candidates that keep the hard needs.
    eligible: &'a [bool],
    /// The scores of the best single of the other folds.
    best_single: Played<'static>,
}

impl<'a> Choosing<'a> {
    pub(crate) fn new(
        trials: &'a Trials,
        learn: &'a Priced<'a>,
        needs: &'a Needs,
        eligible: &'a [bool],
    ) -> Self {
        let folding = &trials.foldings[0];
        let best: Vec<usize> = (0..folding.count)
            .map(|fold| best_column(&trials.learn, &outside(&folding.of, fold), eligible))
            .collect();
        let best_single = learn.by_column(&|item| best[folding.of[item] as usize]);
        Self { trials, learn, needs, eligible, best_single }
    }

    /// What the best single gives on the scored items, chosen on items that are learned from only.
    pub(crate) fn best_single(&self, scored: &Priced<'_>) -> Played<'static> {
        if self.trials.test.is_none() {
            return self.best_single.clone();
        }
        let best = best_column(&self.trials.learn, &(0..self.trials.learn.len()), self.eligible);
        scored.by_column(&|_| best)
    }

    /// The policies that the needs look at.
    pub(crate) fn policies(&self, scored: &Priced<'_>) -> Vec<Chosen<'a>> {
        let looked_at = self.trials.trials.iter().filter(|trial| trial.serves(self.needs));
        looked_at.map(|trial| self.policy(trial, scored)).collect()
    }

    fn policy(&self, trial: &'a Trial, scored: &Priced<'_>) -> Chosen<'a> {
        let plays = &trial.plays[0];
        let folding = &self.trials.foldings[0];
        let len = folding.of.len();
        let outcomes = Outcomes::new(&self.learn.curve(plays), self.needs);
        let clusters = self.trials.learn.clusters.as_deref();
        let choose = |positions: &[usize]| {
            choose_dial(&outcomes, &self.best_single.quality, positions, clusters, self.needs)
        };
        // All dials up to the promised one passed their test, so that the needs may choose among them.
        let promised = |promise: &Option<Promise>| {
            let most = promise.as_ref().map_or(f64::INFINITY, |promise| promise.dial.0);
            trial.dials.partition_point(|dial| dial.0 <= most).saturating_sub(1)
        };
        let chosen_by = |others: Vec<usize>, tested: Option<&Tested>| {
            let promise = tested.and_then(|tested| self.promise(trial, tested, &others));
            (choose(&others).min(promised(&promise)), promise)
        };
        let (whole, promise) =
            chosen_by((0..len).collect(), trial.calibration.as_ref().map(|calibration| &calibration.whole));
        let dial = trial.dials[whole];
        if let Some(on_test) = &trial.on_test {
            return Chosen { trial, dial, promise, played: scored.played(on_test, &|_| whole) };
        }
        let of_fold: Vec<usize> = (0..folding.count)
            .into_par_iter()
            .map(|fold| {
                let tested =
                    trial.calibration.as_ref().map(|calibration| &calibration.folds[0][fold as usize]);
                chosen_by(outside(&folding.of, fold).collect(), tested).0
            })
            .collect();
        let played = scored.played(plays, &|item| of_fold[folding.of[item] as usize]);
        Chosen { trial, dial, promise, played }
    }

    /// What can be promised of the policy that was learned from those of `items` which do not test it.
    fn promise(&self, trial: &Trial, tested: &Tested, items: &[usize]) -> Option<Promise> {
        let margin = self.needs.promised_margin()?;
        let dials = &trial.calibration.as_ref()?.dials;
        let mut tests = vec![false; self.trials.learn.len()];
        tested.items.iter().for_each(|&item| tests[item as usize] = true);
        let fitted = items.iter().copied().filter(|&item| !tests[item]);
        let against = best_column(&self.trials.learn, &fitted, self.eligible);
        let of_tested = |values: &[f64]| tested.items.iter().map(|&item| values[item as usize]).collect();
        let reference: Vec<f64> = of_tested(&self.trials.learn.columns[against].quality);
        let groups = self.trials.learn.clusters.as_ref().map(|clusters| {
            Groups::new(&tested.items.iter().map(|&item| clusters[item as usize]).collect::<Vec<_>>())
        });
        let curve = self.learn.curve_of(&tested.plays, &tested.items);
        let (dial, items) = test(&curve, &reference, groups.as_ref(), dials, margin)?;
        let against = self.trials.candidates[against].name.clone();
        Some(Promise { margin, confidence: 1.0 - LEVEL, against, items, dial })
    }
}

/// The items outside a fold.
fn outside(fold_of: &[u32], fold: u32) -> impl Iterator<Item = usize> + Clone {
    (0..fold_of.len()).filter(move |&item| fold_of[item] != fold)
}
