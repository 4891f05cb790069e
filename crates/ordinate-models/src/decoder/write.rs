//! Writing: greedy or sampled, token by token; and the probabilities of given texts.

use std::ops::ControlFlow;

use tokenizers::Tokenizer;

use super::chat::{Chat, Role};
use super::model::{Cache, Decoder};
use crate::error::ModelError;
use crate::model::Facts;

/// How the next token is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// What log-probabilities are divided by; 0 takes the most probable token.
    pub temperature: f64,
    /// Only the most probable tokens that together have this probability are drawn from.
    pub top_p: f64,
    /// The seed.
    pub seed: u64,
}

impl Default for Sampling {
    /// Greedy.
    fn default() -> Self {
        Self { temperature: 0.0, top_p: 1.0, seed: 0 }
    }
}

/// A token that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// Its text; empty where a character is not whole yet.
    pub text: String,
    /// The natural logarithm of the model's own probability of it (temperature 1).
    pub log_probability: f64,
}

/// What was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The tokens; their texts in a row are the whole text.
    pub pieces: Vec<Piece>,
    /// Tokens that were read.
    pub read: usize,
    /// Whether the model ended by itself, before the most tokens were written.
    pub ended: bool,
}

impl Written {
    /// The whole text.
    #[must_use]
    pub fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_str()).collect()
    }
}

/// A decoder that reads and writes texts.
#[derive(Debug)]
pub struct Writer {
    decoder: Decoder,
    tokenizer: Tokenizer,
    /// The token that begins a text, where the tokenizer does not add it by itself.
    begin: Option<u32>,
    chat: Option<Chat>,
    ends: Vec<u32>,
    identity: String,
}

impl Writer {
    pub(crate) fn new(
        decoder: Decoder,
        tokenizer: Tokenizer,
        begin: Option<u32>,
        chat: Option<Chat>,
        mut ends: Vec<u32>,
        identity: String,
    ) -> Self {
        ends.sort_unstable();
        ends.dedup();
        Self { decoder, tokenizer, begin, chat, ends, identity }
    }

    /// Its size.
    #[must_use]
    pub fn facts(&self) -> Facts {
        self.decoder.facts()
    }

    /// A digest of everything that changes what it writes.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Whether it has a chat template. Without one messages are texts, one below the other.
    #[must_use]
    pub fn chats(&self) -> bool {
        self.chat.is_some()
    }

    /// The tokens that end a text.
    #[must_use]
    pub fn ends(&self) -> &[u32] {
        &self.ends
    }

    /// The text that the model continues to answer these messages.
    ///
    /// # Errors
    /// Where the chat template fails.
    pub fn prompt(&self, messages: &[(Role, &str)]) -> Result<String, ModelError> {
        match &self.chat {
            Some(chat) => chat.render(messages),
            None => Ok(messages.iter().map(|(_, text)| *text).collect::<Vec<_>>().join("\n\n")),
        }
    }

    /// The tokens of a text that [`Self::prompt`] made. A chat template writes the token that begins a text itself.
    ///
    /// # Errors
    /// Where the tokenizer fails.
    pub fn tokens(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        let plain = self.chat.is_none();
        let encoding = self.tokenizer.encode(text, plain);
        let encoding = encoding.map_err(|error| ModelError::Failed(error.to_string()))?;
        let begin = self.begin.filter(|_| plain);
        Ok(begin.into_iter().chain(encoding.get_ids().iter().copied()).collect())
    }

    /// Continues a text by at most `most` tokens, until the model ends it or `each` breaks off. `each` is told every
    /// token when it is there.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the text does not fit.
    pub fn write(
        &self,
        text: &str,
        most: usize,
        sampling: Sampling,
        each: &mut dyn FnMut(&Piece) -> ControlFlow<()>,
    ) -> Result<Written, ModelError> {
        let tokens = self.tokens(text)?;
        let mut random = fastrand::Rng::with_seed(sampling.seed);
        let mut stream = self.tokenizer.decode_stream(true);
        let mut cache = Cache::default();
        let mut written = Written { pieces: Vec::new(), read: tokens.len(), ended: false };
        let mut next = tokens;
        // The last token that fits has no successor.
        let room = (self.decoder.config().longest + 1).saturating_sub(next.len());
        for _ in 0..most.min(room.max(1)) {
            let rows = self.decoder.read(&next, &mut cache, 1)?;
            let logits = rows.first().map(Vec::as_slice).unwrap_or_default();
            let token = draw(logits, sampling, &mut random);
            if self.ends.contains(&token) {
                written.ended = true;
                break;
            }
            let log_probability = f64::from(logits[token as usize]) - log_sum(logits);
            let text = stream.step(token).map_err(|error| ModelError::Failed(error.to_string()))?;
            let piece = Piece { text: text.unwrap_or_default(), log_probability };
            let go = each(&piece);
            written.pieces.push(piece);
            if go.is_break() {
                break;
            }
            next = vec![token];
        }
        Ok(written)
    }

