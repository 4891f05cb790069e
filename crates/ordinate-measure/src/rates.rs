//! Requests and tokens per minute.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// The rates of one candidate.
#[derive(Debug)]
pub(crate) struct Rates {
    requests: Option<DefaultDirectRateLimiter>,
    tokens: Option<(DefaultDirectRateLimiter, NonZeroU32)>,
    written: AtomicU64,
    answers: AtomicU64,
}

impl Rates {
    pub(crate) fn new(requests_per_minute: Option<u32>, tokens_per_minute: Option<u32>) -> Self {
        // A burst of a second's worth: with a minute's worth the first minute would have twice the rate.
        let limiter = |per_minute: NonZeroU32, burst: NonZeroU32| {
            RateLimiter::direct(Quota::per_minute(per_minute).allow_burst(burst))
        };
        let requests = requests_per_minute.and_then(NonZeroU32::new).map(|rate| {
            let burst = NonZeroU32::new(rate.get() / 60).unwrap_or(NonZeroU32::MIN);
            limiter(rate, burst)
        });
        let tokens = tokens_per_minute.and_then(NonZeroU32::new).map(|rate| {
            // One request of many tokens must fit, so that the burst is larger here.
            let burst = NonZeroU32::new(rate.get() / 10).unwrap_or(NonZeroU32::MIN);
            (limiter(rate, burst), burst)
        });
        Self { requests, tokens, written: AtomicU64::new(0), answers: AtomicU64::new(0) }
    }

    /// Waits until a request of this length may be sent, with at most this many tokens of answer.
    pub(crate) async fn wait(&self, request: &str, most_output: u64) {
        if let Some(requests) = &self.requests {
            requests.until_ready().await;
        }
        if let Some((tokens, burst)) = &self.tokens {
            let answers = self.answers.load(Ordering::Relaxed);
            let output = match answers {
                0 => most_output,
                _ => self.written.load(Ordering::Relaxed) / answers,
            };
            // Four bytes a token: an estimate, which the servers' own limiters make as well.
            let about = u32::try_from(request.len() as u64 / 4 + output).unwrap_or(u32::MAX);
            let cells = NonZeroU32::new(about).unwrap_or(NonZeroU32::MIN).min(*burst);
            // Cells never exceed the burst, so that this cannot fail.
            let _ = tokens.until_n_ready(cells).await;
        }
    }

    /// An answer of this many tokens came.
    pub(crate) fn answered(&self, output_tokens: u64) {
        self.written.fetch_add(output_tokens, Ordering::Relaxed);
        self.answers.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn rates_are_kept() {
        let rates = Rates::new(Some(1_200), None); // 20 a second, bursts of 20
        let start = Instant::now();
        for _ in 0..30 {
            rates.wait("", 0).await;
        }
        let took = start.elapsed().as_secs_f64();
        assert!((0.45..2.0).contains(&took), "{took}");

        let rates = Rates::new(None, Some(60_000)); // 1,000 a second, bursts of 6,000
        let start = Instant::now();
        for _ in 0..65 {
            rates.wait(&"x".repeat(200), 50).await; // 100 tokens each
        }
        let took = start.elapsed().as_secs_f64();
        assert!((0.4..2.0).contains(&took), "{took}");
    }
}
