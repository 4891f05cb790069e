//! What a policy of a run would do with every item of a file.

use std::path::{Path, PathBuf};

use ordinate_combine::Artefact;
use ordinate_core::verdict::Verdict;
use ordinate_core::{Dial, Goal, PolicyKind, Query, Step};
use ordinate_data::{ItemToAsk, Task, Wanted, read_items_to_ask, read_kept_task};
use rayon::prelude::*;
use serde::Serialize;

use crate::ask::policy_of;
use crate::error::Error;
use crate::folder::Folder;
use crate::options::Options;
use crate::play::{Bench, play};
use crate::work::aside;

/// Items that are decided about together.
const BLOCK: usize = 1_024;

/// A file of items, for a policy.
#[derive(Debug, Clone, Default)]
pub struct Questions {
    /// The file: JSON lines, CSV or any other format of a task's data, with the fields of the run's task.
    pub items: PathBuf,
    /// Another policy of the run than the recommended one.
    pub policy: Option<String>,
}

/// What a policy would do with one item: a line of `ordinate ask --items`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Decision {
    /// The item's id; its number, from 1, where it has none.
    pub id: String,
    /// Whom the policy asks: first, or all whom it asked where they could answer here.
    pub ask: Vec<String>,
    /// The policy's answer; `None` where it needs a candidate that is not in this process, or nobody answered.
    pub answer: Option<String>,
    /// How sure the candidate is whose answer is given, in `[0, 1]`; `None` where it does not say, or the answer is made of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// What it takes to ask them, USD: what the policy expects for the item, or else their mean over the items of the run.
    pub cost_usd: Option<f64>,
    /// The score that is expected of the candidate that is asked, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_quality: Option<f64>,
    /// The slice, where the evidence of the run has no items of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_slice: Option<String>,
}

/// Asks the recommended policy of the run in this folder, or another one, what it would do with every item of a file, and
/// lets the candidates answer that run in this process. `each` is given the decisions in the order of the file, and says
/// whether it wants more; how many it was given is returned.
///
/// # Errors
/// [`Error`] where the folder holds no run or the policy cannot be read; [`Error::Data`], with the place, for the first row
/// that cannot be used: those before it were decided about.
pub async fn ask_items(
    run: &Path,
    questions: &Questions,
    options: &Options,
    each: impl FnMut(&Decision) -> bool + Send + 'static,
) -> Result<u64, Error> {
    let (run, questions, how) = (run.to_owned(), questions.clone(), options.clone());
    aside(&options.cancel, move || {
        let folder = Folder::open(&run)?;
        let verdict = folder.verdict()?;
        let artefact = policy_of(&folder, &verdict, questions.policy.as_deref())?;
        let task = read_kept_task(&folder.path("task.toml"), &how.task_kinds)?;
        let bench = Bench::of(&folder, &how)?;
        let asking = Asking { verdict: &verdict, artefact: &artefact };
        asking.all(&task, &questions.items, bench, &how, each)
    })
    .await
}

struct Asking<'a> {
    verdict: &'a Verdict,
    artefact: &'a Artefact,
}

impl Asking<'_> {
    fn all(
        &self,
        task: &Task,
        file: &Path,
        mut bench: Bench<'_>,
        options: &Options,
        mut each: impl FnMut(&Decision) -> bool,
    ) -> Result<u64, Error> {
        let names = self.artefact.policy.candidates();
        let answers = bench.can_answer(names)?;
        let passage = bench.reader_of_passages(names)?.is_some();
        let wanted = Wanted { input: self.wants_input(task, answers), passage };
        let (mut block, mut given, mut failed) = (Vec::new(), 0, None);
        let mut flush = |block: &mut Vec<ItemToAsk>| -> Result<bool, Error> {
            let decisions: Vec<Decision> = if answers {
                block.iter().map(|item| self.played(item, &mut bench)).collect::<Result<_, Error>>()?
            } else {
                block.par_iter().map(|item| self.decision(item)).collect()
            };
            block.clear();
            for decision in &decisions {
                given += 1;
                if !each(decision) {
                    return Ok(false);
                }
            }
            Ok(!options.cancel.is_cancelled())
        };
        let read = read_items_to_ask(task, file, wanted, &mut |item| {
            block.push(item);
            if block.len() < BLOCK {
                return true;
            }
            flush(&mut block).unwrap_or_else(|error| {
                failed = Some(error);
                false
            })
        });
        // What stands before a bad row is decided about.
        if failed.is_none() && !options.cancel.is_cancelled() {
            failed = flush(&mut block).err();
        }
        match failed {
            Some(error) => Err(error),
            None => read.map(|()| given).map_err(Error::from),
        }
    }

    /// Whether an item without a text cannot be decided about as one of the run could.
    fn wants_input(&self, task: &Task, answers: bool) -> bool {
        let reads = matches!(
            self.artefact.policy.kind(),
            PolicyKind::Route | PolicyKind::Cascade | PolicyKind::Select
        );
        let data = &task.file.data;
        answers || reads || data.input.is_some() || data.features.is_some()
    }

    /// The first step, which needs nobody's answer.
    fn decision(&self, item: &ItemToAsk) -> Decision {
        let query = query(item);
        let policy = self.artefact.policy.as_ref();
        let mut thought = policy.think(&query);
        let asked = match policy.next(&query, &mut thought, &[], self.dial(item)) {
            Step::Ask(asked) => asked,
            Step::Give(_) => Vec::new(),
        };
        let expected_quality = match asked[..] {
            [one] => thought.quality.get(one).copied(),
            _ => None,
        };
        let by_cost = self.verdict.needs.goal != Goal::Latency;
        let cost = |&at: &usize| {
            let expected = thought.outlay.get(at).copied().filter(|_| by_cost);
            expected.or_else(|| self.mean_cost(policy.candidates()[at].as_str()))
        };
        let is_new = |slice: &&String| {
            !self.verdict.candidates.iter().any(|one| one.slices.contains_key(slice.as_str()))
        };
        Decision {
            id: item.id.clone(),
            cost_usd: asked.iter().map(cost).sum(),
            ask: asked.iter().map(|&at| policy.candidates()[at].to_string()).collect(),
            answer: None,
            confidence: None,
            expected_quality,
            new_slice: item.slice.as_ref().filter(is_new).cloned(),
        }
    }

    /// All steps, as far as candidates can answer here.
    fn played(&self, item: &ItemToAsk, bench: &mut Bench<'_>) -> Result<Decision, Error> {
        let mut decision = self.decision(item);
        let played = play(bench, self.artefact, &query(item), &item.item(), self.dial(item))?;
        for said in played.answers {
            let name = said.candidate.as_str();
            if !decision.ask.iter().any(|asked| asked == name) {
                decision.cost_usd = decision.cost_usd.zip(self.mean_cost(name)).map(|(sum, more)| sum + more);
                decision.ask.push(name.to_owned());
            }
        }
        decision.answer = played.answer;
        decision.confidence = played.confidence;
        Ok(decision)
    }

    fn dial(&self, item: &ItemToAsk) -> Dial {
        self.artefact.dial_for(item.input.as_deref().unwrap_or(&item.id))
    }

    /// What the candidate cost on average over the items of the run, USD.
    fn mean_cost(&self, name: &str) -> Option<f64> {
        let row = self.verdict.candidates.iter().find(|row| row.name.as_str() == name)?;
        row.cost_per_1k.map(|cost| cost / 1_000.0)
    }
}

fn query(item: &ItemToAsk) -> Query<'_> {
    Query { input: item.input.as_deref(), slice: item.slice.as_deref(), notes: None }
}
