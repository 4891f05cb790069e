//! What a contender scored, item by item: the column that its quality is the mean of.

use ordinate_core::Needs;
use ordinate_trials::{Priced, Trials};

use crate::chosen::Choosing;
use crate::contender::singles;
use crate::limits::eligible;
use crate::recall::Recall;
use crate::{Setting, hosted_costs, mixable, toss};

/// The score of a candidate or policy of this name on each item that is scored, as the verdict for these needs counts it: a policy
/// cross-fitted, at the dial that the needs choose. NaN where an item has none. `None` where nothing has this name.
#[must_use]
pub fn scores_of(trials: &Trials, needs: &Needs, setting: &Setting, name: &str) -> Option<Vec<f64>> {
    let costs = hosted_costs(trials, needs, setting);
    let scored = Priced::new(trials.scored(), &costs);
    if let Some(column) = trials.candidates.iter().position(|candidate| candidate.name.as_str() == name) {
        return Some(scored.single(column).quality.into_owned());
    }
    let learn = Priced::new(&trials.learn, &costs);
    let singles = singles(&trials.candidates, &scored);
    let mixable = mixable(&singles, &trials.candidates, needs);
    let tosses = toss::tosses(trials, &learn, &mixable, needs);
    let eligible = eligible(&singles, &trials.candidates, needs);
    let recall = Recall::once(trials);
    let choosing = Choosing::new(trials, &learn, needs, &eligible, &recall, &costs);
    let chosen = choosing.policies(&tosses, &scored).into_iter().find(|chosen| chosen.trial.name == name)?;
    Some(chosen.played.quality.into_owned())
}
