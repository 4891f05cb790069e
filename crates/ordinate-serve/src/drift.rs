//! Whether inputs are like those that were measured: a conformal test, which may be looked at after every input.
//!
//! Half of the measured inputs say what is known (which pieces of text, which slices); the other half, and every input that
//! comes, are held against that by a few cheap figures. While inputs are exchangeable with the measured ones, the rank of the
//! newest among all so far (ties broken by a coin) is uniform and independent of those before it, however few there are
//! (Vovk, Gammerman, Shafer 2022, "Algorithmic Learning in a Random World", ch. 8). Against that we bet, by the Simple Jumper
//! (Vovk et al. 2021, "Retrain or not retrain: conformal test martingales for change-point detection"): a fortune of `20 k` out
//! of 1 comes with a probability of at most `1 / (20 k)` at any time for each of the `k` figures (Ville), of any with at most 5 %.
//! Most of the money is not bet at once: a share of `1 / (n (n + 1))` is from the `n`-th input on, so that a difference that comes
//! late finds a fortune that quiet times have not used up.
//!
//! What a policy expects of an input is no such figure: it was learned from the measured inputs, and is surer of those.

use std::collections::BTreeMap;

use ordinate_core::random::{SplitMix, mix};
use serde::{Deserialize, Serialize};

use crate::day::timestamp;
use crate::watch::REFUTED;

/// The fewest inputs that figures are known of.
const FEWEST: usize = 20;
/// Characters of an input that are looked at for pieces that are not known.
const LOOKED_AT: usize = 1_000;
/// Bits of the set of known pieces: pieces that share one are taken for one, of measured and new inputs alike.
const BITS: usize = 1 << 20;
/// How much of each fortune is dealt out anew before a bet.
const JUMP: f64 = 0.01;
/// Bets of a figure.
const BETS: usize = 3;
/// Inputs that the mean of late is about.
const LATELY: f64 = 200.0;

/// A figure of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Figure {
    /// Characters.
    Length,
    /// The share of its pieces of three characters that are in none of the measured inputs that say what is known.
    UnknownPieces,
    /// How rare its slice is: 0 for the most frequent one.
    Slice,
}

impl Figure {
    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::UnknownPieces => "unknown-pieces",
            Self::Slice => "slice",
        }
    }

    /// The bets: on values that are larger than the measured ones, on none, on smaller ones. Fewer pieces that are not known are
    /// no difference to be told: the measured inputs themselves, asked again, have fewer.
    fn bets(self) -> [f64; BETS] {
        match self {
            Self::Length | Self::Slice => [-1.0, 0.0, 1.0],
            Self::UnknownPieces => [-1.0, -0.5, 0.0],
        }
    }

    /// The place of a value among those that are told apart.
    fn bin(self, value: f64) -> u16 {
        match self {
            Self::Length => (8.0 * (value + 1.0).log2()) as u16,
            Self::UnknownPieces => (200.0 * value) as u16,
            Self::Slice => value as u16,
        }
    }
}

/// Bets on one figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Bet {
    figure: Figure,
    /// How many inputs have a value in each place, the measured ones among them.
    counts: BTreeMap<u16, u64>,
    all: u64,
    fortunes: [f64; BETS],
    most: f64,
    /// Mean of the measured inputs.
    measured: f64,
    /// Mean of the inputs that came of late.
    lately: f64,
    seen: u64,
    /// When the bet was won.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<String>,
}

/// What is known of the measured inputs, and how those that came differ from them.
#[derive(Debug, Clone)]
pub struct Drift {
    known: Box<[u64]>,
    /// Slices, the most frequent first.
    slices: Vec<String>,
    bets: Vec<Bet>,
    /// Tells these measured inputs from others.
    of: u64,
    random: SplitMix,
}

/// What is kept of it when a server ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptDrift {
    of: u64,
    bets: Vec<Bet>,
}

/// How one figure stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriftStanding {
    /// The figure.
    pub figure: Figure,
    /// Its mean over the measured inputs.
    pub measured: f64,
    /// Its mean over the inputs that came of late; `None` before the first.
    pub lately: Option<f64>,
    /// Inputs that it was taken of.
    pub inputs: u64,
    /// The largest fortune that betting on a difference has had, out of 1, over the number of figures.
    pub evidence: f64,
    /// When the evidence reached 20; `None` while it did not.
    pub since: Option<String>,
}

/// An input that was measured.
#[derive(Debug, Clone, Copy)]
pub struct MeasuredInput<'a> {
    /// The text.
    pub text: &'a str,
    /// Its slice.
    pub slice: Option<&'a str>,
    /// What it belongs to: inputs of one group are on one side.
    pub group: Option<&'a str>,
}

