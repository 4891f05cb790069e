//! The zero router as a contender: under a budget a coin between two candidates may be the best that it buys, also where one
//! of the two is beyond it by itself.

use ordinate_core::{Candidate, Dial, Lineage, Needs, PolicyKind};
use ordinate_trials::{Plays, Priced, Trial, Trials, zero_router_file};

/// For each pool (all candidates, and those of each lineage) a trial with one dial a candidate, the dearest first: which two
/// the coin is between is then chosen as the dials of every policy are, each fold by the others. None without a budget.
///
/// `mixable` are the candidates that meet the needs whatever they cost.
pub(crate) fn tosses(trials: &Trials, learn: &Priced<'_>, mixable: &[bool], needs: &Needs) -> Vec<Trial> {
    if needs.max_cost_per_1k.is_none() {
        return Vec::new();
    }
    let candidates = trials.candidates.as_slice();
    let cost = |column: usize| {
        let known = learn.cost(column).iter().filter(|cost| !cost.is_nan());
        let (sum, count) = known.fold((0.0, 0.0), |(sum, count), cost| (sum + cost, count + 1.0));
        sum / count
    };
    let mut costs: Vec<(usize, f64)> = (0..candidates.len())
        .filter(|&column| mixable[column])
        .map(|column| (column, cost(column)))
        .filter(|(_, cost)| cost.is_finite())
        .collect();
    costs.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let mut found: Vec<Trial> = Vec::new();
    let lineages = [Lineage::General, Lineage::Vertical, Lineage::Transferred].map(Some);
    for lineage in [None].into_iter().chain(lineages) {
        let own = |candidate: &Candidate| lineage.is_none_or(|lineage| candidate.lineage == lineage);
        let columns: Vec<usize> =
            costs.iter().map(|(column, _)| *column).filter(|&column| own(&candidates[column])).collect();
        if columns.len() > 1 && !found.iter().any(|other| other.columns == columns) {
            found.push(toss(trials, columns, lineage));
        }
    }
    found
}

fn toss(trials: &Trials, columns: Vec<usize>, lineage: Option<Lineage>) -> Trial {
    let of_len = |len: usize| Plays::of_columns(&columns, len);
    Trial {
        name: zero_router_file(lineage).0,
        kind: PolicyKind::ZeroRouter,
        pool: lineage.map_or_else(|| "all".to_owned(), |lineage| lineage.to_string()),
        outlay: None,
        dials: (0..columns.len()).map(|number| Dial(number as f64)).collect(),
        plays: trials.foldings.iter().map(|folding| of_len(folding.of.len())).collect(),
        on_test: trials.test.as_ref().map(|test| of_len(test.len())),
        advantage: Vec::new(),
        calibration: None,
        has_twin: false,
        columns,
    }
}
