//! What is judged in the place of the items: rows that are means over some of them, in groups that are blocks.

use std::collections::BTreeMap;

use ordinate_core::evidence::{EvidenceBuilder, ItemFields};
use ordinate_core::{Answer, Candidate, Evidence, Lineage, Score};
use serde::Serialize;

use super::{BLOCKS, Cell, Slice, Sums};
use crate::error::Error;

/// About the most rows that are judged.
const ROWS: u64 = 100_000;
/// Answers to at most this share of the items do not stand for all, and are not judged.
const HALF: f64 = 0.5;
/// Where the items are whose slice has too few for a row of its own.
const OTHERS: &str = "other slices";

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

impl Sums {
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
