//! Cost against quality: candidates, policies over their dials, frontier, zero router and oracle.

use ordinate_core::verdict::Verdict;

use super::labels::{Label, Labels, Rect};
use super::lines;
use super::scale::{Costs, Qualities, Span};
use crate::figures;
use crate::text::{clean, shorten};

/// One drawing. Two are made, for wide and for narrow screens: text that is scaled down cannot be read.
pub(super) struct Chart {
    pub(super) id: &'static str,
    pub(super) wide: bool,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) plot: Rect,
    pub(super) x_ticks: Vec<(f64, String)>,
    pub(super) y_ticks: Vec<(f64, String)>,
    /// Middle and right end of the band of costs of nothing; left end and middle of that of unknown ones.
    pub(super) free: Option<(f64, f64)>,
    pub(super) unknown: Option<(f64, f64)>,
    pub(super) paid_middle: Option<f64>,
    pub(super) zero_router: String,
    pub(super) frontier: String,
    pub(super) curves: Vec<Curve>,
    pub(super) marks: Vec<Mark>,
    pub(super) labels: Vec<Label>,
    /// Names for which there was no room.
    pub(super) unlabelled: Vec<String>,
    pub(super) oracle: Option<Oracle>,
    /// The classes of mark that are drawn.
    pub(super) classes: Vec<&'static str>,
    pub(super) description: String,
}

pub(super) struct Curve {
    pub(super) path: String,
    pub(super) dots: Vec<(f64, f64, String)>,
    pub(super) title: String,
    /// Dashes tell curves apart without colour.
    pub(super) dashes: &'static str,
}

pub(super) struct Mark {
    pub(super) x: f64,
    pub(super) y: f64,
    /// Ends of the whisker.
    pub(super) whisker: Option<(f64, f64)>,
    /// `general`, `vertical`, `transferred` or `policy`: the class, and the shape.
    pub(super) class: &'static str,
    pub(super) recommended: bool,
    pub(super) title: String,
    name: String,
    rank: usize,
}

/// The outline of a mark around the origin: what tells lineages, and policies, apart without colour.
pub(super) fn outline(class: &str) -> &'static str {
    match class {
        "general" => "M5 0A5 5 0 1 1-5 0A5 5 0 1 1 5 0Z",
        "vertical" => "M0-6.5 6.5 0 0 6.5-6.5 0Z",
        "transferred" => "M0-6 6 5-6 5Z",
        _ => "M-5-5H5V5H-5Z",
    }
}

pub(super) struct Oracle {
    pub(super) y: f64,
    pub(super) text: String,
    /// Whether it is above the top of the drawing.
    pub(super) beyond: bool,
}

struct Size {
    id: &'static str,
    width: f64,
    height: f64,
    font: f64,
    ticks: usize,
    /// The most columns of a name, and the most names.
    name: usize,
    names: usize,
}

const WIDE: Size =
    Size { id: "wide", width: 1000.0, height: 540.0, font: 12.5, ticks: 9, name: 28, names: 40 };
const NARROW: Size =
    Size { id: "narrow", width: 360.0, height: 400.0, font: 11.0, ticks: 4, name: 18, names: 7 };

/// The oracle is drawn to scale only where it leaves most of the room to the rest.
const ORACLE_REACH: f64 = 0.25;

/// Nothing where there is no quality to show.
pub(super) fn charts(verdict: &Verdict) -> Vec<Chart> {
    if points(verdict).is_empty() {
        return Vec::new();
    }
    [WIDE, NARROW].iter().map(|size| chart(verdict, size)).collect()
}

/// A candidate or policy before it has a place.
struct Point<'a> {
    name: &'a str,
    class: &'static str,
    kind: &'static str,
    cost: Option<f64>,
    mean: f64,
    low: f64,
    high: f64,
    recommended: bool,
    /// Smaller ones get their names first.
    rank: usize,
}

fn points(verdict: &Verdict) -> Vec<Point<'_>> {
    let recommended = verdict.recommended.as_ref().map(|r| r.name.as_str());
    let on_frontier = |name: &str| verdict.frontier.iter().any(|p| p.name == name);
    let candidates = verdict
        .candidates
        .iter()
        .map(|c| (c.name.as_str(), c.lineage.as_str(), c.lineage.as_str(), c.cost_per_1k, c.quality));
    let policies = verdict
        .policies
        .iter()
        .map(|p| (p.name.as_str(), "policy", p.kind.as_str(), p.cost_per_1k, p.quality));
    let mut points: Vec<Point<'_>> = candidates
        .chain(policies)
        .filter(|(.., quality)| quality.mean.is_finite())
        .map(|(name, class, kind, cost, quality)| {
            let recommended = recommended == Some(name);
            let rank = match (recommended, on_frontier(name), class) {
                (true, ..) => 0,
                (_, true, _) => 1,
                (.., "policy") => 2,
                _ => 3,
            };
            let cost = cost.filter(|cost| cost.is_finite() && *cost >= 0.0);
            Point {
                name,
                class,
                kind,
                cost,
                mean: quality.mean,
                low: quality.low,
                high: quality.high,
                recommended,
                rank,
            }
        })
        .collect();
    points.sort_by(|a, b| a.rank.cmp(&b.rank).then(b.mean.total_cmp(&a.mean)));
    points
}

