//! Evidence larger than memory, reduced to sums that can be added up in any order: by slice, and within a slice by block.
//!
//! A hash of its id (of its group, where it has one) puts every item into one of many blocks, each of which is then a random sample of
//! all. What is judged has rows in the place of items: a block has a row for every so many of its items of a slice, which is their
//! mean, and is a group. Whole groups are resampled, so that the spread between blocks says how sure a mean is: as many
//! blocks of as many independent items say the same as the items do (a jackknife over groups: Efron and Tibshirani 1993,
//! chapter 11). What sees slices alone (singles, the zero router, lookups by slice) is judged by the same code.

use std::collections::BTreeMap;

use ordinate_core::evidence::{EvidenceBuilder, ItemFields};
use ordinate_core::random::mix;
use ordinate_core::{Answer, Candidate, CandidateName, Evidence, Lineage, Score, Status};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Blocks. The width of an interval from so many groups is off by one in 45 (1 / sqrt(2 x 1,024)), which is what 2,000 resamples err by.
const BLOCKS: usize = 1_024;
/// About the most rows that are judged.
const ROWS: u64 = 100_000;
/// Answers to at most this share of the items do not stand for all, and are not judged.
const HALF: f64 = 0.5;
/// Where the items are whose slice has too few for a row of its own.
const OTHERS: &str = "other slices";

const VERSION: u32 = 1;

/// Sums over the answers of one candidate to the items of one block.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Cell {
    scored: f64,
    failed: f64,
    score: f64,
    priced: f64,
    cost_usd: f64,
}

impl Cell {
    const NUMBERS: usize = 5;

    fn numbers(&self) -> [f64; Self::NUMBERS] {
        [self.scored, self.failed, self.score, self.priced, self.cost_usd]
    }

    fn of(numbers: [f64; Self::NUMBERS]) -> Self {
        let [scored, failed, score, priced, cost_usd] = numbers;
        Self { scored, failed, score, priced, cost_usd }
    }

    fn add(&mut self, other: &Self) {
        self.scored += other.scored;
        self.failed += other.failed;
        self.score += other.score;
        self.priced += other.priced;
        self.cost_usd += other.cost_usd;
    }
}

/// The sums of one slice.
#[derive(Debug, Clone, PartialEq)]
struct Slice {
    /// Block by block.
    items: Vec<f64>,
    /// Block by block, candidate by candidate.
    cells: Vec<Cell>,
}

impl Slice {
    fn new(candidates: usize) -> Self {
        Self { items: vec![0.0; BLOCKS], cells: vec![Cell::default(); BLOCKS * candidates] }
    }

    fn add(&mut self, other: &Self) {
        self.items.iter_mut().zip(&other.items).for_each(|(own, theirs)| *own += theirs);
        self.cells.iter_mut().zip(&other.cells).for_each(|(own, theirs)| own.add(theirs));
    }

    fn count(&self) -> f64 {
        self.items.iter().sum()
    }

    fn cell(&self, candidates: usize, block: usize, candidate: usize) -> &Cell {
        &self.cells[block * candidates + candidate]
    }
}

/// What evidence comes to, block by block.
#[derive(Debug, Clone, PartialEq)]
pub struct Sums {
    candidates: Vec<CandidateName>,
    /// By name; without one where items have no slice.
    slices: BTreeMap<Option<String>, Slice>,
}

/// What sums say besides what is judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reduced {
    /// Items.
    pub items: u64,
    /// Rows that are judged in their place.
    pub rows: usize,
    /// Random samples of the items that are groups of rows.
    pub blocks: usize,
    /// Slices that are judged together, since none of them fills a row.
    pub small_slices: usize,
    /// Answers that are errors.
    pub errors: u64,
    /// By candidate: the share of items that it was asked about. Who was asked about at most half is left out.
    pub asked: BTreeMap<String, f64>,
}

/// What is in front of the numbers.
#[derive(Serialize, Deserialize)]
struct Head {
    version: u32,
    candidates: Vec<CandidateName>,
    slices: Vec<Option<String>>,
}

