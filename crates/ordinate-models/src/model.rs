//! What every model here is: [`Model`] answers, [`Encoder`] embeds.

use std::path::Path;
use std::time::{Duration, Instant};

use ordinate_core::Items;
pub use ordinate_core::Prediction;
use ordinate_core::features::Features;

use crate::decoder::Writer;
use crate::error::ModelError;

/// An item as models read it: its text, its fields where the task has some, and the passage that it is about.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// Its text; empty where it has none.
    pub text: &'a str,
    /// The passage that an answer is to stand in, where it has one.
    pub context: Option<&'a str>,
    /// The fields of all items and the row of this one.
    pub fields: Option<(&'a Features, usize)>,
}

impl<'a> Sample<'a> {
    /// A text alone.
    #[must_use]
    pub fn text(text: &'a str) -> Self {
        Self { text, context: None, fields: None }
    }

    /// The item in `row`.
    #[must_use]
    pub fn of(items: &'a Items, row: usize) -> Self {
        let fields = items.features();
        let fields = (!fields.is_empty()).then_some((fields, row));
        Self { text: items.input(row).unwrap_or_default(), context: items.context(row), fields }
    }
}

/// A prediction, and how long it took.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// What was said.
    pub prediction: Prediction,
    /// Wall-clock time of this item alone, where it was answered alone; else its share of what it was answered with.
    pub took: Duration,
}

impl Reply {
    /// What `predict` says, and how long it took besides `before`.
    pub fn timed(before: Duration, predict: impl FnOnce() -> Prediction) -> Self {
        let started = Instant::now();
        let prediction = predict();
        Self { prediction, took: before + started.elapsed() }
    }
}

/// What is known of a model without running it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// Weights.
    pub parameters: u64,
    /// Bytes of the weights in memory.
    pub bytes: u64,
}

/// Something that answers items in this process: what a [`crate::Method`] makes.
pub trait Model: Send + Sync {
    /// Answers items, one reply each, in order. Each prediction is the same whatever else is in the batch.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the computation fails.
    fn answer(&self, samples: &[Sample<'_>]) -> Result<Vec<Reply>, ModelError>;

    /// What writes, where it is a decoder: how each of its answers came about can be told then.
    fn writer(&self) -> Option<&Writer> {
        None
    }

    /// Answers from the vector that its encoder made elsewhere of an item's text; `None` where it does not stand on vectors.
    fn answer_vector(&self, _: &[f32]) -> Option<Prediction> {
        None
    }

    /// How probable it finds one label, of each item, in `[0, 1]`: also where it would say another. `None` where it has no
    /// probabilities of single labels, or does not know this one.
    ///
    /// # Errors
    /// As [`Self::answer`].
    fn shares(&self, _: &[Sample<'_>], _label: &str) -> Result<Option<Vec<f64>>, ModelError> {
        Ok(None)
    }

    /// Its size.
    fn facts(&self) -> Facts;

    /// Whether it holds all of what it was made of, so that it answers without the source of its method.
    fn stands_alone(&self) -> bool {
        false
    }

    /// Writes into a folder what its method reads again ([`crate::save`] writes the manifest beside it). What it stands
    /// on, an encoder or a published model, is not written.
    ///
    /// # Errors
    /// [`ModelError::File`] where a file cannot be written.
    fn save(&self, folder: &Path) -> Result<(), ModelError>;
}

/// Something that turns texts into vectors.
pub trait Encoder: Send + Sync {
    /// One vector a text, each of length 1 (or 0, where nothing of the text is known).
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the computation fails.
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError>;

    /// Its size.
    fn facts(&self) -> Facts;
}
