//! Early stopping: a candidate that is already beaten under the needs is no longer asked.
//!
//! The rule may be looked at after every answer, as often as one likes: it is a test by betting (Waudby-Smith
//! and Ramdas 2023, "Estimating means of bounded random variables by betting"). Against the null hypothesis
//! "candidate b is not worse than candidate a by more than the margin", that is, that the mean of
//! `Y = q_a - q_b - margin` is at most 0, a gambler bets a share of the money on each observation; with shares
//! `l` fixed beforehand the wealth `prod(1 + l * Y)` is a non-negative supermartingale under the null, and so
//! is a mixture over several `l`. By Ville's inequality it ever reaches `1 / alpha` with probability at most
//! `alpha`. `alpha` is shared out evenly over all hypotheses (Bonferroni).
//!
//! What that needs: units in random order that does not depend on the answers (see `Order`), each used in turn
//! and only when both candidates' answers are there. Dependent items count as one unit: `Y` is then the sum
//! over the group, divided by the size of the largest one, whose mean has the same sign.
//!
//! It judges candidates one by one. A candidate that is worse over all may still be the best for one slice:
//! whoever looks for combinations should ask all of them about everything.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use ordinate_core::{Goal, Needs};

use crate::order::Order;

/// Scores an answer: the item's place, and what was read out of the reply (`None`: an error). In `[0, 1]`.
pub type Scorer = Arc<dyn Fn(usize, Option<&str>) -> f64 + Send + Sync>;

/// When a candidate is no longer asked.
#[derive(Clone)]
pub struct EarlyStopping {
    /// Scores answers as the task's metric does; an error scores 0.
    pub scorer: Scorer,
    /// The probability that any candidate is stopped that is not beaten.
    pub alpha: f64,
    /// The needs in force.
    pub needs: Needs,
    /// Seed of the order.
    pub seed: u64,
}

impl fmt::Debug for EarlyStopping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EarlyStopping")
            .field("alpha", &self.alpha)
            .field("needs", &self.needs)
            .finish_non_exhaustive()
    }
}

/// What the needs make of "beaten".
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rule {
    /// Another candidate is better by more than this margin.
    WorseBy(f64),
    /// Its quality is below this.
    Below(f64),
}

impl Rule {
    /// The rules of these needs. With `min_quality`, a candidate below it is out whatever the goal; being worse
    /// than another decides where the goal is quality, or where being as good as the best is what is asked for.
    pub(crate) fn of(needs: &Needs) -> Vec<Self> {
        let mut rules = Vec::new();
        if let Some(quality) = needs.min_quality {
            rules.push(Self::Below(quality));
        }
        if needs.goal == Goal::Quality || needs.min_quality.is_none() {
            rules.push(Self::WorseBy(needs.margin()));
        }
        rules
    }
}

/// Shares of the money that are bet, of the largest that can never ruin: small ones win on small differences,
/// large ones win quickly on large ones.
const SHARES: [f64; 8] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8];

/// One hypothesis under test.
#[derive(Debug, Clone)]
struct Bet {
    /// The candidate that is beaten if the null hypothesis falls.
    loser: usize,
    /// By whom; `None` for [`Rule::Below`].
    winner: Option<usize>,
    threshold: f64,
    /// The least that `Y` can be is `-worst`.
    worst: f64,
    next_unit: usize,
    log_wealth: [f64; SHARES.len()],
}

/// The contest of the candidates of one run.
#[derive(Debug)]
pub(crate) struct Race {
    units: Vec<Range<u32>>,
    largest: f64,
    scores: Vec<Vec<f32>>,
    bets: Vec<Bet>,
    /// Logarithm of the wealth at which a null hypothesis falls.
    wall: f64,
    beaten: Vec<Option<String>>,
    allowed: Vec<bool>,
    names: Vec<String>,
}

impl Race {
    pub(crate) fn new(order: &Order, names: Vec<String>, rules: &[Rule], alpha: f64) -> Self {
        let candidates = names.len();
        let mut bets = Vec::new();
        for rule in rules {
            for loser in 0..candidates {
                let bet = |winner, threshold: f64, worst| Bet {
                    loser,
                    winner,
                    threshold,
                    worst,
                    next_unit: 0,
                    log_wealth: [0.0; SHARES.len()],
                };
                match *rule {
                    Rule::Below(quality) => bets.push(bet(None, quality, 1.0 - quality)),
                    Rule::WorseBy(margin) => bets.extend(
                        (0..candidates).filter(|w| *w != loser).map(|w| bet(Some(w), margin, 1.0 + margin)),
                    ),
                }
            }
        }
        let wall = (bets.len().max(1) as f64 / alpha).ln();
        Self {
            units: order.units().collect(),
            largest: f64::from(order.largest()),
            scores: vec![vec![f32::NAN; order.len()]; candidates],
            bets,
            wall,
            beaten: vec![None; candidates],
            allowed: vec![true; candidates],
            names,
        }
    }

