//! What a contender did item by item: the scores that its quality is the mean of, whom it asked and whose answer it gave.

use std::collections::HashMap;

use ordinate_core::Needs;
use ordinate_trials::{Plays, Priced, Trials, Way};

use crate::chosen::{Choosing, Chosen};
use crate::contender::singles;
use crate::limits::eligible;
use crate::recall::Recall;
use crate::{Setting, hosted_costs, mixable, toss};

/// The score of a candidate or policy of this name on each item that is scored, as the verdict for these needs counts it: a policy
/// cross-fitted, at the dial that the needs choose. NaN where an item has none. `None` where nothing has this name.
#[must_use]
pub fn scores_of(trials: &Trials, needs: &Needs, setting: &Setting, name: &str) -> Option<Vec<f64>> {
    if let Some(column) = trials.candidates.iter().position(|candidate| candidate.name.as_str() == name) {
        let costs = hosted_costs(trials, needs, setting);
        return Some(Priced::new(trials.scored(), &costs).single(column).quality.into_owned());
    }
    of_policy(trials, needs, setting, name, |chosen| chosen.played.quality.into_owned())
}

/// Whose answer a policy gave to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Giver {
    /// That of the candidate in this column of the evidence.
    Candidate(usize),
    /// One made of several answers.
    Several,
    /// None: it wanted an answer that was not recorded.
    Nobody,
}

/// How a policy went about an item, over all ways to deal the items into folds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Act {
    /// Candidates that it asked, in the order of the asking, and in how many of the foldings.
    pub asked: Vec<(usize, u32)>,
    /// Whose answer it gave, and in how many of the foldings; the most frequent first.
    pub given: Vec<(Giver, u32)>,
}

/// What a policy did with every item that is scored, each in folds that had not seen it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Acts {
    /// The score of each item, as [`scores_of`] has it.
    pub scores: Vec<f64>,
    /// Every way in which it went about an item.
    pub acts: Vec<Act>,
    /// For each item the number of one of them.
    pub of: Vec<u32>,
    /// How many foldings there are; 1 where items of their own are scored.
    pub foldings: usize,
}

/// What the policy of this name did with each item that is scored, at the dials that these needs choose. A single candidate is
/// asked about every item, and its answer given. `None` where nothing has this name.
#[must_use]
pub fn acts_of(trials: &Trials, needs: &Needs, setting: &Setting, name: &str) -> Option<Acts> {
    if let Some(column) = trials.candidates.iter().position(|candidate| candidate.name.as_str() == name) {
        let scores = scores_of(trials, needs, setting, name)?;
        let act = Act { asked: vec![(column, 1)], given: vec![(Giver::Candidate(column), 1)] };
        return Some(Acts { of: vec![0; scores.len()], scores, acts: vec![act], foldings: 1 });
    }
    of_policy(trials, needs, setting, name, |chosen| acts(trials, &chosen))
}

fn of_policy<T>(
    trials: &Trials,
    needs: &Needs,
    setting: &Setting,
    name: &str,
    of: impl FnOnce(Chosen<'_>) -> T,
) -> Option<T> {
    let costs = hosted_costs(trials, needs, setting);
    let scored = Priced::new(trials.scored(), &costs);
    let learn = Priced::new(&trials.learn, &costs);
    let singles = singles(&trials.candidates, &scored);
    let mixable = mixable(&singles, &trials.candidates, needs);
    let tosses = toss::tosses(trials, &learn, &mixable, needs);
    let eligible = eligible(&singles, &trials.candidates, needs);
    let recall = Recall::once(trials);
    let choosing = Choosing::new(trials, &learn, &scored, needs, &eligible, &recall, &costs);
    choosing.named(name, &tosses, &scored).map(of)
}

fn acts(trials: &Trials, chosen: &Chosen<'_>) -> Acts {
    let rounds: Vec<&Plays> = match &chosen.trial.on_test {
        Some(on_test) => vec![on_test],
        None => chosen.trial.plays.iter().collect(),
    };
    let is_crossed = chosen.trial.on_test.is_none();
    let way_of = |round: usize, item: usize| {
        let fold = if is_crossed { trials.foldings[round].of[item] as usize } else { 0 };
        let dial = chosen.picks[round][fold].toss(item);
        rounds[round].code(dial, item)
    };
    let scores = chosen.played.quality.to_vec();
    let (mut known, mut acts, mut of) = (HashMap::new(), Vec::new(), Vec::with_capacity(scores.len()));
    for item in 0..scores.len() {
        // The numbers of ways are few; acts are made of each combination of them once.
        let codes: Vec<usize> = (0..rounds.len()).map(|round| way_of(round, item)).collect();
        let number = *known.entry(codes).or_insert_with_key(|codes| {
            let ways = codes.iter().zip(&rounds).map(|(code, plays)| &plays.ways()[*code]);
            acts.push(act(ways, trials.candidates.len()));
            acts.len() as u32 - 1
        });
        of.push(number);
    }
    Acts { scores, acts, of, foldings: rounds.len() }
}

fn act<'w>(ways: impl Iterator<Item = &'w Way>, candidates: usize) -> Act {
    let mut act = Act::default();
    for way in ways {
        let mut asked: Vec<usize> = Vec::new();
        for column in way.asked() {
            if !asked.contains(&column) {
                asked.push(column);
            }
        }
        asked.into_iter().for_each(|column| count(&mut act.asked, column));
        let given = match way.given() {
            Way::MERGED => Giver::Several,
            column if usize::from(column) < candidates => Giver::Candidate(usize::from(column)),
            _ => Giver::Nobody,
        };
        count(&mut act.given, given);
    }
    act.given.sort_by(|(one, often), (other, seldom)| seldom.cmp(often).then(one.cmp(other)));
    act
}

fn count<K: PartialEq>(counts: &mut Vec<(K, u32)>, key: K) {
    match counts.iter_mut().find(|(known, _)| *known == key) {
        Some((_, times)) => *times += 1,
        None => counts.push((key, 1)),
    }
}
