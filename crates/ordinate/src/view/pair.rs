//! Two contenders of a run against each other, on all items and slice by slice.

use ordinate_combine::dense_groups;
use ordinate_core::column::Codes;
use ordinate_core::evidence::View;
use ordinate_core::verdict::Estimate;
use ordinate_report::{PairOn, PairOnSlice, PairPage, Select, pair_page};
use ordinate_score::{Groups, Statistic, bounds, by_student};
use rayon::prelude::*;

use super::filter::RIGHT_FROM;
use super::opened::OpenedRun;
use crate::error::Error;
use crate::query::Pairs;

/// Fewer items have no interval.
const MIN_ITEMS: usize = 10;
const LEVEL: f64 = 0.95;
/// Graded scores of up to so many items are held to what holds for every distribution too, which takes its time.
const FEW: usize = 5_000;

/// Whom there is to compare.
struct Contender<'r> {
    /// In addresses: `c2`, the candidate in column 2, or `p0`, the first policy of the verdict.
    key: String,
    name: &'r str,
    column: Option<usize>,
}

fn contenders(run: &OpenedRun) -> Vec<Contender<'_>> {
    let candidates = run.best_first.iter().map(|&column| Contender {
        key: format!("c{column}"),
        name: run.name_of(column),
        column: Some(column),
    });
    let policies = run.verdict.policies.iter().enumerate();
    let policies =
        policies.map(|(at, row)| Contender { key: format!("p{at}"), name: &row.name, column: None });
    candidates.chain(policies).collect()
}

/// The page of the two that a query names: the recommended one against the best other, where it names none.
pub(super) fn pair(run: &OpenedRun, pairs: &Pairs) -> Result<String, Error> {
    let all = contenders(run);
    let recommended = run.verdict.recommended.as_ref().map(|one| one.name.as_str());
    let first = all.iter().position(|one| Some(one.name) == recommended).unwrap_or(0);
    let second = (0..all.len()).find(|&at| at != first).unwrap_or(first);
    let chosen = |key: &str, other: usize| {
        pairs.get(key).and_then(|wanted| all.iter().position(|one| one.key == wanted)).unwrap_or(other)
    };
    let places = [chosen("a", first), chosen("b", second)];
    let [a, b] = places.map(|at| scores(run, &all[at]));
    let corrected = [places[0], places[1]].map(|at| run.corrected(all[at].name));
    let select = |label: &str, key: &str, place: usize| Select {
        label: label.to_owned(),
        key: key.to_owned(),
        options: all
            .iter()
            .enumerate()
            .map(|(at, one)| (one.key.clone(), one.name.to_owned(), at == place))
            .collect(),
    };
    let columns = places.map(|at| all[at].column);
    let everything: Vec<usize> = (0..run.rows.len()).collect();
    let page = PairPage {
        run: run.head(),
        selects: [select("The first", "a", places[0]), select("The second", "b", places[1])],
        names: places.map(|at| all[at].name),
        all: match &corrected {
            [Some(first), Some(second)] => {
                PairOn { counts: on(run, &everything, &a, &b).counts, ..on(run, &everything, first, second) }
            }
            _ => on(run, &everything, &a, &b),
        },
        is_corrected: corrected.iter().all(Option::is_some),
        links: columns[0].zip(columns[1]).map(|(a, b)| links(run, a, b)),
        right_from: run.is_graded.then_some(RIGHT_FROM),
        slices: slices(run, columns, &a, &b),
    };
    Ok(pair_page(&page)?)
}

/// What a contender scores on every item; an error counts as 0.
fn scores(run: &OpenedRun, one: &Contender<'_>) -> Vec<f64> {
    match one.column {
        Some(column) => (0..run.rows.len()).map(|at| run.score(column, at)).collect(),
        None => run.acts(one.name).map_or_else(|| vec![f64::NAN; run.rows.len()], |acts| acts.scores.clone()),
    }
}