    /// Says whether a candidate meets the needs so far, and so may beat others.
    pub(crate) fn allow(&mut self, candidate: usize, allowed: bool) {
        self.allowed[candidate] = allowed;
    }

    /// The score of a candidate's answer to the item in this position.
    pub(crate) fn scored(&mut self, candidate: usize, position: usize, score: f64) {
        self.scores[candidate][position] = score.clamp(0.0, 1.0) as f32;
        for at in 0..self.bets.len() {
            let bet = &self.bets[at];
            if bet.loser == candidate || bet.winner == Some(candidate) {
                self.play(at);
            }
        }
    }

    /// Why a candidate is beaten, if it is.
    pub(crate) fn beaten(&self, candidate: usize) -> Option<&str> {
        self.beaten[candidate].as_deref()
    }

    /// Plays every unit whose answers are there.
    fn play(&mut self, at: usize) {
        loop {
            let bet = &self.bets[at];
            let Some(unit) = self.units.get(bet.next_unit) else { return };
            let Some(y) = self.observation(bet, unit) else { return };
            let scale = 1.0 / bet.worst.max(f64::MIN_POSITIVE);
            let bet = &mut self.bets[at];
            bet.next_unit += 1;
            for (log, share) in bet.log_wealth.iter_mut().zip(SHARES) {
                *log += (share * scale * y).ln_1p();
            }
            let most = bet.log_wealth.iter().copied().fold(f64::MIN, f64::max);
            let sum: f64 = bet.log_wealth.iter().map(|log| (log - most).exp()).sum();
            let wealth = most + (sum / SHARES.len() as f64).ln();
            let (loser, winner) = (bet.loser, bet.winner);
            if wealth >= self.wall && self.beaten[loser].is_none() && winner.is_none_or(|w| self.allowed[w]) {
                let units = self.bets[at].next_unit;
                self.beaten[loser] = Some(self.reason(at, units));
            }
        }
    }

    fn observation(&self, bet: &Bet, unit: &Range<u32>) -> Option<f64> {
        let mut sum = 0.0;
        for position in unit.clone() {
            let of = |candidate: usize| {
                let score = self.scores[candidate][position as usize];
                (!score.is_nan()).then(|| f64::from(score))
            };
            sum += match bet.winner {
                Some(winner) => of(winner)? - of(bet.loser)? - bet.threshold,
                None => bet.threshold - of(bet.loser)?,
            };
        }
        Some(sum / self.largest)
    }

