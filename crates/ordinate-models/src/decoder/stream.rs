//! A text as it is written: token by token, whole characters only, and never a part of what stops it.

use ordinate_core::caught;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokenizers::tokenizer::DecodeStream;
use tokenizers::{
    DecoderWrapper, ModelWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper, Tokenizer,
};

use super::draw::{Sampling, draw, log_sum};
use super::layers::{Layers, Session};
use crate::error::ModelError;

/// A token that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// Its text; empty where a character is not whole yet.
    pub text: String,
    /// The natural logarithm of the model's own probability of it (temperature 1).
    pub log_probability: f64,
}

/// Why a text ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The model ended it.
    Model,
    /// It came to a text that was to stop it.
    Stop,
    /// The most tokens were written, or no more fit.
    Length,
}

type Steps<'a> = DecodeStream<
    'a,
    ModelWrapper,
    NormalizerWrapper,
    PreTokenizerWrapper,
    PostProcessorWrapper,
    DecoderWrapper,
>;

/// A text that is being written: an iterator over its tokens. Texts in a row are the whole text; each is whole
/// characters, and bytes at the very end that are no whole character are left out. A token comes late where its text may be
/// the beginning of one that stops the writing, and never if it is.
///
/// The prompt is read when the first token is asked for. After an error there are no more tokens.
pub struct Stream<'a> {
    tokenizer: &'a Tokenizer,
    ends: &'a [u32],
    steps: Steps<'a>,
    session: Box<dyn Session + 'a>,
    next: Vec<u32>,
    read: usize,
    written: usize,
    most: usize,
    sampling: Sampling,
    random: fastrand::Rng,
    stops: Vec<String>,
    /// What was written, but is not to be shown yet.
    held: VecDeque<Piece>,
    end: Option<End>,
    started: Instant,
    first_text: Option<Duration>,
}

impl<'a> Stream<'a> {
    pub(crate) fn new(
        (layers, tokenizer, ends): (&'a dyn Layers, &'a Tokenizer, &'a [u32]),
        tokens: Vec<u32>,
        most: usize,
        sampling: Sampling,
        stops: &[&str],
    ) -> Result<Self, ModelError> {
        // The last token that fits has no successor.
        let room = (layers.longest() + 1).saturating_sub(tokens.len());
        let most = most.min(room.max(1));
        Ok(Self {
            tokenizer,
            ends,
            steps: tokenizer.decode_stream(true),
            session: layers.session(tokens.len() + most)?,
            read: tokens.len(),
            next: tokens,
            written: 0,
            most,
            sampling,
            random: fastrand::Rng::with_seed(sampling.seed),
            stops: stops.iter().filter(|stop| !stop.is_empty()).map(|stop| (*stop).to_owned()).collect(),
            held: VecDeque::new(),
            end: None,
            started: Instant::now(),
            first_text: None,
        })
    }

    /// Tokens of the prompt.
    #[must_use]
    pub fn read(&self) -> usize {
        self.read
    }

    /// Tokens that were written so far, those held back and those that stopped it included.
    #[must_use]
    pub fn written(&self) -> usize {
        self.written
    }

    /// Why it ended; `None` where it has not.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// The time from the beginning to the first text that was shown.
    #[must_use]
    pub fn first_text(&self) -> Option<Duration> {
        self.first_text
    }

    /// Writes one token more, or ends.
    fn step(&mut self) -> Result<(), ModelError> {
        if self.written >= self.most {
            self.end = Some(End::Length);
            return Ok(());
        }
        let rows = self.session.read(&self.next, 1)?;
        let logits = rows.first().map(Vec::as_slice).unwrap_or_default();
        let token = draw(logits, self.sampling, &mut self.random);
        if self.ends.contains(&token) {
            self.end = Some(End::Model);
            return Ok(());
        }
        let log_probability = f64::from(logits[token as usize]) - log_sum(logits);
        let text = match caught(|| self.steps.step(token)).map_err(ModelError::Failed)? {
            Ok(text) => text.unwrap_or_default(),
            // Bytes that never became a character stand in the way of what follows: it begins anew behind them.
            Err(_) => {
                self.steps = self.tokenizer.decode_stream(true);
                let text = self.steps.step(token).map_err(|error| ModelError::Failed(error.to_string()))?;
                text.unwrap_or_default()
            }
        };
        self.next = vec![token];
        self.written += 1;
        self.held.push_back(Piece { text, log_probability });
        if let Some(at) = self.stopped() {
            self.cut(at);
            self.end = Some(End::Stop);
        }
        Ok(())
    }

    fn held_text(&self) -> String {
        self.held.iter().map(|piece| piece.text.as_str()).collect()
    }

    /// Where in the held text a stop begins.
    fn stopped(&self) -> Option<usize> {
        let text = self.held_text();
        self.stops.iter().filter_map(|stop| text.find(stop.as_str())).min()
    }

    /// Forgets the held text from this place on.
    fn cut(&mut self, at: usize) {
        let mut left = at;
        self.held.retain_mut(|piece| {
            let there = left > 0;
            piece.text.truncate(left);
            left -= piece.text.len();
            there
        });
    }

    /// Bytes at the end of the held text that a stop may begin with.
    fn doubtful(&self) -> usize {
        let text = self.held_text();
        let begins = |(at, _): &(usize, char)| self.stops.iter().any(|stop| stop.starts_with(&text[*at..]));
        text.char_indices().find(begins).map_or(0, |(at, _)| text.len() - at)
    }

    /// The first held token that can be shown.
    fn shown(&mut self) -> Option<Piece> {
        let safe = if self.end.is_some() || self.stops.is_empty() {
            usize::MAX
        } else {
            self.held_text().len() - self.doubtful()
        };
        self.held.front().filter(|piece| piece.text.len() <= safe)?;
        let piece = self.held.pop_front()?;
        if !piece.text.is_empty() && self.first_text.is_none() {
            self.first_text = Some(self.started.elapsed());
        }
        Some(piece)
    }
}

impl Iterator for Stream<'_> {
    type Item = Result<Piece, ModelError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(piece) = self.shown() {
                return Some(Ok(piece));
            }
            if self.end.is_some() {
                return None;
            }
            if let Err(error) = self.step() {
                self.end = Some(End::Length);
                self.held.clear();
                return Some(Err(error));
            }
        }
    }
}

impl std::fmt::Debug for Stream<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let held = self.held_text();
        formatter
            .debug_struct("Stream")
            .field("read", &self.read)
            .field("written", &self.written)
            .field("held", &held)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}