/// The addresses of the items on which both are right, one alone, and neither.
fn links(run: &OpenedRun, a: usize, b: usize) -> [String; 4] {
    let path = format!("/run/{}/items", run.head().id);
    let (one, other) = (format!("c{a}"), format!("c{b}"));
    let (first, second) = (a.to_string(), b.to_string());
    let (right, missed) = ("right", "wrong or error");
    [(right, right), (right, missed), (missed, right), (missed, missed)].map(|(is, was)| {
        let pairs =
            [(one.as_str(), is), (other.as_str(), was), ("show", first.as_str()), ("show", second.as_str())];
        Pairs::of(pairs).address(&path)
    })
}

fn slices<'r>(run: &'r OpenedRun, columns: [Option<usize>; 2], a: &[f64], b: &[f64]) -> Vec<PairOnSlice<'r>> {
    let path = format!("/run/{}/items", run.head().id);
    let mut all: Vec<PairOnSlice<'_>> = by_slice(run)
        .into_par_iter()
        .map(|(slice, items)| {
            let address = columns[0].zip(columns[1]).map(|(a, b)| {
                let (first, second) = (a.to_string(), b.to_string());
                Pairs::of([
                    ("slice", slice),
                    ("differ", "scores"),
                    ("show", first.as_str()),
                    ("show", second.as_str()),
                ])
                .address(&path)
            });
            PairOnSlice { slice, on: on(run, &items, a, b), items: address }
        })
        .collect();
    all.sort_by(|one, other| other.on.items.cmp(&one.on.items).then(one.slice.cmp(other.slice)));
    all
}

/// The items of every slice that has any.
pub(super) fn by_slice(run: &OpenedRun) -> Vec<(&str, Vec<usize>)> {
    let slices = run.evidence.items().slices();
    let mut items = vec![Vec::new(); slices.names().len()];
    for (at, &row) in run.rows.iter().enumerate() {
        let code = slices.codes().get(row).copied().unwrap_or(Codes::NONE);
        if let Some(own) = items.get_mut(code as usize) {
            own.push(at);
        }
    }
    slices.names().iter().zip(items).filter(|(_, items)| !items.is_empty()).collect()
}

/// How two columns of scores compare on these items.
pub(super) fn on(run: &OpenedRun, items: &[usize], a: &[f64], b: &[f64]) -> PairOn {
    let both: Vec<usize> = items.iter().copied().filter(|&at| !a[at].is_nan() && !b[at].is_nan()).collect();
    let mut counts = [0; 4];
    for &at in &both {
        let place = match (a[at] >= RIGHT_FROM, b[at] >= RIGHT_FROM) {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) => 2,
            (false, false) => 3,
        };
        counts[place] += 1;
    }
    let of = |scores: &[f64]| both.iter().map(|&at| scores[at]).collect::<Vec<f64>>();
    let (a, b) = (of(a), of(b));
    let mean = |scores: &[f64]| scores.iter().sum::<f64>() / scores.len() as f64;
    let rows = both.iter().map(|&at| run.rows[at]).collect();
    let groups = dense_groups(&View { evidence: &run.evidence, rows }).map(|codes| Groups::new(&codes));
    PairOn {
        items: both.len(),
        means: [mean(&a), mean(&b)],
        difference: difference(&a, &b, groups.as_ref()),
        counts,
    }
}

/// The difference with an interval that a claim may rest on; by Student's t, over groups where items are clustered.
fn difference(a: &[f64], b: &[f64], groups: Option<&Groups>) -> Option<Estimate> {
    if a.len() < MIN_ITEMS {
        return None;
    }
    let student = (*by_student(&[a, b], groups, &[Statistic::Difference(0, 1)]).first()?)?;
    let is_binary = a.iter().chain(b).all(|score| *score == 0.0 || *score == 1.0);
    let bounded = is_binary || a.len() <= FEW;
    Some(if bounded { bounds::of_difference(a, b, groups, &student, LEVEL) } else { student.estimate })
}
