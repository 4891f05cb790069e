//! What is seen of an item and of the answers to it, as one vector whose inner products are the kernel.
//!
//! The kernel is a sum of four: the cosine of the inputs' TF-IDF vectors, the closeness of their surfaces, the
//! closeness of how the answers look and agree, and the mean cosine of what each candidate said. Cosines are kept
//! by hashing; closeness (a Gaussian kernel) by random Fourier features (Rahimi and Recht 2007).

use std::sync::OnceLock;

use ordinate_core::Seen;
use ordinate_features::{SURFACE, Scaler, Smoothing, Tfidf};
use serde::{Deserialize, Serialize};

use super::panel::dot;
use crate::gist::Gist;
use crate::random::SplitMix;
use crate::texts::{GRAMS, Text};

/// Dimensions of the parts: inputs, surfaces, the look of answers, and each candidate's words.
const INPUT_BITS: u8 = 10;
const SURFACE_WAVES: usize = 64;
const LOOK_WAVES: usize = 256;
const WORDS_BITS: u32 = 9;
/// How much each part counts.
const INPUT: f32 = 0.5;
const NEAR_SURFACE: f32 = 0.2;
const LOOK: f32 = 1.0;
const WORDS: f32 = 2.0;
/// Widths of the Gaussian kernels: `exp(-width * d^2 / dimensions)`.
const SURFACE_WIDTH: f64 = 0.3;
const LOOK_WIDTH: f64 = 0.5;
/// Characters of an answer whose words are looked at.
const CHARACTERS: usize = 300;
/// Measures of one answer by itself.
const OWN: usize = 7;
/// Terms of fewer texts are left out.
const LEAST_DOCUMENTS: u32 = 2;

/// An item with the answers of the candidates that were asked, in the order of asking.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub(super) text: &'a Text,
    pub(super) input: &'a str,
    pub(super) seen: Vec<Seen<'a>>,
}

/// Fitted on the items of one slice, without their scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Sight {
    tfidf: Tfidf,
    surface: Scaler,
    look: Scaler,
    /// Candidates asked.
    asked: usize,
    /// For surfaces and for looks; not saved, since they are the same every time.
    #[serde(skip)]
    waves: OnceLock<(Waves, Waves)>,
}

impl Sight {
    pub(super) fn fit(scenes: &[Scene<'_>], asked: usize) -> Self {
        let grams = scenes.iter().map(|scene| &scene.text.grams);
        let looks: Vec<Vec<f32>> = scenes.iter().map(look).collect();
        Self {
            tfidf: Tfidf::fit(grams, GRAMS.dims(), LEAST_DOCUMENTS, Smoothing::Plain),
            surface: Scaler::fit(scenes.iter().map(|scene| scene.text.surface.as_slice())),
            look: Scaler::fit(looks.iter().map(Vec::as_slice)),
            asked,
            waves: OnceLock::new(),
        }
    }

    /// The length of the vectors of [`Sight::of`].
    pub(super) fn dimensions(&self) -> usize {
        (1 << INPUT_BITS) + SURFACE_WAVES + LOOK_WAVES + self.asked * (1 << WORDS_BITS)
    }

    /// The vector of a scene: inner products of two are the kernel.
    pub(super) fn of(&self, scene: &Scene<'_>) -> Vec<f32> {
        let mut all = vec![0.0; 1 << INPUT_BITS];
        let folded = self.tfidf.transform(&scene.text.grams).folded(INPUT_BITS);
        for (place, value) in folded.iter() {
            all[place as usize] = INPUT.sqrt() * value;
        }
        let look = self.look.transform(&look(scene));
        let (near_surface, near_look) = self.waves.get_or_init(|| {
            let (p, q) = (self.surface.varying(), self.look.varying());
            (
                Waves::new(SURFACE, p, SURFACE_WAVES, SURFACE_WIDTH, NEAR_SURFACE, 1),
                Waves::new(look.len(), q, LOOK_WAVES, LOOK_WIDTH, LOOK, 2),
            )
        });
        near_surface.append(&self.surface.transform(&scene.text.surface), &mut all);
        near_look.append(&look, &mut all);
        #[allow(clippy::cast_precision_loss)] // a few candidates
        let weight = (WORDS / self.asked.max(1) as f32).sqrt();
        for seen in &scene.seen {
            let start = all.len();
            all.resize(start + (1 << WORDS_BITS), 0.0);
            words(said(seen), weight, &mut all[start..]);
        }
        all.resize(self.dimensions(), 0.0);
        all
    }
}

fn said<'a>(seen: &Seen<'a>) -> &'a str {
    seen.output.filter(|_| !seen.failed).unwrap_or_default()
}

/// Random directions and phases of Fourier features; the same for every machine and version.
#[derive(Debug, Clone, Default, PartialEq)]
struct Waves {
    /// `dimensions` numbers per wave.
    directions: Vec<f32>,
    phases: Vec<f32>,
    scale: f32,
}

