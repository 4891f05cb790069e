//! Weights of n-grams: frequent in the text, rare among texts.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::packed;
use crate::sparse::Sparse;

/// How the inverse document frequency of a term in `d` of `n` texts is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Smoothing {
    /// `ln((1 + n) / (1 + d)) + 1`: scikit-learn's default. A term of every text still counts.
    Smooth,
    /// `ln((1 + n) / (1 + d))`: a term of every text counts nothing, which drops the wording of a common
    /// instruction.
    Plain,
}

/// TF-IDF weights: `(1 + ln count) * idf`, then scaled to length 1 (sublinear term frequency, L2 norm;
/// Salton and Buckley 1988).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub struct Tfidf {
    documents: Vec<u32>,
    rows: u32,
    least: u32,
    smoothing: Smoothing,
    idf: Vec<f32>,
}

/// What is written: everything else follows from it.
#[derive(Serialize, Deserialize)]
struct Saved {
    #[serde(with = "packed::counts")]
    documents: Vec<u32>,
    rows: u32,
    least: u32,
    smoothing: Smoothing,
}

impl From<Saved> for Tfidf {
    fn from(saved: Saved) -> Self {
        Self::new(saved.documents, saved.rows, saved.least, saved.smoothing)
    }
}

impl From<Tfidf> for Saved {
    fn from(tfidf: Tfidf) -> Self {
        let Tfidf { documents, rows, least, smoothing, idf: _ } = tfidf;
        Self { documents, rows, least, smoothing }
    }
}

/// The sublinear term frequency, `1 + ln count`. Few terms come more often than the table is long.
fn frequency(count: f32) -> f32 {
    static TABLE: LazyLock<[f32; 32]> =
        LazyLock::new(|| std::array::from_fn(|count| 1.0 + libm::logf((count as f32).max(1.0))));
    let whole = count as usize;
    match TABLE.get(whole) {
        Some(known) if whole as f32 == count => *known,
        _ if count > 1.0 => 1.0 + libm::logf(count),
        _ => 1.0,
    }
}

impl Tfidf {
    /// Counts in how many of these texts each term is. Terms of fewer than `least` texts are left out.
    /// `dims` is the number of places ([`crate::Ngrams::dims`]).
    #[must_use]
    pub fn fit<'a>(
        counts: impl IntoIterator<Item = &'a Sparse>,
        dims: usize,
        least: u32,
        smoothing: Smoothing,
    ) -> Self {
        let mut documents = vec![0; dims];
        let mut rows = 0;
        for counts in counts {
            rows += 1;
            for &index in &counts.index {
                if let Some(slot) = documents.get_mut(index as usize) {
                    *slot += 1;
                }
            }
        }
        Self::new(documents, rows, least, smoothing)
    }

    fn new(documents: Vec<u32>, rows: u32, least: u32, smoothing: Smoothing) -> Self {
        let floor = match smoothing {
            Smoothing::Smooth => 1.0,
            Smoothing::Plain => 0.0,
        };
        let idf = |&d: &u32| {
            if d < least.max(1) {
                return 0.0;
            }
            // libm's logarithm is the same on every platform, so that decisions are too.

            (libm::log((1.0 + f64::from(rows)) / (1.0 + f64::from(d))) + floor) as f32
        };
        let idf = documents.iter().map(idf).collect();
        Self { documents, rows, least, smoothing, idf }
    }

    /// The weights of a text; empty where none of its terms is known.
    #[must_use]
    pub fn transform(&self, counts: &Sparse) -> Sparse {
        let (mut index, mut value) =
            (Vec::with_capacity(counts.index.len()), Vec::with_capacity(counts.index.len()));
        for (at, count) in counts.iter() {
            let idf = self.idf.get(at as usize).copied().unwrap_or(0.0);
            if idf > 0.0 {
                index.push(at);
                value.push(frequency(count) * idf);
            }
        }
        let mut weighted = Sparse { index, value };
        let norm = weighted.norm();
        if norm > 0.0 {
            weighted.value.iter_mut().for_each(|value| *value /= norm);
        }
        weighted
    }

    /// Adds `weight` times [`Tfidf::transform`], [folded](Sparse::folded) into as many dimensions as `dense`
    /// has: a power of 2.
    pub fn fold(&self, counts: &Sparse, weight: f32, dense: &mut [f32]) {
        let weighted = self.transform(counts);
        weighted.fold_into(weight, dense);
    }

    /// [`Tfidf::transform`], [folded](Sparse::folded).
    #[must_use]
    pub fn folded(&self, counts: &Sparse, bits: u8) -> Sparse {
        self.transform(counts).folded(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ngrams::Ngrams;

    #[test]
    fn common_terms_count_less_and_rare_ones_nothing() {
        let grams = Ngrams { words: (1, 1), chars: (0, 0), bits: 18 };
        let texts = ["the law", "the tort", "the law of tort", "the sea"];
        let counts: Vec<_> = texts.iter().map(|text| grams.counts(text)).collect();
        let plain = Tfidf::fit(&counts, grams.dims(), 2, Smoothing::Plain);
        // `the` is everywhere, `of` and `sea` are in one text.
        assert_eq!(plain.transform(&counts[3]).index.len(), 0);
        assert_eq!(plain.transform(&counts[2]).index.len(), 2);
        let smooth = Tfidf::fit(&counts, grams.dims(), 1, Smoothing::Smooth);
        let weights = smooth.transform(&counts[3]);
        assert!((weights.norm() - 1.0).abs() < 1e-6);
        assert_eq!(weights.index.len(), 2);
    }

    #[test]
    fn reads_back_the_same() {
        let grams = Ngrams { words: (1, 1), chars: (2, 3), bits: 12 };
        let counts: Vec<_> =
            (0..500).map(|i| grams.counts(&format!("第{i}条 section {} of {}", i % 7, i * i))).collect();
        let fitted = Tfidf::fit(&counts, grams.dims(), 2, Smoothing::Smooth);
        let text = serde_json::to_string(&fitted).unwrap();
        assert_eq!(serde_json::from_str::<Tfidf>(&text).unwrap(), fitted);
    }
}