impl Sums {
    /// Of evidence that is at hand: a part of the whole, whose items are in no other part.
    #[must_use]
    pub fn of(evidence: &Evidence) -> Self {
        let (items, candidates) = (evidence.items(), evidence.names());
        let count = candidates.len();
        let mut slices: BTreeMap<Option<String>, Slice> = BTreeMap::new();
        let mut last: Option<&str> = None;
        let names: Vec<Option<&str>> = (0..items.len()).map(|row| items.slices().get(row)).collect();
        let mut order: Vec<usize> = (0..items.len()).collect();
        order.sort_by_key(|&row| names[row]);
        let mut current = None;
        for row in order {
            if current.is_none() || names[row] != last {
                last = names[row];
                current = Some(slices.entry(last.map(str::to_owned)).or_insert_with(|| Slice::new(count)));
            }
            let Some(slice) = current.as_deref_mut() else { continue };
            let block = block_of(items.groups().get(row).unwrap_or_else(|| items.id(row)));
            slice.items[block] += 1.0;
            for (candidate, cell) in slice.cells[block * count..][..count].iter_mut().enumerate() {
                let answers = evidence.answers(candidate);
                let status = answers.status(row);
                match status {
                    Status::Missing => continue,
                    Status::Scored => {
                        cell.scored += 1.0;
                        cell.score += answers.score(row).unwrap_or_default();
                    }
                    Status::Error => cell.failed += 1.0,
                }
                // An error without a cost of its own was not charged.
                let free = (status == Status::Error && answers.has_cost()).then_some(0.0);
                if let Some(cost) = answers.cost_usd(row).or(free) {
                    cell.priced += 1.0;
                    cell.cost_usd += cost;
                }
            }
        }
        Self { candidates, slices }
    }

    /// Adds the sums of another part.
    ///
    /// # Errors
    /// [`Error`] where that is of other candidates.
    pub fn add(&mut self, other: &Self) -> Result<(), Error> {
        if self.candidates != other.candidates {
            return Err(Error::Broken("these parts are not of the same candidates".to_owned()));
        }
        for (name, theirs) in &other.slices {
            match self.slices.get_mut(name) {
                Some(own) => own.add(theirs),
                None => drop(self.slices.insert(name.clone(), theirs.clone())),
            }
        }
        Ok(())
    }

