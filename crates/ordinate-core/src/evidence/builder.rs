//! Builds evidence row by row and cell by cell, refusing what would make it inconsistent.

use std::sync::Arc;

use crate::answer::Answer;
use crate::candidate::Candidate;
use crate::column::Codes;
use crate::evidence::{Answers, Evidence, Items, Part, Row, Scoring, Status};
use crate::item::Choice;
use crate::name::CandidateName;

/// What is known of an item besides its id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ItemFields<'a> {
    /// The slice (domain, task, topic) it belongs to.
    pub slice: Option<&'a str>,
    /// The group of dependent items (a document, a passage) it belongs to.
    pub group: Option<&'a str>,
    /// The input text.
    pub input: Option<&'a str>,
    /// The right answer.
    pub target: Option<&'a str>,
    /// The passage that a question is about.
    pub context: Option<&'a str>,
    /// The options to choose from.
    pub options: &'a [Choice],
    /// Train or test, where the task names both.
    pub part: Option<Part>,
}

/// Why rows or cells do not make evidence.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EvidenceError {
    /// Two candidates have one name.
    #[error("two candidates are called {0:?}; give each its own name")]
    DuplicateCandidate(CandidateName),
    /// An id stands twice in a list of items.
    #[error("the item id {0:?} stands twice; ids must be unique")]
    DuplicateItem(String),
    /// A candidate has two answers for one item.
    #[error("candidate {candidate:?} has two answers for item {id:?}; keep one")]
    DuplicateCell {
        /// The candidate.
        candidate: CandidateName,
        /// The item.
        id: String,
    },
    /// An item has one slice or group in one row and another in the next.
    #[error("item {id:?} has {field} {first:?} in one row and {second:?} in another; make them equal")]
    Inconsistent {
        /// The item.
        id: String,
        /// `slice` or `group`.
        field: &'static str,
        /// The text met first.
        first: String,
        /// The other text.
        second: String,
    },
    /// A cell has neither score nor error.
    #[error("candidate {candidate:?} has neither score nor error for item {id:?}; give one of them")]
    NoScore {
        /// The candidate.
        candidate: CandidateName,
        /// The item.
        id: String,
    },
    /// A number in a cell is negative, infinite or not a number.
    #[error("the {field} {value} of candidate {candidate:?} for item {id:?} is not a number of at least 0{}",
            if matches!(*.field, "confidence" | "probability") { " and at most 1" } else { "" })]
    BadNumber {
        /// The column.
        field: &'static str,
        /// The offending value.
        value: f64,
        /// The candidate.
        candidate: CandidateName,
        /// The item.
        id: String,
    },
    /// More items than a row number can hold.
    #[error("there are more than {} items; split the evidence", u32::MAX - 1)]
    TooManyItems,
    /// There is no item at all.
    #[error("there are no items")]
    NoItems,
    /// There is no candidate at all.
    #[error("there are no candidates")]
    NoCandidates,
}

/// Builds [`Evidence`].
#[derive(Debug, Clone, Default)]
pub struct EvidenceBuilder {
    items: Items,
    candidates: Vec<Candidate>,
    answers: Vec<Answers>,
}

impl EvidenceBuilder {
    /// Starts with these candidates, one a column.
    ///
    /// # Errors
    /// [`EvidenceError::DuplicateCandidate`].
    pub fn new(candidates: impl IntoIterator<Item = Candidate>) -> Result<Self, EvidenceError> {
        let mut builder = Self::default();
        for candidate in candidates {
            builder.add_candidate(candidate)?;
        }
        Ok(builder)
    }

    /// Adds a column and returns its number.
    ///
    /// # Errors
    /// [`EvidenceError::DuplicateCandidate`].
    pub fn add_candidate(&mut self, candidate: Candidate) -> Result<usize, EvidenceError> {
        if self.candidates.iter().any(|other| other.name == candidate.name) {
            return Err(EvidenceError::DuplicateCandidate(candidate.name));
        }
        self.candidates.push(candidate);
        self.answers.push(Answers::default());
        Ok(self.candidates.len() - 1)
    }

    /// The candidates so far.
    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// The same candidates, about these items. Answers that were added before are about the rows of other ones: none may
    /// have been.
    #[must_use]
    pub fn with_items(self, items: Items) -> Self {
        Self { items, ..self }
    }

    /// Says more of the candidate in this column: where it runs, what it needs. Its name stays.
    pub fn describe(&mut self, column: usize, describe: impl FnOnce(&mut Candidate)) {
        if let Some(candidate) = self.candidates.get_mut(column) {
            let name = candidate.name.clone();
            describe(candidate);
            candidate.name = name;
        }
    }

    /// The items alone, without candidates and answers.
    #[must_use]
    pub fn into_items(self) -> Items {
        self.items
    }

    /// The items so far.
    #[must_use]
    pub fn items(&self) -> &Items {
        &self.items
    }

