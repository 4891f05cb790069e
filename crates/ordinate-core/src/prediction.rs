//! What a model in this process says of an item.

/// Labels that are told with their probabilities, at most: the rest is next to nothing for nearly every item of the public sets, and each
/// costs memory in evidence, and time where policies are learned from it.
const MOST: usize = 8;
/// The least probability that is told.
const LEAST: f64 = 0.01;

/// What a model says of an item.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prediction {
    /// The label; for tags a JSON list of them; a number; free text; a passage, empty where nothing answers.
    pub output: String,
    /// The calibrated probability that the answer is right (of the whole set, for tags), in `[0, 1]`; of a translation memory
    /// how near the text is that it found, in chrF.
    pub confidence: Option<f64>,
    /// The likeliest labels, the likeliest first, each with its probability to four places; empty where it has none of single labels.
    pub probabilities: Vec<(String, f64)>,
}

impl Prediction {
    /// The label with the largest share, the first of equals; and the likeliest few with theirs.
    #[must_use]
    pub fn likeliest<L: AsRef<str>>(labels: &[L], shares: &[f64]) -> Self {
        let mut all: Vec<(&str, f64)> =
            labels.iter().map(AsRef::as_ref).zip(shares.iter().copied()).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        let Some(&(best, share)) = all.first() else {
            return Self { confidence: Some(0.0), ..Self::default() };
        };
        let told = all.iter().enumerate().take(MOST).filter(|(at, (_, share))| *at == 0 || *share >= LEAST);
        let told = told.map(|(_, (label, share))| ((*label).to_owned(), (share * 1e4).round() / 1e4));
        Self { output: best.to_owned(), confidence: Some(share), probabilities: told.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_are_told_and_the_first_of_equals_answers() {
        let said = Prediction::likeliest(&["a", "b", "c", "d"], &[0.004, 0.45, 0.45, 0.096_04]);
        assert_eq!((said.output.as_str(), said.confidence), ("b", Some(0.45)));
        let told: Vec<(&str, f64)> =
            said.probabilities.iter().map(|(label, p)| (label.as_str(), *p)).collect();
        assert_eq!(told, [("b", 0.45), ("c", 0.45), ("d", 0.096)]);
        let many: Vec<String> = (0..200).map(|label| label.to_string()).collect();
        let said = Prediction::likeliest(&many, &[0.005; 200]);
        assert_eq!((said.output.as_str(), said.probabilities.len()), ("0", 1));
        assert_eq!(Prediction::likeliest(&many, &[0.05; 20]).probabilities.len(), MOST);
        assert_eq!(Prediction::likeliest::<&str>(&[], &[]).confidence, Some(0.0));
    }
}
