//! The coverage map: slices down, candidates across, a mean in each cell.

use std::collections::{BTreeMap, BTreeSet};

use ordinate_core::verdict::{CandidateRow, SliceCell, Verdict};

use crate::figures;
use crate::text::clean;

/// Shades of the map. Ten can still be told apart, and each has its own text colour of enough contrast.
const SHADES: usize = 10;

pub(super) struct Coverage {
    /// Name and lineage of each candidate, best first.
    pub(super) candidates: Vec<(String, &'static str)>,
    /// Means over all slices.
    pub(super) overall: Vec<Tile>,
    pub(super) rows: Vec<Slice>,
    /// The qualities at the ends of the shades.
    pub(super) low: String,
    pub(super) high: String,
    pub(super) shades: Vec<usize>,
}

pub(super) struct Slice {
    pub(super) name: String,
    pub(super) items: String,
    /// One per candidate; none where it was not asked.
    pub(super) tiles: Vec<Option<Tile>>,
}

pub(super) struct Tile {
    pub(super) mean: String,
    pub(super) shade: usize,
    pub(super) best: bool,
    pub(super) title: String,
}

/// None where no candidate has slices.
pub(super) fn coverage(verdict: &Verdict) -> Option<Coverage> {
    let names: BTreeSet<&String> = verdict.candidates.iter().flat_map(|c| c.slices.keys()).collect();
    let cells = || verdict.candidates.iter().flat_map(|c| c.slices.values());
    let shades = Shades::of(cells().map(|cell| cell.mean))?;
    let asked = slice_items(&verdict.candidates);
    let rows = names
        .into_iter()
        .map(|slice| Slice {
            name: clean(slice),
            items: asked.get(slice.as_str()).map_or_else(String::new, |n| figures::count(*n)),
            tiles: tiles(slice, &verdict.candidates, shades),
        })
        .collect();
    let overall = verdict.candidates.iter().map(|c| Tile {
        mean: short(c.quality.mean),
        shade: shades.shade(c.quality.mean),
        best: false,
        title: format!("{}, all slices: {}", clean(c.name.as_str()), figures::estimate(&c.quality)),
    });
    Some(Coverage {
        candidates: verdict.candidates.iter().map(|c| (clean(c.name.as_str()), c.lineage.as_str())).collect(),
        overall: overall.collect(),
        rows,
        low: short(shades.low),
        high: short(shades.high),
        shades: (0..SHADES).collect(),
    })
}

/// Items of each slice: the most that any candidate was asked about.
fn slice_items(candidates: &[CandidateRow]) -> BTreeMap<&str, u64> {
    let mut items = BTreeMap::new();
    for (slice, cell) in candidates.iter().flat_map(|c| &c.slices) {
        let most = items.entry(slice.as_str()).or_insert(cell.items);
        *most = cell.items.max(*most);
    }
    items
}

fn tiles(slice: &str, candidates: &[CandidateRow], shades: Shades) -> Vec<Option<Tile>> {
    let best = candidates
        .iter()
        .filter_map(|c| c.slices.get(slice).map(|cell| cell.mean))
        .filter(|mean| mean.is_finite())
        .fold(f64::NEG_INFINITY, f64::max);
    let tile = |c: &CandidateRow, cell: &SliceCell| Tile {
        mean: short(cell.mean),
        shade: shades.shade(cell.mean),
        best: cell.mean >= best,
        title: title(c.name.as_str(), slice, cell),
    };
    candidates.iter().map(|c| c.slices.get(slice).map(|cell| tile(c, cell))).collect()
}

fn title(name: &str, slice: &str, cell: &SliceCell) -> String {
    format!(
        "{} on {}: {} [{}, {}], {} items, shrunken mean {}",
        clean(name),
        clean(slice),
        figures::quality(cell.mean),
        figures::quality(cell.low),
        figures::quality(cell.high),
        figures::count(cell.items),
        figures::quality(cell.shrunken)
    )
}

/// Two decimals: what fits a cell.
fn short(mean: f64) -> String {
    if mean.is_finite() { format!("{mean:.2}") } else { "?".to_owned() }
}

#[derive(Clone, Copy)]
struct Shades {
    low: f64,
    high: f64,
}

impl Shades {
    /// From the smallest to the largest mean, widened to whole twentieths.
    fn of(means: impl Iterator<Item = f64>) -> Option<Self> {
        let (low, high) = means
            .filter(|x| x.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        let (low, high) = ((low * 20.0).floor() / 20.0, (high * 20.0).ceil() / 20.0);
        (low.is_finite() && high.is_finite()).then_some(Self { low, high })
    }

    fn shade(self, mean: f64) -> usize {
        let place = (mean - self.low) / (self.high - self.low).max(f64::MIN_POSITIVE) * SHADES as f64;
        // A cast saturates, and takes what is no number to 0.
        let shade = place as usize;
        shade.min(SHADES - 1)
    }
}
