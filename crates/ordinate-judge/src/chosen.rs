//! Needs choose: the best single of the items that are learned from, and the dial of every policy, from outcomes on items
//! that are not scored with it.

use std::sync::{Arc, OnceLock};

use ordinate_core::verdict::Promise;
use ordinate_core::{Dial, Mix, Needs, PolicyKind};
use ordinate_score::Groups;
use ordinate_trials::{Curve, Folding, Pick, Played, Plays, Priced, Tested, Trial, Trials, best_column};
use rayon::prelude::*;

use crate::choose::Chooser;
use crate::contender::cost_per_1k;
use crate::estimates::{MANY_UNITS, widening};
use crate::measures::mean_point;
use crate::promise::{LEVEL, test};
use crate::recall::Recall;
use crate::seen::Seen;
use crate::sums::Sums;
use crate::view::Looks;

/// A policy at the dial that the needs choose.
#[derive(Debug)]
pub(crate) struct Chosen<'a> {
    pub(crate) trial: &'a Trial,
    /// The dial that the needs choose, from all outcomes of the curve.
    pub(crate) dial: Dial,
    /// The coin between that dial and another one.
    pub(crate) mix: Option<Mix>,
    /// What is promised of the policy at this dial, where the needs have a margin and the kind makes promises.
    pub(crate) promise: Option<Promise>,
    /// The outcome per scored item, as a mean over foldings; each fold at the dial that the other folds chose.
    pub(crate) played: Played<'static>,
    /// The gain over the best single in each folding.
    pub(crate) gains: Vec<f64>,
    /// The quality per scored item in each folding, where there are several.
    pub(crate) by_folding: Vec<Vec<f64>>,
    /// Where each fold of each folding stands on the curve; one place where items of their own are scored.
    pub(crate) picks: Vec<Vec<Pick>>,
    /// See [`Chosen::points`].
    points: Arc<OnceLock<Points>>,
}

/// Per dial the mean cost (USD per 1,000 items) and quality on the scored items, where they are known.
pub(crate) type Points = Vec<Option<(f64, f64)>>;

impl Chosen<'_> {
    /// The outcomes on the scored items at every dial, one for each folding.
    pub(crate) fn curves<'b>(&'b self, scored: &'b Priced<'_>) -> Vec<Curve<'b>> {
        match &self.trial.on_test {
            Some(on_test) => vec![scored.curve(on_test)],
            None => self.trial.plays.iter().map(|plays| scored.curve(plays)).collect(),
        }
    }

    /// The mean cost and quality at every dial.
    pub(crate) fn points(&self, scored: &Priced<'_>) -> &[Option<(f64, f64)>] {
        self.points.get_or_init(|| {
            let curves = self.curves(scored);
            (0..self.trial.dials.len()).into_par_iter().map(|dial| mean_point(&curves, dial)).collect()
        })
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
    recall: &'a Recall,
    /// What was found out under other costs of hosting is of no use.
    costs: &'a [(usize, Option<f64>)],
    /// What the best single of the other folds gives, for each folding.
    best_single: Vec<Played<'static>>,
    /// Its quality, a mean over foldings.
    single: Vec<f64>,
    /// The same on scores that people's grades corrected, where these are what is estimated; empty elsewhere.
    rectified_single: Vec<Played<'static>>,
    /// The same, the quality alone; empty where there is one folding, or items of their own are scored.
    best_single_by_folding: Vec<Vec<f64>>,
}

impl<'a> Choosing<'a> {
    pub(crate) fn new(
        trials: &'a Trials,
        learn: &'a Priced<'a>,
        scored: &Priced<'_>,
        needs: &'a Needs,
        eligible: &'a [bool],
        recall: &'a Recall,
        costs: &'a [(usize, Option<f64>)],
    ) -> Self {
        let on = |board: &Priced<'_>| -> Vec<Played<'static>> {
            let of_folding = |folding: &Folding| {
                let best: Vec<usize> = (0..folding.count)
                    .map(|fold| best_column(&trials.learn, &outside(&folding.of, fold), eligible))
                    .collect();
                board.by_column(&|item| best[folding.of[item] as usize])
            };
            trials.foldings.iter().map(of_folding).collect()
        };
        let best_single = on(learn);
        let is_rectified = trials.rectified.is_some() && trials.test.is_none();
        let rectified_single = if is_rectified { on(scored) } else { Vec::new() };
        let mut choosing = Self {
            trials,
            learn,
            needs,
            eligible,
            recall,
            costs,
            single: Played::mean(&best_single).quality.into_owned(),
            best_single,
            rectified_single,
            best_single_by_folding: Vec::new(),
        };
        choosing.best_single_by_folding = by_folding(choosing.scored_single(), trials.test.is_none());
        choosing
    }

