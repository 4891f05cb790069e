//! Needs choose: the best single of the items that are learned from, and the dial of every policy, from outcomes on items
//! that are not scored with it.

use ordinate_core::verdict::Promise;
use ordinate_core::{Dial, Needs};
use ordinate_score::Groups;
use ordinate_trials::{Curve, Folding, Played, Plays, Priced, Tested, Trial, Trials, best_column};
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
    /// The outcome per scored item, as a mean over foldings; each fold at the dial that the other folds chose.
    pub(crate) played: Played<'static>,
    /// The gain over the best single in each folding.
    pub(crate) gains: Vec<f64>,
}

impl Chosen<'_> {
    /// The outcomes on the scored items at every dial, one for each folding.
    pub(crate) fn curves<'b>(&'b self, scored: &'b Priced<'_>) -> Vec<Curve<'b>> {
        match &self.trial.on_test {
            Some(on_test) => vec![scored.curve(on_test)],
            None => self.trial.plays.iter().map(|plays| scored.curve(plays)).collect(),
        }
    }

    /// Foldings that its figures are means over; `None` where it was scored on items of their own.
    pub(crate) fn foldings(&self) -> Option<usize> {
        self.trial.on_test.is_none().then_some(self.trial.plays.len())
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
    /// What the best single of the other folds gives, for each folding.
    best_single: Vec<Played<'static>>,
}

impl<'a> Choosing<'a> {
    pub(crate) fn new(
        trials: &'a Trials,
        learn: &'a Priced<'a>,
        needs: &'a Needs,
        eligible: &'a [bool],
    ) -> Self {
        let of_folding = |folding: &Folding| {
            let best: Vec<usize> = (0..folding.count)
                .map(|fold| best_column(&trials.learn, &outside(&folding.of, fold), eligible))
                .collect();
            learn.by_column(&|item| best[folding.of[item] as usize])
        };
        let best_single = trials.foldings.iter().map(of_folding).collect();
        Self { trials, learn, needs, eligible, best_single }
    }

    /// What the best single gives on the scored items, chosen on items that are learned from only; a mean over foldings.
    pub(crate) fn best_single(&self, scored: &Priced<'_>) -> Played<'static> {
        if self.trials.test.is_none() {
            return Played::mean(self.best_single.clone());
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
        let len = self.trials.learn.len();
        let clusters = self.trials.learn.clusters.as_deref();
        let rounds: Vec<Outcomes> =
            trial.plays.iter().map(|plays| Outcomes::new(&self.learn.curve(plays), self.needs)).collect();
        // All dials up to the promised one passed their test, so that the needs may choose among them.
        let promised = |promise: &Option<Promise>| {
            let most = promise.as_ref().map_or(f64::INFINITY, |promise| promise.dial.0);
            trial.dials.partition_point(|dial| dial.0 <= most).saturating_sub(1)
        };
        let chosen_by = |outcomes: &Outcomes, single: &[f64], others: &[usize], tested: Option<&Tested>| {
            let promise = tested.and_then(|tested| self.promise(trial, tested, others));
            let dial = choose_dial(outcomes, single, others, clusters, self.needs);
            (dial.min(promised(&promise)), promise)
        };
        let calibration = trial.calibration.as_ref();
        let folds = |round: usize, outcomes: &Outcomes| -> Vec<usize> {
            let (folding, single) = (&self.trials.foldings[round], &self.best_single[round].quality);
            (0..folding.count)
                .into_par_iter()
                .map(|fold| {
                    let tested = calibration.map(|calibration| &calibration.folds[round][fold as usize]);
                    let others: Vec<usize> = outside(&folding.of, fold).collect();
                    chosen_by(outcomes, single, &others, tested).0
                })
                .collect()
        };
        let of_folds: Vec<Vec<usize>> =
            rounds.iter().enumerate().map(|(round, outcomes)| folds(round, outcomes)).collect();
        let everything: Vec<usize> = (0..len).collect();
        let single = Played::mean(self.best_single.clone()).quality;
        let (whole, promise) = chosen_by(
            &Outcomes::mean(rounds),
            &single,
            &everything,
            calibration.map(|calibration| &calibration.whole),
        );
        let dial = trial.dials[whole];
        if let Some(on_test) = &trial.on_test {
            let played = scored.played(on_test, &|_| whole);
            return Chosen { trial, dial, promise, played, gains: Vec::new() };
        }
        let of_round = |(round, plays): (usize, &Plays)| {
            let fold_of = &self.trials.foldings[round].of;
            scored.played(plays, &|item| of_folds[round][fold_of[item] as usize])
        };
        let played: Vec<Played<'static>> = trial.plays.iter().enumerate().map(of_round).collect();
        let gain = |(round, own): (usize, &Played<'static>)| {
            let single = &self.best_single[round].quality;
            let differences = own.quality.iter().zip(single.iter()).map(|(own, single)| own - single);
            let known: Vec<f64> = differences.filter(|difference| !difference.is_nan()).collect();
            known.iter().sum::<f64>() / known.len() as f64
        };
        let gains = played.iter().enumerate().map(gain).collect();
        Chosen { trial, dial, promise, played: Played::mean(played), gains }
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
