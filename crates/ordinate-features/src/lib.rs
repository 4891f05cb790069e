//! Features of a text, fast and the same on every machine.
//!
//! Words in any script become hashed n-grams ([`Ngrams`]), weighted by how rare they are ([`Tfidf`]), and
//! few dense dimensions ([`Svd`]); [`surface`] measures what a text looks like without reading it. What is
//! fitted ([`Tfidf`], [`Scaler`], [`Svd`]) is fitted on training texts only, is saved with the policy that
//! uses it, and never sees a score. [`duplicates`] groups equal and nearly equal texts. No file or network is touched here.

pub mod duplicates;
mod ngrams;
mod options;
pub mod packed;
mod scaler;
mod sparse;
mod surface;
mod svd;
mod tfidf;

pub use ngrams::Ngrams;
pub use scaler::Scaler;
pub use sparse::Sparse;
pub use surface::{SURFACE, surface};
pub use svd::Svd;
pub use tfidf::{Smoothing, Tfidf};
