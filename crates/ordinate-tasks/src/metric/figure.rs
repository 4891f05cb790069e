//! The figures that the field reports of all outputs of a translator together, with the signatures of sacrebleu.

use super::corpus::{corpus_bleu, corpus_chrf, corpus_ter};
use super::right_answers;
use super::tokens::{Tokenizer, is_chinese};

/// The version of sacrebleu whose figures these are: golden values were made with it.
const VERSION: &str = "2.6.0";

/// A figure of all outputs together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CorpusFigure {
    /// BLEU, 0 to 100.
    Bleu(Tokenizer),
    /// chrF, 0 to 100.
    Chrf,
    /// chrF++, 0 to 100.
    ChrfPlusPlus,
    /// TER, edits for 100 words: less is better.
    Ter,
}

impl CorpusFigure {
    /// Those of translations into the language of these targets: of Chinese its BLEU and chrF, since TER as it is used counts words
    /// between spaces.
    #[must_use]
    pub fn of_translations<'a>(targets: impl IntoIterator<Item = &'a str>) -> Vec<Self> {
        let (mut letters, mut chinese) = (0_usize, 0_usize);
        for c in targets.into_iter().flat_map(str::chars).filter(|c| c.is_alphabetic()) {
            letters += 1;
            chinese += usize::from(is_chinese(c));
        }
        match 2 * chinese > letters {
            true => vec![Self::Bleu(Tokenizer::Zh), Self::Chrf],
            false => vec![Self::Bleu(Tokenizer::V13a), Self::Chrf, Self::ChrfPlusPlus, Self::Ter],
        }
    }

    /// Its name, as sacrebleu prints it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bleu(_) => "BLEU",
            Self::Chrf => "chrF2",
            Self::ChrfPlusPlus => "chrF2++",
            Self::Ter => "TER",
        }
    }

    /// Of pairs of output and target, as sacrebleu prints it. Targets are texts, or JSON lists of several right ones.
    #[must_use]
    pub fn of<'a>(self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> f64 {
        100.0
            * match self {
                Self::Bleu(tokenizer) => corpus_bleu(pairs, tokenizer),
                Self::Chrf => corpus_chrf(pairs, false),
                Self::ChrfPlusPlus => corpus_chrf(pairs, true),
                Self::Ter => corpus_ter(pairs),
            }
    }

    /// The signature by which sacrebleu tells how a figure was computed, for these targets.
    #[must_use]
    pub fn signature<'a>(self, targets: impl IntoIterator<Item = &'a str>) -> String {
        let several = |target| right_answers(target, |right| right.len().max(1));
        let mut counts = targets.into_iter().map(several);
        let references = match counts.next() {
            Some(first) if counts.all(|count| count == first) => first.to_string(),
            Some(_) => "var".to_owned(),
            None => "1".to_owned(),
        };
        let how = match self {
            Self::Bleu(Tokenizer::V13a) => "case:mixed|eff:no|tok:13a|smooth:exp",
            Self::Bleu(Tokenizer::Zh) => "case:mixed|eff:no|tok:zh|smooth:exp",
            Self::Chrf => "case:mixed|eff:yes|nc:6|nw:0|space:no",
            Self::ChrfPlusPlus => "case:mixed|eff:yes|nc:6|nw:2|space:no",
            Self::Ter => "case:lc|tok:tercom|norm:no|punct:yes|asian:no",
        };
        format!("nrefs:{references}|{how}|version:{VERSION}")
    }
}
