//! TER (Snover et al. 2006), the translation edit rate, as sacrebleu 2 computes it: with its shifts, its beam and its limits.
//!
//! Edits are words that are inserted, deleted or replaced, and blocks of words that are moved. Which block is moved first is
//! decided greedily, as Tercom does it; sacrebleu's `lib_ter.py` is the reference.

use std::ops::AddAssign;

use ordinate_core::Output;

use super::Metric;
use super::grams::{Numbering, is_space, split};

/// `1 - TER` of the sentence, at least 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ter;

impl Metric for Ter {
    fn name(&self) -> &'static str {
        "ter"
    }

    fn about(&self) -> &'static str {
        "1 - TER of the sentence as sacrebleu, at least 0: TER is the share of the words that have to be edited."
    }

    fn score(&self, output: &Output, target: &str) -> f64 {
        let output = super::text(output);
        (1.0 - super::right_answers(target, |right| TerCounts::of(&output, right)).rate()).max(0.0)
    }
}

/// What TER counts: of one segment, or summed over a corpus.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TerCounts {
    edits: u64,
    /// Words of the references, on the mean of them.
    words: f64,
}

impl TerCounts {
    /// Of one output and its references: the edits to the nearest of them, and the mean of their lengths.
    #[must_use]
    pub fn of(output: &str, references: &[&str]) -> Self {
        let output = output.to_lowercase();
        let references: Vec<String> =
            references.iter().map(|text| text.trim_end_matches(is_space).to_lowercase()).collect();
        let mut numbering = Numbering::default();
        let given = numbering.numbers(split(&output));
        let right: Vec<Vec<u32>> = references.iter().map(|text| numbering.numbers(split(text))).collect();
        let edits = right.iter().map(|right| edits(&given, right)).min().unwrap_or(0);
        let words = right.iter().map(Vec::len).sum::<usize>() as f64 / right.len().max(1) as f64;
        Self { edits, words }
    }

    /// Edits for each word of the references, which may be more than 1. Where the references have no words, 1 if the outputs
    /// have some.
    #[must_use]
    pub fn rate(&self) -> f64 {
        if self.words > 0.0 { self.edits as f64 / self.words } else { f64::from(u8::from(self.edits > 0)) }
    }
}

impl AddAssign for TerCounts {
    fn add_assign(&mut self, other: Self) {
        self.edits += other.edits;
        self.words += other.words;
    }
}

/// The longest block that is moved, how far, and how many moves are tried for a segment.
const MAX_SHIFT_SIZE: usize = 10;
const MAX_SHIFT_DISTANCE: usize = 50;
const MAX_SHIFTS_TRIED: usize = 1_000;
/// Cells of the edit distance on either side of the diagonal.
const BEAM: usize = 25;

/// The edits that make `right` out of `given`.
fn edits(given: &[u32], right: &[u32]) -> u64 {
    if right.is_empty() {
        return given.len() as u64;
    }
    let (mut words, mut shifts, mut tried) = (given.to_vec(), 0, 0);
    loop {
        let distances = Distances::of(&words, right);
        let shift = best_shift(&words, right, &distances, &mut tried);
        match shift {
            Some(Shift { gain: 1.., words: shifted, .. }) if tried < MAX_SHIFTS_TRIED => words = shifted,
            _ => return shifts + u64::from(distances.last()),
        }
        shifts += 1;
    }
}

/// A block that is moved, and what it gains. The largest is taken: of equal gains the longest block, then the first, then the
/// one that goes the least far.
struct Shift {
    gain: i64,
    length: usize,
    start: usize,
    target: usize,
    words: Vec<u32>,
}

impl Shift {
    fn beats(&self, other: &Self) -> bool {
        let rank = |shift: &Self| {
            let back = |at: usize| std::cmp::Reverse(at);
            (shift.gain, shift.length, back(shift.start), back(shift.target))
        };
        rank(self) > rank(other)
    }
}

fn best_shift(words: &[u32], right: &[u32], distances: &Distances<'_>, tried: &mut usize) -> Option<Shift> {
    let alignment = distances.alignment();
    let before = i64::from(distances.last());
    let mut best: Option<Shift> = None;
    for (start, at, length) in blocks(words, right) {
        let is_wrong = |errors: &[bool], from: usize| errors[from..from + length].contains(&true);
        if !is_wrong(&alignment.wrong_given, start) || !is_wrong(&alignment.wrong_right, at) {
            continue;
        }
        // Not within itself.
        if (start + 1..=start + length).contains(&alignment.behind[at]) {
            continue;
        }
        let mut last = None;
        for offset in 0..=length {
            // Behind the word before the block of the reference, then behind each of its words.
            let target = match (at + offset).checked_sub(1) {
                None => 0,
                Some(place) => match alignment.behind.get(place) {
                    Some(&target) => target,
                    None => break,
                },
            };
            if last.replace(target) == Some(target) {
                continue;
            }
            let shifted = shifted(words, start, length, target);
            let gain = before - i64::from(distances.again(&shifted));
            let shift = Shift { gain, length, start, target, words: shifted };
            *tried += 1;
            if best.as_ref().is_none_or(|best| shift.beats(best)) {
                best = Some(shift);
            }
        }
        if *tried >= MAX_SHIFTS_TRIED {
            break;
        }
    }
    best
}

