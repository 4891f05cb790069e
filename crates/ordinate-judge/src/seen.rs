//! The outcomes of one policy as the choice of its dial sees them, whatever the needs want of them.

use std::borrow::Cow;

use ordinate_trials::{Priced, Trial, Trials};
use rayon::prelude::*;

use crate::chosen::outside;
use crate::view::{Looks, Outcomes, View};

/// The outcomes in every folding, and how they look from the items outside each fold.
#[derive(Debug)]
pub(crate) struct Seen {
    rounds: Vec<Outcomes>,
    views: Vec<Vec<View>>,
    /// The mean over foldings; `None` where there is one.
    mean: Option<Outcomes>,
    whole: View,
}

impl Seen {
    pub(crate) fn new(trials: &Trials, learn: &Priced<'_>, trial: &Trial, looks: Looks) -> Self {
        let clusters = trials.learn.clusters.as_deref();
        let rounds: Vec<Outcomes> =
            trial.plays.iter().map(|plays| Outcomes::new(&learn.curve(plays), looks)).collect();
        let of_round = |(round, outcomes): (usize, &Outcomes)| -> Vec<View> {
            let folding = &trials.foldings[round];
            let view = |fold| View::new(outcomes, outside(&folding.of, fold).collect(), clusters);
            (0..folding.count).into_par_iter().map(view).collect()
        };
        let views = rounds.iter().enumerate().map(of_round).collect();
        let mean = Outcomes::mean(&rounds);
        let whole = View::new(&mean, (0..trials.learn.len()).collect(), clusters);
        let mean = match mean {
            Cow::Owned(mean) => Some(mean),
            Cow::Borrowed(_) => None,
        };
        Self { views, mean, whole, rounds }
    }

    /// The outcomes in a folding, seen from outside this fold.
    pub(crate) fn fold(&self, round: usize, fold: u32) -> (&Outcomes, &View) {
        (&self.rounds[round], &self.views[round][fold as usize])
    }

    /// The outcomes over all foldings, seen from all items.
    pub(crate) fn whole(&self) -> (&Outcomes, &View) {
        (self.mean.as_ref().unwrap_or_else(|| &self.rounds[0]), &self.whole)
    }
}