fn chart(verdict: &Verdict, size: &Size) -> Chart {
    let points = points(verdict);
    let plot = Rect { x: size.font * 3.6, y: 16.0, width: 0.0, height: 0.0 };
    let plot =
        Rect { width: size.width - plot.x - 10.0, height: size.height - plot.y - size.font * 3.8, ..plot };
    let costs = costs(verdict, &points, Span { from: plot.x, to: plot.x + plot.width });
    let (qualities, oracle) = qualities(verdict, &points, Span { from: plot.y, to: plot.y + plot.height });
    let marks = marks(&points, &costs, &qualities);
    let curves = curves(verdict, &costs, &qualities);
    let (labels, unlabelled) = labels(&marks, &curves, oracle.as_ref(), plot, size);
    Chart {
        id: size.id,
        wide: size.id == WIDE.id,
        width: size.width,
        height: size.height,
        plot,
        x_ticks: costs
            .ticks(size.ticks)
            .into_iter()
            .filter_map(|cost| Some((costs.x(cost)?, tick_label(cost))))
            .collect(),
        y_ticks: qualities
            .ticks()
            .into_iter()
            .map(|q| (qualities.y(q), format!("{q:.*}", qualities.decimals())))
            .collect(),
        free: costs.free.map(|span| (span.middle(), span.to)),
        unknown: costs.unknown.map(|span| (span.from, span.middle())),
        paid_middle: costs.paid.map(Span::middle),
        zero_router: lines::zero_router(&verdict.zero_router, &costs, &qualities),
        frontier: lines::frontier(&verdict.frontier, &costs, &qualities),
        curves,
        classes: classes(&marks),
        marks,
        labels,
        unlabelled,
        oracle,
        description: description(verdict, &points),
    }
}

/// The classes of mark that are there, in the order in which a legend names them.
fn classes(marks: &[Mark]) -> Vec<&'static str> {
    let all = ["general", "vertical", "transferred", "policy"];
    all.into_iter().filter(|class| marks.iter().any(|mark| mark.class == *class)).collect()
}

/// `$0.2`, `$10`: as short as an axis needs.
fn tick_label(cost: f64) -> String {
    if (0.001..1.0).contains(&cost) {
        format!("${}", figures::number(cost))
    } else {
        figures::dollars(cost).replace(".00", "")
    }
}

