//! The texts of a task through an encoder, each once: what every candidate on that encoder shares.

use std::time::Instant;

use ordinate_core::Items;

use crate::error::ModelError;
use crate::model::{Encoder, Facts};
use crate::recipe::From;

/// The vectors of a task's inputs. Memory: four bytes a dimension and item (1.5 GB for a million items and 384
/// dimensions).
pub struct Embedded {
    encoder: Box<dyn Encoder>,
    load_ms: f64,
    vectors: Vec<Vec<f32>>,
    took_ms: Vec<f64>,
}

impl Embedded {
    /// Opens the encoder and embeds the input of every item that has a target, one by one, as a caller who needs an
    /// answer now would: so the time of each is its latency.
    ///
    /// # Errors
    /// As [`From::open`]; [`ModelError::NoInput`]; [`ModelError::Failed`].
    pub fn of(from: &From, items: &Items) -> Result<Self, ModelError> {
        let started = Instant::now();
        let encoder = from.open()?;
        let load_ms = started.elapsed().as_secs_f64() * 1e3;
        let mut vectors = vec![Vec::new(); items.len()];
        let mut took_ms = vec![f64::NAN; items.len()];
        for row in (0..items.len()).filter(|&row| items.target(row).is_some()) {
            let input = items.input(row).ok_or_else(|| ModelError::NoInput(items.id(row).to_owned()))?;
            let started = Instant::now();
            vectors[row] = encoder.embed(&[input])?.pop().unwrap_or_default();
            took_ms[row] = started.elapsed().as_secs_f64() * 1e3;
        }
        Ok(Self { encoder, load_ms, vectors, took_ms })
    }

    /// Vectors that were made elsewhere, with what each took, milliseconds; an empty one where there is none: that item
    /// is neither learned from nor answered.
    #[must_use]
    pub fn elsewhere(vectors: Vec<Vec<f32>>, took_ms: Vec<f64>) -> Self {
        Self { encoder: Box::new(Elsewhere), load_ms: 0.0, vectors, took_ms }
    }

    /// The encoder.
    #[must_use]
    pub fn encoder(&self) -> &dyn Encoder {
        self.encoder.as_ref()
    }

    /// How long opening it took, milliseconds.
    #[must_use]
    pub fn load_ms(&self) -> f64 {
        self.load_ms
    }

    /// Whether there is a vector of this item's input.
    pub(crate) fn has(&self, row: usize) -> bool {
        !self.vectors[row].is_empty()
    }

    /// The vector of an item's input; empty where the item has no target.
    pub(crate) fn vector(&self, row: usize) -> &[f32] {
        &self.vectors[row]
    }

    /// How long that took, milliseconds.
    pub(crate) fn took_ms(&self, row: usize) -> f64 {
        self.took_ms[row]
    }
}

/// An encoder that is not here.
struct Elsewhere;

impl Encoder for Elsewhere {
    fn embed(&self, _: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        Err(ModelError::Failed("its encoder is not in this process".to_owned()))
    }

    fn facts(&self) -> Facts {
        Facts::default()
    }
}