    /// Adds an item that must be new: for lists of items.
    ///
    /// # Errors
    /// [`EvidenceError::DuplicateItem`], [`EvidenceError::TooManyItems`].
    pub fn add_item(&mut self, id: &str, fields: ItemFields<'_>) -> Result<Row, EvidenceError> {
        match self.intern(id)? {
            (_, false) => Err(EvidenceError::DuplicateItem(id.to_owned())),
            (row, true) => {
                self.push_fields(fields);
                Ok(row)
            }
        }
    }

    /// The row of an item, which is added if it is new: for long tables with a row per cell. What is
    /// absent in the first row may be given by a later one.
    ///
    /// # Errors
    /// [`EvidenceError::Inconsistent`], [`EvidenceError::TooManyItems`].
    pub fn item(&mut self, id: &str, fields: ItemFields<'_>) -> Result<Row, EvidenceError> {
        let (row, new) = self.intern(id)?;
        if new {
            self.push_fields(fields);
        } else {
            merge(&mut self.items.slices, row, fields.slice, "slice", id)?;
            merge(&mut self.items.groups, row, fields.group, "group", id)?;
            let items = &mut self.items;
            for (texts, text) in [(&mut items.inputs, fields.input), (&mut items.targets, fields.target)] {
                if text.is_some() && texts.get(row).is_none() {
                    texts.place(row, text);
                }
            }
        }
        Ok(row)
    }

    /// Puts an answer into an empty cell.
    ///
    /// # Errors
    /// [`EvidenceError::DuplicateCell`], [`EvidenceError::NoScore`], [`EvidenceError::BadNumber`].
    ///
    /// # Panics
    /// When `row` or `candidate` were not added before.
    pub fn answer(&mut self, row: Row, candidate: usize, answer: &Answer<'_>) -> Result<(), EvidenceError> {
        assert!(row < self.items.len(), "the item was not added");
        let cell = || (self.candidates[candidate].name.clone(), self.items.id(row).to_owned());
        if self.answers[candidate].status(row) != Status::Missing {
            let (candidate, id) = cell();
            return Err(EvidenceError::DuplicateCell { candidate, id });
        }
        let status = match (answer.error, answer.score) {
            (Some(_), _) => Status::Error,
            (None, Some(_)) => Status::Scored,
            (None, None) => {
                let (candidate, id) = cell();
                return Err(EvidenceError::NoScore { candidate, id });
            }
        };
        let numbers = [
            ("cost_usd", answer.cost_usd, f64::MAX),
            ("latency_ms", answer.latency_ms, f64::MAX),
            ("confidence", answer.confidence, 1.0),
            ("input_tokens", answer.input_tokens.map(|n| n as f64), f64::MAX),
            ("output_tokens", answer.output_tokens.map(|n| n as f64), f64::MAX),
        ];
        for (field, value, most) in numbers {
            if let Some(value) = value.filter(|value| !(0.0..=most).contains(value)) {
                let (candidate, id) = cell();
                return Err(EvidenceError::BadNumber { field, value, candidate, id });
            }
        }
        if let Some(value) = answer.probabilities.wrong() {
            let (candidate, id) = cell();
            return Err(EvidenceError::BadNumber { field: "probability", value, candidate, id });
        }
        let column = Arc::make_mut(&mut self.answers[candidate].0);
        if column.status.len() <= row {
            column.status.resize(row + 1, Status::Missing);
            column.score.resize(row + 1, f64::NAN);
        }
        column.status[row] = status;
        if let (Status::Scored, Some(score)) = (status, answer.score) {
            column.score[row] = score.get();
        }
        let targets = [
            &mut column.cost_usd,
            &mut column.latency_ms,
            &mut column.confidence,
            &mut column.input_tokens,
            &mut column.output_tokens,
        ];
        for (target, (_, value, _)) in targets.into_iter().zip(numbers) {
            if let Some(value) = value {
                target.set(row, value);
            }
        }
        column.probabilities.place(row, answer.probabilities);
        column.output.place(row, answer.output);
        column.error.place(row, answer.error);
        Ok(())
    }

    /// Finishes the table.
    ///
    /// # Errors
    /// [`EvidenceError::NoItems`], [`EvidenceError::NoCandidates`].
    pub fn finish(mut self) -> Result<Evidence, EvidenceError> {
        let len = self.items.len();
        if len == 0 {
            return Err(EvidenceError::NoItems);
        }
        if self.candidates.is_empty() {
            return Err(EvidenceError::NoCandidates);
        }
        self.items.slices = std::mem::take(&mut self.items.slices).in_order_of_text();
        for column in &mut self.answers {
            let column = Arc::make_mut(&mut column.0);
            column.status.resize(len, Status::Missing);
            column.score.resize(len, f64::NAN);
        }
        Ok(Evidence {
            items: Arc::new(self.items),
            candidates: self.candidates,
            answers: self.answers,
            outputs: None,
            scoring: Scoring::default(),
        })
    }

