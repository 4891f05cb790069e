//! Data needs: quality against labelled examples.

use ordinate_core::verdict::Verdict;

use crate::figures;
use crate::text::clean;

pub(super) struct Learning {
    pub(super) candidate: String,
    /// Labelled examples and quality.
    pub(super) points: Vec<(String, String)>,
    pub(super) overtakes: String,
}

pub(super) fn data_needs(verdict: &Verdict) -> Vec<Learning> {
    let learning = verdict.data_needs.iter().map(|need| Learning {
        candidate: clean(&need.candidate),
        points: need.points.iter().map(|(n, q)| (figures::count(*n), figures::quality(*q))).collect(),
        overtakes: need.overtakes.as_ref().map_or_else(
            || "overtakes none within these labels".to_owned(),
            |over| {
                let (low, high) = (figures::count(over.labels.low), figures::count(over.labels.high));
                format!("overtakes {} with {low} to {high} labels", clean(&over.other))
            },
        ),
    });
    learning.collect()
}
