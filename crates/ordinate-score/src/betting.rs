//! A lower bound of a mean of bounded scores that holds for every distribution and every number of items.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// Most of what a bet may lose: at 1 a single 0 would end the game.
const STAKE: f64 = 0.9;
/// Orders of play that are averaged. The bets depend on the order, and the bound must not depend on one.
const ORDERS: u64 = 16;

/// What an independent unit brings: an item by itself, or a group of dependent items.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unit {
    /// The sum of its scores, each in `[0, 1]`.
    pub sum: f64,
    /// The number of its items.
    pub items: f64,
}

/// A lower bound of the mean score over items, at one-sided level `alpha` (0.025 for the lower end of a 95 % interval).
///
/// By betting (Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by betting"): whoever claims the
/// mean to be `m` lets us bet on every unit being better; a fortune of `1 / alpha` out of 1 refutes the claim (Markov). Bets
/// follow the variance seen so far. The fortune is the mean over some orders, fixed by the sorted values, so that the order
/// of the items does not matter. Holds without any assumption on the distribution, and is therefore wider than Student's t
/// where that is right. 0 without units.
///
/// Takes time proportional to the number of units.
#[must_use]
pub fn lower(units: &[Unit], alpha: f64) -> f64 {
    let mut sorted: Vec<Unit> = units.iter().copied().filter(|unit| unit.items > 0.0).collect();
    sorted.sort_by(|a, b| a.sum.total_cmp(&b.sum).then(a.items.total_cmp(&b.items)));
    let items: f64 = sorted.iter().map(|unit| unit.items).sum();
    if items == 0.0 {
        return 0.0;
    }
    let largest = sorted.iter().map(|unit| unit.items).fold(0.0, f64::max);
    let games: Vec<Vec<(Unit, f64)>> = (0..ORDERS)
        .map(|seed| {
            let mut order = sorted.clone();
            shuffle(&mut order, seed);
            with_bets(&order, largest, alpha)
        })
        .collect();
    let refuted = |mean: f64| {
        let fortune = |game: &Vec<(Unit, f64)>| fortune(game, largest, mean);
        games.iter().map(fortune).sum::<f64>() / ORDERS as f64 >= 1.0 / alpha
    };
    let mean = sorted.iter().map(|unit| unit.sum).sum::<f64>() / items;
    let (mut low, mut high) = (0.0, mean);
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if refuted(middle) { low = middle } else { high = middle }
    }
    low
}

/// Fisher and Yates, an index by multiplication.
fn shuffle(units: &mut [Unit], seed: u64) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    for last in (1..units.len()).rev() {
        let other = (u64::from(rng.next_u32()) * (last as u64 + 1)) >> 32;
        units.swap(last, other as usize);
    }
}

/// Every unit with the bet on it, which knows the units before it only: the one that would be best for a mean as far off as
/// can be shown with so many units of such variance.
fn with_bets(order: &[Unit], largest: f64, alpha: f64) -> Vec<(Unit, f64)> {
    let reach = -2.0 * alpha.ln() / order.len() as f64;
    // As if one unit of the greatest variance had been seen.
    let (mut sum, mut items, mut squares, mut seen) = (0.5, 1.0, 0.25, 1.0);
    order
        .iter()
        .map(|&unit| {
            let bet = (reach * seen / squares).sqrt();
            sum += unit.sum;
            items += unit.items;
            let residual = (unit.sum - unit.items * sum / items) / largest;
            squares += residual * residual;
            seen += 1.0;
            (unit, bet)
        })
        .collect()
}

fn fortune(game: &[(Unit, f64)], largest: f64, mean: f64) -> f64 {
    let most = STAKE / mean;
    let mut log = 0.0;
    let mut product = 1.0_f64;
    for (unit, bet) in game {
        product *= (bet.min(most) * (unit.sum - unit.items * mean) / largest).mul_add(1.0, 1.0);
        // Kept in range, and logarithms spared.
        if !(1e-100..1e100).contains(&product) {
            log += product.ln();
            product = 1.0;
        }
    }
    (log + product.ln()).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(scores: &[f64]) -> f64 {
        let units: Vec<Unit> = scores.iter().map(|&sum| Unit { sum, items: 1.0 }).collect();
        lower(&units, 0.025)
    }

    #[test]
    fn scores_that_do_not_vary_prove_little() {
        let (few, many) = (bound(&[0.5; 10]), bound(&[0.5; 1000]));
        assert!(few < 0.35, "{few}");
        assert!((0.48..0.5).contains(&many), "{many}");
        assert_eq!(bound(&[]), 0.0);
        assert!(bound(&[0.0; 9]) < 1e-9);
    }

    #[test]
    fn the_order_does_not_matter() {
        let scores: Vec<f64> = (0..50).map(|i| f64::from(i * 37 % 50) / 50.0).collect();
        let mut sorted = scores.clone();
        sorted.sort_by(f64::total_cmp);
        assert_eq!(bound(&scores), bound(&sorted));
    }

    #[test]
    fn groups_count_less_than_items() {
        let scores: Vec<f64> = (0..200).map(|i| f64::from(i / 10 % 2)).collect();
        let groups: Vec<Unit> =
            scores.chunks(10).map(|group| Unit { sum: group.iter().sum(), items: 10.0 }).collect();
        assert!(lower(&groups, 0.025) < bound(&scores) - 0.05);
    }
}