    fn intern(&mut self, id: &str) -> Result<(Row, bool), EvidenceError> {
        if self.items.ids.len() >= (u32::MAX - 1) as usize {
            return Err(EvidenceError::TooManyItems);
        }
        let (code, new) = self.items.ids.intern(id);
        Ok((code as usize, new))
    }

    fn push_fields(&mut self, fields: ItemFields<'_>) {
        self.items.slices.push(fields.slice);
        self.items.groups.push(fields.group);
        let row = self.items.ids.len() - 1;
        self.items.inputs.place(row, fields.input);
        self.items.targets.place(row, fields.target);
        self.items.contexts.place(row, fields.context);
        if !fields.options.is_empty() {
            self.items.options.resize(row, Vec::new());
            self.items.options.push(fields.options.to_vec());
        }
        self.items.parts.push(fields.part);
    }
}

fn merge(
    codes: &mut Codes,
    row: Row,
    text: Option<&str>,
    field: &'static str,
    id: &str,
) -> Result<(), EvidenceError> {
    let Some(text) = text else { return Ok(()) };
    match codes.get(row) {
        Some(first) if first == text => Ok(()),
        Some(first) => Err(EvidenceError::Inconsistent {
            id: id.to_owned(),
            field,
            first: first.to_owned(),
            second: text.to_owned(),
        }),
        None => {
            codes.set(row, text);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidate::Lineage;
    use crate::score::Score;

    fn candidate(name: &str) -> Candidate {
        Candidate::new(CandidateName::new(name).unwrap(), Lineage::General)
    }

    #[test]
    fn holes_errors_and_scores_stay_apart() {
        let mut builder = EvidenceBuilder::new([candidate("a"), candidate("b")]).unwrap();
        let first = builder.item("1", ItemFields { slice: Some("x"), ..Default::default() }).unwrap();
        let second = builder.item("2", ItemFields::default()).unwrap();
        builder
            .answer(second, 0, &Answer { score: Some(Score::ONE), output: Some("ja"), ..Default::default() })
            .unwrap();
        builder
            .answer(first, 1, &Answer { error: Some("timeout"), cost_usd: Some(0.1), ..Default::default() })
            .unwrap();
        let evidence = builder.finish().unwrap();
        assert_eq!(evidence.answers(0).status(0), Status::Missing);
        assert_eq!(evidence.answers(0).score(1), Some(1.0));
        assert_eq!(evidence.answers(0).output(1), Some("ja"));
        assert_eq!(evidence.answers(0).output(0), None);
        assert_eq!(evidence.answers(1).status(0), Status::Error);
        assert_eq!(evidence.answers(1).cost_usd(0), Some(0.1));
        assert_eq!(evidence.answers(1).score(0), None);
        assert_eq!(evidence.answers(1).status(1), Status::Missing);
    }

    #[test]
    fn outputs_may_arrive_in_any_order() {
        let mut builder = EvidenceBuilder::new([candidate("a")]).unwrap();
        let rows: Vec<_> =
            (0..3).map(|i| builder.item(&i.to_string(), ItemFields::default()).unwrap()).collect();
        for row in [2, 0, 1] {
            let output = format!("o{row}");
            let answer = Answer { score: Some(Score::ZERO), output: Some(&output), ..Default::default() };
            builder.answer(rows[row], 0, &answer).unwrap();
        }
        let evidence = builder.finish().unwrap();
        for row in 0..3 {
            assert_eq!(evidence.answers(0).output(row), Some(format!("o{row}").as_str()));
        }
    }

    #[test]
    fn what_is_inconsistent_is_refused() {
        assert!(matches!(
            EvidenceBuilder::new([candidate("a"), candidate("a")]),
            Err(EvidenceError::DuplicateCandidate(_))
        ));
        let mut builder = EvidenceBuilder::new([candidate("a")]).unwrap();
        let with = |slice| ItemFields { slice: Some(slice), ..Default::default() };
        let row = builder.item("1", with("x")).unwrap();
        assert!(matches!(builder.item("1", with("y")), Err(EvidenceError::Inconsistent { .. })));
        assert!(matches!(builder.add_item("1", with("x")), Err(EvidenceError::DuplicateItem(_))));
        assert!(matches!(builder.answer(row, 0, &Answer::default()), Err(EvidenceError::NoScore { .. })));
        let scored = Answer { score: Some(Score::ONE), ..Default::default() };
        let bad = Answer { cost_usd: Some(f64::NAN), ..scored.clone() };
        assert!(matches!(builder.answer(row, 0, &bad), Err(EvidenceError::BadNumber { .. })));
        builder.answer(row, 0, &scored).unwrap();
        assert!(matches!(builder.answer(row, 0, &scored), Err(EvidenceError::DuplicateCell { .. })));
        assert!(matches!(
            EvidenceBuilder::new([candidate("a")]).unwrap().finish(),
            Err(EvidenceError::NoItems)
        ));
    }
}
