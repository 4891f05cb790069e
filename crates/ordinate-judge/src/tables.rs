//! The rows of the verdict: candidates, policies, comparisons, frontier, complementarity.

use std::collections::BTreeMap;

use ordinate_core::verdict::{
    CandidateRow, Comparison, Complementarity, Crossing, Curve, CurvePoint, FrontierPoint, PolicyRow, Pool,
};
use ordinate_core::{Candidate, PolicyKind};
use ordinate_score::Groups;
use ordinate_score::compare::{Discordant, holm, non_inferior};
use ordinate_score::rescue::Rescue;
use ordinate_score::routing::{Hull, Oracle, Point};
use ordinate_score::slice::Slices;
use ordinate_trials::{Board, Folding, Played, Priced};
use rayon::prelude::*;

use crate::bar::{Field, LEVEL};
use crate::chosen::Chosen;
use crate::contender::{Contender, mean};
use crate::gains::slice_gains;
use crate::limits::Miss;
use crate::measures::measures;
use crate::recall::Recall;
use crate::rules::Choice;
use crate::weigh::Weighed;

/// Units below which the comparison of two candidates rests on bounds that hold from few.
const FEW_UNITS: usize = 1_000;

/// Everything that the rows are made from.
pub(crate) struct Tables<'a> {
    pub(crate) candidates: &'a [Candidate],
    /// The names of the slices.
    pub(crate) slices: &'a [String],
    /// How items were dealt into folds, the first time; `None` where they are scored on items of their own.
    pub(crate) folds: Option<&'a Folding>,
    pub(crate) scored: &'a Priced<'a>,
    /// The same items with every answer's own score. Others are estimates in the mean alone (`ordinate_score::ppi`), and say nothing
    /// of slices, of the best of several, or of who is right.
    pub(crate) graded: &'a Board,
    /// Whether the scores are such.
    pub(crate) is_rectified: bool,
    pub(crate) best_single: &'a Played<'a>,
    pub(crate) field: &'a Field<'a>,
    /// Estimates with errors left out; the same where there are no errors.
    pub(crate) without_errors: &'a Weighed<'a>,
    pub(crate) misses: &'a [Vec<Miss>],
    pub(crate) choice: &'a Choice,
    pub(crate) groups: Option<&'a Groups>,
    pub(crate) recall: &'a Recall,
}

