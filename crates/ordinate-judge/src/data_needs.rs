//! What more labels would be worth: learning curves of the candidates that were trained on parts of them.

use ordinate_core::verdict::{
    CandidateRow, DataNeed, FamilyWeight, LabelRange, LearningBand, NextPoint, Overtakes,
};
use ordinate_core::{CandidateName, Goal, Lineage, Needs};
use ordinate_score::learning::{Ensemble, Reach};
use serde::{Deserialize, Serialize};

use crate::words::count;

/// How a candidate came through that was trained on parts of the labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearningCurve {
    /// The candidate.
    pub name: CandidateName,
    /// The labels at hand.
    pub labels: u64,
    /// How often each number of labels was drawn.
    pub draws: u32,
    /// One for each training. The most labels are those of the candidate as it is in the verdict.
    pub points: Vec<LearningPoint>,
}

/// One training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LearningPoint {
    /// The labels that it learned from.
    pub labels: u64,
    /// Which draw they are of.
    pub draw: u32,
    /// The mean score on items that it did not see.
    pub score: f64,
}

/// How far a curve is foretold: so many times the labels at hand.
const HORIZON: f64 = 10.0;
/// What is bought next.
const GAIN: f64 = 0.01;
/// The share of curves that must get there for it to be said where.
const PROBABLY: f64 = 0.5;
/// Numbers of labels at which the band is told.
const BAND: i32 = 24;
/// The share of curves from which it is told that they never get there.
const TOLD: f64 = 0.025;

/// A candidate whose curve could be fitted.
pub(crate) struct Learner<'a> {
    row: &'a CandidateRow,
    curve: &'a LearningCurve,
    points: Vec<(u64, f64)>,
    fitted: Ensemble,
}

impl Learner<'_> {
    fn at_hand(&self) -> f64 {
        self.curve.labels as f64
    }

    fn horizon(&self) -> f64 {
        HORIZON * self.at_hand()
    }

    fn least(&self) -> f64 {
        self.points.iter().map(|point| point.0).min().unwrap_or(1) as f64
    }
}

/// The candidates whose curves can be fitted.
pub(crate) fn learners<'a>(
    rows: &'a [CandidateRow],
    curves: &'a [LearningCurve],
    seed: u64,
) -> Vec<Learner<'a>> {
    let of = |curve: &'a LearningCurve| {
        let row = rows.iter().find(|row| row.name == curve.name)?;
        let points = level(curve, row.quality.mean);
        let fitted = Ensemble::fit(&points, seed)?;
        Some(Learner { row, curve, points, fitted })
    };
    curves.iter().filter_map(of).collect()
}

/// The points, each draw shifted so that it ends at the quality of the verdict: draws are scored on some of the items alone, and
/// what is easier or harder in these is common to all points of a draw.
fn level(curve: &LearningCurve, quality: f64) -> Vec<(u64, f64)> {
    let most = curve.points.iter().map(|point| point.labels).max().unwrap_or(0);
    let whole = |draw: u32| curve.points.iter().find(|point| point.labels == most && point.draw == draw);
    let shifted = |point: &LearningPoint| {
        let shift = whole(point.draw).map_or(0.0, |whole| quality - whole.score);
        (point.labels, (point.score + shift).clamp(0.0, 1.0))
    };
    let below = curve.points.iter().filter(|point| point.labels < most).map(shifted);
    // All labels are drawn once, whatever they were scored on.
    below.chain((most > 0).then_some((most, quality))).collect()
}

