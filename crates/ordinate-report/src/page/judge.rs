//! Who graded the answers, and how far that is to be believed.

use std::collections::BTreeSet;

use ordinate_core::verdict::{Estimate, Judge, JudgedCandidate, JudgedSlice, Verdict};

use super::candidates::Cell;
use crate::figures;
use crate::text::clean;
use crate::words;

pub(super) struct Grades {
    /// Who graded, how, and how far people grade alike.
    pub(super) lines: Vec<String>,
    pub(super) rows: Vec<Row>,
    /// A row a slice, a cell a candidate in the order of `rows`; empty where nothing is known of slices.
    pub(super) slices: Vec<(String, Vec<Cell>)>,
}

pub(super) struct Row {
    pub(super) name: String,
    pub(super) own_family: bool,
    /// Answers graded, answers that people graded, the judge's mean, people's, the bias, how far the judge is followed.
    pub(super) cells: Vec<Cell>,
}

/// `None` where no judge graded.
pub(super) fn grades(verdict: &Verdict) -> Option<Grades> {
    let judge = verdict.judge.as_ref()?;
    Some(Grades {
        lines: words::judge(judge).iter().map(|line| clean(line)).collect(),
        rows: judge.candidates.iter().map(|one| row(judge, one)).collect(),
        slices: slices(judge),
    })
}

fn slices(judge: &Judge) -> Vec<(String, Vec<Cell>)> {
    let names: BTreeSet<&String> = judge.candidates.iter().flat_map(|one| one.slices.keys()).collect();
    let cell = |one: &JudgedCandidate, slice: Option<&JudgedSlice>| match slice {
        None => Cell::new(figures::UNKNOWN.to_owned(), None),
        Some(slice) => {
            let key = slice.corrected.map_or(slice.judge, |corrected| corrected.mean);
            Cell::new(words::judged_slice(judge, one, slice), Some(key))
        }
    };
    let row = |name: &String| judge.candidates.iter().map(|one| cell(one, one.slices.get(name))).collect();
    names.into_iter().map(|name| (clean(name), row(name))).collect()
}

fn row(judge: &Judge, one: &JudgedCandidate) -> Row {
    let counted = |n: u64| Cell::new(figures::count(n), Some(n as f64));
    let unknown = || Cell::new(figures::UNKNOWN.to_owned(), None);
    let told = |estimate: &Option<Estimate>, words: &dyn Fn(&Estimate) -> String| {
        estimate.as_ref().map_or_else(unknown, |estimate| Cell::new(words(estimate), Some(estimate.mean)))
    };
    let bias = |estimate: &Estimate| {
        let [mean, low, high] = [estimate.mean, estimate.low, estimate.high].map(figures::difference);
        format!("{mean} [{low}, {high}]")
    };
    let followed = match one.lambda {
        Some(lambda) => Cell::new(figures::number(lambda), Some(lambda)),
        None if judge.against.as_ref() == Some(&one.name) => Cell::new("held against".to_owned(), None),
        None => Cell::new("not corrected".to_owned(), None),
    };
    Row {
        name: clean(one.name.as_str()),
        own_family: one.own_family,
        cells: vec![
            counted(one.graded),
            counted(one.labelled),
            one.judge.map_or_else(unknown, |mean| Cell::new(figures::quality(mean), Some(mean))),
            told(&one.human, &figures::estimate),
            told(&one.bias, &bias),
            followed,
        ],
    }
}
