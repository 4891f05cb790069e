//! From log-probabilities of tokens to the confidence in an answer.

use std::ops::Range;

use crate::reply::TokenLogprob;

/// The probability of the tokens that wrote the answer itself: the product over the tokens that overlap
/// `span` (bytes of the reply's text), to the power of 1 / tokens where `per_token` says that answers are long
/// (a sentence is never likely as a whole). `None` without log-probabilities for the span.
#[must_use]
pub fn of_span(tokens: &[TokenLogprob], span: &Range<usize>, per_token: bool) -> Option<f64> {
    let mut at = 0;
    let mut sum = 0.0;
    let mut count = 0_u32;
    for token in tokens {
        let end = at + token.token.len();
        if at < span.end && end > span.start {
            sum += token.logprob;
            count += 1;
        }
        at = end;
    }
    (count > 0).then(|| (if per_token { sum / f64::from(count) } else { sum }).exp().clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tokens_of_the_answer_count() {
        let token = |token: &str, p: f64| TokenLogprob { token: token.into(), logprob: p.ln() };
        let tokens = [token("The answer is ", 0.1), token("u", 0.9), token("p", 0.8), token(".", 0.5)];
        let close = |a: Option<f64>, b: f64| assert!((a.unwrap() - b).abs() < 1e-12, "{a:?}");
        close(of_span(&tokens, &(14..16), false), 0.72);
        close(of_span(&tokens, &(14..16), true), 0.72_f64.sqrt());
        assert_eq!(of_span(&tokens, &(40..41), false), None);
        assert_eq!(of_span(&[], &(0..1), false), None);
    }
}