impl Drift {
    /// What is known of these inputs; `None` where they are too few.
    #[must_use]
    pub fn of(inputs: &[MeasuredInput<'_>]) -> Option<Self> {
        let says = |at: usize| match inputs[at].group {
            Some(group) => hash(group) & 1 == 0,
            None => at.is_multiple_of(2),
        };
        let (known, held): (Vec<usize>, Vec<usize>) = (0..inputs.len()).partition(|at| says(*at));
        if known.len().min(held.len()) < FEWEST {
            return None;
        }
        let mut slices: BTreeMap<&str, usize> = BTreeMap::new();
        let mut set = vec![0_u64; BITS / 64].into_boxed_slice();
        let mut of = inputs.len() as u64;
        for &at in &known {
            pieces(inputs[at].text, |piece| set[piece / 64] |= 1 << (piece % 64));
            inputs[at].slice.into_iter().for_each(|slice| *slices.entry(slice).or_default() += 1);
        }
        let mut slices: Vec<(&str, usize)> = slices.into_iter().collect();
        slices.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let slices: Vec<String> = slices.into_iter().map(|(slice, _)| slice.to_owned()).collect();
        let mut drift = Self { known: set, slices, bets: Vec::new(), of: 0, random: SplitMix::new(0) };
        for figure in [Figure::Length, Figure::UnknownPieces, Figure::Slice] {
            let values: Vec<f64> = held
                .iter()
                .filter_map(|&at| drift.value(figure, inputs[at].text, inputs[at].slice))
                .collect();
            if values.len() < FEWEST || (figure == Figure::Slice && drift.slices.len() < 2) {
                continue;
            }
            let mut counts: BTreeMap<u16, u64> = BTreeMap::new();
            values.iter().for_each(|value| *counts.entry(figure.bin(*value)).or_default() += 1);
            of = counts.iter().fold(of, |of, (bin, count)| mix(of ^ mix(u64::from(*bin) ^ (count << 16))));
            drift.bets.push(Bet {
                figure,
                counts,
                all: values.len() as u64,
                fortunes: [0.0; BETS],
                most: 1.0,
                measured: values.iter().sum::<f64>() / values.len() as f64,
                lately: 0.0,
                seen: 0,
                since: None,
            });
        }
        drift.of = of;
        Some(drift)
    }

    /// Sets what the coins of ties are tossed by.
    pub fn seed(&mut self, seed: u64) {
        self.random = SplitMix::new(seed);
    }

    /// Goes on from what was kept, if that is of the same measured inputs.
    pub fn go_on_from(&mut self, kept: KeptDrift) {
        if kept.of == self.of && kept.bets.len() == self.bets.len() {
            self.bets = kept.bets;
        }
    }

    /// What is to be kept of it.
    #[must_use]
    pub fn kept(&self) -> KeptDrift {
        KeptDrift { of: self.of, bets: self.bets.clone() }
    }

    /// Takes the next input. Gives the figures by which it is now shown that inputs differ.
    pub fn see(&mut self, text: &str, slice: Option<&str>) -> Vec<DriftStanding> {
        let count = self.bets.len() as f64;
        let mut shown = Vec::new();
        for at in 0..self.bets.len() {
            let Some(value) = self.value(self.bets[at].figure, text, slice) else { continue };
            let coin = self.random.unit();
            let bet = &mut self.bets[at];
            bet.see(value, coin);
            if bet.since.is_none() && bet.most / count >= REFUTED {
                bet.since = Some(timestamp());
                shown.push(bet.standing(count));
            }
        }
        shown
    }

    /// How each figure stands.
    #[must_use]
    pub fn standings(&self) -> Vec<DriftStanding> {
        self.bets.iter().map(|bet| bet.standing(self.bets.len() as f64)).collect()
    }

    fn value(&self, figure: Figure, text: &str, slice: Option<&str>) -> Option<f64> {
        Some(match figure {
            Figure::Length => text.chars().count() as f64,
            Figure::UnknownPieces => {
                let (mut all, mut unknown) = (0_u32, 0_u32);
                pieces(text, |piece| {
                    all += 1;
                    unknown += u32::from(self.known[piece / 64] >> (piece % 64) & 1 == 0);
                });
                f64::from(unknown) / f64::from(all.max(1))
            }
            // An input that does not say its slice says nothing of slices.
            Figure::Slice => {
                let slice = slice?;
                self.slices.iter().position(|one| one == slice).unwrap_or(self.slices.len()) as f64
            }
        })
    }
}

impl KeptDrift {
    /// How each figure stood.
    #[must_use]
    pub fn standings(&self) -> Vec<DriftStanding> {
        self.bets.iter().map(|bet| bet.standing(self.bets.len() as f64)).collect()
    }
}

impl Bet {
    fn see(&mut self, value: f64, coin: f64) {
        let bin = self.figure.bin(value);
        let ties = self.counts.entry(bin).or_default();
        *ties += 1;
        let ties = *ties as f64;
        self.all += 1;
        let above: u64 = self.counts.range(bin.saturating_add(1)..).map(|(_, count)| count).sum();
        // Of the values so far, itself among them: those above it, and a share of its equals.
        let rank = (above as f64 + coin * ties) / self.all as f64;
        let n = self.seen as f64;
        let (held_before, held) = (1.0 / (n + 1.0), 1.0 / (n + 2.0));
        self.fortunes.iter_mut().for_each(|own| *own += (held_before - held) / BETS as f64);
        let fortune: f64 = self.fortunes.iter().sum();
        for (own, bet) in self.fortunes.iter_mut().zip(self.figure.bets()) {
            *own = ((1.0 - JUMP) * *own + JUMP / BETS as f64 * fortune) * (1.0 + bet * (rank - 0.5));
        }
        self.most = self.most.max(held + self.fortunes.iter().sum::<f64>());
        self.seen += 1;
        self.lately += (value - self.lately) / LATELY.min(self.seen as f64);
    }

    fn standing(&self, figures: f64) -> DriftStanding {
        DriftStanding {
            figure: self.figure,
            measured: self.measured,
            lately: (self.seen > 0).then_some(self.lately),
            inputs: self.seen,
            evidence: self.most / figures,
            since: self.since.clone(),
        }
    }
}

/// Calls `each` with the place of every piece of three characters.
fn pieces(text: &str, mut each: impl FnMut(usize)) {
    let mut last = 0_u64;
    for (at, letter) in text.chars().take(LOOKED_AT).enumerate() {
        last = (last << 21 | u64::from(u32::from(letter))) & ((1 << 63) - 1);
        if at >= 2 {
            each((mix(last) >> 44) as usize);
        }
    }
}

fn hash(text: &str) -> u64 {
    text.bytes().fold(0, |hash, byte| mix(hash ^ u64::from(byte)))
}
