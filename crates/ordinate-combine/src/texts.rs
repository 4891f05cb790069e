//! What is read from one input text, once for all folds and policies: it depends on no score and no other text.

use std::borrow::Cow;

use ordinate_core::Query;
use ordinate_core::image::words;
use ordinate_features::{Ngrams, SURFACE, Sparse, surface};

use crate::gist::Gist;

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
    /// What it says, to compare answers with.
    pub(crate) gist: Gist,
}

impl Text {
    /// The text of an item, if it has one: as noted beside it, or read now.
    #[must_use]
    pub fn of<'a>(query: &Query<'a>) -> Option<Cow<'a, Self>> {
        let input = query.input?;
        let noted = query.notes.and_then(|notes| notes.read(|| Self::read(input)));
        Some(noted.map_or_else(|| Cow::Owned(Self::read(input)), Cow::Borrowed))
    }

    /// Reads a text. An image says nothing in words: of it policies know the slice, and what candidates say.
    #[must_use]
    pub fn read(input: &str) -> Self {
        let input = words(input);
        Self {
            surface: surface(input),
            grams: GRAMS.counts(input),
            characters: input.chars().count(),
            gist: Gist::new(input),
        }
    }
}
