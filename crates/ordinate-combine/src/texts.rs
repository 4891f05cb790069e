//! The input texts of one evidence, read once: folds and learners share what does not depend on a score or on
//! other texts.

use std::sync::OnceLock;

use ordinate_core::{Evidence, Row};
use ordinate_features::{Ngrams, SURFACE, Sparse, surface};

/// The n-grams that every learner counts. Words carry the topic in languages with spaces, pairs and triples
/// of characters in those without.
pub const GRAMS: Ngrams = Ngrams { words: (1, 1), chars: (2, 3), bits: 16 };

/// What is read from one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// Surface measures.
    pub surface: [f32; SURFACE],
    /// Counts of [`GRAMS`].
    pub grams: Sparse,
    /// Length.
    pub characters: usize,
}

impl Text {
    /// Reads a text.
    #[must_use]
    pub fn read(input: &str) -> Self {
        Self { surface: surface(input), grams: GRAMS.counts(input), characters: input.chars().count() }
    }
}

/// The texts of the rows of one evidence; each is read when it is first wanted.
#[derive(Debug, Default)]
pub struct Texts(Vec<OnceLock<Text>>);

impl Texts {
    /// For this evidence and no other.
    #[must_use]
    pub fn new(evidence: &Evidence) -> Self {
        Self((0..evidence.len()).map(|_| OnceLock::new()).collect())
    }

    /// The text of `row`, if the item has an input.
    #[must_use]
    pub fn of(&self, evidence: &Evidence, row: Row) -> Option<&Text> {
        let input = evidence.items().input(row)?;
        Some(self.0.get(row)?.get_or_init(|| Text::read(input)))
    }
}
