//! The tables that the evidence fills: items, answers, what they cost.

use ordinate_combine::scored_rows;
use ordinate_core::evidence::{Answers, Row};
use ordinate_core::verdict::Verdict;
use ordinate_core::{Evidence, Part, Status};
use ordinate_data::Sheet;
use ordinate_score::quantile::quantile;

/// A row an item; `scores` are those of what is recommended, of the items that are scored.
pub(super) fn items(evidence: &Evidence, verdict: &Verdict, scores: Option<&[f64]>) -> Sheet {
    let items = evidence.items();
    let rows = 0..evidence.len();
    let scored = scored_rows(evidence);
    let mut score_of = vec![None; evidence.len()];
    for (&row, &score) in
        scored.iter().zip(scores.filter(|scores| scores.len() == scored.len()).unwrap_or(&[]))
    {
        score_of[row] = Some(score);
    }
    let name = verdict.recommended.as_ref().map(|recommended| recommended.name.as_str());
    let part = |row: Row| {
        items.part(row).map(|part| match part {
            Part::Train => "train",
            Part::Test => "test",
        })
    };
    Sheet::new()
        .text("id", rows.clone().map(|row| Some(items.id(row))))
        .text("slice", rows.clone().map(|row| items.slices().get(row)))
        .text("group", rows.clone().map(|row| items.groups().get(row)))
        .text("part", rows.clone().map(part))
        .text("recommended", rows.clone().map(|row| name.filter(|_| score_of[row].is_some())))
        .number("recommended_score", rows.clone().map(|row| score_of[row]))
        .text("target", rows.clone().map(|row| items.target(row)))
        .text("input", rows.map(|row| items.input(row)))
}

/// A row a cell that is not missing.
pub(super) fn answers(evidence: &Evidence) -> Sheet {
    let items = evidence.items();
    let cells: Vec<(Row, usize)> = (0..evidence.len())
        .flat_map(|row| (0..evidence.candidates().len()).map(move |column| (row, column)))
        .filter(|&(row, column)| evidence.answers(column).status(row) != Status::Missing)
        .collect();
    let of = |column: usize| evidence.answers(column);
    let cells = || cells.iter().copied();
    Sheet::new()
        .text("id", cells().map(|(row, _)| Some(items.id(row))))
        .text("slice", cells().map(|(row, _)| items.slices().get(row)))
        .text("candidate", cells().map(|(_, column)| Some(evidence.candidates()[column].name.as_str())))
        .text("lineage", cells().map(|(_, column)| Some(evidence.candidates()[column].lineage.as_str())))
        .number("score", cells().map(|(row, column)| of(column).score(row)))
        .text("error", cells().map(|(row, column)| of(column).error(row)))
        .number("cost_usd", cells().map(|(row, column)| of(column).cost_usd(row)))
        .number("latency_ms", cells().map(|(row, column)| of(column).latency_ms(row)))
        .number("confidence", cells().map(|(row, column)| of(column).confidence(row)))
        .count("input_tokens", cells().map(|(row, column)| tokens(of(column).input_tokens(row))))
        .count("output_tokens", cells().map(|(row, column)| tokens(of(column).output_tokens(row))))
        .text("output", cells().map(|(row, column)| of(column).output(row)))
}

/// Counts are kept as numbers.
fn tokens(count: Option<f64>) -> Option<u64> {
    count.filter(|count| count.is_finite() && *count >= 0.0).map(|count| count as u64)
}

/// A row a candidate.
pub(super) fn spend(evidence: &Evidence) -> Sheet {
    let columns = 0..evidence.candidates().len();
    let of = |column: usize| evidence.answers(column);
    let values = |column: usize, value: fn(&Answers, Row) -> Option<f64>| {
        let answers = evidence.answers(column);
        (0..evidence.len()).filter_map(|row| value(answers, row)).collect::<Vec<f64>>()
    };
    let sum = |column: usize, value: fn(&Answers, Row) -> Option<f64>| {
        let known = values(column, value);
        (!known.is_empty()).then(|| known.iter().sum::<f64>())
    };
    let percentile = |column: usize, share: f64| quantile(&values(column, Answers::latency_ms), share);
    Sheet::new()
        .text("candidate", columns.clone().map(|column| Some(evidence.candidates()[column].name.as_str())))
        .count("answers", columns.clone().map(|column| Some(of(column).count(Status::Scored) as u64)))
        .count("errors", columns.clone().map(|column| Some(of(column).count(Status::Error) as u64)))
        .number("cost_usd", columns.clone().map(|column| sum(column, Answers::cost_usd)))
        .count(
            "with_cost",
            columns.clone().map(|column| Some(values(column, Answers::cost_usd).len() as u64)),
        )
        .count("input_tokens", columns.clone().map(|column| tokens(sum(column, Answers::input_tokens))))
        .count("output_tokens", columns.clone().map(|column| tokens(sum(column, Answers::output_tokens))))
        .number("p50_ms", columns.clone().map(|column| percentile(column, 0.5)))
        .number("p95_ms", columns.clone().map(|column| percentile(column, 0.95)))
        .number("p99_ms", columns.map(|column| percentile(column, 0.99)))
}
