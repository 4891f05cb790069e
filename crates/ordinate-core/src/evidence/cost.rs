//! Costs and latencies that are known only when all answers are in.

use std::sync::Arc;

use crate::column::Numbers;
use crate::evidence::{Evidence, Status};

impl Evidence {
    /// Says that every answer of the candidate in this column (errors too) cost `usd`, whatever was recorded; `None` for
    /// what nobody knows.
    ///
    /// # Panics
    /// When there is no such column.
    pub fn cost_each(&mut self, candidate: usize, usd: Option<f64>) {
        let answers = Arc::make_mut(&mut self.answers[candidate].0);
        answers.cost_usd = Numbers::default();
        let Some(usd) = usd else { return };
        for row in 0..answers.status.len() {
            if answers.status[row] != Status::Missing {
                answers.cost_usd.set(row, usd);
            }
        }
    }

    /// Multiplies every latency of the candidate in this column.
    ///
    /// # Panics
    /// When there is no such column.
    pub fn scale_latency(&mut self, candidate: usize, factor: f64) {
        let answers = Arc::make_mut(&mut self.answers[candidate].0);
        for row in 0..answers.status.len() {
            if let Some(ms) = answers.latency_ms.get(row) {
                answers.latency_ms.set(row, ms * factor);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::evidence::{EvidenceBuilder, ItemFields};
    use crate::{Answer, Candidate, CandidateName, Lineage, Score};

    #[test]
    fn every_answer_costs_the_same() {
        let candidate = Candidate::new(CandidateName::new("a").unwrap(), Lineage::General);
        let mut builder = EvidenceBuilder::new([candidate]).unwrap();
        let rows = ["1", "2", "3"].map(|id| builder.item(id, ItemFields::default()).unwrap());
        let scored = Answer {
            score: Some(Score::ONE),
            cost_usd: Some(0.0),
            latency_ms: Some(2.5),
            ..Answer::default()
        };
        builder.answer(rows[0], 0, &scored).unwrap();
        builder.answer(rows[2], 0, &Answer { error: Some("timeout"), ..Answer::default() }).unwrap();
        let mut evidence = builder.finish().unwrap();
        let costs = |evidence: &crate::Evidence| rows.map(|row| evidence.answers(0).cost_usd(row));
        evidence.cost_each(0, Some(0.5));
        assert_eq!(costs(&evidence), [Some(0.5), None, Some(0.5)]);
        evidence.scale_latency(0, 10.0);
        assert_eq!(rows.map(|row| evidence.answers(0).latency_ms(row)), [Some(25.0), None, None]);
        evidence.cost_each(0, None);
        assert_eq!(costs(&evidence), [None; 3]);
        assert!(!evidence.answers(0).has_cost());
    }
}
