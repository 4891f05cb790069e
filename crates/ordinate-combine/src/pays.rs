//! Whether it pays to leave the lookup by slice: a policy that knows more stays with it wherever that was not seen.

use ordinate_core::Evidence;
use ordinate_core::column::Codes;
use ordinate_core::evidence::Row;
use ordinate_score::shrink::{Observed, Shrunken};

/// Standard errors by which a gain has to be above 0. What decides is the harm of the two mistakes: to leave the lookup where
/// it is as good costs a bit of luck, to stay costs the whole gain.
const CLEAR: f64 = 1.0;
/// Of a normal interval that covers 95 %.
const HALF: f64 = 1.959_964;

/// Rows, and what each would gain.
pub(crate) type Gains = Vec<(Row, f64)>;

/// For each slice, whether a policy was seen to gain over the lookup: `gains` has its rows, which the policy had not seen, with
/// the utility of the policy less that of the lookup. A slice borrows from all others (empirical Bayes), since its own items are
/// few. Rows of one group are one observation.
pub(crate) fn pays(evidence: &Evidence, gains: &[Gains]) -> Vec<bool> {
    let observed: Vec<Observed> = gains.iter().map(|gains| observe(evidence, gains)).collect();
    let Some(shrunken) = Shrunken::fit(&observed) else { return vec![false; gains.len()] };
    let clear = |(mean, low): (f64, f64)| mean > 0.0 && mean - CLEAR * (mean - low) / HALF > 0.0;
    shrunken.means.iter().map(|estimate| clear((estimate.mean, estimate.low))).collect()
}

fn observe(evidence: &Evidence, gains: &[(Row, f64)]) -> Observed {
    let groups = evidence.items().groups();
    if groups.names().is_empty() {
        return Observed::new(gains.iter().map(|(_, gain)| *gain));
    }
    // Whoever has no group is one.
    let group = |row: Row| match groups.codes()[row] {
        Codes::NONE => (u32::MAX, row),
        group => (group, 0),
    };
    let mut of_group: Vec<((u32, usize), f64)> =
        gains.iter().map(|&(row, gain)| (group(row), gain)).collect();
    of_group.sort_by_key(|(group, _)| *group);
    Observed::new(
        of_group
            .chunk_by(|a, b| a.0 == b.0)
            .map(|same| same.iter().map(|(_, gain)| gain).sum::<f64>() / same.len() as f64),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix;
    use crate::testing::evidence;

    fn of(gain: f64, seed: u64) -> Vec<bool> {
        let mut random = SplitMix::new(seed);
        let mut slice = |gain: f64| -> Gains {
            (0..200).map(|row| (row, gain + [-0.5, 0.0, 0.5][(3.0 * random.unit()) as usize])).collect()
        };
        let gains: Vec<_> = [gain, gain, gain].map(&mut slice).to_vec();
        let rows: Vec<_> = (0..200).map(|_| ("s", None, vec![Some(0.5)])).collect();
        pays(&evidence(1, &rows), &gains)
    }

    #[test]
    fn what_gains_is_believed_and_what_does_not_is_not() {
        let open = |gain: f64| (0..100).flat_map(|seed| of(gain, seed)).filter(|open| *open).count();
        let (none, some, loss) = (open(0.0), open(0.08), open(-0.05));
        assert!(none < 75 && some > 290 && loss < 3, "{none} {some} {loss} of 300");
    }
}
