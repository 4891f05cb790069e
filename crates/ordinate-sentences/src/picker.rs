//! The ways of picking sentences, by name.

use crate::answering::answering;
use crate::textrank::central;
use crate::words::sentences;

/// A way of picking sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picker {
    /// So many first sentences.
    Lead(usize),
    /// So many of the most central sentences, in the order of the text.
    TextRank(usize),
    /// The sentence that shares most with the question.
    Answering,
}

/// Why nothing is picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PickError {
    /// The text has no sentence.
    #[error("the text has no sentence")]
    NoSentence,
    /// There is no passage to look for the answer in.
    #[error("there is no passage that the question is about; name the field with `[data] context`")]
    NoPassage,
}

/// No more sentences are picked.
const MOST: usize = 1_000;

impl Picker {
    /// The one of this name: `lead-3`, `textrank-3`, `answering-sentence`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let count = |text: &str| text.parse::<usize>().ok().filter(|count| (1..=MOST).contains(count));
        if let Some(rest) = name.strip_prefix("lead-") {
            return count(rest).map(Self::Lead);
        }
        if let Some(rest) = name.strip_prefix("textrank-") {
            return count(rest).map(Self::TextRank);
        }
        (name == "answering-sentence").then_some(Self::Answering)
    }

    /// What it picks for an item: out of the passage, where there is one, else out of the input; with a space between sentences.
    ///
    /// # Errors
    /// [`PickError`] where there is nothing to pick from.
    pub fn pick(self, input: &str, passage: Option<&str>) -> Result<String, PickError> {
        if self == Self::Answering && passage.is_none() {
            return Err(PickError::NoPassage);
        }
        let all = sentences(passage.unwrap_or(input));
        if all.is_empty() {
            return Err(PickError::NoSentence);
        }
        let picked: Vec<&str> = match self {
            Self::Lead(count) => all.into_iter().take(count).collect(),
            Self::TextRank(count) => {
                let shares = central(&all);
                let mut places: Vec<usize> = (0..all.len()).collect();
                // Of equal ones the first.
                places.sort_by(|&a, &b| shares[b].total_cmp(&shares[a]).then(a.cmp(&b)));
                places.truncate(count);
                places.sort_unstable();
                places.into_iter().map(|place| all[place]).collect()
            }
            Self::Answering => vec![all[answering(&all, input)]],
        };
        Ok(picked.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "A cat sat on the mat. It rained all day. The cat on the mat saw that it rained. Nobody came.";

    #[test]
    fn names_are_read() {
        assert_eq!(Picker::named("lead-3"), Some(Picker::Lead(3)));
        assert_eq!(Picker::named("textrank-1"), Some(Picker::TextRank(1)));
        for bad in ["lead-0", "lead-", "lead-x", "textrank", "answering", "lead-1001"] {
            assert_eq!(Picker::named(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_picked_stands_in_the_text() {
        assert_eq!(Picker::Lead(2).pick(TEXT, None).unwrap(), "A cat sat on the mat. It rained all day.");
        assert_eq!(Picker::Lead(9).pick("One.", None).unwrap(), "One.");
        assert_eq!(Picker::TextRank(1).pick(TEXT, None).unwrap(), "The cat on the mat saw that it rained.");
        let picked = Picker::TextRank(2).pick(TEXT, None).unwrap();
        assert_eq!(picked, "A cat sat on the mat. The cat on the mat saw that it rained.");
        assert_eq!(
            Picker::Answering.pick("How long did it rain?", Some(TEXT)).unwrap(),
            "It rained all day."
        );
        assert_eq!(Picker::Answering.pick("How long?", None), Err(PickError::NoPassage));
        assert_eq!(Picker::Lead(1).pick("  ", None), Err(PickError::NoSentence));
    }
}
