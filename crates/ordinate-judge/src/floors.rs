//! Candidates against what a task gives to whoever knows nothing of it, and scores that say nothing.

use ordinate_core::verdict::{CandidateRow, Floor};

use crate::contender::Contender;

/// How many names are listed; the others are counted.
const NAMED: usize = 5;

/// So many zeros are no accident.
const MIN_ANSWERS: u64 = 10;

/// The best that is had for nothing, where a candidate is not clearly above it.
pub(crate) fn held_back<'a>(candidate: &CandidateRow, floors: &'a [Floor]) -> Option<&'a Floor> {
    let floor = floors.iter().max_by(|a, b| a.quality.total_cmp(&b.quality))?;
    (candidate.quality.low <= floor.quality).then_some(floor)
}

/// What is to be said of candidates that show nothing, as reasons of the verdict.
pub(crate) fn findings(candidates: &[CandidateRow], floors: &[Floor], metric: Option<&str>) -> Vec<String> {
    if let Some(finding) = all_zero(candidates, metric) {
        return vec![finding];
    }
    let weak = candidates.iter().filter_map(|one| Some((one.name.as_str(), held_back(one, floors)?)));
    let (names, held): (Vec<&str>, Vec<&Floor>) = weak.unzip();
    let Some(floor) = held.first() else { return Vec::new() };
    let named = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(NAMED);
    let others = if more > 0 { format!(" and {more} others") } else { String::new() };
    let (is, has) = if names.len() == 1 { ("is", "has") } else { ("are", "have") };
    vec![format!(
        "{named}{others} {is} not clearly above {} ({:.3}), and {has} shown nothing on this task.",
        floor.name, floor.quality
    )]
}

/// Whether every single scores 0 throughout: whoever leads then has won nothing.
pub(crate) fn nothing_is_shown(contenders: &[Contender<'_>]) -> bool {
    let mut singles = contenders.iter().filter(|contender| contender.is_single());
    singles.all(|single| single.played.quality.iter().all(|quality| quality.is_nan() || *quality == 0.0))
}

/// Scores of 0 throughout tell of the metric, and of nobody.
pub(crate) fn all_zero(candidates: &[CandidateRow], metric: Option<&str>) -> Option<String> {
    // Intervals of scores that are all alike end above them; a mean of 0 is that of zeros alone.
    let is_zero = |candidate: &CandidateRow| candidate.quality.mean == 0.0;
    // Errors score 0 as well, and so may a handful of answers.
    let says = |candidate: &CandidateRow| candidate.items >= MIN_ANSWERS + candidate.errors;
    if !candidates.iter().all(is_zero) || !candidates.iter().any(says) {
        return None;
    }
    let by = metric.map(|metric| format!(" by {metric}")).unwrap_or_default();
    Some(format!(
        "Every answer of every candidate scores 0{by}. That says something of the metric, or of how targets are written, and \
         nothing of the candidates: look at some answers, and name a graded metric under [task] or correct the targets."
    ))
}

#[cfg(test)]
mod tests {
    use ordinate_core::Lineage;
    use ordinate_core::verdict::Estimate;

    use super::*;

    fn row(name: &str, mean: f64, half: f64) -> CandidateRow {
        CandidateRow {
            quality: Estimate { mean, low: mean - half, high: mean + half },
            ..crate::testing::row(name, Lineage::General, mean)
        }
    }

    #[test]
    fn who_is_not_above_the_floor_is_named() {
        let floor = |name: &str, quality| Floor { name: name.into(), quality };
        let floors = [floor("guessing", 0.25), floor("always \"A\"", 0.323)];
        let rows = [row("good", 0.6, 0.05), row("weak", 0.34, 0.05), row("bad", 0.308, 0.02)];
        let found = findings(&rows, &floors, Some("accuracy"));
        assert_eq!(
            found,
            ["weak, bad are not clearly above always \"A\" (0.323), and have shown nothing on this task."]
        );
        assert!(findings(&rows[..1], &floors, None).is_empty());
        assert!(findings(&rows, &[], None).is_empty());
    }

    #[test]
    fn zeros_throughout_tell_of_the_metric() {
        // The interval of zeros alone ends above 0.
        let mut rows = [row("a", 0.0, 0.046), row("b", 0.0, 0.0)];
        let found = findings(&rows, &[], Some("exact-match"));
        assert!(found[0].contains("by exact-match") && found[0].contains("graded metric"), "{found:?}");
        assert!(all_zero(&[row("a", 0.0, 0.0), row("b", 0.001, 0.001)], None).is_none());
        rows[0].errors = 100;
        assert!(all_zero(&rows, None).is_some() && all_zero(&rows[..1], None).is_none());
        rows[1].items = 3;
        assert!(all_zero(&rows, None).is_none());
    }
}
