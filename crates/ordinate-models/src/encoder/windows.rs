//! A question and a passage as an encoder reads them: the question first, then as much of the passage as fits, in windows that
//! overlap (Devlin et al. 2019; the defaults are those of `transformers`).

use std::ops::Range;

use tokenizers::Tokenizer;

use crate::error::ModelError;
use ordinate_core::caught;

/// Tokens of a window at most, where the encoder reads as many.
const LONGEST: usize = 384;
/// Tokens of the passage that a window shares with the one before.
const SHARED: usize = 128;

/// A part of a passage with the question before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    tokens: Vec<u32>,
    /// How many of the tokens are of the first type.
    first: usize,
    /// The place of the passage's first token.
    at: usize,
    /// Where the tokens of the passage stand in it, in bytes.
    offsets: Vec<(usize, usize)>,
}

impl Window {
    /// Its tokens.
    #[must_use]
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// How many of its tokens are of the first text, as the tokenizer says it; the others are of the second.
    #[must_use]
    pub fn first(&self) -> usize {
        self.first
    }

    /// The places of the passage's tokens.
    #[must_use]
    pub fn passage(&self) -> Range<usize> {
        self.at..self.at + self.offsets.len()
    }

    /// Where the tokens in two places of the passage begin and end in it, in bytes.
    pub(crate) fn bytes(&self, start: usize, end: usize) -> Option<Range<usize>> {
        let (from, to) = (self.offsets.get(start.checked_sub(self.at)?)?, self.offsets.get(end - self.at)?);
        (from.0 < to.1).then_some(from.0..to.1)
    }

    /// The places of the first and the last token of these bytes of the passage; `None` where not all of them are in the window.
    #[must_use]
    pub fn places(&self, bytes: &Range<usize>) -> Option<(usize, usize)> {
        let (begins, ends) = (self.offsets.first()?.0, self.offsets.last()?.1);
        if bytes.is_empty() || bytes.start < begins || bytes.end > ends {
            return None;
        }
        let start = self.offsets.iter().position(|&(_, end)| end > bytes.start)?;
        let end = self.offsets.iter().rposition(|&(begin, _)| begin < bytes.end)?;
        (start <= end).then_some((self.at + start, self.at + end))
    }
}

/// Cuts passages into windows.
pub(crate) struct Cutter {
    /// Cuts nothing off.
    tokenizer: Tokenizer,
    longest: usize,
}

impl Cutter {
    /// By a tokenizer, for an encoder that reads so many tokens.
    pub(crate) fn new(tokenizer: &Tokenizer, longest: usize) -> Result<Self, ModelError> {
        let mut tokenizer = tokenizer.clone();
        tokenizer.with_truncation(None).map_err(|error| ModelError::Failed(error.to_string()))?;
        Ok(Self { tokenizer, longest: longest.min(LONGEST) })
    }

    /// The windows of a passage, one at least. A question that takes more than half of one is cut.
    pub(crate) fn windows(&self, question: &str, passage: &str) -> Result<Vec<Window>, ModelError> {
        let failed = |problem: String| ModelError::Failed(format!("its tokenizer fails: {problem}"));
        if passage.trim().is_empty() {
            return Err(ModelError::Failed("there is no passage that the question is about".to_owned()));
        }
        let pair = (question.trim(), passage);
        let whole = caught(|| self.tokenizer.encode(pair, true)).map_err(failed)?;
        let whole = whole.map_err(|error| failed(error.to_string()))?;
        let sequences = whole.get_sequence_ids();
        let is = |text: usize| move |of: &Option<usize>| *of == Some(text);
        let Some(begin) = sequences.iter().position(is(1)) else {
            return Err(ModelError::Failed(
                "no token of the passage is left: its tokenizer reads no pairs".to_owned(),
            ));
        };
        let end = sequences.iter().rposition(is(1)).map_or(begin, |last| last + 1);
        let (tokens, types, offsets) = (whole.get_ids(), whole.get_type_ids(), whole.get_offsets());
        // Of the question as much as leaves room for as many tokens of the passage.
        let apart = sequences.iter().filter(|of| of.is_none()).count();
        let asked = sequences[..begin].iter().filter(|of| is(0)(of)).count();
        let most = self.longest.saturating_sub(apart) / 2;
        let spare = asked.saturating_sub(most);
        let last = sequences[..begin].iter().rposition(is(0)).map_or(0, |last| last + 1);
        let kept = |at: &usize| !(last - spare..last).contains(at);
        let before: Vec<usize> = (0..begin).filter(kept).collect();
        let behind = end..tokens.len();
        let room = self.longest.saturating_sub(before.len() + behind.len()).max(1);
        let step = room - SHARED.min(room / 2);
        let mut windows = Vec::new();
        let mut from = begin;
        loop {
            let to = (from + room).min(end);
            let places = || before.iter().copied().chain(from..to).chain(behind.clone());
            windows.push(Window {
                tokens: places().map(|at| tokens[at]).collect(),
                first: places().take_while(|&at| types[at] == 0).count(),
                at: before.len(),
                offsets: offsets[from..to].to_vec(),
            });
            if to == end {
                return Ok(windows);
            }
            from += step;
        }
    }
}
