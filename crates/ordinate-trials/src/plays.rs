//! Who was asked and whose answer was given, per dial and item.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// One way to go about an item: whom to ask, step by step, and whose answer to give.
///
/// Columns of the board with [`Way::STEP`] after each step; the last number is whose answer was given.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Way(Vec<u16>);

impl Way {
    /// Between steps: the candidates of one step are asked at the same time.
    pub const STEP: u16 = u16::MAX;
    /// Given: an answer made of several.
    pub const MERGED: u16 = u16::MAX - 1;
    /// Given: nothing can be said, since the policy wanted what was not recorded.
    pub const NOTHING: u16 = u16::MAX - 2;

    /// The candidates of each step.
    pub fn steps(&self) -> impl Iterator<Item = &[u16]> {
        let asked = &self.0[..self.0.len().saturating_sub(1)];
        asked.split(|number| *number == Self::STEP).filter(|step| !step.is_empty())
    }

    /// All candidates asked, in order.
    pub fn asked(&self) -> impl Iterator<Item = usize> {
        self.steps().flatten().map(|&column| usize::from(column))
    }

    /// Whose answer was given: a column, [`Way::MERGED`] or [`Way::NOTHING`].
    #[must_use]
    pub fn given(&self) -> u16 {
        self.0.last().copied().unwrap_or(Self::NOTHING)
    }
}

/// What a policy did: for each dial and item the number of a [`Way`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Plays {
    ways: Vec<Way>,
    /// One a dial, one entry an item.
    #[serde(with = "crate::packed::lists")]
    codes: Vec<Vec<u32>>,
    /// One a dial: what merged answers scored, one an item (NaN elsewhere); empty where none was merged.
    #[serde(with = "crate::packed::lists")]
    merged: Vec<Vec<f64>>,
}

impl Plays {
    /// Entries for `len` items at `dials` dials, of which nothing can be said.
    #[must_use]
    pub fn unknown(dials: usize, len: usize) -> Self {
        Self {
            ways: vec![Way(vec![Way::NOTHING])],
            codes: vec![vec![0; len]; dials],
            merged: vec![Vec::new(); dials],
        }
    }

    /// One candidate for all of `len` items at each dial: these columns of the board.
    #[must_use]
    pub fn of_columns(columns: &[usize], len: usize) -> Self {
        let way = |&column: &usize| Way(vec![column as u16, Way::STEP, column as u16]);
        Self {
            ways: columns.iter().map(way).collect(),
            codes: (0..columns.len() as u32).map(|dial| vec![dial; len]).collect(),
            merged: vec![Vec::new(); columns.len()],
        }
    }

    /// The number of dials.
    #[must_use]
    pub fn dials(&self) -> usize {
        self.codes.len()
    }

    /// The number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.codes.first().map_or(0, Vec::len)
    }

    /// Whether there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All ways that were gone.
    #[must_use]
    pub fn ways(&self) -> &[Way] {
        &self.ways
    }

    /// The number of the way at a dial for an item.
    #[must_use]
    pub fn code(&self, dial: usize, item: usize) -> usize {
        self.codes[dial][item] as usize
    }

    /// What the merged answer at a dial for an item scored; NaN where none was given.
    #[must_use]
    pub fn merged(&self, dial: usize, item: usize) -> f64 {
        self.merged[dial].get(item).copied().unwrap_or(f64::NAN)
    }

    /// Puts the entries of `from`, in order, to these positions.
    pub fn scatter(&mut self, from: &Self, positions: &[usize]) {
        let mut known: HashMap<&Way, u32> = HashMap::new();
        let own = std::mem::take(&mut self.ways);
        for (number, way) in (0..).zip(&own) {
            known.insert(way, number);
        }
        let mut fresh = Vec::new();
        let renumbered: Vec<u32> = from
            .ways
            .iter()
            .map(|way| {
                *known.entry(way).or_insert_with(|| {
                    fresh.push(way.clone());
                    (own.len() + fresh.len() - 1) as u32
                })
            })
            .collect();
        drop(known);
        self.ways = own;
        self.ways.extend(fresh);
        let len = self.len();
        for (dial, (codes, theirs)) in self.codes.iter_mut().zip(&from.codes).enumerate() {
            for (&position, code) in positions.iter().zip(theirs) {
                codes[position] = renumbered[*code as usize];
            }
            if from.merged[dial].is_empty() {
                continue;
            }
            let merged = &mut self.merged[dial];
            merged.resize(len, f64::NAN);
            for (&position, &score) in positions.iter().zip(&from.merged[dial]) {
                merged[position] = score;
            }
        }
    }

    /// Which dials do something else than the dial before them; the first always does. Who is asked first and who later
    /// makes no difference.
    #[must_use]
    pub fn distinct(&self) -> Vec<usize> {
        let mut kinds: HashMap<(Vec<usize>, u16), u32> = HashMap::new();
        let kind_of: Vec<u32> = self
            .ways
            .iter()
            .map(|way| {
                let mut asked: Vec<usize> = way.asked().collect();
                asked.sort_unstable();
                let next = kinds.len() as u32;
                *kinds.entry((asked, way.given())).or_insert(next)
            })
            .collect();
        let bits = |dial: usize| self.merged[dial].iter().map(|score| score.to_bits());
        let same = |a: usize, b: usize| {
            let alike = |(x, y): (&u32, &u32)| kind_of[*x as usize] == kind_of[*y as usize];
            self.codes[a].iter().zip(&self.codes[b]).all(alike) && bits(a).eq(bits(b))
        };
        let mut kept: Vec<usize> = Vec::new();
        for dial in 0..self.dials() {
            if kept.last().is_none_or(|&last| !same(last, dial)) {
                kept.push(dial);
            }
        }
        kept
    }

    /// The same at these dials only.
    #[must_use]
    pub fn at(mut self, dials: &[usize]) -> Self {
        self.codes = dials.iter().map(|&dial| std::mem::take(&mut self.codes[dial])).collect();
        self.merged = dials.iter().map(|&dial| std::mem::take(&mut self.merged[dial])).collect();
        self
    }
}