/// Equal blocks of both: where they start, and how long they are.
fn blocks(words: &[u32], right: &[u32]) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..words.len()).flat_map(move |start| {
        let near = start.saturating_sub(MAX_SHIFT_DISTANCE)..=start + MAX_SHIFT_DISTANCE;
        near.take_while(|at| *at < right.len()).flat_map(move |at| {
            let same = words[start..].iter().zip(&right[at..]).take_while(|(a, b)| a == b).count();
            (1..=same.min(MAX_SHIFT_SIZE)).map(move |length| (start, at, length))
        })
    })
}

/// The words with a block moved to before `target`.
fn shifted(words: &[u32], start: usize, length: usize, target: usize) -> Vec<u32> {
    let end = start + length;
    let parts = if target < start {
        [&words[..target], &words[start..end], &words[target..start], &words[end..]]
    } else if target > end {
        [&words[..start], &words[end..target], &words[start..end], &words[target..]]
    } else {
        // Within itself: behind as many of the words that follow.
        let behind = (length + target).min(words.len()).max(end);
        [&words[..start], &words[end..behind], &words[start..end], &words[behind..]]
    };
    parts.concat()
}

/// How a cell of the matrix was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edit {
    /// The word is kept.
    Keep,
    Replace,
    /// A word of the output is deleted.
    Delete,
    /// A word of the reference is inserted.
    Insert,
}

/// A cell: the fewest edits, and the last of them.
type Cell = (u32, Edit);

/// Beyond the beam.
const FAR: Cell = (u32::MAX / 2, Edit::Insert);

/// The edit distances of all beginnings of an output and of its reference.
struct Distances<'a> {
    words: &'a [u32],
    right: &'a [u32],
    /// A row for each number of words, one after the other.
    cells: Vec<Cell>,
}

impl<'a> Distances<'a> {
    fn of(words: &'a [u32], right: &'a [u32]) -> Self {
        let mut cells = Vec::with_capacity((words.len() + 1) * (right.len() + 1));
        cells.extend((0..).zip(0..=right.len()).map(|(edits, _)| (edits, Edit::Insert)));
        fill(&mut cells, words, right, 0);
        Self { words, right, cells }
    }

    /// The distance of the whole of both.
    fn last(&self) -> u32 {
        self.cells.last().map_or(0, |(edits, _)| *edits)
    }

    /// The distance of as many words in another order: what they begin with alike was computed before.
    fn again(&self, words: &[u32]) -> u32 {
        let same = words.iter().zip(self.words).take_while(|(a, b)| a == b).count().min(words.len() - 1);
        let width = self.right.len() + 1;
        let mut cells = self.cells[same * width..(same + 1) * width].to_vec();
        fill(&mut cells, words, self.right, same);
        cells.last().map_or(0, |(edits, _)| *edits)
    }

    /// Which word of the output stands for which of the reference.
    fn alignment(&self) -> Alignment {
        let (given, right, width) = (self.words.len(), self.right.len(), self.right.len() + 1);
        let mut alignment = Alignment {
            behind: vec![0; right],
            wrong_right: vec![true; right],
            wrong_given: vec![true; given],
        };
        let (mut i, mut j) = (given, right);
        while i > 0 || j > 0 {
            match self.cells[i * width + j].1 {
                edit @ (Edit::Keep | Edit::Replace) if i > 0 && j > 0 => {
                    alignment.behind[j - 1] = i;
                    if edit == Edit::Keep {
                        alignment.wrong_right[j - 1] = false;
                        alignment.wrong_given[i - 1] = false;
                    }
                    (i, j) = (i - 1, j - 1);
                }
                Edit::Insert if j > 0 => {
                    alignment.behind[j - 1] = i;
                    j -= 1;
                }
                _ if i > 0 => i -= 1,
                _ => j -= 1,
            }
        }
        alignment
    }
}

/// Appends the rows of the words from `from` on to the row of those before.
fn fill(cells: &mut Vec<Cell>, words: &[u32], right: &[u32], from: usize) {
    let width = right.len() + 1;
    let ratio = if words.is_empty() { 1.0 } else { right.len() as f64 / words.len() as f64 };
    let beam = if (BEAM as f64) < ratio / 2.0 { (ratio / 2.0 + BEAM as f64).ceil() as usize } else { BEAM };
    for (i, word) in (1..).zip(words).skip(from) {
        let before = cells.len() - width;
        let diagonal = (i as f64 * ratio).floor() as usize;
        let least = diagonal.saturating_sub(beam);
        let most = if i == words.len() { width } else { width.min(diagonal + beam) };
        cells.resize(cells.len() + width, FAR);
        for j in least..most {
            let mut cell = FAR;
            let mut reach = |(edits, _): Cell, more: u32, edit: Edit| {
                if edits + more < cell.0 {
                    cell = (edits + more, edit);
                }
            };
            // Of equals the first: what is kept or replaced, then what is deleted.
            if j > 0 {
                let edit = if *word == right[j - 1] { Edit::Keep } else { Edit::Replace };
                reach(cells[before + j - 1], u32::from(edit == Edit::Replace), edit);
            }
            reach(cells[before + j], 1, Edit::Delete);
            if j > 0 {
                reach(cells[before + width + j - 1], 1, Edit::Insert);
            }
            cells[before + width + j] = cell;
        }
    }
}

/// How an output and its reference lie beside each other.
struct Alignment {
    /// For each word of the reference, how many words of the output stand before and at its place.
    behind: Vec<usize>,
    /// Words of the reference that are not kept.
    wrong_right: Vec<bool>,
    /// Words of the output that are not kept.
    wrong_given: Vec<bool>,
}
