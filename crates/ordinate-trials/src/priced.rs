//! What plays come to, in score, money and time.

use std::borrow::Cow;

use crate::board::{Board, Column};
use crate::pick::Pick;
use crate::played::Played;
use crate::plays::{Plays, Way};

/// A board with the costs in force: those of candidates that are hosted by the hour hang on the items of a day.
#[derive(Debug)]
pub struct Priced<'a> {
    board: &'a Board,
    cost: Vec<Cow<'a, [f64]>>,
    /// As long as the board, for what is not known of a whole column.
    unknown: Vec<f64>,
}

impl<'a> Priced<'a> {
    /// The board with what every answer of some columns costs (USD an item; `None` where nobody knows), whatever the
    /// board has for them.
    #[must_use]
    pub fn new(board: &'a Board, each: &[(usize, Option<f64>)]) -> Self {
        let cost = |(number, column): (usize, &'a Column)| match each.iter().find(|(at, _)| *at == number) {
            None => Cow::Borrowed(column.cost_usd.as_slice()),
            Some((_, None)) => Cow::Owned(Vec::new()),
            Some((_, Some(usd))) => {
                let asked = |quality: &f64| if quality.is_nan() { f64::NAN } else { *usd };
                Cow::Owned(column.quality.iter().map(asked).collect())
            }
        };
        let cost = board.columns.iter().enumerate().map(cost).collect();
        Self { board, cost, unknown: vec![f64::NAN; board.len()] }
    }

    /// The board.
    #[must_use]
    pub fn board(&self) -> &'a Board {
        self.board
    }

    /// Whether any cost of this candidate is known.
    #[must_use]
    pub fn has_cost(&self, column: usize) -> bool {
        !self.cost[column].is_empty()
    }

    /// Whether any latency of this candidate is known.
    #[must_use]
    pub fn has_latency(&self, column: usize) -> bool {
        !self.board.columns[column].latency_ms.is_empty()
    }

    /// USD of each answer of this candidate; NaN where it is not known.
    #[must_use]
    pub fn cost(&self, column: usize) -> &[f64] {
        if self.has_cost(column) { &self.cost[column] } else { &self.unknown }
    }

    /// Milliseconds of each answer of this candidate; NaN where they are not known.
    #[must_use]
    pub fn latency(&self, column: usize) -> &[f64] {
        if self.has_latency(column) { &self.board.columns[column].latency_ms } else { &self.unknown }
    }

    /// What a single candidate gives.
    #[must_use]
    pub fn single(&self, column: usize) -> Played<'_> {
        let cells = &self.board.columns[column];
        let mut asked = vec![0; self.board.columns.len()];
        asked[column] = self.board.len();
        Played {
            quality: Cow::Borrowed(&cells.quality),
            cost_usd: Cow::Borrowed(self.cost(column)),
            latency_ms: Cow::Borrowed(self.latency(column)),
            failed: Cow::Borrowed(&cells.failed),
            without_errors: None,
            given: cells
                .quality
                .iter()
                .map(|quality| if quality.is_nan() { Played::NOBODY } else { column as u16 })
                .collect(),
            asked,
        }
    }

    /// What comes of asking another candidate for each item.
    #[must_use]
    pub fn by_column(&self, column_of: &dyn Fn(usize) -> usize) -> Played<'static> {
        let items = 0..self.board.len();
        let cells = |item: usize| &self.board.columns[column_of(item)];
        let mut asked = vec![0; self.board.columns.len()];
        items.clone().for_each(|item| asked[column_of(item)] += 1);
        Played {
            quality: items.clone().map(|item| cells(item).quality[item]).collect(),
            cost_usd: items.clone().map(|item| self.cost(column_of(item))[item]).collect(),
            latency_ms: items.clone().map(|item| self.latency(column_of(item))[item]).collect(),
            failed: items.clone().map(|item| cells(item).failed[item]).collect(),
            without_errors: None,
            given: items.map(|item| column_of(item) as u16).collect(),
            asked,
        }
    }

    /// What comes of plays, each item at its own dial, or by a coin at either of two: then quality and cost are what is
    /// expected of the coin, and everything else is what it comes to when it is tossed.
    #[must_use]
    pub fn played(&self, plays: &Plays, pick_of: &dyn Fn(usize) -> Pick) -> Played<'static> {
        let curve = self.curve(plays);
        let len = plays.len();
        let mut asked = vec![0; self.board.columns.len()];
        let mut given = Vec::with_capacity(len);
        let fails = |dial: usize, item: usize| {
            let column = self.board.columns.get(usize::from(curve.way(dial, item).given()));
            column.is_some_and(|column| column.failed[item])
        };
        for item in 0..len {
            let way = curve.way(pick_of(item).toss(item), item);
            for column in way.asked() {
                asked[column] += 1;
            }
            let own = usize::from(way.given()) < self.board.columns.len();
            given.push(if own { way.given() } else { Played::NOBODY });
        }
        let failed: Vec<bool> =
            (0..len).map(|item| pick_of(item).shares().any(|(dial, _)| fails(dial, item))).collect();
        let each = |value: &dyn Fn(usize, usize) -> f64| -> Vec<f64> {
            (0..len).map(|item| pick_of(item).expected(|dial| value(dial, item))).collect()
        };
        // Of a coin that fails on one side, the other side is left.
        let without_errors = |item: usize| {
            let kept = pick_of(item).shares().filter(|(dial, _)| !fails(*dial, item));
            let (sum, weight) = kept.fold((0.0, 0.0), |(sum, weight), (dial, share)| {
                (sum + share * curve.quality(dial, item), weight + share)
            });
            sum / weight
        };
        let mixed = (0..len).any(|item| failed[item] && pick_of(item).mix.is_some());
        Played {
            quality: each(&|dial, item| curve.quality(dial, item)).into(),
            cost_usd: each(&|dial, item| curve.cost(dial, item)).into(),
            latency_ms: (0..len).map(|item| curve.latency(pick_of(item).toss(item), item)).collect(),
            failed: failed.into(),
            without_errors: mixed.then(|| (0..len).map(without_errors).collect()),
            given,
            asked,
        }
    }

    /// What plays come to at each dial.
    #[must_use]
    pub fn curve<'b>(&'b self, plays: &'b Plays) -> Curve<'b> {
        Curve { priced: self, plays, items: None }
    }

    /// What plays come to at each dial that are of these items of the board, in this order.
    #[must_use]
    pub fn curve_of<'b>(&'b self, plays: &'b Plays, items: &'b [u32]) -> Curve<'b> {
        Curve { priced: self, plays, items: Some(items) }
    }
}

