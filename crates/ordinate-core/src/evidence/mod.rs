//! Evidence: items down, candidates across, an answer in each cell.
//!
//! Columnar, with holes: a cell is scored, an error, or missing (never asked). Built with
//! [`EvidenceBuilder`], which refuses what would make it inconsistent.

mod builder;
mod cost;
mod items;
mod rows;

pub use builder::{EvidenceBuilder, EvidenceError, ItemFields};
pub use items::{Items, Part};

use std::sync::Arc;

use crate::candidate::Candidate;
use crate::column::{Numbers, Texts};
use crate::name::CandidateName;
use crate::notes::Notebook;
use crate::output::{Output, OutputKind, ScoreOutput};
use crate::policy::Seen;
use crate::probabilities::{Probabilities, ProbabilityColumn};

/// The number of an item within evidence.
pub type Row = usize;

/// What is in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Status {
    /// The candidate was not asked about the item.
    #[default]
    Missing,
    /// The candidate answered and the answer is scored.
    Scored,
    /// The candidate failed to answer: not a wrong answer and not a missing row.
    Error,
}

/// The answers of one candidate, one a row of the evidence. A copy shares them.
#[derive(Debug, Clone, Default)]
pub struct Answers(pub(crate) Arc<Cells>);

/// The cells of one column.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cells {
    pub(crate) status: Vec<Status>,
    pub(crate) score: Vec<f64>,
    pub(crate) cost_usd: Numbers,
    pub(crate) latency_ms: Numbers,
    pub(crate) confidence: Numbers,
    pub(crate) probabilities: ProbabilityColumn,
    pub(crate) input_tokens: Numbers,
    pub(crate) output_tokens: Numbers,
    pub(crate) output: Texts,
    pub(crate) error: Texts,
    pub(crate) notes: Notebook,
}

/// Equal cells in equal rows; the unused score of a cell that is missing or an error does not count.
impl PartialEq for Answers {
    fn eq(&self, other: &Self) -> bool {
        let rows = self.0.status.len().max(other.0.status.len());
        (0..rows).all(|row| self.status(row) == other.status(row) && self.score(row) == other.score(row))
            && self.0.cost_usd == other.0.cost_usd
            && self.0.latency_ms == other.0.latency_ms
            && self.0.confidence == other.0.confidence
            && self.0.probabilities == other.0.probabilities
            && self.0.input_tokens == other.0.input_tokens
            && self.0.output_tokens == other.0.output_tokens
            && self.0.output == other.0.output
            && self.0.error == other.0.error
    }
}

impl Answers {
    /// What is in the cell of `row`.
    #[must_use]
    pub fn status(&self, row: Row) -> Status {
        self.0.status.get(row).copied().unwrap_or_default()
    }

    /// The score in `[0, 1]`, where the cell is scored.
    #[must_use]
    pub fn score(&self, row: Row) -> Option<f64> {
        (self.status(row) == Status::Scored).then(|| self.0.score[row])
    }

    /// USD paid for the answer, if known.
    #[must_use]
    pub fn cost_usd(&self, row: Row) -> Option<f64> {
        self.0.cost_usd.get(row)
    }

    /// Milliseconds from request to answer, if known.
    #[must_use]
    pub fn latency_ms(&self, row: Row) -> Option<f64> {
        self.0.latency_ms.get(row)
    }

    /// The candidate's own confidence in `[0, 1]`, if given.
    #[must_use]
    pub fn confidence(&self, row: Row) -> Option<f64> {
        self.0.confidence.get(row)
    }

    /// How probable the candidate finds single labels, where it says.
    #[must_use]
    pub fn probabilities(&self, row: Row) -> Probabilities<'_> {
        self.0.probabilities.get(row)
    }

    /// Tokens read, if known.
    #[must_use]
    pub fn input_tokens(&self, row: Row) -> Option<f64> {
        self.0.input_tokens.get(row)
    }

    /// Tokens written, if known.
    #[must_use]
    pub fn output_tokens(&self, row: Row) -> Option<f64> {
        self.0.output_tokens.get(row)
    }

    /// What the candidate said, if kept.
    #[must_use]
    pub fn output(&self, row: Row) -> Option<&str> {
        self.0.output.get(row)
    }

    /// What went wrong, where the cell is an error.
    #[must_use]
    pub fn error(&self, row: Row) -> Option<&str> {
        self.0.error.get(row)
    }

    /// Whether any cell has a cost.
    #[must_use]
    pub fn has_cost(&self) -> bool {
        !self.0.cost_usd.is_empty()
    }

    /// Whether any cell has a latency.
    #[must_use]
    pub fn has_latency(&self) -> bool {
        !self.0.latency_ms.is_empty()
    }

    /// Whether any cell has an output.
    #[must_use]
    pub fn has_output(&self) -> bool {
        !self.0.output.is_empty()
    }

    /// How many cells have this status.
    #[must_use]
    pub fn count(&self, status: Status) -> usize {
        self.0.status.iter().filter(|s| **s == status).count()
    }

    /// The answer of `row` as a policy sees it: without its score.
    #[must_use]
    pub fn seen(&self, candidate: usize, row: Row) -> Seen<'_> {
        let output = self.output(row);
        Seen {
            candidate,
            output,
            confidence: self.confidence(row),
            probabilities: self.probabilities(row),
            output_tokens: self.output_tokens(row),
            failed: self.status(row) != Status::Scored,
            notes: output.and_then(|_| self.0.notes.of(row, self.0.status.len(), self.0.output.bytes())),
        }
    }
}

