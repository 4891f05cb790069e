//! What is seen of an item and of the answers to it, as one vector whose inner products are the kernel.
//!
//! The kernel is a sum of four: the cosine of the inputs' TF-IDF vectors, the closeness of their surfaces, the
//! closeness of how the answers look and agree, and the mean cosine of what each candidate said. Cosines are kept
//! by hashing; closeness (a Gaussian kernel) by random Fourier features (Rahimi and Recht 2007).

use std::borrow::Cow;
use std::sync::OnceLock;

use ordinate_core::{Query, Seen};
use ordinate_features::{SURFACE, Scaler, Smoothing, Tfidf};
use serde::{Deserialize, Serialize};

use super::panel::dot;
use crate::random::SplitMix;
use crate::said::{Said, WORDS_BITS};
use crate::texts::{GRAMS, Text};

/// Dimensions of the parts: inputs, surfaces, the look of answers, and each candidate's words.
const INPUT_BITS: u8 = 10;
const SURFACE_WAVES: usize = 64;
const LOOK_WAVES: usize = 256;
/// How much each part counts.
const INPUT: f32 = 0.5;
const NEAR_SURFACE: f32 = 0.2;
const LOOK: f32 = 1.0;
const WORDS: f32 = 2.0;
/// Widths of the Gaussian kernels: `exp(-width * d^2 / dimensions)`.
const SURFACE_WIDTH: f64 = 0.3;
const LOOK_WIDTH: f64 = 0.5;
/// Measures of one answer by itself.
const OWN: usize = 7;
/// Terms of fewer texts are left out.
const MIN_DOCUMENTS: u32 = 2;

/// An item with the answers of the candidates that were asked, in the order of asking.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    text: Cow<'a, Text>,
    seen: Vec<(Seen<'a>, Cow<'a, Said>)>,
}

impl<'a> Scene<'a> {
    /// `None` where the item has no input.
    pub(super) fn new(query: &Query<'a>, seen: impl Iterator<Item = Seen<'a>>) -> Option<Self> {
        Some(Self { text: Text::of(query)?, seen: seen.map(|seen| (seen, Said::of(&seen))).collect() })
    }
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
            tfidf: Tfidf::fit(grams, GRAMS.dims(), MIN_DOCUMENTS, Smoothing::Plain),
            surface: Scaler::fit(scenes.iter().map(|scene| scene.text.surface.as_slice())),
            look: Scaler::fit(looks.iter().map(Vec::as_slice)),
            asked,
            waves: OnceLock::new(),
        }
    }

    /// The length of the vectors of [`Sight::append`].
    pub(super) fn dimensions(&self) -> usize {
        (1 << INPUT_BITS) + SURFACE_WAVES + LOOK_WAVES + self.asked * (1 << WORDS_BITS)
    }

    /// Appends the vector of a scene: inner products of two are the kernel.
    pub(super) fn append(&self, scene: &Scene<'_>, all: &mut Vec<f32>) {
        let begin = all.len();
        all.resize(begin + (1 << INPUT_BITS), 0.0);
        self.tfidf.fold(&scene.text.grams, INPUT.sqrt(), &mut all[begin..]);
        let look = self.look.transform(&look(scene));
        let (near_surface, near_look) = self.waves.get_or_init(|| {
            let (p, q) = (self.surface.varying(), self.look.varying());
            (
                Waves::new(SURFACE, p, SURFACE_WAVES, SURFACE_WIDTH, NEAR_SURFACE, 1),
                Waves::new(look.len(), q, LOOK_WAVES, LOOK_WIDTH, LOOK, 2),
            )
        });
        near_surface.append(&self.surface.transform(&scene.text.surface), all);
        near_look.append(&look, all);
        let weight = (WORDS / self.asked.max(1) as f32).sqrt();
        for (_, said) in &scene.seen {
            let start = all.len();
            all.resize(start + (1 << WORDS_BITS), 0.0);
            for (place, value) in &said.words {
                all[start + usize::from(*place)] = weight * value;
            }
        }
        all.resize(begin + self.dimensions(), 0.0);
    }
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

/// How each answer looks, and how every two agree.
fn look(scene: &Scene<'_>) -> Vec<f32> {
    let mut look = Vec::with_capacity(scene.seen.len() * (OWN + scene.seen.len()));
    for (a, (seen, said)) in scene.seen.iter().enumerate() {
        let [length, digits, marks, lines] = said.looks;
        look.extend([
            length,
            seen.output_tokens.map_or(0.0, |tokens| libm::log1p(tokens) as f32),
            digits,
            marks,
            lines,
            said.gist.agreement(&scene.text.gist) as f32,
            seen.confidence.unwrap_or(0.5) as f32,
        ]);
        for (_, other) in &scene.seen[..a] {
            let same = said.key == other.key && !said.key.is_empty();
            look.push(said.gist.agreement(&other.gist) as f32);
            look.push(f32::from(u8::from(same)));
        }
    }
    look
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
}
