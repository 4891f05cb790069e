//! What the labels of images come to, in the figures that the field reports: scores are right or wrong, and AUROC and sensitivity are
//! no means of them.

use std::collections::BTreeSet;

use ordinate_combine::scored_rows;
use ordinate_core::{Evidence, Row};
use ordinate_data::Task;
use ordinate_tasks::metric::ranking::{auroc, balanced_accuracy, sensitivity_at};

/// The specificity at which sensitivities are told.
const SPECIFICITY: f64 = 0.95;

/// A sentence for what was assumed and left out: the figures of each candidate over the items that are scored and that it has an
/// answer to; `None` for other tasks.
pub(crate) fn note(task: &Task, evidence: &Evidence) -> Option<String> {
    if !task.kind.takes_images() {
        return None;
    }
    let rows = scored_rows(evidence);
    let of = |(column, name): (usize, &str)| Some(format!("{name} {}", told(evidence, column, &rows)?));
    let names = evidence.candidates().iter().map(|candidate| candidate.name.as_str());
    let all: Vec<String> = names.enumerate().filter_map(of).collect();
    (!all.is_empty()).then(|| {
        format!(
            "Figures of the labels there are, as the field reports them (sensitivity where {:.0} % of the items of the other label are \
             left alone): {}.",
            100.0 * SPECIFICITY,
            all.join("; ")
        )
    })
}

/// What a candidate said of an item.
struct Said<'a> {
    output: &'a str,
    target: &'a str,
    confidence: Option<f64>,
}

fn told(evidence: &Evidence, column: usize, rows: &[Row]) -> Option<String> {
    let (answers, items) = (evidence.answers(column), evidence.items());
    let said = |&row: &Row| {
        answers.score(row)?;
        let (output, target) = (answers.output(row)?, items.target(row)?);
        Some(Said { output, target, confidence: answers.confidence(row) })
    };
    let all: Vec<Said<'_>> = rows.iter().filter_map(said).collect();
    let balanced = balanced_accuracy(all.iter().map(|said| (said.output, said.target)))?;
    let mut text = format!("balanced accuracy {balanced:.3}");
    let labels: BTreeSet<&str> = all.iter().flat_map(|said| [said.output, said.target]).collect();
    let labels: Vec<&str> = labels.into_iter().collect();
    if let &[first, second] = labels.as_slice()
        && let (Some(of_first), Some(of_second)) = (curve(&all, first), curve(&all, second))
        && let (Some(area), Some(finds_first), Some(finds_second)) = (
            auroc(&of_first),
            sensitivity_at(&of_first, SPECIFICITY),
            sensitivity_at(&of_second, SPECIFICITY),
        )
    {
        text += &format!(
            ", AUROC {area:.3}, sensitivity {finds_first:.3} ({first}) and {finds_second:.3} ({second})"
        );
    }
    Some(text)
}

/// How probable a label is of each item, of two: as sure as the answer is, or as it is not. `None` where that is not known of
/// all.
fn curve(all: &[Said<'_>], label: &str) -> Option<Vec<(f64, bool)>> {
    let probable = |said: &Said<'_>| {
        let sure = said.confidence?;
        Some((if said.output == label { sure } else { 1.0 - sure }, said.target == label))
    };
    all.iter().map(probable).collect()
}
