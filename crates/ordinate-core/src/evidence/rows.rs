//! Evidence about some of its items.

use std::sync::Arc;

use crate::answer::Answer;
use crate::evidence::{Answers, Evidence, EvidenceBuilder, EvidenceError, ItemFields, Row, Status};
use crate::score::Score;

impl Evidence {
    /// The same about the items in these rows alone, in this order: as if there were no others.
    ///
    /// # Errors
    /// [`EvidenceError::NoItems`] where there are no rows, [`EvidenceError::DuplicateItem`] where one comes twice.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn of_rows(&self, rows: &[Row]) -> Result<Self, EvidenceError> {
        let items = self.items();
        let mut listed = EvidenceBuilder::default();
        for &row in rows {
            let fields = ItemFields {
                slice: items.slices().get(row),
                group: items.groups().get(row),
                input: items.input(row),
                target: items.target(row),
                context: items.context(row),
                options: items.options(row),
                part: items.part(row),
            };
            listed.add_item(items.id(row), fields)?;
        }
        let listed = listed.into_items().with_features(items.features().of_rows(rows));
        let mut builder = EvidenceBuilder::new(self.candidates.iter().cloned())?.with_items(listed);
        for (column, answers) in self.answers.iter().enumerate() {
            for (at, &row) in rows.iter().enumerate() {
                if answers.status(row) != Status::Missing {
                    builder.answer(at, column, &answer(answers, row))?;
                }
            }
        }
        Ok(Self { outputs: self.outputs, scoring: self.scoring.clone(), ..builder.finish()? })
    }

    /// The same with these scores in the cells that are scored, by column and row; without one a cell is as if nobody had been asked.
    #[must_use]
    pub fn regraded(mut self, score: impl Fn(usize, Row) -> Option<Score>) -> Self {
        for (column, answers) in self.answers.iter_mut().enumerate() {
            let cells = Arc::make_mut(&mut answers.0);
            for row in 0..cells.status.len() {
                if cells.status[row] != Status::Scored {
                    continue;
                }
                match score(column, row) {
                    Some(score) => cells.score[row] = score.get(),
                    None => cells.status[row] = Status::Missing,
                }
            }
        }
        self
    }
}

/// The answer in a cell that is not empty.
fn answer(answers: &Answers, row: Row) -> Answer<'_> {
    let whole = |number: Option<f64>| number.map(|number| number as u64);
    Answer {
        score: answers.score(row).and_then(|score| Score::new(score).ok()),
        output: answers.output(row),
        confidence: answers.confidence(row),
        probabilities: answers.probabilities(row),
        cost_usd: answers.cost_usd(row),
        latency_ms: answers.latency_ms(row),
        input_tokens: whole(answers.input_tokens(row)),
        output_tokens: whole(answers.output_tokens(row)),
        error: (answers.status(row) == Status::Error).then(|| answers.error(row).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidate::{Candidate, Lineage};
    use crate::features::{Feature, Features, Values};
    use crate::name::CandidateName;

    #[test]
    fn rows_are_what_they_were() {
        let candidate = |name: &str| Candidate::new(CandidateName::new(name).unwrap(), Lineage::General);
        let mut listed = EvidenceBuilder::default();
        for (id, slice) in [("1", "x"), ("2", "y"), ("3", "x")] {
            let fields = ItemFields {
                slice: Some(slice),
                input: Some(id),
                target: Some("t"),
                ..ItemFields::default()
            };
            listed.add_item(id, fields).unwrap();
        }
        let features =
            Features::new(vec![Feature { name: "n".into(), values: Values::Numbers(vec![1.0, 2.0, 3.0]) }]);
        let listed = listed.into_items().with_features(features);
        let mut builder = EvidenceBuilder::new([candidate("a"), candidate("b")]).unwrap().with_items(listed);
        let scored = Answer {
            score: Some(Score::ONE),
            output: Some("out"),
            cost_usd: Some(0.5),
            input_tokens: Some(7),
            ..Answer::default()
        };
        builder.answer(2, 0, &scored).unwrap();
        builder.answer(2, 1, &Answer { error: Some("refused: no"), ..Answer::default() }).unwrap();
        builder.answer(0, 1, &scored).unwrap();
        let some = builder.finish().unwrap().of_rows(&[2, 1]).unwrap();
        assert_eq!((some.len(), some.items().id(0), some.items().slices().get(1)), (2, "3", Some("y")));
        assert_eq!(
            (some.items().input(0), some.items().features().columns()[0].number(1)),
            (Some("3"), Some(2.0))
        );
        let (a, b) = (some.answers(0), some.answers(1));
        assert_eq!(
            (a.score(0), a.output(0), a.cost_usd(0), a.input_tokens(0)),
            (Some(1.0), Some("out"), Some(0.5), Some(7.0))
        );
        assert_eq!(
            (a.status(1), b.status(0), b.error(0)),
            (Status::Missing, Status::Error, Some("refused: no"))
        );
        assert_eq!(some.of_rows(&[]), Err(EvidenceError::NoItems));
    }
}