/// `data_needs` of the verdict.
pub(crate) fn data_needs(rows: &[CandidateRow], learners: &[Learner<'_>]) -> Vec<DataNeed> {
    learners.iter().map(|learner| need(rows, learners, learner)).collect()
}

fn need(rows: &[CandidateRow], learners: &[Learner<'_>], learner: &Learner<'_>) -> DataNeed {
    let (fitted, at_hand, horizon) = (&learner.fitted, learner.at_hand(), learner.horizon());
    let overtakes = other(rows, learner.row).and_then(|other| {
        let reach = match learners.iter().find(|one| one.row.name == other.name) {
            Some(theirs) => fitted.overtakes(&theirs.fitted, learner.least().max(theirs.least()), horizon),
            None => fitted.reaches(other.quality.mean, learner.least(), horizon),
        };
        let labels = range(reach);
        (reach.never <= PROBABLY).then(|| Overtakes {
            other: other.name.to_string(),
            labels,
            never: reach.never,
        })
    });
    let next = fitted.gains(GAIN, at_hand, horizon);
    let step = (horizon / learner.least()).ln() / f64::from(BAND);
    let band = (0..=BAND).map(|at| {
        let labels = (learner.least() * (step * f64::from(at)).exp()).round();
        let band = fitted.band(labels);
        LearningBand { labels: labels as u64, low: band.low, mid: band.mid, high: band.high }
    });
    DataNeed {
        candidate: learner.row.name.to_string(),
        points: means(&learner.points),
        overtakes,
        labels: Some(learner.curve.labels),
        draws: Some(learner.curve.draws),
        band: band.collect(),
        families: fitted
            .families()
            .into_iter()
            .map(|(family, weight)| FamilyWeight { family: family.to_string(), weight })
            .collect(),
        next_point: (next.never <= PROBABLY).then(|| NextPoint {
            gain: GAIN,
            labels: range(next),
            never: next.never,
        }),
    }
}

/// Labels and the mean score of their draws, in order.
fn means(points: &[(u64, f64)]) -> Vec<(u64, f64)> {
    let mut counts: Vec<u64> = points.iter().map(|point| point.0).collect();
    counts.sort_unstable();
    counts.dedup();
    let mean = |labels: u64| {
        let (sum, draws) = points
            .iter()
            .filter(|point| point.0 == labels)
            .fold((0.0, 0_u32), |(sum, draws), point| (sum + point.1, draws + 1));
        (labels, sum / f64::from(draws.max(1)))
    };
    counts.into_iter().map(mean).collect()
}

fn range(reach: Reach) -> LabelRange {
    LabelRange { low: reach.low.floor() as u64, high: reach.high.ceil() as u64 }
}

/// Whom a candidate is to overtake: the best general one, for a general one the best of another lineage; where there is none,
/// the best other.
fn other<'a>(rows: &'a [CandidateRow], own: &CandidateRow) -> Option<&'a CandidateRow> {
    let best = |of: &dyn Fn(&CandidateRow) -> bool| {
        let others = rows.iter().filter(|row| row.name != own.name && of(row));
        others.max_by(|one, other| one.quality.mean.total_cmp(&other.quality.mean))
    };
    let is_general = own.lineage == Lineage::General;
    best(&|row| is_general != (row.lineage == Lineage::General)).or_else(|| best(&|_| true))
}

/// Who is recommended, as far as more labels could change it.
pub(crate) struct Holder<'a> {
    pub(crate) name: &'a str,
    pub(crate) quality: f64,
    /// The candidates that it asks.
    pub(crate) asks: Vec<&'a str>,
}

