//! The items of a task, read once, and what all candidates share of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use ordinate_core::column::Codes;
use ordinate_core::task::{ChooseExamples, PromptSection};
use ordinate_core::{Item, Items, OutputKind, Part};
use ordinate_data::Task;
use ordinate_remote::Examples;
use ordinate_tasks::{Kind, Scorer};

use crate::error::Error;
use crate::grading::judge_of;

/// The items of a task, read once, and what all candidates share of them.
pub struct Materials {
    /// The items, train and test.
    pub items: Arc<Items>,
    /// The rows of the items of the evidence, in its order.
    pub evidence: Arc<[u32]>,
    /// Those of them that have a target, or all where a judge grades: what candidates are asked about.
    pub asked: Arc<[u32]>,
    /// The labels of the task, where its kind has a list of them.
    pub labels: Vec<String>,
    /// The examples that `[prompt]` wants.
    pub examples: Arc<Examples>,
    /// The metric, made for the targets.
    pub metric: Scorer,
}

/// The labels of a task with these items, where its kind has a list of them.
pub(crate) fn labels_of(task: &Task, items: &Items) -> Vec<String> {
    let targets: BTreeSet<&str> = (0..items.len()).filter_map(|row| items.target(row)).collect();
    task.kind.labels(targets.into_iter().map(str::to_owned).collect())
}

impl Materials {
    /// Of these items. With `spares_train` the evidence has test items alone, where the task names both.
    ///
    /// # Errors
    /// [`Error::Task`] where examples are wanted and there is nothing to draw them from.
    pub(crate) fn new(
        task: &Task,
        items: Arc<Items>,
        metric: Scorer,
        spares_train: bool,
    ) -> Result<Self, Error> {
        let rows = (0..).zip(0..items.len());
        let by_parts = items.has_parts();
        let is_train = |row: usize| by_parts && items.part(row) == Some(Part::Train);
        let evidence: Arc<[u32]> =
            rows.filter(|&(_, row)| !(spares_train && is_train(row))).map(|(at, _)| at).collect();
        // A judge needs no right answer.
        let can_be_scored = |row: &u32| judge_of(task).is_some() || items.target(*row as usize).is_some();
        let asked = evidence.iter().copied().filter(can_be_scored).collect();
        let labels = labels_of(task, &items);
        let train = (0..items.len()).filter(|&row| is_train(row));
        let examples = Arc::new(examples(task, train.map(|row| items.item(row)))?);
        Ok(Self { items, evidence, asked, labels, examples, metric })
    }

    /// The row of the first item that is asked about.
    #[must_use]
    pub fn first(&self) -> usize {
        self.asked.first().map_or(0, |&row| row as usize)
    }
}

/// The items, as measuring takes them: made when they are asked about.
pub(crate) struct Columns(pub(crate) Arc<Items>);

impl ordinate_measure::Items for Columns {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn item(&self, at: usize) -> Item {
        self.0.item(at)
    }

    fn group(&self, at: usize) -> Option<u32> {
        self.0.groups().codes().get(at).copied().filter(|code| *code != Codes::NONE)
    }
}

/// The examples that `[prompt]` wants, drawn from these items.
fn examples(task: &Task, train: impl Iterator<Item = Item>) -> Result<Examples, Error> {
    let prompt = &task.file.prompt;
    if prompt.examples.unwrap_or(0) == 0 {
        return Ok(Examples::none());
    }
    let train: Vec<Item> = train.collect();
    if train.is_empty() {
        let problem = "[prompt] examples: there are no train items to draw examples from. Name train and test in [data], or \
                       remove examples.";
        return Err(Error::task(task, problem));
    }
    Ok(draw(task.kind, prompt, task.file.statistics.seed.unwrap_or_default(), train))
}

/// Draws examples from these items, as `[prompt]` says.
pub(crate) fn draw(kind: &dyn Kind, prompt: &PromptSection, seed: u64, train: Vec<Item>) -> Examples {
    let k = prompt.examples.unwrap_or(0) as usize;
    let classes = kind.output() == Some(OutputKind::Label);
    let default = if classes { ChooseExamples::PerClass } else { ChooseExamples::Random };
    Examples::draw(train, k, prompt.choose_examples.unwrap_or(default), seed)
}
