//! The score of one answer.

use ordinate_score::Metric;

use crate::kind::Kind;

/// The score in `[0, 1]` of an answer: accuracy for a label, F1 of the two sets for tags.
#[must_use]
pub fn score(kind: Kind, answer: &str, target: &str) -> f64 {
    match kind {
        Kind::Classify => Metric::Accuracy.score(answer, target),
        Kind::Tag => Metric::LabelF1.score(answer, target),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::float_cmp)] // exact by construction
    fn labels_and_tags() {
        assert_eq!(score(Kind::Classify, " up", "up"), 1.0);
        assert_eq!(score(Kind::Classify, "Up", "up"), 0.0);
        assert_eq!(score(Kind::Tag, r#"["a","b"]"#, "a; c"), 0.5);
        assert_eq!(score(Kind::Tag, "[]", ""), 1.0);
        assert_eq!(score(Kind::Tag, "a", ""), 0.0);
    }
}
