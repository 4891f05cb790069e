//! What the answers of a task are: as its kind says, as the task file says, or as they look.

use std::collections::HashSet;

use ordinate_core::{Evidence, OutputKind};

use crate::task::Task;

/// Distinct outputs up to which they are labels.
const MAX_LABELS: usize = 200;
/// Answers per distinct output from which they are labels.
const MIN_REPEATS: usize = 10;
/// The share of outputs that must be numbers (or series) for all to be taken as such.
const MOSTLY: f64 = 0.95;

/// The evidence with the kind of its outputs, and what was assumed of it.
pub(crate) fn typed(task: &Task, evidence: Evidence) -> (Evidence, Option<String>) {
    if let Some(kind) = task.kind.output().or(task.file.task.output) {
        return (evidence.with_output_kind(kind), None);
    }
    let looks = look(&evidence);
    let note = looks.and_then(|kind| {
        let (what, word) = match kind {
            OutputKind::Label => ("labels: few, and each comes again and again", "label"),
            OutputKind::Number => ("numbers", "number"),
            OutputKind::Series => ("series of numbers", "series"),
            OutputKind::Labels | OutputKind::Text => return None,
        };
        Some(format!(
            "The answers look like {what}, and are compared as such; say output = \"{word}\" under [task], or what they \
             are, to make sure."
        ))
    });
    match looks {
        // What looks like nothing else may be texts, or several kinds at once: that it is texts is not known.
        Some(OutputKind::Text) | None => (evidence, None),
        Some(kind) => (evidence.with_output_kind(kind), note),
    }
}

/// What the outputs look like; `None` where none was kept. Scores are not looked at.
fn look(evidence: &Evidence) -> Option<OutputKind> {
    let outputs = || {
        let rows = 0..evidence.len();
        evidence.columns().iter().flat_map(move |answers| rows.clone().filter_map(|row| answers.output(row)))
    };
    let count = outputs().count();
    if count == 0 {
        return None;
    }
    let mut distinct = HashSet::new();
    // Enough to tell that they are too many.
    for output in outputs() {
        distinct.insert(output.trim());
        if distinct.len() > MAX_LABELS {
            break;
        }
    }
    if distinct.len() <= MAX_LABELS && distinct.len() * MIN_REPEATS <= count {
        return Some(OutputKind::Label);
    }
    let mostly = |kind: OutputKind| {
        outputs().filter(|output| kind.read(output).is_some()).count() as f64 >= MOSTLY * count as f64
    };
    let typed = [OutputKind::Number, OutputKind::Series].into_iter().find(|kind| mostly(*kind));
    Some(typed.unwrap_or(OutputKind::Text))
}

#[cfg(test)]
mod tests {
    use ordinate_core::evidence::{EvidenceBuilder, ItemFields};
    use ordinate_core::{Answer, Candidate, CandidateName, Lineage, Score};

    use super::*;

    fn of(outputs: &[&str]) -> Option<OutputKind> {
        let named = Candidate::new(CandidateName::new("m").unwrap(), Lineage::General);
        let mut builder = EvidenceBuilder::new([named]).unwrap();
        for (at, output) in outputs.iter().enumerate() {
            let row = builder.add_item(&at.to_string(), ItemFields::default()).unwrap();
            let output = Some(*output).filter(|output| !output.is_empty());
            let answer = Answer { score: Some(Score::ONE), output, ..Answer::default() };
            builder.answer(row, 0, &answer).unwrap();
        }
        look(&builder.finish().unwrap())
    }

    #[test]
    fn outputs_are_what_nearly_all_of_them_look_like() {
        let labels: Vec<&str> = (0..40).map(|at| ["up", "down"][at % 2]).collect();
        assert_eq!(of(&labels), Some(OutputKind::Label));
        let numbers: Vec<String> = (0..40).map(|at| format!("{at}.5")).collect();
        let mut numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
        assert_eq!(of(&numbers), Some(OutputKind::Number));
        numbers[..3].fill("a lot");
        assert_eq!(of(&numbers), Some(OutputKind::Text));
        let series: Vec<String> = (0..40).map(|at| format!("[{at}, 1]")).collect();
        assert_eq!(of(&series.iter().map(String::as_str).collect::<Vec<_>>()), Some(OutputKind::Series));
        assert_eq!(of(&["", ""]), None);
    }
}
