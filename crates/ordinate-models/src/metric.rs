//! The score of one answer.

use crate::kind::{Kind, tags};

/// The score in `[0, 1]` of an answer: 1 for the right label (white space at the ends not counted); for tags the F1
/// of the answered set against the right one, 1 where both are empty (scikit-learn's `f1_score` with
/// `average="samples"`, `zero_division=1`).
#[must_use]
pub fn score(kind: Kind, answer: &str, target: &str) -> f64 {
    match kind {
        Kind::Classify => f64::from(u8::from(answer.trim() == target.trim())),
        Kind::Tag => {
            let (said, right) = (tags(answer), tags(target));
            let both = said.intersection(&right).count();
            if said.is_empty() && right.is_empty() {
                return 1.0;
            }
            #[allow(clippy::cast_precision_loss)] // counts of tags
            let f1 = 2.0 * both as f64 / (said.len() + right.len()) as f64;
            f1
        }
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
