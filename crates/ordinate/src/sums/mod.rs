//! Evidence larger than memory, reduced to sums that can be added up in any order: by slice, and within a slice by block.
//!
//! A hash of its id (of its group, where it has one) puts every item into one of many blocks, each of which is then a random sample of
//! all. What is judged has rows in the place of items: a block has a row for every so many of its items of a slice, which is their
//! mean, and is a group. Whole groups are resampled, so that the spread between blocks says how sure a mean is: as many
//! blocks of as many independent items say the same as the items do (a jackknife over groups: Efron and Tibshirani 1993,
//! chapter 11). What sees slices alone (singles, the zero router, lookups by slice) is judged by the same code.

mod judged;

pub use judged::Reduced;

use std::collections::BTreeMap;

use ordinate_core::random::mix;
use ordinate_core::{CandidateName, Evidence, Status};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Blocks. The width of an interval from so many groups is off by one in 45 (1 / sqrt(2 x 1,024)), which is what 2,000 resamples err by.
const BLOCKS: usize = 1_024;
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
}

/// The block of an item, or of a group: the same in every part and version.
fn block_of(id: &str) -> usize {
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = mix(id.bytes().fold(0xcbf2_9ce4_8422_2325, fnv));
    ((u128::from(hash) * BLOCKS as u128) >> 64) as usize
}

#[cfg(test)]
mod tests;
