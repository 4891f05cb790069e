//! Small evidence for tests.

use ordinate_core::evidence::{EvidenceBuilder, ItemFields};
use ordinate_core::{Answer, Candidate, CandidateName, Evidence, Lineage, OutputKind, Probabilities, Score};

/// A row: slice, group, and one score per candidate (`None` is a missing cell).
pub(crate) type TestRow<'a> = (&'a str, Option<&'a str>, Vec<Option<f64>>);

/// Evidence with candidates `m0`, `m1`, ... that cost 1, 2, ... thousandths of a USD.
pub(crate) fn evidence(candidates: usize, rows: &[TestRow<'_>]) -> Evidence {
    let named = (0..candidates).map(|i| {
        let lineage = if i % 2 == 0 { Lineage::General } else { Lineage::Vertical };
        Candidate::new(CandidateName::new(&format!("m{i}")).unwrap(), lineage)
    });
    let mut builder = EvidenceBuilder::new(named).unwrap();
    for (number, (slice, group, scores)) in rows.iter().enumerate() {
        let fields = ItemFields { slice: Some(slice), group: *group, ..Default::default() };
        let row = builder.add_item(&number.to_string(), fields).unwrap();
        for (candidate, score) in scores.iter().enumerate() {
            if let Some(score) = score {
                let answer = Answer {
                    score: Some(Score::new(*score).unwrap()),
                    cost_usd: Some(0.001 * (candidate + 1) as f64),
                    ..Default::default()
                };
                builder.answer(row, candidate, &answer).unwrap();
            }
        }
    }
    builder.finish().unwrap()
}

/// What a candidate said, how probable it finds labels, and its score.
pub(crate) type Telling = (&'static str, Vec<(String, f64)>, f64);

/// Evidence with labels of candidates that may say how probable they find each.
pub(crate) fn telling(candidates: usize, rows: &[Vec<Telling>]) -> Evidence {
    let named = (0..candidates)
        .map(|i| Candidate::new(CandidateName::new(&format!("m{i}")).unwrap(), Lineage::General));
    let mut builder = EvidenceBuilder::new(named).unwrap();
    for (number, says) in rows.iter().enumerate() {
        let row = builder.add_item(&number.to_string(), ItemFields::default()).unwrap();
        for (candidate, (output, told, score)) in says.iter().enumerate() {
            let answer = Answer {
                output: Some(output),
                score: Some(Score::new(*score).unwrap()),
                probabilities: Probabilities::Listed(told),
                ..Default::default()
            };
            builder.answer(row, candidate, &answer).unwrap();
        }
    }
    builder.finish().unwrap().with_output_kind(OutputKind::Label)
}

/// Evidence with labels: per row a slice, and per candidate what it said and its score. A candidate that said
/// `failed` failed.
pub(crate) fn spoken(candidates: usize, rows: &[(&str, Vec<(&str, f64)>)]) -> Evidence {
    let named = (0..candidates)
        .map(|i| Candidate::new(CandidateName::new(&format!("m{i}")).unwrap(), Lineage::General));
    let mut builder = EvidenceBuilder::new(named).unwrap();
    for (number, (slice, says)) in rows.iter().enumerate() {
        let fields = ItemFields { slice: Some(slice), ..Default::default() };
        let row = builder.add_item(&number.to_string(), fields).unwrap();
        for (candidate, &(output, score)) in says.iter().enumerate() {
            let failed = output == "failed";
            let answer = Answer {
                output: (!failed).then_some(output),
                score: (!failed).then(|| Score::new(score).unwrap()),
                error: failed.then_some("no answer"),
                cost_usd: Some(0.001 * (candidate + 1) as f64),
                ..Default::default()
            };
            builder.answer(row, candidate, &answer).unwrap();
        }
    }
    builder.finish().unwrap().with_output_kind(OutputKind::Label)
}