    /// As bytes, for another process.
    ///
    /// # Errors
    /// [`Error`] where that cannot be.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let slices = self.slices.keys().cloned().collect();
        let head = Head { version: VERSION, candidates: self.candidates.clone(), slices };
        let head = serde_json::to_vec(&head).map_err(Error::broken)?;
        let mut bytes = (head.len() as u64).to_le_bytes().to_vec();
        bytes.extend(head);
        for slice in self.slices.values() {
            bytes.extend(slice.items.iter().flat_map(|items| items.to_le_bytes()));
            bytes.extend(slice.cells.iter().flat_map(Cell::numbers).flat_map(f64::to_le_bytes));
        }
        Ok(bytes)
    }

    /// Out of the bytes of [`Self::to_bytes`].
    ///
    /// # Errors
    /// [`Error`] where they are no sums of this version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let damaged = || Error::Broken("these are no sums of this version".to_owned());
        let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(damaged)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| damaged())?;
        let (head, rest) = rest.split_at_checked(length).ok_or_else(damaged)?;
        let head: Head = serde_json::from_slice(head).map_err(|_| damaged())?;
        let (numbers, odd) = rest.as_chunks::<8>();
        let numbers: Vec<f64> = numbers.iter().map(|eight| f64::from_le_bytes(*eight)).collect();
        let of_slice = BLOCKS * (1 + head.candidates.len() * Cell::NUMBERS);
        if head.version != VERSION || !odd.is_empty() || numbers.len() != of_slice * head.slices.len() {
            return Err(damaged());
        }
        let slice = |numbers: &[f64]| {
            let (items, cells) = numbers.split_at(BLOCKS);
            Slice {
                items: items.to_vec(),
                cells: cells.as_chunks().0.iter().map(|five| Cell::of(*five)).collect(),
            }
        };
        let slices = head.slices.into_iter().zip(numbers.chunks(of_slice).map(slice)).collect();
        Ok(Self { candidates: head.candidates, slices })
    }

    /// The evidence that is judged in the place of the whole, and what else there is to say. An error counts as 0, or not at all where
    /// errors are left out. Means over all rows are those over the items.
    ///
    /// # Errors
    /// [`Error`] where they are the sums of no evidence.
    pub fn evidence(&self, without_errors: bool) -> Result<(Evidence, Reduced), Error> {
        let count = self.candidates.len();
        let items: f64 = self.slices.values().map(Slice::count).sum();
        // So many items are a row.
        let size = (items / ROWS as f64).max(1.0);
        let mut parts: Vec<(Option<&str>, &Slice)> = Vec::new();
        let mut others = Slice::new(count);
        let mut small_slices = 0;
        for (name, slice) in &self.slices {
            if slice.count() < size {
                others.add(slice);
                small_slices += 1;
            } else {
                parts.push((name.as_deref(), slice));
            }
        }
        if small_slices > 0 {
            parts.push((Some(OTHERS), &others));
        }
        let rows: Vec<Vec<usize>> = parts.iter().map(|(_, slice)| rows(&slice.items, size)).collect();
        let mut columns = Vec::with_capacity(count);
        let (mut asked, mut errors) = (BTreeMap::new(), 0.0);
        for (candidate, name) in self.candidates.iter().enumerate() {
            let cells = || {
                parts.iter().zip(&rows).flat_map(|((_, slice), rows)| {
                    (0..BLOCKS).map(move |block| (rows[block], *slice.cell(count, block, candidate)))
                })
            };
            let answers: f64 = cells().map(|(_, cell)| cell.scored + cell.failed).sum();
            errors += cells().map(|(_, cell)| cell.failed).sum::<f64>();
            asked.insert(name.to_string(), answers / items);
            let counted = |cell: &Cell| cell.scored + if without_errors { 0.0 } else { cell.failed };
            let scores = Means::of(cells().map(|(rows, cell)| (rows, counted(&cell), cell.score)));
            let costs = Means::of(cells().map(|(rows, cell)| (rows, cell.priced, cell.cost_usd)));
            let score: Vec<Option<f64>> =
                cells().map(|(_, cell)| scores.moved(mean(counted(&cell), cell.score)?)).collect();
            let cost: Vec<Option<f64>> =
                cells().map(|(_, cell)| Some(mean(cell.priced, cell.cost_usd)? * costs.factor())).collect();
            if answers > HALF * items {
                columns.push((name.clone(), score, cost));
            }
        }
        let reduced = Reduced {
            items: items as u64,
            rows: rows.iter().flatten().sum(),
            blocks: BLOCKS,
            small_slices,
            errors: errors as u64,
            asked,
        };
        let names = columns.iter().map(|(name, ..)| Candidate::new(name.clone(), Lineage::General));
        let mut builder = EvidenceBuilder::new(names).map_err(Error::broken)?;
        for (number, ((slice, _), rows)) in parts.iter().zip(&rows).enumerate() {
            for (block, &rows) in rows.iter().enumerate() {
                let group = format!("block {block}");
                let fields = ItemFields { slice: *slice, group: Some(&group), ..ItemFields::default() };
                for row in 0..rows {
                    let id = format!("{group} of slice {number}, row {row}");
                    let item = builder.add_item(&id, fields).map_err(Error::broken)?;
                    for (column, (_, score, cost)) in columns.iter().enumerate() {
                        let at = number * BLOCKS + block;
                        let Some(score) = score[at] else { continue };
                        let score = Some(Score::new(score.clamp(0.0, 1.0)).map_err(Error::broken)?);
                        let answer = Answer { score, cost_usd: cost[at], ..Answer::default() };
                        builder.answer(item, column, &answer).map_err(Error::broken)?;
                    }
                }
            }
        }
        Ok((builder.finish().map_err(Error::broken)?, reduced))
    }
}

