//! From log-probabilities of tokens to the confidence in an answer.

use std::ops::Range;

use crate::reply::TokenLogprob;

/// The probability of the tokens that wrote the answer itself: the product over the tokens that overlap
/// `span` (bytes of `text`, the reply), to the power of 1 / tokens where `per_token` says that answers are long
/// (a sentence is never likely as a whole). `None` without log-probabilities for the span, and where the tokens are
/// not those of the text (of a chain of thought that the server took away, for example): no figure is better than one
/// of other tokens.
#[must_use]
pub fn of_span(tokens: &[TokenLogprob], text: &str, span: &Range<usize>, per_token: bool) -> Option<f64> {
    let mut sum = 0.0;
    let mut count = 0_u32;
    for (token, place) in tokens.iter().zip(places(tokens, text)?) {
        if place.start < span.end && place.end > span.start {
            sum += token.logprob;
            count += 1;
        }
    }
    (count > 0).then(|| (if per_token { sum / f64::from(count) } else { sum }).exp().clamp(0.0, 1.0))
}

/// Where each token stands in the text; what follows the text (the token that ends it) is left out. Tokens without text
/// are parts of a character, and share what the text has between their neighbours.
fn places(tokens: &[TokenLogprob], text: &str) -> Option<Vec<Range<usize>>> {
    let mut places: Vec<Range<usize>> = Vec::with_capacity(tokens.len());
    let mut at = 0;
    let mut parts = 0;
    for token in tokens.iter().map(|token| token.token.as_str()) {
        let rest = text.get(at..).filter(|rest| !rest.is_empty());
        let Some(rest) = rest else { break };
        if token.is_empty() {
            places.push(at..at);
            parts += 1;
            continue;
        }
        // Servers that strip the space before an answer leave it in the token.
        let token = if at == 0 && !rest.starts_with(token) { token.trim_start() } else { token };
        let gap = if rest.starts_with(token) { 0 } else { rest.find(token).filter(|_| parts > 0)? };
        // The last part of a character may come with the whole of it.
        let character = rest.chars().next().map_or(0, char::len_utf8);
        fill(&mut places, parts, at + if gap == 0 { character } else { gap });
        parts = 0;
        places.push(at + gap..at + gap + token.len());
        at += gap + token.len();
    }
    fill(&mut places, parts, text.len());
    Some(places)
}

/// The last `parts` places reach up to here.
fn fill(places: &mut [Range<usize>], parts: usize, end: usize) {
    let from = places.len() - parts;
    places[from..].iter_mut().for_each(|place| place.end = end);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(token: &str, p: f64) -> TokenLogprob {
        TokenLogprob { token: token.into(), logprob: p.ln() }
    }

    fn close(a: Option<f64>, b: f64) {
        assert!((a.unwrap() - b).abs() < 1e-12, "{a:?}");
    }

    #[test]
    fn only_the_tokens_of_the_answer_count() {
        let tokens = [token("The answer is ", 0.1), token("u", 0.9), token("p", 0.8), token(".", 0.5)];
        let text = "The answer is up.";
        close(of_span(&tokens, text, &(14..16), false), 0.72);
        close(of_span(&tokens, text, &(14..16), true), 0.72_f64.sqrt());
        assert_eq!(of_span(&tokens, text, &(40..41), false), None);
        assert_eq!(of_span(&[], "u", &(0..1), false), None);
    }

    #[test]
    fn parts_of_a_character_have_no_text_and_count() {
        let tokens = [token("", 0.5), token("", 0.8), token("gal", 0.9), token(" or up", 0.1)];
        close(of_span(&tokens, "égal or up", &(0..5), false), 0.36);
        let tokens = [token("", 0.5), token("é", 0.8), token("gal", 0.9)];
        close(of_span(&tokens, "égal", &(0..5), false), 0.36);
        let tokens = [token("is ", 0.1), token("", 0.5), token("", 0.8)];
        close(of_span(&tokens, "is 金", &(3..6), false), 0.4);
    }

    #[test]
    fn tokens_of_another_text_give_no_figure() {
        let of = |tokens: &[TokenLogprob]| of_span(tokens, "up", &(0..2), false);
        assert_eq!(of(&[token("Let me think.", 0.9), token("up", 0.9)]), None);
        close(of(&[token(" up", 0.9)]), 0.9);
        close(of(&[token("up", 0.9), token("<|end|>", 0.1)]), 0.9);
    }
}