/// Collects plays, item by item.
#[derive(Debug)]
pub struct PlaysBuilder {
    plays: Plays,
    numbers: HashMap<Vec<u16>, u32>,
    /// By column the number of the way that asks it alone.
    alone: Vec<Option<u32>>,
}

impl PlaysBuilder {
    /// For this many dials.
    #[must_use]
    pub fn new(dials: usize) -> Self {
        let plays =
            Plays { ways: Vec::new(), codes: vec![Vec::new(); dials], merged: vec![Vec::new(); dials] };
        Self { plays, numbers: HashMap::new(), alone: Vec::new() }
    }

    /// The next item at `dial`: a [`Way`] as numbers. `merged` is what a merged answer scored.
    pub fn push(&mut self, dial: usize, way: &[u16], merged: Option<f64>) {
        let number = self.number(way);
        let codes = &mut self.plays.codes[dial];
        codes.push(number);
        if let Some(score) = merged {
            self.plays.merged[dial].resize(codes.len() - 1, f64::NAN);
            self.plays.merged[dial].push(score);
        }
    }

    /// The next item at `dial`: this candidate alone is asked, and its answer is given.
    pub fn push_answer(&mut self, dial: usize, column: usize) {
        let number = match self.alone.get(column) {
            Some(Some(number)) => *number,
            _ => {
                let asked = column as u16;
                let number = self.number(&[asked, Way::STEP, asked]);
                self.alone.resize(self.alone.len().max(column + 1), None);
                self.alone[column] = Some(number);
                number
            }
        };
        self.plays.codes[dial].push(number);
    }

    /// The next items: all of `plays`, which have as many dials.
    pub fn append(&mut self, plays: &Plays) {
        let renumbered: Vec<u32> = plays.ways.iter().map(|way| self.number(&way.0)).collect();
        for (dial, theirs) in plays.codes.iter().enumerate() {
            let codes = &mut self.plays.codes[dial];
            let before = codes.len();
            codes.extend(theirs.iter().map(|code| renumbered[*code as usize]));
            if !plays.merged[dial].is_empty() {
                self.plays.merged[dial].resize(before, f64::NAN);
                self.plays.merged[dial].extend(&plays.merged[dial]);
            }
        }
    }

    fn number(&mut self, way: &[u16]) -> u32 {
        if let Some(&number) = self.numbers.get(way) {
            return number;
        }
        let number = self.plays.ways.len() as u32;
        self.plays.ways.push(Way(way.to_vec()));
        self.numbers.insert(way.to_vec(), number);
        number
    }

    /// What was collected.
    #[must_use]
    pub fn finish(mut self) -> Plays {
        let len = self.plays.len();
        for merged in self.plays.merged.iter_mut().filter(|merged| !merged.is_empty()) {
            merged.resize(len, f64::NAN);
        }
        self.plays
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plays(entries: &[&[&[u16]]]) -> Plays {
        let mut builder = PlaysBuilder::new(entries.len());
        for (dial, ways) in entries.iter().enumerate() {
            for way in *ways {
                builder.push(dial, way, None);
            }
        }
        builder.finish()
    }

    #[test]
    fn ways_are_read_back() {
        let way = Way(vec![3, 1, Way::STEP, 70, Way::STEP, 70]);
        assert_eq!(way.steps().collect::<Vec<_>>(), [&[3, 1][..], &[70]]);
        assert_eq!(way.asked().collect::<Vec<_>>(), [3, 1, 70]);
        assert_eq!((way.given(), Way(vec![Way::NOTHING]).asked().count()), (70, 0));
    }

    #[test]
    fn dials_that_do_the_same_are_one() {
        let (both, late): (&[u16], &[u16]) = (&[0, 1, Way::STEP, 1], &[1, Way::STEP, 0, Way::STEP, 1]);
        let one: &[u16] = &[1, Way::STEP, 1];
        let plays = plays(&[&[both, one], &[late, one], &[one, one], &[both, one]]);
        assert_eq!(plays.distinct(), [0, 2, 3]);
        let kept = plays.at(&[0, 2, 3]);
        assert_eq!((kept.dials(), kept.code(1, 0)), (3, kept.code(1, 1)));
    }

    #[test]
    fn parts_are_put_together() {
        let (a, b): (&[u16], &[u16]) = (&[0, Way::STEP, 0], &[5, Way::STEP, 5]);
        let mut all = Plays::unknown(1, 4);
        all.scatter(&plays(&[&[a, b]]), &[2, 0]);
        all.scatter(&plays(&[&[b, a]]), &[3, 1]);
        let given: Vec<u16> = (0..4).map(|item| all.ways()[all.code(0, item)].given()).collect();
        assert_eq!(given, [5, 0, 0, 5]);
        assert_eq!(all.ways().len(), 3);
        let mut builder = PlaysBuilder::new(1);
        builder.push(0, a, None);
        builder.push(0, &[0, 5, Way::STEP, Way::MERGED], Some(0.25));
        all.scatter(&builder.finish(), &[1, 2]);
        assert_eq!((all.merged(0, 2), all.merged(0, 1).is_nan()), (0.25, true));
    }
}
