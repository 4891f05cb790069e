//! Which task runs make a candidate. A task run is whole in one candidate or in none; runs of one launch stay together
//! where they can; and a task has one filter for all models (see [`crate::filters`]).

use std::collections::BTreeMap;

use crate::filters::Filters;
use crate::options::Runs;
use crate::task_runs::TaskRun;

/// One candidate: a model, which of its runs this is (from 0), and its task runs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Composed {
    pub(crate) model: usize,
    pub(crate) number: usize,
    pub(crate) runs: Vec<usize>,
}

/// The candidates, first runs first; and the task runs that a whole or a later one stands for.
pub(crate) fn compose(
    runs: &[TaskRun],
    models: usize,
    filters: &Filters,
    mode: Runs,
) -> (Vec<Composed>, Vec<usize>) {
    let mut candidates = Vec::new();
    let mut left_out = Vec::new();
    for model in 0..models {
        let mut own: Vec<usize> =
            (0..runs.len()).filter(|&at| runs[at].key.model == model && filters.takes(&runs[at])).collect();
        in_order(runs, &mut own);
        own.retain(|&at| {
            let run = &runs[at];
            let same = |other: &&TaskRun| other.key.model == model && other.key.task == run.key.task;
            // What broke off, and was run again, is part of the whole run or worse.
            let whole = runs.iter().filter(same).any(|other| other.run.finished && filters.takes(other));
            if !run.run.finished && whole {
                left_out.push(at);
            }
            run.run.finished || !whole
        });
        let mut columns: Vec<Composed> = Vec::new();
        match mode {
            Runs::Latest => {
                let mut latest: BTreeMap<&str, usize> = BTreeMap::new();
                for &at in &own {
                    latest.insert(&runs[at].key.task, at);
                }
                let kept: Vec<usize> =
                    own.iter().copied().filter(|at| latest.values().any(|l| l == at)).collect();
                left_out.extend(own.iter().filter(|at| !kept.contains(at)));
                // Two tasks may hold the same item (the filters of one, in a conversion): those stay apart.
                for at in kept {
                    place(runs, &mut columns, model, &[at]);
                }
            }
            Runs::Each => {
                for launch in launches(runs, &own) {
                    place(runs, &mut columns, model, &launch);
                }
            }
        }
        candidates.append(&mut columns);
    }
    candidates.sort_by_key(|candidate| (candidate.number, candidate.model));
    (candidates, left_out)
}

/// Earliest first, where all say when they were; else in the order of the logs.
fn in_order(runs: &[TaskRun], own: &mut [usize]) {
    let time =
        |at: &usize| runs[*at].run.started.as_deref().map(|time| time.replace(':', "-").replace(' ', "T"));
    if own.iter().all(|at| time(at).is_some()) {
        own.sort_by_key(|at| (time(at), runs[*at].key.log));
    } else {
        own.sort_by_key(|at| runs[*at].key.log);
    }
}

/// Runs of one launch together, without two of one task.
fn launches(runs: &[TaskRun], own: &[usize]) -> Vec<Vec<usize>> {
    let mut launches: Vec<Vec<usize>> = Vec::new();
    for &at in own {
        let same = launches.iter_mut().find(|launch| {
            launch.iter().all(|&other| {
                runs[other].launch == runs[at].launch && runs[other].key.task != runs[at].key.task
            })
        });
        match same {
            Some(launch) => launch.push(at),
            None => launches.push(vec![at]),
        }
    }
    launches
}

/// Puts task runs that belong together into the first candidate that has answers neither to their tasks nor to their
/// items, or into a new one; each on its own where even among themselves they meet.
fn place(runs: &[TaskRun], columns: &mut Vec<Composed>, model: usize, launch: &[usize]) {
    let clash =
        |a: usize, b: usize| runs[a].key.task == runs[b].key.task || runs[a].rows.meets(&runs[b].rows);
    for (place, &at) in launch.iter().enumerate() {
        // The candidate of those of the launch that were placed before comes first.
        let before = launch.get(place.wrapping_sub(1));
        let home = before.and_then(|before| columns.iter().position(|column| column.runs.contains(before)));
        let rest = &launch[place..];
        let fits = |column: &Composed, ours: &[usize]| {
            ours.iter().all(|&one| column.runs.iter().all(|&other| !clash(one, other)))
        };
        let found = home
            .filter(|&home| fits(&columns[home], &[at]))
            .or_else(|| columns.iter().position(|column| fits(column, rest)))
            .or_else(|| home.and_then(|_| columns.iter().position(|column| fits(column, &[at]))));
        match found {
            Some(found) => columns[found].runs.push(at),
            None => columns.push(Composed { model, number: columns.len(), runs: vec![at] }),
        }
    }
}