/// A policy over its dials: figures of one dial and item at a time, so that no columns of them have to be kept.
#[derive(Debug, Clone, Copy)]
pub struct Curve<'a> {
    priced: &'a Priced<'a>,
    plays: &'a Plays,
    /// The items of the board; all of them where `None`.
    items: Option<&'a [u32]>,
}

impl<'a> Curve<'a> {
    fn at(&self, item: usize) -> usize {
        self.items.map_or(item, |items| items[item] as usize)
    }

    /// The number of dials.
    #[must_use]
    pub fn dials(&self) -> usize {
        self.plays.dials()
    }

    /// The number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.plays.len()
    }

    /// Whether there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.plays.is_empty()
    }

    /// How the policy went about an item.
    #[must_use]
    pub fn way(&self, dial: usize, item: usize) -> &'a Way {
        &self.plays.ways()[self.plays.code(dial, item)]
    }

    /// See [`Played::quality`].
    #[must_use]
    pub fn quality(&self, dial: usize, item: usize) -> f64 {
        match self.way(dial, item).given() {
            Way::NOTHING => f64::NAN,
            Way::MERGED => self.plays.merged(dial, item),
            column => self.priced.board.columns[usize::from(column)].quality[self.at(item)],
        }
    }

    /// See [`Played::cost_usd`].
    #[must_use]
    pub fn cost(&self, dial: usize, item: usize) -> f64 {
        let way = self.way(dial, item);
        if way.given() == Way::NOTHING {
            return f64::NAN;
        }
        let at = self.at(item);
        way.asked().fold(0.0, |sum, column| sum + self.priced.cost(column)[at])
    }

    /// See [`Played::latency_ms`].
    #[must_use]
    pub fn latency(&self, dial: usize, item: usize) -> f64 {
        let way = self.way(dial, item);
        if way.given() == Way::NOTHING {
            return f64::NAN;
        }
        let at = self.at(item);
        let slowest = |step: &[u16]| {
            step.iter().map(|&column| self.priced.latency(usize::from(column))[at]).fold(
                0.0_f64,
                |most, own| if own.is_nan() || most.is_nan() { f64::NAN } else { most.max(own) },
            )
        };
        way.steps().fold(0.0, |sum, step| sum + slowest(step))
    }
}