    /// The natural logarithm of the probability that the model continues a text by each of these: the sum over the
    /// tokens of the continuation. Where one continuation begins another (`up`, `up again`), the token that ends the
    /// text counts too, as the shorter one would never be the less probable otherwise. Sums are not divided by length:
    /// the prompt names the options, so a long one is as easy to copy as a short one, and its mean per token would
    /// flatter it.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where a text does not fit, or a continuation has no tokens.
    pub fn log_probabilities(&self, text: &str, options: &[&str]) -> Result<Vec<f64>, ModelError> {
        // Without a chat template the prompt ends in a word ("Label:"), and a space parts it from the answer.
        let gap = if self.chat.is_none() && !text.ends_with(char::is_whitespace) { " " } else { "" };
        let mut whole = Vec::with_capacity(options.len());
        for option in options {
            whole.push(self.tokens(&format!("{text}{gap}{option}"))?);
        }
        // Tokens may join over the seam: what counts is what follows the tokens that all have in common with the
        // prompt.
        let prompt = self.tokens(text)?;
        let common = |tokens: &[u32]| prompt.iter().zip(tokens).take_while(|(a, b)| a == b).count();
        let shared = whole.iter().map(|tokens| common(tokens)).min().unwrap_or(0);
        if shared == 0 {
            return Err(ModelError::Failed("the prompt has no tokens".to_owned()));
        }
        let begins = |at: usize| {
            whole.iter().enumerate().any(|(other, tokens)| other != at && tokens.starts_with(&whole[at]))
        };
        let end = self.ends.first().filter(|_| (0..whole.len()).any(begins));
        let mut cache = Cache::default();
        let first = self.decoder.read(&prompt[..shared], &mut cache, 1)?;
        let first = first.first().map(Vec::as_slice).unwrap_or_default();
        let mut sums = Vec::with_capacity(options.len());
        for tokens in &whole {
            let tail: Vec<u32> = tokens[shared..].iter().chain(end).copied().collect();
            let Some((last, before)) = tail.split_last() else {
                return Err(ModelError::Failed("an option has no tokens".to_owned()));
            };
            cache.truncate(shared);
            let rest = if before.is_empty() {
                Vec::new()
            } else {
                self.decoder.read(before, &mut cache, before.len())?
            };
            let rows = std::iter::once(first).chain(rest.iter().map(Vec::as_slice));
            let asked = before.iter().chain([last]);
            let mut sum = 0.0;
            for (logits, &token) in rows.zip(asked) {
                let logit = logits.get(token as usize).copied().unwrap_or(f32::NEG_INFINITY);
                sum += f64::from(logit) - log_sum(logits);
            }
            sums.push(sum);
        }
        Ok(sums)
    }

    /// The most probable of these continuations, and its probability among them (a softmax over
    /// [`Self::log_probabilities`]).
    ///
    /// # Errors
    /// As [`Self::log_probabilities`]; and where there is no option.
    pub fn choose(&self, text: &str, options: &[&str]) -> Result<(usize, f64), ModelError> {
        let sums = self.log_probabilities(text, options)?;
        let best = (0..sums.len()).max_by(|&a, &b| sums[a].total_cmp(&sums[b]).then(b.cmp(&a)));
        let best = best.ok_or_else(|| ModelError::Failed("there is nothing to choose from".to_owned()))?;
        let all: f64 = sums.iter().map(|sum| (sum - sums[best]).exp()).sum();
        Ok((best, 1.0 / all))
    }
}

/// The logarithm of the sum of exponentials.
fn log_sum(logits: &[f32]) -> f64 {
    let most = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    most + logits.iter().map(|&logit| (f64::from(logit) - most).exp()).sum::<f64>().ln()
}

/// The next token: the first of the most probable ones at temperature 0, else drawn.
fn draw(logits: &[f32], sampling: Sampling, random: &mut fastrand::Rng) -> u32 {
    let mut order: Vec<u32> = (0..).take(logits.len()).collect();
    let of = |token: u32| logits[token as usize];
    if sampling.temperature <= 0.0 {
        return order.into_iter().max_by(|&a, &b| of(a).total_cmp(&of(b)).then(b.cmp(&a))).unwrap_or(0);
    }
    order.sort_unstable_by(|&a, &b| of(b).total_cmp(&of(a)).then(a.cmp(&b)));
    let most = order.first().map_or(0.0, |&token| f64::from(of(token)));
    let weight = |token: u32| ((f64::from(of(token)) - most) / sampling.temperature).exp();
    let all: f64 = order.iter().map(|&token| weight(token)).sum();
    // The token that crosses `top_p` is in (Holtzman et al. 2020).
    let (mut kept, mut sum) = (0, 0.0);
    while kept < order.len() && (kept == 0 || sum < sampling.top_p * all) {
        sum += weight(order[kept]);
        kept += 1;
    }
    let mut left = random.f64() * sum;
    for &token in &order[..kept] {
        left -= weight(token);
        if left < 0.0 {
            return token;
        }
    }
    order.first().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawing() {
        // Probabilities 0.5, 0.3, 0.2.
        let logits: Vec<f32> = [0.3_f32, 0.5, 0.2].iter().map(|share| share.ln()).collect();
        let mut random = fastrand::Rng::with_seed(7);
        let mut counts = |temperature: f64, top_p: f64| {
            let mut counts = [0; 3];
            let sampling = Sampling { temperature, top_p, seed: 0 };
            (0..10_000).for_each(|_| counts[draw(&logits, sampling, &mut random) as usize] += 1);
            counts
        };
        assert_eq!(counts(0.0, 1.0), [0, 10_000, 0]);
        let near = |counts: [i32; 3], wanted: [i32; 3]| {
            assert!(counts.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 250), "{counts:?} {wanted:?}");
        };
        near(counts(1.0, 1.0), [3_000, 5_000, 2_000]);
        near(counts(1.0, 0.7), [3_750, 6_250, 0]);
        near(counts(1.0, 0.4), [0, 10_000, 0]);
        // Squares, at half the temperature.
        near(counts(0.5, 1.0), [2_368, 6_579, 1_053]);
        assert!((log_sum(&[0.0, 0.0]) - 2_f64.ln()).abs() < 1e-12);
    }
}
