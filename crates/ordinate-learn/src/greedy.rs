//! Greedy ensemble selection with replacement (Caruana, Niculescu-Mizil, Crew, Ksikes 2004), by the rule of
//! AutoGluon.

/// Losses above this are compared to six decimals, so that rounding does not choose between equal members.
const ROUNDED_ABOVE: f64 = 1e-4;

/// What an ensemble is selected from.
pub trait Pool {
    /// The number of candidates.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The loss of the present ensemble with `candidate` added once more.
    fn loss(&self, candidate: usize) -> f64;

    /// Adds `candidate` to the ensemble.
    fn add(&mut self, candidate: usize);
}

/// The ensemble that was selected.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected {
    /// How often each candidate is in it; the weights are these numbers over their sum. All 0 where no loss
    /// is finite.
    pub counts: Vec<u32>,
    /// Its loss.
    pub loss: f64,
}

/// Grows an ensemble from `start` (candidates that are in it from the first; none by AutoGluon's rule).
///
/// In each round the candidate is added that gives the least loss; ties go to one that is in the ensemble
/// already, then to the first (AutoGluon draws one). The ensemble of the first round with the least loss of
/// all is taken. A start with the best few, as Caruana et al. have it, gets over the plateau of votes, where
/// a second voice never changes the majority.
pub fn select(pool: &mut impl Pool, start: &[usize], rounds: usize) -> Selected {
    let mut counts = vec![0_u32; pool.len()];
    let mut loss = f64::INFINITY;
    for &candidate in start {
        loss = pool.loss(candidate);
        pool.add(candidate);
        counts[candidate] += 1;
    }
    let mut best = Selected { counts: counts.clone(), loss };
    let mut rounded = false;
    for round in 0..if pool.len() == 1 { 1 } else { rounds } {
        let losses: Vec<f64> = (0..pool.len())
            .map(|candidate| pool.loss(candidate))
            .map(|loss| if rounded { round_to_six(loss) } else { loss })
            .collect();
        let least = losses.iter().copied().filter(|loss| loss.is_finite()).fold(f64::INFINITY, f64::min);
        let is_best = |candidate: &usize| (losses[*candidate] - least).abs() <= 1e-12 * least.abs();
        let ties = || (0..losses.len()).filter(is_best);
        let Some(chosen) = ties().find(|&candidate| counts[candidate] > 0).or_else(|| ties().next()) else {
            break;
        };
        let mut loss = losses[chosen];
        if round == 0 && loss.abs() > ROUNDED_ABOVE {
            rounded = true;
            loss = round_to_six(loss);
        }
        pool.add(chosen);
        counts[chosen] += 1;
        if loss < best.loss {
            best = Selected { counts: counts.clone(), loss };
        }
    }
    best
}

/// As NumPy rounds: to the nearest, halves to even.
fn round_to_six(value: f64) -> f64 {
    (value * 1e6).round_ties_even() / 1e6
}
