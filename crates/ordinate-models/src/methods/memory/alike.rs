//! Texts that share n-grams, found by lists of the texts that have each.

use ordinate_features::{Ngrams, Smoothing, Sparse, Tfidf};
use rayon::prelude::*;

/// Words and word pairs, and characters by threes and fours: enough to tell near texts from others, in any script.
const GRAMS: Ngrams = Ngrams { words: (1, 2), chars: (2, 4), bits: 18 };

/// N-grams that a tenth of the texts have, or so many, tell little, and cost the most: they are looked at only where others find too
/// few texts.
const COMMON: usize = 1_000;

/// Texts, and for each n-gram those that have it.
pub(super) struct Alike {
    tfidf: Tfidf,
    texts: usize,
    /// Where the list of each n-gram begins in `postings`; one more than there are n-grams.
    starts: Vec<u32>,
    /// Text and weight.
    postings: Vec<(u32, f32)>,
}

impl Alike {
    /// Of these texts.
    pub(super) fn of(texts: &[&str]) -> Self {
        let counts: Vec<Sparse> = texts.par_iter().map(|text| GRAMS.counts(text)).collect();
        let tfidf = Tfidf::fit(&counts, GRAMS.dims(), 1, Smoothing::Smooth);
        let mut starts = vec![0_u32; GRAMS.dims() + 1];
        for place in counts.iter().flat_map(|counts| &counts.index) {
            starts[*place as usize + 1] += 1;
        }
        for place in 0..GRAMS.dims() {
            starts[place + 1] += starts[place];
        }
        let mut next = starts.clone();
        let mut postings = vec![(0, 0.0); starts.last().map_or(0, |all| *all as usize)];
        for (text, counts) in (0..).zip(&counts) {
            for (place, weight) in tfidf.transform(counts).iter() {
                let at = &mut next[place as usize];
                postings[*at as usize] = (text, weight);
                *at += 1;
            }
        }
        Self { tfidf, texts: texts.len(), starts, postings }
    }

    /// The places of at most `most` texts that have something in common with this one, the nearest first: by the cosine of
    /// TF-IDF, of equals the earlier.
    pub(super) fn nearest(&self, text: &str, most: usize) -> Vec<usize> {
        let asked = self.tfidf.transform(&GRAMS.counts(text));
        let rare = self.found(&asked, (self.texts / 10).max(COMMON));
        let mut found = if rare.len() < most { self.found(&asked, usize::MAX) } else { rare };
        let nearer = |a: &(f32, usize), b: &(f32, usize)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        if found.len() > most {
            found.select_nth_unstable_by(most, nearer);
            found.truncate(most);
        }
        found.sort_unstable_by(nearer);
        found.into_iter().map(|(_, place)| place).collect()
    }

    /// The cosines of the texts that have an n-gram in common with this vector, which no more than so many texts have.
    fn found(&self, asked: &Sparse, common: usize) -> Vec<(f32, usize)> {
        let mut cosines = vec![0.0_f32; self.texts];
        for (place, weight) in asked.iter() {
            let (from, to) = (self.starts[place as usize] as usize, self.starts[place as usize + 1] as usize);
            if to - from > common {
                continue;
            }
            for &(text, other) in &self.postings[from..to] {
                cosines[text as usize] += weight * other;
            }
        }
        cosines.into_iter().zip(0..).filter(|(cosine, _)| *cosine > 0.0).collect()
    }

    /// Bytes in memory: lists, and counts and weights of the TF-IDF.
    pub(super) fn bytes(&self) -> usize {
        8 * self.postings.len() + 4 * self.starts.len() + 8 * GRAMS.dims()
    }
}
