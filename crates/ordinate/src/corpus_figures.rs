//! What the field reports of all outputs together: BLEU, chrF and TER of a whole set of translations are no means of the scores of
//! its items.

use ordinate_combine::scored_rows;
use ordinate_core::{Evidence, Row};
use ordinate_data::Task;
use ordinate_tasks::metric::CorpusFigure;

/// Sentences for what was assumed and left out: the figures of each candidate over the items that are scored and that it has an
/// output for, and how they were computed.
pub(crate) fn notes(task: &Task, evidence: &Evidence) -> Vec<String> {
    if !task.kind.reports_corpora() {
        return Vec::new();
    }
    let items = evidence.items();
    let rows: Vec<Row> =
        scored_rows(evidence).into_iter().filter(|&row| items.target(row).is_some()).collect();
    let targets = || rows.iter().filter_map(|&row| items.target(row));
    let figures = CorpusFigure::of_translations(targets());
    let told: Vec<String> = (0..evidence.candidates().len())
        .filter_map(|column| told(evidence, column, &rows, &figures))
        .collect();
    if told.is_empty() {
        return Vec::new();
    }
    let signatures: Vec<String> =
        figures.iter().map(|figure| format!("{} {}", figure.name(), figure.signature(targets()))).collect();
    vec![format!(
        "Figures of all outputs together, as sacrebleu computes them: {}. Signatures: {}.",
        told.join("; "),
        signatures.join(", ")
    )]
}

/// The figures of one candidate; `None` where it has no output.
fn told(evidence: &Evidence, column: usize, rows: &[Row], figures: &[CorpusFigure]) -> Option<String> {
    let answers = evidence.answers(column);
    let pair = |&row: &Row| {
        answers.score(row)?;
        Some((answers.output(row)?, evidence.items().target(row)?))
    };
    let pairs: Vec<(&str, &str)> = rows.iter().filter_map(pair).collect();
    if pairs.is_empty() {
        return None;
    }
    let figures: Vec<String> = figures
        .iter()
        .map(|figure| format!("{} {:.2}", figure.name(), figure.of(pairs.iter().copied())))
        .collect();
    let without = match rows.len() - pairs.len() {
        0 => String::new(),
        count => format!(" (without {count} items that it has no output for)"),
    };
    Some(format!("{} {}{without}", evidence.candidates()[column].name, figures.join(", ")))
}
