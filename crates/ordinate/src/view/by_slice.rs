//! Which candidate for which slice, and what the recommended policy does there.

use std::collections::BTreeMap;

use ordinate_judge::{Acts, Giver};
use ordinate_report::{SliceShown, SlicesPage, slices_page};
use rayon::prelude::*;

use super::opened::OpenedRun;
use super::pair::{by_slice, on};
use crate::error::Error;
use crate::query::Pairs;

/// The page of the slices.
pub(super) fn slices(run: &OpenedRun) -> Result<String, Error> {
    let policy = run.verdict.recommended.as_ref().map(|one| one.name.as_str());
    let acts = policy.and_then(|name| run.acts(name));
    let candidates = run.best_first.len();
    let scores: Vec<Vec<f64>> =
        (0..candidates).map(|column| (0..run.rows.len()).map(|at| run.score(column, at)).collect()).collect();
    let mut slices: Vec<SliceShown<'_>> = by_slice(run)
        .into_par_iter()
        .map(|(slice, items)| shown(run, slice, &items, &scores, acts.as_deref()))
        .collect();
    slices.sort_by(|one, other| other.items.cmp(&one.items).then(one.slice.cmp(other.slice)));
    let page = SlicesPage { run: run.head(), policy: policy.filter(|_| acts.is_some()), slices };
    Ok(slices_page(&page)?)
}

fn shown<'r>(
    run: &'r OpenedRun,
    slice: &'r str,
    items: &[usize],
    scores: &[Vec<f64>],
    acts: Option<&Acts>,
) -> SliceShown<'r> {
    let mut means: Vec<(usize, f64)> = run
        .best_first
        .iter()
        .filter_map(|&column| Some((column, mean(items.iter().map(|&at| scores[column][at]), items.len())?)))
        .collect();
    // Of equal ones the one that is better overall.
    means.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let named = |place: usize| means.get(place).map(|&(column, mean)| (run.name_of(column), mean));
    let lead = match means.as_slice() {
        [(best, _), (next, _), ..] => on(run, items, &scores[*best], &scores[*next]).difference,
        _ => None,
    };
    let address = Pairs::of([("slice", slice)]).address(&format!("/run/{}/items", run.head().id));
    SliceShown {
        slice,
        items: items.len(),
        best: named(0),
        next: named(1),
        lead,
        policy: acts.and_then(|acts| mean(items.iter().map(|&at| acts.scores[at]), items.len())),
        given: acts.map_or_else(Vec::new, |acts| given(run, items, acts)),
        address,
    }
}

/// The mean of what is known of these scores; `None` where that is less than half: it does not stand for all.
fn mean(scores: impl Iterator<Item = f64>, of: usize) -> Option<f64> {
    let known = scores.filter(|score| !score.is_nan());
    let (sum, count) = known.fold((0.0, 0_usize), |(sum, count), score| (sum + score, count + 1));
    (2 * count > of).then(|| sum / count as f64)
}

/// Whose answers a policy gives to these items, the most frequent first.
fn given(run: &OpenedRun, items: &[usize], acts: &Acts) -> Vec<(String, f64)> {
    let mut counts: BTreeMap<Giver, f64> = BTreeMap::new();
    for &at in items {
        let act = &acts.acts[acts.of[at] as usize];
        let all: u32 = act.given.iter().map(|(_, times)| times).sum();
        for (giver, times) in &act.given {
            *counts.entry(*giver).or_default() += f64::from(*times) / f64::from(all.max(1));
        }
    }
    let name = |giver| match giver {
        Giver::Candidate(column) => run.name_of(column).to_owned(),
        Giver::Several => "several together".to_owned(),
        Giver::Nobody => "nobody".to_owned(),
    };
    let mut shares: Vec<(String, f64)> =
        counts.into_iter().map(|(giver, count)| (name(giver), count / items.len() as f64)).collect();
    shares.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    shares
}