impl Tables<'_> {
    fn contenders(&self) -> &[Contender<'_>] {
        self.field.contenders
    }

    fn misses(&self, contender: usize) -> Vec<String> {
        self.misses[contender].iter().map(|miss| miss.why.clone()).collect()
    }

    /// The scores of the answers of a single.
    fn own<'c>(&'c self, single: &'c Contender<'_>) -> &'c [f64] {
        single.candidate.map_or(&*single.played.quality, |column| &self.graded.columns[column].quality)
    }

    /// The slice of each scored item.
    fn slice_codes(&self) -> &[u32] {
        &self.scored.board().slice_of
    }

    fn clusters(&self) -> Option<&[u32]> {
        self.scored.board().clusters.as_deref()
    }

    /// Every candidate, best quality first.
    pub(crate) fn candidates(&self) -> Vec<CandidateRow> {
        let names = self.slices;
        let cells = self.recall.cells.get_or_init(|| {
            let slices = Slices::new(self.slice_codes(), names.len(), self.groups);
            let columns = &self.graded.columns;
            columns.par_iter().map(|column| slices.cells(&column.quality)).collect()
        });
        let mut rows: Vec<(f64, CandidateRow)> = self
            .contenders()
            .par_iter()
            .enumerate()
            .filter_map(|(index, contender)| Some((index, contender, contender.candidate?)))
            .map(|(index, contender, column)| {
                let candidate = &self.candidates[column];
                let errors = contender.played.failed.iter().filter(|failed| **failed).count() as u64;
                let asked =
                    contender.played.quality.iter().filter(|quality| !quality.is_nan()).count() as u64;
                let without = self.without_errors.quality[index].map(|quality| quality.estimate);
                let row = CandidateRow {
                    name: candidate.name.clone(),
                    lineage: candidate.lineage,
                    quality: self.field.weighed.estimate(index),
                    quality_without_errors: without.filter(|_| errors > 0),
                    items: asked,
                    cost_per_1k: contender.cost_per_1k,
                    not_priced: contender.not_priced,
                    p95_ms: contender.p95_ms,
                    memory_gb: contender.memory_gb,
                    errors,
                    meets_needs: self.misses[index].is_empty(),
                    misses: self.misses(index),
                    slices: names
                        .iter()
                        .zip(&cells[column])
                        .filter_map(|(name, cell)| Some((name.clone(), (*cell)?)))
                        .collect(),
                };
                (self.field.weighed.mean(index), row)
            })
            .collect();
        rows.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        rows.into_iter().map(|(_, row)| row).collect()
    }

    /// Every policy that was tried, best quality first.
    pub(crate) fn policies(&self) -> Vec<PolicyRow> {
        let weighed = self.field.weighed;
        let measures = measures(self.contenders(), weighed, self.scored, self.folds, self.is_rectified);
        let by_slice = self.field.by_slice();
        let codes = self.slice_codes();
        let names = self.slices;
        let best = &self.best_single.quality;
        let gains = |contender: &Contender<'_>| {
            let quality = contender.played.quality.iter();
            let differences: Vec<f64> =
                quality.zip(best.iter()).map(|(policy, single)| policy - single).collect();
            slice_gains(&differences, codes, names, self.clusters())
        };
        let mut rows: Vec<PolicyRow> = self
            .contenders()
            .iter()
            .enumerate()
            .filter(|(_, contender)| !contender.is_single())
            .map(|(index, contender)| PolicyRow {
                name: contender.name.clone(),
                kind: contender.kind,
                quality: weighed.estimate(index),
                gain_over_best_single: weighed.gain(index).unwrap_or_default(),
                gain_over_by_slice: by_slice
                    .and_then(|by_slice| weighed.difference(index, by_slice))
                    .map(|gain| gain.estimate),
                gain_over_zero_router: weighed.over_zero_router[index].map(|gain| gain.estimate),
                cost_per_1k: contender.cost_per_1k,
                not_priced: contender.not_priced,
                p95_ms: contender.p95_ms,
                memory_gb: contender.memory_gb,
                share: contender.share.clone(),
                meets_needs: self.misses[index].is_empty(),
                misses: self.misses(index),
                clears_the_bar: self.choice.bars[index].is_none(),
                dial: contender.dial,
                mix: contender.mix,
                file: contender.chosen.map(|chosen| chosen.trial.file()),
                promise: self.choice.promise(index, contender).cloned(),
                slices: if self.is_rectified { Vec::new() } else { gains(contender) },
                measures: measures[index].clone(),
                pool: contender.chosen.map(|chosen| self.pool(chosen)),
                folding_share: contender.chosen.and_then(|chosen| self.folding_share(index, chosen)),
            })
            .collect();
        rows.sort_by(|a, b| b.quality.mean.total_cmp(&a.quality.mean));
        rows
    }

    fn pool(&self, chosen: &Chosen<'_>) -> Pool {
        let name = |&column: &usize| self.candidates[column].name.clone();
        Pool { name: chosen.trial.pool.clone(), candidates: chosen.trial.columns.iter().map(name).collect() }
    }

    /// The share of the variance of the gain over the best single that is how items were dealt into folds.
    fn folding_share(&self, index: usize, chosen: &Chosen<'_>) -> Option<f64> {
        let count = chosen.gains.len() as f64;
        let items = self.field.weighed.over_best_single[index]?.se.powi(2);
        let mean = chosen.gains.iter().sum::<f64>() / count;
        let between = chosen.gains.iter().map(|gain| (gain - mean).powi(2)).sum::<f64>() / (count - 1.0);
        let dealing = between / count;
        (count > 1.0 && items > 0.0).then(|| dealing / (dealing + items))
    }

    /// What the best contender that joins lineages gains over the best that does without.
    pub(crate) fn crossing(&self) -> Option<Crossing> {
        let field = self.field;
        let within = self.choice.within?;
        let is_open = |&c: &usize| field.crosses(c) && self.misses[c].is_empty();
        let open: Vec<usize> = (0..self.contenders().len()).filter(is_open).collect();
        let mean = |c: &usize| field.weighed.mean(*c);
        let across = open.iter().copied().max_by(|a, b| mean(a).total_cmp(&mean(b)))?;
        let contender = &self.contenders()[across];
        let mut share = BTreeMap::new();
        for (name, part) in &contender.share {
            let lineage =
                self.candidates.iter().find(|c| c.name.as_str() == name).map(|c| c.lineage.to_string());
            *share.entry(lineage.unwrap_or_default()).or_insert(0.0) += part;
        }
        Some(Crossing {
            across: contender.name.clone(),
            within: self.contenders()[within].name.clone(),
            gain: field.weighed.lead_of_best(across, &open, within)?,
            share,
        })
    }

    /// All pairs of candidates, the clearest difference first; exact McNemar for 0/1 scores of independent
    /// items.
    pub(crate) fn comparisons(&self) -> Vec<Comparison> {
        let singles: Vec<usize> =
            (0..self.contenders().len()).filter(|&c| self.contenders()[c].is_single()).collect();
        let weighed = self.field.weighed;
        let mut rows = Vec::new();
        for (place, &first) in singles.iter().enumerate() {
            for &second in &singles[place + 1..] {
                let (a, b) = if weighed.mean(first) >= weighed.mean(second) {
                    (first, second)
                } else {
                    (second, first)
                };
                // Bounds that hold from few items take time, and many pairs of many items need none.
                let few = weighed.difference(a, b).is_some_and(|difference| difference.units < FEW_UNITS);
                let bounds = if few {
                    weighed.bounds(b, a, 1.0 - LEVEL)
                } else {
                    weighed.difference(b, a).map(|reverse| reverse.estimate)
                };
                let (Some(difference), Some(bounds)) = (weighed.difference(a, b), bounds) else {
                    continue;
                };
                let exact = if self.clusters().is_none() {
                    Discordant::count(
                        &self.contenders()[a].played.quality,
                        &self.contenders()[b].played.quality,
                    )
                } else {
                    None
                };
                let p = exact.map_or(difference.p, Discordant::p);
                rows.push(Comparison {
                    a: self.contenders()[a].name.clone(),
                    b: self.contenders()[b].name.clone(),
                    difference: difference.estimate,
                    p,
                    p_adjusted: 1.0,
                    non_inferior: non_inferior(&bounds, self.field.needs.margin()),
                    items: difference.items as u64,
                });
            }
        }
        let adjusted = holm(&rows.iter().map(|row| row.p).collect::<Vec<_>>());
        for (row, p_adjusted) in rows.iter_mut().zip(adjusted) {
            row.p_adjusted = p_adjusted;
        }
        rows.sort_by(|x, y| y.difference.mean.total_cmp(&x.difference.mean));
        rows
    }

    /// Pairs of candidates: what the one knows where the other is wrong, the highest rescue rate first.
    pub(crate) fn complementarity(&self, guess_rate: Option<f64>) -> Vec<Complementarity> {
        self.recall.complementarity.get_or_init(|| self.rescues(guess_rate)).clone()
    }

    fn rescues(&self, guess_rate: Option<f64>) -> Vec<Complementarity> {
        let singles: Vec<&Contender<'_>> = self.contenders().iter().filter(|c| c.is_single()).collect();
        let pairs: Vec<(usize, usize)> = (0..singles.len())
            .flat_map(|a| (0..singles.len()).filter(move |&b| a != b).map(move |b| (a, b)))
            .collect();
        let mut rows: Vec<Complementarity> = pairs
            .par_iter()
            .filter_map(|&(a, b)| {
                let rescue = Rescue::measure(self.own(singles[a]), self.own(singles[b]), self.groups)?;
                Some(Complementarity {
                    a: singles[a].name.clone(),
                    b: singles[b].name.clone(),
                    rescue_rate: rescue.rate,
                    guess_rate,
                    complementary: guess_rate.is_some_and(|guess_rate| rescue.above(guess_rate)),
                })
            })
            .collect();
        rows.sort_by(|x, y| y.rescue_rate.mean.total_cmp(&x.rescue_rate.mean));
        rows
    }

    /// Each policy's points over its dial, cheapest first.
    pub(crate) fn curves(&self) -> Vec<Curve> {
        let curve = |contender: &Contender<'_>| {
            // The coin's curve is the zero router's.
            let chosen = contender.chosen.filter(|_| contender.kind != PolicyKind::ZeroRouter)?;
            contender.cost_per_1k?;
            let trial = chosen.trial;
            let point = |(&dial, point): (_, &Option<(f64, f64)>)| {
                let (cost_per_1k, quality) = (*point)?;
                Some(CurvePoint { dial, cost_per_1k, quality })
            };
            let mut points: Vec<CurvePoint> =
                trial.dials.iter().zip(chosen.points(self.scored)).filter_map(point).collect();
            points.sort_by(|a, b| a.cost_per_1k.total_cmp(&b.cost_per_1k));
            Some(Curve { name: trial.name.clone(), kind: trial.kind, points })
        };
        self.contenders().iter().filter_map(curve).collect()
    }

    /// What nothing else beats in both cost and quality, cheapest first: singles, policies and points of
    /// their curves.
    pub(crate) fn frontier(&self, curves: &[Curve]) -> Vec<FrontierPoint> {
        let mut points: Vec<FrontierPoint> =
            (0..self.contenders().len()).filter_map(|contender| self.point(contender)).collect();
        points.extend(curves.iter().flat_map(|curve| {
            curve.points.iter().map(|point| FrontierPoint {
                name: format!("{} at {:.3}", curve.name, point.dial.0),
                cost_per_1k: point.cost_per_1k,
                quality: point.quality,
                low: None,
                high: None,
            })
        }));
        points.sort_by(|a, b| a.cost_per_1k.total_cmp(&b.cost_per_1k).then(b.quality.total_cmp(&a.quality)));
        let mut best = f64::NEG_INFINITY;
        points.retain(|point| {
            let better = point.quality > best;
            best = best.max(point.quality);
            better
        });
        points
    }

    /// The upper convex hull of the singles, cheapest first.
    pub(crate) fn zero_router(&self) -> Vec<FrontierPoint> {
        let singles: Vec<FrontierPoint> = (0..self.contenders().len())
            .filter(|&c| self.contenders()[c].is_single())
            .filter_map(|c| self.point(c))
            .collect();
        let points: Vec<Point> =
            singles.iter().map(|point| Point { cost: point.cost_per_1k, quality: point.quality }).collect();
        Hull::new(&points).vertices().map(|(_, number)| singles[number].clone()).collect()
    }

    /// The best answer to every item, ties to the cheapest.
    pub(crate) fn oracle(&self) -> Option<FrontierPoint> {
        let singles: Vec<&Contender<'_>> = self.contenders().iter().filter(|c| c.is_single()).collect();
        let quality: Vec<&[f64]> = singles.iter().map(|c| self.own(c)).collect();
        let cost: Vec<&[f64]> = singles.iter().map(|c| &*c.played.cost_usd).collect();
        let oracle = Oracle::new(&quality, &cost);
        Some(FrontierPoint {
            name: "oracle".to_owned(),
            cost_per_1k: 1000.0 * mean(&known(&oracle.cost))?,
            quality: mean(&known(&oracle.quality))?,
            low: None,
            high: None,
        })
    }

    fn point(&self, contender: usize) -> Option<FrontierPoint> {
        let quality = self.field.weighed.quality[contender]?.estimate;
        Some(FrontierPoint {
            name: self.contenders()[contender].name.clone(),
            cost_per_1k: self.contenders()[contender].cost_per_1k?,
            quality: quality.mean,
            low: Some(quality.low),
            high: Some(quality.high),
        })
    }
}

fn known(values: &[f64]) -> Vec<f64> {
    values.iter().copied().filter(|value| !value.is_nan()).collect()
}
