//! The dials at which curves are drawn.

use ordinate_core::{Dial, Evidence};
use ordinate_trials::Outlay;

/// Points of a curve besides the one for quality alone.
const POINTS: u32 = 32;

/// Dials of a policy that weighs quality against outlay: 0, and a geometric grid wide enough that at one end
/// the dearest candidate's outlay weighs a hundredth of a score, and at the other the cheapest's weighs two.
///
/// Only the scale of the outlay is looked at, never a score, so the grid itself learns nothing.
#[must_use]
pub(crate) fn utility_dials(evidence: &Evidence, outlay: Outlay) -> Vec<Dial> {
    let mut dials = vec![Dial(0.0)];
    if !outlay.is_known(evidence) {
        return dials;
    }
    let means: Vec<f64> = (0..evidence.candidates().len())
        .filter_map(|candidate| mean_outlay(evidence, outlay, candidate))
        .filter(|mean| *mean > 0.0)
        .collect();
    let (Some(least), Some(most)) =
        (means.iter().copied().reduce(f64::min), means.iter().copied().reduce(f64::max))
    else {
        return dials;
    };
    let (low, high) = (0.01 / most, 2.0 / least);
    let ratio = (high / low).powf(1.0 / f64::from(POINTS - 1));
    dials.extend((0..POINTS).map(|point| Dial(low * ratio.powf(f64::from(point)))));
    dials
}

fn mean_outlay(evidence: &Evidence, outlay: Outlay, candidate: usize) -> Option<f64> {
    let known: Vec<f64> = (0..evidence.len()).filter_map(|row| outlay.of(evidence, candidate, row)).collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}
