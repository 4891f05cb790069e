//! Data needs: quality against labelled examples.

use ordinate_core::verdict::{DataNeed, LabelRange, Verdict};

use super::lines::path;
use super::scale::{Qualities, Span};
use crate::figures;
use crate::text::clean;

pub(super) struct Learning {
    pub(super) candidate: String,
    /// Labelled examples and quality.
    pub(super) points: Vec<(String, String)>,
    pub(super) overtakes: String,
    /// Where the next point of quality would be bought.
    pub(super) next: Option<String>,
    pub(super) picture: Option<Picture>,
}

/// The curve with its band.
pub(super) struct Picture {
    pub(super) id: String,
    /// The lineage: its colour.
    pub(super) class: &'static str,
    pub(super) band: String,
    pub(super) mid: String,
    pub(super) dots: Vec<(f64, f64, String)>,
    /// Whom it is to overtake: the line, its name, and where that stands.
    pub(super) other: Option<(String, String, f64)>,
    /// Left end and width of the stretch in which it overtakes.
    pub(super) crossing: Option<(f64, f64)>,
    /// Where the labels at hand stand.
    pub(super) at_hand: Option<(f64, String)>,
    pub(super) x_ticks: Vec<(f64, String)>,
    pub(super) y_ticks: Vec<(f64, String)>,
    pub(super) description: String,
}

/// The size of a picture, and of the plot in it.
pub(super) const WIDTH: f64 = 380.0;
/// See [`WIDTH`].
pub(super) const HEIGHT: f64 = 260.0;
/// Left, right, upper and lower end of the plot.
pub(super) const PLOT: [f64; 4] = [44.0, 368.0, 22.0, 214.0];

pub(super) fn data_needs(verdict: &Verdict) -> Vec<Learning> {
    let learning = verdict.data_needs.iter().enumerate().map(|(at, need)| Learning {
        candidate: clean(&need.candidate),
        points: need.points.iter().map(|(n, q)| (figures::count(*n), figures::quality(*q))).collect(),
        overtakes: overtakes(need),
        next: need.next_point.map(|next| {
            format!("The next {:.2} of quality takes {} labels in all.", next.gain, range(next.labels))
        }),
        picture: picture(verdict, need, at),
    });
    learning.collect()
}

fn range(LabelRange { low, high }: LabelRange) -> String {
    format!("{} to {}", figures::count(low), figures::count(high))
}

fn overtakes(need: &DataNeed) -> String {
    match &need.overtakes {
        None => "overtakes none within these labels".to_owned(),
        Some(over) => {
            let never = if over.never > 0.025 {
                format!(", or not even then ({} of the curves)", figures::percent(over.never))
            } else {
                String::new()
            };
            format!("overtakes {} with {} labels{never}", clean(&over.other), range(over.labels))
        }
    }
}

/// The axis of labels, logarithmic.
struct Labels {
    low: f64,
    high: f64,
}

impl Labels {
    fn x(&self, labels: f64) -> f64 {
        let part = (labels.max(1.0) / self.low).ln() / (self.high / self.low).ln();
        PLOT[0] + part.clamp(0.0, 1.0) * (PLOT[1] - PLOT[0])
    }

    fn ticks(&self) -> Vec<(f64, String)> {
        let decades = (0..8).map(|power| 10_f64.powi(power));
        let steps = decades.flat_map(|decade| [1.0, 3.0].map(|step| step * decade));
        let within: Vec<f64> = steps.filter(|labels| (self.low..=self.high).contains(labels)).collect();
        // More would stand one on the other.
        let many = within.len() > 5;
        let kept = within.into_iter().filter(|labels| !many || (labels.log10() + 1e-9).fract() < 0.1);
        kept.map(|labels| (self.x(labels), figures::count(labels as u64))).collect()
    }
}

fn picture(verdict: &Verdict, need: &DataNeed, at: usize) -> Option<Picture> {
    let (first, last) = (need.band.first()?, need.band.last()?);
    let labels = Labels { low: (first.labels as f64).max(1.0), high: (last.labels as f64).max(2.0) };
    let named = |name: &str| verdict.candidates.iter().find(|row| row.name.as_str() == name);
    let other = need.overtakes.as_ref().map(|over| over.other.as_str());
    let level = other.and_then(named).map(|row| row.quality.mean);
    let values = need.band.iter().flat_map(|point| [point.low, point.high]);
    let values = values.chain(need.points.iter().map(|point| point.1)).chain(level);
    let qualities = Qualities::new(Span { from: PLOT[2], to: PLOT[3] }, values);
    let place = |labels_of: u64, quality: f64| (labels.x(labels_of as f64), qualities.y(quality));
    let upper = need.band.iter().map(|point| place(point.labels, point.high));
    let lower = need.band.iter().rev().map(|point| place(point.labels, point.low));
    let theirs = other.and_then(|other| {
        let curve = verdict.data_needs.iter().find(|one| one.candidate == other && !one.band.is_empty());
        let (line, end) = match curve {
            Some(curve) => {
                let within =
                    curve.band.iter().filter(|point| (first.labels..=last.labels).contains(&point.labels));
                (path(within.map(|point| place(point.labels, point.mid)), false), curve.band.last()?.mid)
            }
            None => (format!("M{:.1} {:.1}H{:.1}", PLOT[0], qualities.y(level?), PLOT[1]), level?),
        };
        Some((line, clean(other), qualities.y(end) - 5.0))
    });
    let crossing = need.overtakes.as_ref().map(|over| {
        let (low, high) = (labels.x(over.labels.low as f64), labels.x(over.labels.high as f64));
        (low, (high - low).max(1.5))
    });
    let decimals = qualities.decimals();
    Some(Picture {
        id: format!("learning-{at}"),
        class: named(&need.candidate).map_or("transferred", |row| row.lineage.as_str()),
        band: path(upper.chain(lower), false) + "Z",
        mid: path(need.band.iter().map(|point| place(point.labels, point.mid)), false),
        dots: need
            .points
            .iter()
            .map(|&(n, quality)| {
                let (x, y) = place(n, quality);
                (x, y, format!("{} labels: {}", figures::count(n), figures::quality(quality)))
            })
            .collect(),
        other: theirs,
        crossing,
        at_hand: need.labels.map(|n| (labels.x(n as f64), format!("{} at hand", figures::count(n)))),
        x_ticks: labels.ticks(),
        y_ticks: qualities.ticks().into_iter().map(|q| (qualities.y(q), format!("{q:.decimals$}"))).collect(),
        description: format!(
            "{}: {} with {} labels, {} to {} foretold with {}; it {}.",
            clean(&need.candidate),
            need.points.last().map_or_else(String::new, |point| figures::quality(point.1)),
            need.points.last().map_or_else(String::new, |point| figures::count(point.0)),
            figures::quality(last.low),
            figures::quality(last.high),
            figures::count(last.labels),
            overtakes(need),
        ),
    })
}