/// Items x candidates.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    pub(crate) items: Arc<Items>,
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) answers: Vec<Answers>,
    pub(crate) outputs: Option<OutputKind>,
    pub(crate) scoring: Scoring,
}

/// How an answer that no candidate gave is scored. It says nothing of what the cells hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scoring(Option<Arc<dyn ScoreOutput>>);

impl PartialEq for Scoring {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Evidence {
    /// What the outputs are, which decides how answers are compared and merged; free text where nothing is known of it.
    #[must_use]
    pub fn output_kind(&self) -> OutputKind {
        self.outputs.unwrap_or(OutputKind::Text)
    }

    /// The same, where it is known.
    #[must_use]
    pub fn known_output_kind(&self) -> Option<OutputKind> {
        self.outputs
    }

    /// The same evidence, with outputs of this kind.
    #[must_use]
    pub fn with_output_kind(self, outputs: OutputKind) -> Self {
        Self { outputs: Some(outputs), ..self }
    }

    /// The same evidence, whose scores are those of this scorer: answers that no candidate gave can be scored too.
    #[must_use]
    pub fn scored_by(self, scorer: Arc<dyn ScoreOutput>) -> Self {
        Self { scoring: Scoring(Some(scorer)), ..self }
    }

    /// Whether an answer that no candidate gave can be scored where the item has a target.
    #[must_use]
    pub fn scores_merged(&self) -> bool {
        self.scoring.0.is_some()
    }

    /// The score of an answer that no candidate gave; `None` where there is no scorer, or the item has no target.
    #[must_use]
    pub fn score_merged(&self, row: Row, output: &Output) -> Option<f64> {
        Some(self.scoring.0.as_ref()?.score_output(output, self.items.target(row)?, self.items.input(row)))
    }

    /// The items, one a row.
    #[must_use]
    pub fn items(&self) -> &Items {
        &self.items
    }

    /// Rows: the number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are no items. Evidence that was built has at least one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.len() == 0
    }

    /// The candidates, one a column.
    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// The names of the candidates in column order.
    #[must_use]
    pub fn names(&self) -> Vec<CandidateName> {
        self.candidates.iter().map(|candidate| candidate.name.clone()).collect()
    }

    /// The answers of the candidate in this column.
    ///
    /// # Panics
    /// When there is no such column.
    #[must_use]
    pub fn answers(&self, candidate: usize) -> &Answers {
        &self.answers[candidate]
    }

    /// All columns, in the order of [`Evidence::candidates`].
    #[must_use]
    pub fn columns(&self) -> &[Answers] {
        &self.answers
    }

    /// The column of the candidate with this name.
    #[must_use]
    pub fn column_of(&self, name: &CandidateName) -> Option<usize> {
        self.candidates.iter().position(|candidate| candidate.name == *name)
    }

    /// The same items with some of the candidates only, in this order. What they share is not copied.
    ///
    /// # Panics
    /// When there is no such column.
    #[must_use]
    pub fn with_candidates(&self, columns: &[usize]) -> Self {
        Self {
            items: Arc::clone(&self.items),
            candidates: columns.iter().map(|&column| self.candidates[column].clone()).collect(),
            answers: columns.iter().map(|&column| self.answers[column].clone()).collect(),
            outputs: self.outputs,
            scoring: self.scoring.clone(),
        }
    }

    /// The same with these groups, a number an item, in place of its own.
    #[must_use]
    pub fn with_groups(&self, of_item: &[u32]) -> Self {
        let mut groups = crate::column::Codes::default();
        of_item.iter().for_each(|group| groups.push(Some(&group.to_string())));
        let mut items = Items::clone(&self.items);
        items.groups = groups;
        Self { items: Arc::new(items), ..self.clone() }
    }

    /// All rows.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View { evidence: self, rows: (0..self.len()).collect() }
    }

    /// The rows of one part, where the task names train and test.
    #[must_use]
    pub fn part(&self, part: Part) -> View<'_> {
        View {
            evidence: self,
            rows: (0..self.len()).filter(|&row| self.items.part(row) == Some(part)).collect(),
        }
    }
}

/// Some rows of evidence: what a policy is fitted on, or what it is tried on.
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// The whole evidence.
    pub evidence: &'a Evidence,
    /// The rows in view.
    pub rows: Vec<Row>,
}