/// How many rows each block has, of a slice with so many items in each: all in all as many as items are for so many of them.
fn rows(items: &[f64], size: f64) -> Vec<usize> {
    let (mut all, mut given) = (0.0, 0);
    let mut next = |items: &f64| {
        all += items;
        let own = (all / size + 0.5).floor() as usize - given;
        given += own;
        own
    };
    items.iter().map(&mut next).collect()
}

fn mean(count: f64, sum: f64) -> Option<f64> {
    (count > 0.0).then(|| sum / count)
}

/// The mean over what was counted, and that over the rows that stand for it.
#[derive(Debug, Default)]
struct Means {
    count: f64,
    sum: f64,
    rows: f64,
    of_rows: f64,
}

impl Means {
    /// Of cells, each with its rows, how much was counted there and its sum.
    fn of(cells: impl Iterator<Item = (usize, f64, f64)>) -> Self {
        let mut means = Self::default();
        for (rows, count, sum) in cells {
            let Some(mean) = mean(count, sum) else { continue };
            means.count += count;
            means.sum += sum;
            means.rows += rows as f64;
            means.of_rows += rows as f64 * mean;
        }
        means
    }

    /// What makes the mean over rows that were multiplied by it that over what was counted.
    fn factor(&self) -> f64 {
        if self.of_rows > 0.0 { self.sum / self.count * self.rows / self.of_rows } else { 1.0 }
    }

    /// A score, moved by what makes the mean over the rows that over what was counted; it stays from 0 to 1.
    fn moved(&self, row: f64) -> Option<f64> {
        let (whole, rows) = (self.sum / self.count, self.of_rows / self.rows);
        Some(if rows > whole {
            row * (whole / rows)
        } else if rows < whole {
            1.0 - (1.0 - row) * ((1.0 - whole) / (1.0 - rows))
        } else {
            row
        })
    }
}

