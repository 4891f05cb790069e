//! What came back.

use std::time::Duration;

/// Tokens read and written, as the server counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Those of the tokens read that came from the server's cache.
    pub cached_tokens: u64,
    /// Those of the tokens read that were written into the server's cache.
    pub cache_write_tokens: u64,
}

/// A doubt about the tokens that a server counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// A count that no request can have, or none at all for a text: it is taken for unknown.
    Unbelievable,
    /// The total is not the sum of the parts, and nothing says why: what is beyond them counts as written.
    Disagrees,
}

impl Doubt {
    /// The word used in stores.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unbelievable => "unbelievable",
            Self::Disagrees => "disagrees",
        }
    }

    /// The doubt with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Unbelievable, Self::Disagrees].into_iter().find(|doubt| doubt.as_str() == word)
    }
}

/// What an answer says of who gave it, as the server wrote it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signature {
    /// `model`.
    pub model: Option<String>,
    /// `system_fingerprint`: the state of the servers behind the model, where the provider tells it.
    pub fingerprint: Option<String>,
}

impl Signature {
    /// What a later part of the answer says of it.
    pub(crate) fn take(&mut self, later: Self) {
        self.model = later.model.or(self.model.take());
        self.fingerprint = later.fingerprint.or(self.fingerprint.take());
    }
}

/// One token of the answer and its natural-log probability.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenLogprob {
    /// The token's text; empty where it is a part of a character.
    pub token: String,
    /// Natural logarithm of its probability, at most 0.
    pub logprob: f64,
}

/// A whole answer with text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reply {
    /// What the candidate said.
    pub text: String,
    /// The vector, of a model that turns texts into vectors.
    pub vector: Option<Vec<f32>>,
    /// Whether it was cut at the most tokens.
    pub cut_short: bool,
    /// Tokens, if the server says.
    pub usage: Option<Usage>,
    /// What is not to be believed of what the server says of tokens.
    pub doubt: Option<Doubt>,
    /// The model that the answer names, where it is another one than was asked.
    pub model: Option<String>,
    /// What the answer says of who gave it.
    pub signature: Signature,
    /// Cost in USD, if the candidate itself says (an external command may).
    pub cost_usd: Option<f64>,
    /// The candidate's own confidence in `[0, 1]`, if it says (an external command may).
    pub confidence: Option<f64>,
    /// The labels that it finds likeliest, with their probabilities, where a model in this process says.
    pub probabilities: Vec<(String, f64)>,
    /// From sending the request to the last byte.
    pub latency: Duration,
    /// From sending the request to the first text, where the answer was streamed.
    pub first_token: Option<Duration>,
    /// Tokens with log-probabilities, where they were asked for and given; their texts make up `text`,
    /// but for the characters that several tokens write.
    pub logprobs: Vec<TokenLogprob>,
}
