//! How much a session may ask, and how fast: `[measure]` of the task file.

use std::sync::Arc;

use ordinate_data::Task;
use ordinate_measure::{Contender, EarlyStopping, Plan};
use ordinate_tasks::Reader;

use super::Session;
use crate::error::Error;
use crate::materials::Columns;

/// The probability that early stopping stops a candidate that is not beaten, where the task says nothing else.
const ALPHA: f64 = 0.05;

impl Session<'_> {
    pub(super) fn plan(&self, contenders: Vec<Contender>, rows: &Arc<[u32]>) -> Result<Plan, Error> {
        check_numbers(self.task)?;
        let items = Columns(Arc::clone(&self.materials.items));
        let reader = Reader::new(self.task.kind, &self.materials.labels);
        let mut plan = Plan::new(items, contenders, reader, self.store.clone());
        plan.places = Some(Arc::clone(rows));
        let measure = &self.task.file.measure;
        plan.max_spend = measure.max_spend;
        if let Some(most) = measure.concurrency {
            plan.concurrency = most as usize;
        }
        if let Some(tries) = measure.tries {
            plan.retry.tries = tries;
        }
        Ok(plan)
    }

    pub(super) fn early(&self) -> Option<EarlyStopping> {
        let file = &self.task.file;
        if file.measure.stop_early != Some(true) {
            return None;
        }
        let (items, metric) = (Arc::clone(&self.materials.items), self.materials.metric.clone());
        Some(EarlyStopping {
            scorer: Arc::new(move |at, output| {
                let score = |(output, target)| metric.score(output, target, items.input(at));
                output.zip(items.target(at)).map_or(0.0, score)
            }),
            alpha: file.measure.alpha.unwrap_or(ALPHA),
            needs: file.needs.clone(),
            seed: file.statistics.seed.unwrap_or_default(),
        })
    }
}

fn check_numbers(task: &Task) -> Result<(), Error> {
    let measure = &task.file.measure;
    let bad = |key: &str, value: String, allowed: &str| {
        Err(Error::task(task, format!("[measure] {key}: {value} is not {allowed}.")))
    };
    if let Some(alpha) = measure.alpha.filter(|alpha| !(*alpha > 0.0 && *alpha < 1.0)) {
        return bad("alpha", alpha.to_string(), "a number above 0 and below 1");
    }
    for (key, value) in [("concurrency", measure.concurrency), ("tries", measure.tries)] {
        if let Some(value) = value.filter(|value| !(1..=100_000).contains(value)) {
            return bad(key, value.to_string(), "a whole number from 1 to 100,000");
        }
    }
    Ok(())
}
