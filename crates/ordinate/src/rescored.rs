//! What reading stored answers anew changed: held against the evidence that is in the run folder.

use std::collections::HashMap;
use std::path::Path;

use ordinate_core::{Candidate, Evidence};
use ordinate_data::read_evidence;

/// A line for each candidate of this evidence: how many of its answers read otherwise than in the evidence of this file, and
/// its quality then and now, over the items of both to which it has an answer: who was stopped early has not all.
pub(crate) fn changes(before: &Path, now: &Evidence) -> Vec<String> {
    let Ok(before) = read_evidence(before) else {
        return vec![
            "Stored answers were read anew; there is no earlier verdict to compare with.".to_owned(),
        ];
    };
    let rows: HashMap<&str, usize> = (0..before.len()).map(|row| (before.items().id(row), row)).collect();
    let pairs: Vec<(usize, usize)> =
        (0..now.len()).filter_map(|row| Some((*rows.get(now.items().id(row))?, row))).collect();
    let column = |name| before.candidates().iter().position(|one| one.name == name);
    let line = |(own, candidate): (usize, &Candidate)| {
        let Some(old) = column(candidate.name.clone()) else {
            return format!("{}: not in the evidence before.", candidate.name);
        };
        let read = |evidence: &Evidence, column: usize, row: usize| {
            let answers = evidence.answers(column);
            (answers.output(row).map(str::to_owned), answers.error(row).map(str::to_owned))
        };
        let is_there = |evidence: &Evidence, column: usize, row: usize| {
            let answers = evidence.answers(column);
            answers.score(row).is_some() || answers.error(row).is_some()
        };
        let pairs: Vec<(usize, usize)> = pairs
            .iter()
            .copied()
            .filter(|&(was, is)| is_there(&before, old, was) && is_there(now, own, is))
            .collect();
        let otherwise =
            pairs.iter().filter(|&&(was, is)| read(&before, old, was) != read(now, own, is)).count();
        let quality = |evidence: &Evidence, column: usize, row: &dyn Fn(&(usize, usize)) -> usize| {
            let scores = pairs.iter().map(|pair| evidence.answers(column).score(row(pair)).unwrap_or(0.0));
            scores.sum::<f64>() / pairs.len().max(1) as f64
        };
        format!(
            "{}: {otherwise} of {} answers read otherwise; quality {:.3} -> {:.3}, an error being 0.",
            candidate.name,
            pairs.len(),
            quality(&before, old, &|pair| pair.0),
            quality(now, own, &|pair| pair.1)
        )
    };
    now.candidates().iter().enumerate().map(line).collect()
}