/// The block of an item, or of a group: the same in every part and version.
fn block_of(id: &str) -> usize {
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = mix(id.bytes().fold(0xcbf2_9ce4_8422_2325, fnv));
    ((u128::from(hash) * BLOCKS as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Item by item: slice, and what each of two candidates came to. The second fails now and then, and was not asked about some.
    fn evidence(items: std::ops::Range<usize>) -> Evidence {
        let candidate = |name: &str| Candidate::new(CandidateName::new(name).unwrap(), Lineage::General);
        let mut builder = EvidenceBuilder::new([candidate("a"), candidate("b, \"the\" other")]).unwrap();
        for at in items {
            let slice = match (at % 1_000, at % 3) {
                (0, _) => format!("rare {at}"),
                (_, 0) => "large".to_owned(),
                _ => "larger".to_owned(),
            };
            let fields = ItemFields { slice: Some(&slice), ..ItemFields::default() };
            let row = builder.add_item(&at.to_string(), fields).unwrap();
            let answer = |right: bool, cost: f64| Answer {
                score: Some(Score::new(f64::from(u8::from(right))).unwrap()),
                cost_usd: Some(cost),
                ..Answer::default()
            };
            builder.answer(row, 0, &answer(at % 7 != 0, 0.01)).unwrap();
            match at % 50 {
                0 => builder.answer(row, 1, &Answer { error: Some("away"), ..Answer::default() }).unwrap(),
                1 => {}
                _ => builder.answer(row, 1, &answer(at % 5 != 0, 0.02)).unwrap(),
            }
        }
        builder.finish().unwrap()
    }

    /// The mean score and cost of each candidate.
    fn means(evidence: &Evidence) -> Vec<(f64, f64)> {
        let mean = |of: &dyn Fn(usize) -> Option<f64>| {
            let all: Vec<f64> = (0..evidence.len()).filter_map(of).collect();
            all.iter().sum::<f64>() / all.len() as f64
        };
        let of = |candidate: usize| {
            let answers = evidence.answers(candidate);
            (mean(&|row| answers.score(row)), mean(&|row| answers.cost_usd(row)))
        };
        (0..evidence.candidates().len()).map(of).collect()
    }

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} {b}");
    }

    #[test]
    fn parts_add_up_in_any_order_and_means_are_those_of_the_items() {
        for items in [30_000, 250_000] {
            let whole = Sums::of(&evidence(0..items));
            let parts = [20_000..items, 0..500, 500..20_000].map(|of| Sums::of(&evidence(of)));
            let mut sums = Sums::from_bytes(&parts[0].to_bytes().unwrap()).unwrap();
            assert_eq!(sums, parts[0]);
            parts[1..].iter().for_each(|part| sums.add(part).unwrap());
            let (judged, reduced) = sums.evidence(false).unwrap();
            for (own, of_whole) in means(&judged).iter().zip(means(&whole.evidence(false).unwrap().0)) {
                near(own.0, of_whole.0);
            }
            let right = |of: usize, but: &[usize]| {
                let asked = || (0..items).filter(|at| !but.contains(&(at % 50)));
                asked().filter(|at| at % of != 0 && at % 50 != 0).count() as f64 / asked().count() as f64
            };
            let found = means(&judged);
            near(found[0].0, (0..items).filter(|at| at % 7 != 0).count() as f64 / items as f64);
            near(found[1].0, right(5, &[1]));
            // An error is not charged.
            near(found[0].1, 0.01);
            near(found[1].1, 0.02 * 48.0 / 49.0);
            near(means(&sums.evidence(true).unwrap().0)[1].0, right(5, &[0, 1]));
            assert_eq!((reduced.items, reduced.errors), (items as u64, items as u64 / 50));
            near(reduced.asked["b, \"the\" other"], 0.98);
            // Slices of one item are slices where an item is a row.
            let small = if items == 30_000 { 0 } else { items / 1_000 };
            assert_eq!(reduced.small_slices, small);
            // Rows of a slice are rounded.
            assert!(judged.len().abs_diff(items.min(100_000)) <= 2, "{}", judged.len());
        }
    }

    #[test]
    fn the_spread_of_blocks_is_that_of_the_items() {
        let (judged, reduced) = Sums::of(&evidence(0..250_000)).evidence(false).unwrap();
        let column = |candidate: usize| -> Vec<f64> {
            let answers = judged.answers(candidate);
            (0..judged.len()).map(|row| answers.score(row).unwrap()).collect()
        };
        let groups: Vec<u32> = judged.items().groups().codes().to_vec();
        let groups = ordinate_score::Groups::new(&groups);
        assert_eq!(groups.count(), reduced.blocks);
        let statistics = [ordinate_score::Statistic::Mean(0), ordinate_score::Statistic::Difference(0, 1)];
        let found =
            ordinate_score::bootstrap::by_student(&[&column(0), &column(1)], Some(&groups), &statistics);
        let a = |at: usize| !at.is_multiple_of(7);
        let b = |at: usize| !at.is_multiple_of(5) && !at.is_multiple_of(50);
        let value = |right: bool| f64::from(u8::from(right));
        let of_items: [Vec<f64>; 2] = [
            (0..250_000).map(|at| value(a(at))).collect(),
            (0..250_000).filter(|at| at % 50 != 1).map(|at| value(a(at)) - value(b(at))).collect(),
        ];
        for (found, of_items) in found.iter().zip(of_items) {
            let (count, mean) = (of_items.len() as f64, of_items.iter().sum::<f64>() / of_items.len() as f64);
            let variance = of_items.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
            let ratio = found.unwrap().se / (variance / count).sqrt();
            assert!((ratio - 1.0).abs() < 0.06, "{ratio}");
        }
    }

    #[test]
    fn what_are_no_sums_is_refused() {
        let sums = Sums::of(&evidence(0..100));
        let bytes = sums.to_bytes().unwrap();
        for cut in [0, 7, 8, 30, bytes.len() - 1, bytes.len() - 8] {
            assert!(Sums::from_bytes(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        let mut other = sums.clone();
        other.candidates.pop();
        assert!(other.add(&sums).is_err());
    }
}