    fn reason(&self, at: usize, units: usize) -> String {
        let bet = &self.bets[at];
        let mean = |candidate: usize| {
            let scores = self.units[..units].iter().flat_map(Range::clone);
            let (sum, count) = scores.fold((0.0, 0.0), |(sum, count), position| {
                (sum + f64::from(self.scores[candidate][position as usize]), count + 1.0)
            });
            sum / count
        };
        match bet.winner {
            Some(winner) => format!(
                "{:.3} against {:.3} of {} after {units} items",
                mean(bet.loser),
                mean(winner),
                self.names[winner]
            ),
            None => format!(
                "{:.3} after {units} items, and at least {} is needed",
                mean(bet.loser),
                bet.threshold
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use ordinate_core::Item;

    use super::*;
    use crate::plan::Items;

    struct Many(usize, Option<u32>);

    impl Items for Many {
        fn len(&self) -> usize {
            self.0
        }
        fn item(&self, _: usize) -> Item {
            Item::default()
        }
        fn group(&self, at: usize) -> Option<u32> {
            self.1.map(|size| at as u32 / size)
        }
    }

    /// Runs a race of candidates with these qualities; who was stopped, and after how many items.
    fn race(seed: u64, qualities: &[f64], items: &Many, rules: &[Rule], alpha: f64) -> Vec<Option<usize>> {
        let order = Order::shuffled((0..).take(items.0).collect(), items, seed);
        let mut race = Race::new(&order, vec![String::new(); qualities.len()], rules, alpha);
        let mut dice = fastrand::Rng::with_seed(seed);
        // Dependent items: one throw a group.
        let throws: Vec<Vec<f64>> =
            (0..items.0).map(|_| qualities.iter().map(|_| dice.f64()).collect()).collect();
        let mut stopped = vec![None; qualities.len()];
        for position in 0..order.len() {
            let item = order.item(position);
            let throw = items.group(item).map_or(item, |group| group as usize);
            for (candidate, quality) in qualities.iter().enumerate() {
                if stopped[candidate].is_some() {
                    continue;
                }
                race.scored(candidate, position, f64::from(u8::from(throws[throw][candidate] < *quality)));
            }
            for (candidate, stop) in stopped.iter_mut().enumerate() {
                if stop.is_none() && race.beaten(candidate).is_some() {
                    *stop = Some(position + 1);
                }
            }
        }
        stopped
    }

    /// Share of runs in which any candidate is stopped, when none is beaten.
    fn wrong(runs: u64, qualities: &[f64], items: &Many, rules: &[Rule]) -> f64 {
        let wrong = (0..runs)
            .filter(|seed| race(*seed, qualities, items, rules, 0.05).iter().any(Option::is_some))
            .count();
        wrong as f64 / runs as f64
    }

    #[test]
    fn wrong_stops_are_at_most_alpha() {
        let equal = [Rule::WorseBy(0.0)];
        // Looked at after every one of 1,000 items. 0.05 and three standard errors of 400 runs is 0.083.
        for (qualities, items, rules) in [
            (&[0.7, 0.7][..], Many(1_000, None), &equal[..]),
            (&[0.5, 0.5, 0.5], Many(1_000, None), &equal[..]),
            (&[0.75, 0.7], Many(1_000, None), &[Rule::WorseBy(0.05)][..]),
            (&[0.95, 0.95], Many(1_000, Some(10)), &equal[..]),
            (&[0.8], Many(1_000, None), &[Rule::Below(0.8)][..]),
        ] {
            let share = wrong(400, qualities, &items, rules);
            assert!(share <= 0.083, "{qualities:?} {rules:?}: {share}");
        }
    }

    #[test]
    fn dependent_items_that_are_taken_for_independent_stop_wrongly() {
        // The same data with groups ignored: the test above would fail without units.
        let items = Many(1_000, Some(10));
        let order = Order::shuffled((0..1_000).collect(), &items, 1);
        let single: Vec<Range<u32>> = (0..1_000).map(|at| at..at + 1).collect();
        let mut wrong = 0;
        for seed in 0..200 {
            let mut race = Race::new(&order, vec![String::new(); 2], &[Rule::WorseBy(0.0)], 0.05);
            (race.units, race.largest) = (single.clone(), 1.0);
            let mut dice = fastrand::Rng::with_seed(seed);
            for start in (0..1_000).step_by(10) {
                let scores = [dice.bool(), dice.bool()].map(|right| f64::from(u8::from(right)));
                for position in start..start + 10 {
                    race.scored(0, position, scores[0]);
                    race.scored(1, position, scores[1]);
                }
            }
            wrong += usize::from((0..2).any(|candidate| race.beaten(candidate).is_some()));
        }
        assert!(wrong > 30, "{wrong} of 200");
    }

    #[test]
    fn a_clear_loser_is_stopped_soon_and_the_winner_never() {
        let mut after = Vec::new();
        for seed in 0..50 {
            let stopped = race(seed, &[0.9, 0.6], &Many(2_000, None), &[Rule::WorseBy(0.01)], 0.05);
            assert_eq!(stopped[0], None);
            after.push(stopped[1].unwrap_or(2_000));
        }
        after.sort_unstable();
        assert!(after[25] < 250 && after[49] < 1_000, "median {}, worst {}", after[25], after[49]);
        let below = race(1, &[0.5], &Many(2_000, None), &[Rule::Below(0.8)], 0.05);
        assert!(below[0].is_some_and(|items| items < 300), "{below:?}");
    }

    #[test]
    fn needs_decide_what_beaten_means() {
        let needs = |goal, min_quality| Needs { goal, min_quality, ..Needs::default() };
        assert_eq!(Rule::of(&needs(Goal::Quality, None)), [Rule::WorseBy(0.0)]);
        assert_eq!(Rule::of(&needs(Goal::Cost, None)), [Rule::WorseBy(0.01)]);
        assert_eq!(Rule::of(&needs(Goal::Cost, Some(0.8))), [Rule::Below(0.8)]);
        assert_eq!(Rule::of(&needs(Goal::Quality, Some(0.8))), [Rule::Below(0.8), Rule::WorseBy(0.0)]);
    }
}