    /// What the best single of the other folds gives, for each folding, as it is estimated.
    fn scored_single(&self) -> &[Played<'static>] {
        if self.rectified_single.is_empty() { &self.best_single } else { &self.rectified_single }
    }

    /// What the best single gives on the scored items, chosen on items that are learned from only; a mean over foldings.
    pub(crate) fn best_single(&self, scored: &Priced<'_>) -> Played<'static> {
        if self.trials.test.is_none() {
            return Played::mean(self.scored_single());
        }
        let best = best_column(&self.trials.learn, &(0..self.trials.learn.len()), self.eligible);
        scored.by_column(&|_| best)
    }

    /// The quality of the best single of the other folds in each folding, where there are several.
    pub(crate) fn best_single_by_folding(&self) -> &[Vec<f64>] {
        &self.best_single_by_folding
    }

    /// The policies that the needs look at, and those zero routers that a coin is tossed for.
    pub(crate) fn policies(&self, tosses: &'a [Trial], scored: &Priced<'_>) -> Vec<Chosen<'a>> {
        self.chosen(tosses, scored, &|_| true).collect()
    }

    /// The one of them that has this name.
    pub(crate) fn named(&self, name: &str, tosses: &'a [Trial], scored: &Priced<'_>) -> Option<Chosen<'a>> {
        self.chosen(tosses, scored, &|trial| trial.name == name).next()
    }

    fn chosen<'s>(
        &'s self,
        tosses: &'a [Trial],
        scored: &'s Priced<'_>,
        is_meant: &'s dyn Fn(&Trial) -> bool,
    ) -> impl Iterator<Item = Chosen<'a>> + 's {
        let looked_at = self.trials.trials.iter().filter(move |trial| trial.serves(self.needs)).chain(tosses);
        let chosen =
            looked_at.filter(move |trial| is_meant(trial)).map(move |trial| self.policy(trial, scored));
        // A coin with two equal sides is a single.
        chosen.filter(|one| one.trial.kind != PolicyKind::ZeroRouter || one.mix.is_some())
    }

    fn policy(&self, trial: &'a Trial, scored: &Priced<'_>) -> Chosen<'a> {
        let clusters = self.trials.learn.clusters.as_deref();
        let sums = self.sums(trial);
        let looks = Looks::of(self.needs);
        let look = || Seen::new(self.trials, self.learn, trial, looks);
        let seen = sums.is_none().then(|| self.recall.seen(trial, self.costs, looks, look));
        let crossed = trial.on_test.is_none();
        let widening = widening(
            crossed.then_some(trial.plays.len()),
            self.trials.foldings.first().filter(|_| crossed).map(|folding| folding.count),
        );
        // All dials up to the promised one passed their test, so that the needs may choose among them.
        let promised = |promise: &Option<Promise>| {
            let most = promise.as_ref().map_or(f64::INFINITY, |promise| promise.dial.0);
            trial.dials.partition_point(|dial| dial.0 <= most).saturating_sub(1)
        };
        let calibration = trial.calibration.as_ref();
        let of_fold = |round: usize, fold: u32| {
            let Some(seen) = &seen else {
                let dials = sums.as_ref().map_or_else(Vec::new, |sums| sums.outside(Some(fold)));
                return (Chooser::of_means(&dials, self.needs), usize::MAX);
            };
            let promise = calibration.and_then(|calibration| {
                let others: Vec<usize> = outside(&self.trials.foldings[round].of, fold).collect();
                self.promise(trial, &calibration.folds[round][fold as usize], &others)
            });
            let (curve, view) = seen.fold(round, fold);
            let single = &self.best_single[round].quality;
            (Chooser::new(curve, view, single, clusters, self.needs, widening), promised(&promise))
        };
        let of_round = |round: usize| -> Vec<(Chooser<'_>, usize)> {
            let folds = 0..self.trials.foldings[round].count;
            folds.into_par_iter().map(|fold| of_fold(round, fold)).collect()
        };
        let choosers: Vec<Vec<(Chooser<'_>, usize)>> = (0..trial.plays.len()).map(of_round).collect();
        let promise = calibration.and_then(|all| {
            let everything: Vec<usize> = (0..self.trials.learn.len()).collect();
            self.promise(trial, &all.whole, &everything)
        });
        let whole = match (&seen, &sums) {
            (Some(seen), _) => {
                let (curve, view) = seen.whole();
                Chooser::new(curve, view, &self.single, clusters, self.needs, widening)
            }
            (None, sums) => {
                let dials = sums.as_ref().map_or_else(Vec::new, |sums| sums.outside(None));
                Chooser::of_means(&dials, self.needs)
            }
        };

        // Each fold stands where the other folds chose; the test items where all that is learned from did.
        let play = |budget: Option<f64>| -> Stand {
            let pick = whole.pick(budget, promised(&promise));
            if let Some(on_test) = &trial.on_test {
                let rounds = vec![scored.played(on_test, &|_| pick)];
                return Stand { pick, picks: vec![vec![pick]], rounds };
            }
            let of_round = |(round, plays): (usize, &Plays)| {
                let picks: Vec<Pick> =
                    choosers[round].iter().map(|(chooser, most)| chooser.pick(budget, *most)).collect();
                let fold_of = &self.trials.foldings[round].of;
                let played = scored.played(plays, &|item| picks[fold_of[item] as usize]);
                (picks, played)
            };
            let (picks, rounds) = trial.plays.iter().enumerate().map(of_round).unzip();
            Stand { pick, picks, rounds }
        };
        let Stand { pick, picks, rounds } = self.within_budget(scored, &play);
        let gain = |(round, own): (usize, &Played<'static>)| {
            let single = &self.scored_single()[round].quality;
            let differences = own.quality.iter().zip(single.iter()).map(|(own, single)| own - single);
            let known: Vec<f64> = differences.filter(|difference| !difference.is_nan()).collect();
            known.iter().sum::<f64>() / known.len() as f64
        };
        let gains = rounds.iter().enumerate().filter(|_| crossed).map(gain).collect();
        let mix = pick.mix.map(|(other, share)| Mix { dial: trial.dials[other], share });
        let by_folding = by_folding(&rounds, crossed);
        let (dial, played) = (trial.dials[pick.dial], Played::mean(&rounds));
        let points = self.recall.points(trial, self.costs);
        // What passed its test passed by the judge's grades alone.
        let promise = promise.filter(|_| self.trials.rectified.is_none());
        Chosen { trial, dial, mix, promise, played, gains, by_folding, picks, points }
    }

    /// Sums in place of columns, where they are enough: one folding of very many items that stand for themselves.
    fn sums(&self, trial: &Trial) -> Option<Sums> {
        let [plays] = trial.plays.as_slice() else { return None };
        let [folding] = self.trials.foldings.as_slice() else { return None };
        let learn = &self.trials.learn;
        let many = learn.len() >= MANY_UNITS && learn.clusters.is_none() && trial.calibration.is_none();
        let enough = many && Sums::are_enough(self.needs);
        enough.then(|| Sums::new(&self.learn.curve(plays), &folding.of, folding.count)).flatten()
    }

    /// Plays within the budget. What was chosen on some items costs a little more or less on others: where it is more, a
    /// smaller budget is aimed at, by what things cost and not by how good they are.
    fn within_budget(&self, scored: &Priced<'_>, play: &dyn Fn(Option<f64>) -> Stand) -> Stand {
        const TRIES: usize = 20;
        let Some(budget) = self.needs.max_cost_per_1k else { return play(None) };
        let mut aim = budget;
        for _ in 0..TRIES {
            let stand = play(Some(aim));
            let played = Played::mean(&stand.rounds);
            match cost_per_1k(&self.trials.candidates, scored, &played, self.needs) {
                Some(cost) if cost > budget => aim *= CLOSE * budget / cost,
                _ => return stand,
            }
        }
        play(Some(budget))
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

/// Where a policy stands, and what comes of it.
struct Stand {
    /// By all that is learned from.
    pick: Pick,
    /// See [`Chosen::picks`].
    picks: Vec<Vec<Pick>>,
    /// What it gives, for each folding.
    rounds: Vec<Played<'static>>,
}

/// How much of the budget is aimed at where all of it was a little too much.
const CLOSE: f64 = 0.999;

/// The quality in each of several foldings.
fn by_folding(rounds: &[Played<'static>], crossed: bool) -> Vec<Vec<f64>> {
    let several = if crossed && rounds.len() > 1 { rounds } else { &[] };
    several.iter().map(|round| round.quality.to_vec()).collect()
}

/// The items outside a fold.
pub(crate) fn outside(fold_of: &[u32], fold: u32) -> impl Iterator<Item = usize> + Clone {
    (0..fold_of.len()).filter(move |&item| fold_of[item] != fold)
}
