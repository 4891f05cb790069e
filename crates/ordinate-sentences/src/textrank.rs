//! TextRank (Mihalcea and Tarau 2004): a sentence is central that resembles sentences which are central.

use std::collections::HashSet;

use crate::words::words;

/// As in PageRank (Brin and Page 1998).
const DAMPING: f64 = 0.85;
/// Rounds at most; the change of a round falls by the damping.
const ROUNDS: usize = 200;
/// The change, summed over sentences, at which it ends.
const CLOSE: f64 = 1e-12;
/// Sentences beyond are not looked at: the work grows with the square of their number.
const MOST: usize = 2_000;

/// How central each sentence is: shares that sum up to 1. Sentences resemble each other by the number of words that both have, over
/// the sum of the logarithms of their lengths (in different words).
#[must_use]
pub fn central(sentences: &[&str]) -> Vec<f64> {
    let count = sentences.len().min(MOST);
    let sets: Vec<HashSet<String>> =
        sentences[..count].iter().map(|sentence| words(sentence).into_iter().collect()).collect();
    let mut alike = vec![0.0; count * count];
    for a in 0..count {
        for b in 0..a {
            let both = sets[a].intersection(&sets[b]).count() as f64;
            let lengths = (sets[a].len() as f64).ln() + (sets[b].len() as f64).ln();
            // Two sentences of one word each have no length to speak of.
            let similarity = if lengths > 0.0 { both / lengths } else { 0.0 };
            alike[a * count + b] = similarity;
            alike[b * count + a] = similarity;
        }
    }
    let sums: Vec<f64> = alike.chunks(count.max(1)).map(|row| row.iter().sum()).collect();
    let even = 1.0 / count.max(1) as f64;
    let mut shares = vec![even; count];
    for _ in 0..ROUNDS {
        // Who resembles nobody gives to all alike.
        let alone: f64 =
            shares.iter().zip(&sums).filter(|(_, sum)| **sum == 0.0).map(|(share, _)| share).sum();
        let next: Vec<f64> = (0..count)
            .map(|a| {
                let given = |b: usize| match sums[b] {
                    0.0 => 0.0,
                    sum => shares[b] * alike[b * count + a] / sum,
                };
                let from: f64 = (0..count).map(given).sum();
                DAMPING.mul_add(from + alone * even, (1.0 - DAMPING) * even)
            })
            .collect();
        let change: f64 = next.iter().zip(&shares).map(|(a, b)| (a - b).abs()).sum();
        shares = next;
        if change < CLOSE {
            break;
        }
    }
    shares.resize(sentences.len(), 0.0);
    shares
}