/// What to label, where that would probably change who is recommended: the candidate that gets there first. `may` says of a
/// candidate whether quality alone keeps it from being recommended.
pub(crate) fn advice(
    learners: &[Learner<'_>],
    holder: Option<&Holder<'_>>,
    needs: &Needs,
    may: &dyn Fn(&str) -> bool,
) -> Option<String> {
    if holder.is_some() && needs.goal != Goal::Quality {
        return None;
    }
    let reach = |learner: &Learner<'_>| {
        let (from, horizon) = (learner.at_hand(), learner.horizon());
        match holder {
            Some(holder) => {
                let theirs = learners.iter().find(|one| one.row.name.as_str() == holder.name);
                Some(match theirs {
                    Some(theirs) => learner.fitted.overtakes(&theirs.fitted, from, horizon),
                    None => learner.fitted.reaches(holder.quality, from, horizon),
                })
            }
            None => Some(learner.fitted.reaches(needs.min_quality?, from, horizon)),
        }
    };
    let candidates = learners.iter().filter(|learner| {
        may(learner.row.name.as_str())
            && holder.is_none_or(|holder| !holder.asks.contains(&learner.row.name.as_str()))
    });
    let reached = candidates.filter_map(|learner| Some((learner, reach(learner)?)));
    let (learner, reach) = reached
        .filter(|(learner, reach)| reach.never <= PROBABLY && reach.high > learner.at_hand())
        .min_by(|(_, one), (_, other)| one.high.total_cmp(&other.high))?;
    let at_hand = learner.curve.labels;
    let LabelRange { low, high } = range(reach);
    let more = |labels: u64| count(labels.saturating_sub(at_hand));
    let name = &learner.row.name;
    let done = match holder {
        Some(holder) => format!("overtakes {}", holder.name),
        None => format!("reaches min_quality = {}", needs.min_quality.unwrap_or_default()),
    };
    let never = match reach.never {
        TOLD.. => format!(
            "; {:.0} % of the curves do not get there even with {}",
            100.0 * reach.never,
            count(learner.horizon() as u64)
        ),
        _ => String::new(),
    };
    Some(format!(
        "Label about {} to {} more: with {} to {} labels in all {name} {done}, by its learning curve ({} at hand, {} draws, {} \
         families of functions{never}).",
        more(low),
        more(high),
        count(low.max(at_hand)),
        count(high),
        count(at_hand),
        learner.curve.draws,
        learner.fitted.families().len(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::row;

    fn curve(name: &str, of: impl Fn(f64) -> f64, easier: f64) -> LearningCurve {
        let points = [50_u64, 100, 200, 400].into_iter().flat_map(|labels| {
            let score = of(labels as f64) + easier;
            (0..3).map(move |draw| LearningPoint { labels, draw, score: score + f64::from(draw) * 0.002 })
        });
        LearningCurve {
            name: CandidateName::new(name).unwrap(),
            labels: 400,
            draws: 3,
            points: points.collect(),
        }
    }

    #[test]
    fn a_vertical_overtakes_a_general_one() {
        let grows = |n: f64| 0.9 - 2.0 * n.powf(-0.5);
        // Scored on items that are easier than all.
        let curves = [curve("v", grows, 0.03)];
        let rows = [
            row("g", Lineage::General, 0.84),
            row("v", Lineage::Vertical, grows(400.0)),
            row("o", Lineage::Vertical, 0.9),
        ];
        let learners = learners(&rows, &curves, 7);
        let needs = data_needs(&rows, &learners);
        let over = needs[0].overtakes.as_ref().unwrap();
        // 0.9 - 2 n^-0.5 = 0.84 at n = 1,111.
        assert!(over.other == "g" && over.labels.low <= 1_111 && 1_111 <= over.labels.high, "{over:?}");
        assert!(over.labels.low > 400);
        assert_eq!(needs[0].points.len(), 4);
        assert!((needs[0].points[3].1 - 0.8).abs() < 1e-9);
        assert!((needs[0].points[0].1 - grows(50.0)).abs() < 0.01, "{:?}", needs[0].points);
        let next = needs[0].next_point.unwrap();
        assert!(next.labels.low > 400 && next.labels.low <= 493 && 493 <= next.labels.high, "{next:?}");
        assert!(needs[0].band.last().unwrap().labels == 4_000);

        let holder = Holder { name: "g", quality: 0.84, asks: vec!["g"] };
        let quality = Needs::default();
        let said = advice(&learners, Some(&holder), &quality, &|_| true).unwrap();
        assert!(said.starts_with("Label about ") && said.contains("v overtakes g"), "{said}");
        assert_eq!(advice(&learners, Some(&holder), &quality, &|_| false), None);
        assert_eq!(
            advice(
                &learners,
                Some(&Holder { name: "route", quality: 0.84, asks: vec!["v"] }),
                &quality,
                &|_| true
            ),
            None
        );
        assert_eq!(
            advice(&learners, Some(&Holder { name: "g", quality: 0.5, asks: vec!["g"] }), &quality, &|_| {
                true
            }),
            None
        );
        assert_eq!(
            advice(&learners, Some(&Holder { name: "g", quality: 0.99, asks: vec!["g"] }), &quality, &|_| {
                true
            }),
            None
        );
        let floor = Needs { min_quality: Some(0.83), ..Needs::default() };
        let said = advice(&learners, None, &floor, &|_| true).unwrap();
        assert!(said.contains("v reaches min_quality = 0.83"), "{said}");
    }
}