fn costs(verdict: &Verdict, points: &[Point<'_>], span: Span) -> Costs {
    let curves = verdict.curves.iter().flat_map(|curve| curve.points.iter().map(|p| p.cost_per_1k));
    let lines = verdict.zero_router.iter().chain(&verdict.frontier).map(|p| p.cost_per_1k);
    let paid = points.iter().filter_map(|p| p.cost).chain(curves).chain(lines);
    let free = points.iter().filter(|p| p.cost == Some(0.0)).count();
    let unknown = points.iter().filter(|p| p.cost.is_none()).count();
    Costs::new(span, paid, free, unknown)
}

fn qualities(verdict: &Verdict, points: &[Point<'_>], span: Span) -> (Qualities, Option<Oracle>) {
    let curves = verdict.curves.iter().flat_map(|curve| curve.points.iter().map(|p| p.quality));
    let shown: Vec<f64> = points.iter().flat_map(|p| [p.low, p.mean, p.high]).chain(curves).collect();
    let finite = shown.iter().copied().filter(|x| x.is_finite());
    let (low, high) =
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    let oracle = verdict.oracle.as_ref().map(|oracle| oracle.quality).filter(|q| q.is_finite());
    let within = oracle.filter(|oracle| oracle - high <= (high - low) * ORACLE_REACH);
    let axis = Qualities::new(span, shown.into_iter().chain(within));
    let oracle = oracle.map(|quality| Oracle {
        y: if within.is_some() { axis.y(quality) } else { span.from },
        text: format!("oracle {}", figures::quality(quality)),
        beyond: within.is_none(),
    });
    (axis, oracle)
}

fn marks(points: &[Point<'_>], costs: &Costs, qualities: &Qualities) -> Vec<Mark> {
    let count = |paid: fn(&Point<'_>) -> bool| points.iter().filter(|p| paid(p)).count();
    let (free, unknown) = (count(|p| p.cost == Some(0.0)), count(|p| p.cost.is_none()));
    let (mut next_free, mut next_unknown) = (0, 0);
    let mut place = |point: &Point<'_>| match point.cost {
        Some(cost) if cost > 0.0 => costs.x(cost),
        Some(_) => {
            next_free += 1;
            costs.free.map(|span| span.part(next_free - 1, free))
        }
        None => {
            next_unknown += 1;
            costs.unknown.map(|span| span.part(next_unknown - 1, unknown))
        }
    };
    let mark = |point: &Point<'_>| {
        let x = place(point)?;
        let ends = point.low.is_finite() && point.high.is_finite();
        let interval = if ends {
            format!(" [{}, {}]", figures::quality(point.low), figures::quality(point.high))
        } else {
            String::new()
        };
        let name = clean(point.name);
        let cost = point.cost.map_or_else(
            || "cost unknown".to_owned(),
            |cost| format!("{} per 1,000 items", figures::dollars(cost)),
        );
        Some(Mark {
            x,
            y: qualities.y(point.mean),
            whisker: ends.then(|| (qualities.y(point.high), qualities.y(point.low))),
            class: point.class,
            recommended: point.recommended,
            title: format!(
                "{name} ({}): quality {}{interval}, {cost}",
                point.kind,
                figures::quality(point.mean)
            ),
            name,
            rank: point.rank,
        })
    };
    points.iter().filter_map(mark).collect()
}

fn curves(verdict: &Verdict, costs: &Costs, qualities: &Qualities) -> Vec<Curve> {
    const DASHES: [&str; 4] = ["none", "7 3", "2 3", "8 3 2 3"];
    let curve = |(i, curve): (usize, &ordinate_core::verdict::Curve)| {
        let dots: Vec<(f64, f64, String)> = curve
            .points
            .iter()
            .filter(|p| p.quality.is_finite())
            .filter_map(|p| {
                let title = format!(
                    "{}, dial {}: quality {}, {} per 1,000 items",
                    clean(&curve.name),
                    figures::number(p.dial.0),
                    figures::quality(p.quality),
                    figures::dollars(p.cost_per_1k)
                );
                Some((costs.x(p.cost_per_1k)?, qualities.y(p.quality), title))
            })
            .collect();
        let path = lines::path(dots.iter().map(|(x, y, _)| (*x, *y)), false);
        let dashes = DASHES.into_iter().cycle().nth(i % DASHES.len()).unwrap_or("none");
        Curve { path, dots, title: clean(&curve.name), dashes }
    };
    verdict.curves.iter().enumerate().map(curve).filter(|curve| curve.dots.len() > 1).collect()
}

fn labels(
    marks: &[Mark],
    curves: &[Curve],
    oracle: Option<&Oracle>,
    plot: Rect,
    size: &Size,
) -> (Vec<Label>, Vec<String>) {
    let around_marks = marks.iter().map(|m| Rect::around(m.x, m.y, 14.0, 14.0));
    let around_whiskers = marks.iter().filter_map(|m| {
        m.whisker.map(|(top, bottom)| Rect { x: m.x - 1.5, y: top, width: 3.0, height: bottom - top })
    });
    let around_curves = curves.iter().flat_map(|c| {
        c.dots.windows(2).flat_map(|pair| match pair {
            [(x0, y0, _), (x1, y1, _)] => (0..12)
                .map(|i| f64::from(i) / 12.0)
                .map(|t| Rect::around(x0 + t * (x1 - x0), y0 + t * (y1 - y0), 4.0, 4.0))
                .collect(),
            _ => Vec::new(),
        })
    });
    let around_oracle = oracle.map(|o| Rect { x: plot.x, y: o.y - 14.0, width: plot.width, height: 16.0 });
    let obstacles = around_marks.chain(around_whiskers).chain(around_curves).chain(around_oracle).collect();
    let mut labels = Labels::new(plot, size.font, obstacles);
    let (mut placed, mut unlabelled) = (Vec::new(), Vec::new());
    let mut order: Vec<&Mark> = marks.iter().collect();
    order.sort_by_key(|mark| mark.rank);
    for mark in order {
        let label = if placed.len() < size.names {
            labels.place(mark.x, mark.y, &shorten(&mark.name, size.name))
        } else {
            None
        };
        match label {
            Some(label) => placed.push(Label { recommended: mark.recommended, ..label }),
            None => unlabelled.push(mark.name.clone()),
        }
    }
    (placed, unlabelled)
}

fn description(verdict: &Verdict, points: &[Point<'_>]) -> String {
    let best = points.iter().max_by(|a, b| a.mean.total_cmp(&b.mean));
    let best = best.map_or_else(String::new, |p| {
        format!(" The best quality is {} by {}.", figures::quality(p.mean), clean(p.name))
    });
    format!(
        "Cost in USD per 1,000 items on a logarithmic axis against quality with 95% intervals, for {} candidates and {} policies.{best} \
         The same figures are in the table that follows.",
        verdict.candidates.len(),
        verdict.policies.len()
    )
}
