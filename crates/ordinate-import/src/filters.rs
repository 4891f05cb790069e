//! One filter a task: models whose answers were read differently cannot be compared.

use std::collections::{BTreeMap, HashMap};

use ordinate_core::CandidateName;

use crate::compose::compose;
use crate::error::ImportError;
use crate::options::Runs;
use crate::task_runs::TaskRun;

/// The filter of each task that has filters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filters {
    of: HashMap<String, String>,
}

impl Filters {
    pub(crate) fn takes(&self, run: &TaskRun) -> bool {
        match (&run.key.filter, self.of.get(&run.key.task)) {
            (Some(filter), Some(chosen)) => filter == chosen,
            _ => true,
        }
    }

    pub(crate) fn get(&self, task: &str) -> Option<&str> {
        self.of.get(task).map(String::as_str)
    }

    pub(crate) fn with(&self, task: &str, filter: &str) -> Self {
        let mut other = self.clone();
        other.of.insert(task.to_owned(), filter.to_owned());
        other
    }

    /// What was chosen, in plain words: tasks that are read alike share a sentence.
    pub(crate) fn notes(&self, runs: &[TaskRun]) -> Vec<String> {
        const SHOWN: usize = 5;
        let mut alike: BTreeMap<(&str, Vec<&str>), Vec<&str>> = BTreeMap::new();
        for (task, logs) in by_task(runs) {
            let chosen = self.get(task).unwrap_or_default();
            let mut others: Vec<&str> = Vec::new();
            for name in logs.values().flatten().map(|&at| filter(&runs[at])) {
                if name != chosen && !others.contains(&name) {
                    others.push(name);
                }
            }
            if !others.is_empty() {
                alike.entry((chosen, others)).or_default().push(task);
            }
        }
        let sentence = |((chosen, others), tasks): ((&str, Vec<&str>), Vec<&str>)| {
            let count = tasks.len();
            let named = tasks[..count.min(SHOWN)].join(", ");
            let tasks = match count {
                1 => format!("task {named}"),
                2..=SHOWN => format!("tasks {named}"),
                _ => format!("{count} tasks ({named}, …)"),
            };
            format!(
                "{tasks}: scored by the filter {chosen:?}; the log also has {}. Choose with --filter.",
                others.join(", ")
            )
        };
        alike.into_iter().map(sentence).collect()
    }

    /// Chooses for each task, of the filters that all its logs have, the one that is first in the first log.
    ///
    /// # Errors
    /// Where the logs of a task have no filter in common.
    pub(crate) fn choose(runs: &[TaskRun], models: &[CandidateName]) -> Result<Self, ImportError> {
        let mut of = HashMap::new();
        for (task, logs) in by_task(runs) {
            let in_all = common(runs, &logs);
            let Some(first) = in_all.first() else {
                let mut told: Vec<String> = Vec::new();
                for filters in logs.values() {
                    let names: Vec<&str> = filters.iter().map(|&at| filter(&runs[at])).collect();
                    let model = filters.first().map_or("", |&at| models[runs[at].key.model].as_str());
                    let one = format!("{model}: {}", names.join(", "));
                    if !told.contains(&one) {
                        told.push(one);
                    }
                }
                return Err(ImportError::Options(format!(
                    "the logs of task {task} have no filter in common, and scores by different filters cannot be compared ({}); \
                     import logs that share one, or name with --filter one that the logs you need have",
                    told.join("; ")
                )));
            };
            of.insert(task.to_owned(), (*first).to_owned());
        }
        Ok(Self { of })
    }
}

fn filter(run: &TaskRun) -> &str {
    run.key.filter.as_deref().unwrap_or_default()
}

/// Per task with filters, per log and model, its task runs in the order in which the log has the filters.
type ByTask<'a> = BTreeMap<&'a str, BTreeMap<(usize, usize), Vec<usize>>>;

fn by_task(runs: &[TaskRun]) -> ByTask<'_> {
    let mut tasks: ByTask<'_> = BTreeMap::new();
    for (at, run) in runs.iter().enumerate().filter(|(_, run)| run.key.filter.is_some()) {
        let logs = tasks.entry(&run.key.task).or_default();
        logs.entry((run.key.log, run.key.model)).or_default().push(at);
    }
    tasks
}

/// The filters that all logs of a task have, in the order of the first log.
fn common<'a>(runs: &'a [TaskRun], logs: &BTreeMap<(usize, usize), Vec<usize>>) -> Vec<&'a str> {
    let mut lists = logs.values().map(|log| log.iter().map(|&at| filter(&runs[at])).collect::<Vec<_>>());
    let first = lists.next().unwrap_or_default();
    let rest: Vec<Vec<&str>> = lists.collect();
    first.into_iter().filter(|filter| rest.iter().all(|list| list.contains(filter))).collect()
}

/// A task whose leader hangs on the filter.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Apart {
    pub(crate) task: String,
    /// The other filter.
    pub(crate) filter: String,
    /// The means under the filter that was chosen, and under the other one, as text.
    pub(crate) chosen: String,
    pub(crate) other: String,
}

/// The tasks, and the other filters of theirs, under which another model leads.
pub(crate) fn lead_apart(
    runs: &[TaskRun],
    models: &[CandidateName],
    filters: &Filters,
    mode: Runs,
) -> Vec<Apart> {
    let mut apart = Vec::new();
    for (task, logs) in by_task(runs) {
        let (leaders, chosen) = standing(runs, models, filters, mode, task);
        for filter in common(runs, &logs) {
            if Some(filter) == filters.get(task) {
                continue;
            }
            let (others, other) = standing(runs, models, &filters.with(task, filter), mode, task);
            if leaders != others {
                apart.push(Apart {
                    task: task.to_owned(),
                    filter: filter.to_owned(),
                    chosen: chosen.clone(),
                    other,
                });
            }
        }
    }
    apart
}

/// Who leads in a task, and everybody's mean as text.
fn standing(
    runs: &[TaskRun],
    models: &[CandidateName],
    filters: &Filters,
    mode: Runs,
    task: &str,
) -> (Vec<(usize, usize)>, String) {
    const SHOWN: usize = 4;
    let (candidates, _) = compose(runs, models.len(), filters, mode);
    let mut means: Vec<((usize, usize), f64)> = candidates
        .iter()
        .filter_map(|candidate| {
            let run = candidate.runs.iter().find(|&&at| runs[at].key.task == task)?;
            Some(((candidate.model, candidate.number), runs[*run].mean()?))
        })
        .collect();
    means.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let best = means.first().map_or(f64::NAN, |(_, mean)| *mean);
    let leaders = means.iter().filter(|(_, mean)| *mean == best).map(|(who, _)| *who).collect();
    let name = |(model, number): (usize, usize)| match number {
        0 => models[model].to_string(),
        number => format!("{} (run {})", models[model], number + 1),
    };
    let shown: Vec<String> =
        means.iter().take(SHOWN).map(|(who, mean)| format!("{} {mean:.3}", name(*who))).collect();
    (leaders, shown.join(", "))
}
