//! Scores that are made here, of outputs that have none of their own.

use std::collections::BTreeMap;

use ordinate_core::{Items, Score};

use crate::error::{Problem, quoted};
use crate::evidence::{AnswerTexts, Tally};
use crate::recorded::Scorer;
use crate::series;
use crate::table::{Column, Fault, Row};
use crate::task::Task;
use crate::unasked;

/// How outputs without a score are scored.
pub(crate) struct Making<'a> {
    pub(crate) task: &'a Task,
    /// Output and target to a score.
    pub(crate) score: &'a Scorer<'a>,
    /// Labels by the code that an output may give instead.
    pub(crate) codes: &'a BTreeMap<String, String>,
}

impl Making<'_> {
    /// The score of the answer in this row to this item, if it has an output and none of its own.
    ///
    /// # Errors
    /// [`Problem::NoTarget`]; and where an output is no series of the target's length.
    pub(crate) fn of(
        &self,
        row: &Row<'_>,
        texts: &AnswerTexts<'_>,
        items: &Items,
        item: usize,
        tally: &mut Tally,
    ) -> Result<Option<Score>, Fault> {
        if texts.is_error() || row.raw_score()?.is_some() {
            return Ok(None);
        }
        let Some(output) = texts.output() else { return Ok(None) };
        if self.task.file.judge.is_some() {
            // Graded when all answers are there.
            return Ok(Some(Score::ZERO));
        }
        let Some(target) = items.target(item) else {
            return Err(Fault::new(Column::Output, Problem::NoTarget(quoted(items.id(item)))));
        };
        if self.task.kind.takes_series() {
            series::check_output(output, target).map_err(|problem| Fault::new(Column::Output, problem))?;
        }
        tally.made();
        let output = self.codes.get(output.trim()).map_or(output, String::as_str);
        Ok(Some(unasked::score_of((self.score)(output, target, items.input(item)))))
    }
}