impl Waves {
    /// For the kernel `weight * exp(-width d^2 / p)` of vectors of `dimensions` numbers, `p` of which vary.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // a few dimensions
    fn new(dimensions: usize, p: usize, count: usize, width: f64, weight: f32, seed: u64) -> Self {
        let mut random = SplitMix::new(0x5eed_0000 + seed);
        let spread = (2.0 * width / p.max(1) as f64).sqrt();
        Self {
            directions: (0..count * dimensions).map(|_| (spread * normal(&mut random)) as f32).collect(),
            phases: (0..count).map(|_| (random.unit() * std::f64::consts::TAU) as f32).collect(),
            scale: (weight * 2.0 / count as f32).sqrt(),
        }
    }

    /// Appends the features of a vector.
    fn append(&self, vector: &[f32], all: &mut Vec<f32>) {
        let directions = self.directions.chunks_exact(vector.len().max(1));
        all.extend(
            directions
                .zip(&self.phases)
                .map(|(direction, phase)| self.scale * libm::cosf(phase + dot(direction, vector))),
        );
    }
}

/// A standard normal number (Box and Muller 1958); `libm`, so that every machine gets the same bits.
fn normal(random: &mut SplitMix) -> f64 {
    let radius = (-2.0 * libm::log(1.0 - random.unit())).sqrt();
    radius * libm::cos(std::f64::consts::TAU * random.unit())
}

/// Hashed character bigrams of the start of an answer, of length `weight`.
fn words(output: &str, weight: f32, place: &mut [f32]) {
    let characters = || output.chars().filter(|c| !c.is_whitespace()).take(CHARACTERS);
    for (a, b) in characters().zip(characters().skip(1)) {
        let bigram = u64::from(a) << 21 | u64::from(b);
        let hash = bigram.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let sign = if hash & 1 == 0 { 1.0 } else { -1.0 };
        #[allow(clippy::cast_possible_truncation)] // the top bits
        let index = (hash >> (64 - WORDS_BITS)) as usize;
        place[index] += sign;
    }
    let norm = place.iter().map(|value| value * value).sum::<f32>().sqrt();
    if norm > 0.0 {
        place.iter_mut().for_each(|value| *value *= weight / norm);
    }
}

/// How each answer looks, and how every two agree.
fn look(scene: &Scene<'_>) -> Vec<f32> {
    let input = Gist::new(scene.input);
    let gists: Vec<Gist> = scene.seen.iter().map(|seen| Gist::new(said(seen))).collect();
    let keys: Vec<String> = scene.seen.iter().map(|seen| key(said(seen))).collect();
    let mut look = Vec::with_capacity(scene.seen.len() * (OWN + scene.seen.len()));
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // measures
    for (a, seen) in scene.seen.iter().enumerate() {
        let output = said(seen);
        let length = output.chars().count();
        let share = |of: fn(&char) -> bool| output.chars().filter(of).count() as f32 / (length + 1) as f32;
        look.extend([
            (length as f32).ln_1p(),
            seen.output_tokens.map_or(0.0, |tokens| tokens.ln_1p() as f32),
            share(char::is_ascii_digit),
            share(|c| !c.is_alphanumeric()),
            (output.matches('\n').count() as f32).ln_1p(),
            gists[a].agreement(&input) as f32,
            seen.confidence.unwrap_or(0.5) as f32,
        ]);
        for b in 0..a {
            let same = keys[a] == keys[b] && !keys[a].is_empty();
            look.push(gists[a].agreement(&gists[b]) as f32);
            look.push(f32::from(u8::from(same)));
        }
    }
    look
}

/// The start of an answer without spaces and punctuation: equal for answers that say the same.
fn key(output: &str) -> String {
    output.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waves_keep_the_gaussian_kernel() {
        let features = |vector: &[f32]| {
            let mut all = Vec::new();
            Waves::new(vector.len(), vector.len(), 4096, 0.5, 1.0, 3).append(vector, &mut all);
            all
        };
        let (a, b) = ([0.3, -1.0, 2.0], [0.1, 0.5, 1.0]);
        let squared: f32 = a.iter().zip(&b).map(|(x, y)| (x - y) * (x - y)).sum();
        let kernel: f32 = features(&a).iter().zip(features(&b)).map(|(x, y)| x * y).sum();
        assert!((kernel - (-0.5 * squared / 3.0).exp()).abs() < 0.05, "{kernel}");
    }

    #[test]
    fn words_are_alike_where_texts_are() {
        let vector = |text: &str| {
            let mut place = vec![0.0; 1 << WORDS_BITS];
            words(text, 1.0, &mut place);
            place
        };
        let dot = |a: &str, b: &str| vector(a).iter().zip(vector(b)).map(|(x, y)| x * y).sum::<f32>();
        assert!((dot("维持原判", "维持 原判") - 1.0).abs() < 1e-6);
        assert!(dot("法院驳回上诉，维持原判", "法院驳回上诉") > 0.5);
        assert!(dot("abcdef", "uvwxyz").abs() < 0.3);
        assert_eq!(vector(""), vec![0.0; 1 << WORDS_BITS]);
    }
}
