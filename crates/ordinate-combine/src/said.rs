//! What is read from one answer, once for all folds and policies: it depends on no score and no other text.

use std::borrow::Cow;
use std::sync::OnceLock;

use ordinate_core::Seen;
use ordinate_tasks::metric::ChrfText;

use crate::gist::Gist;

/// The hashed bigrams of an answer have this many dimensions, as a power of 2.
pub(crate) const WORDS_BITS: u32 = 9;
/// Characters of an answer whose words are looked at.
const CHARACTERS: usize = 300;
/// Characters of an answer that are compared by chrF.
const COMPARED: usize = 1_000;

/// What a candidate said. A failed answer says nothing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    pub(crate) gist: Gist,
    /// The start without spaces and punctuation: equal for answers that say the same.
    pub(crate) key: String,
    /// Log length; shares of digits and of characters that are neither letters nor digits; log lines.
    pub(crate) looks: [f32; 4],
    /// Hashed character bigrams of the start, of length 1: place and value.
    pub(crate) words: Vec<(u16, f32)>,
    /// Its n-grams, once somebody asked for them.
    chrf: OnceLock<ChrfText>,
}

impl Said {
    /// As noted beside the answer, or read now.
    pub(crate) fn of<'a>(seen: &Seen<'a>) -> Cow<'a, Self> {
        let Some(output) = seen.output.filter(|_| !seen.failed) else { return Cow::Owned(Self::read("")) };
        let noted = seen.notes.and_then(|notes| notes.read(|| Self::read(output)));
        noted.map_or_else(|| Cow::Owned(Self::read(output)), Cow::Borrowed)
    }

    pub(crate) fn read(output: &str) -> Self {
        Self {
            gist: Gist::new(output),
            key: key(output),
            looks: looks(output),
            words: words(output),
            chrf: OnceLock::new(),
        }
    }

    /// The n-grams of the output that this was read from.
    pub(crate) fn chrf(&self, output: &str) -> &ChrfText {
        self.chrf.get_or_init(|| ChrfText::new(output, COMPARED))
    }
}

/// The start of an answer without spaces and punctuation.
fn key(output: &str) -> String {
    output.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).take(60).collect()
}

fn looks(output: &str) -> [f32; 4] {
    let (mut length, mut digits, mut marks, mut lines) = (0_usize, 0_usize, 0_usize, 0_usize);
    for c in output.chars() {
        length += 1;
        digits += usize::from(c.is_ascii_digit());
        marks += usize::from(!c.is_alphanumeric());
        lines += usize::from(c == '\n');
    }
    let share = |count: usize| count as f32 / (length + 1) as f32;
    let log = |count: usize| libm::log1pf(count as f32);
    [log(length), share(digits), share(marks), log(lines)]
}

fn words(output: &str) -> Vec<(u16, f32)> {
    let mut places = [0.0_f32; 1 << WORDS_BITS];
    let characters = || output.chars().filter(|c| !c.is_whitespace()).take(CHARACTERS);
    for (a, b) in characters().zip(characters().skip(1)) {
        let bigram = u64::from(a) << 21 | u64::from(b);
        let hash = bigram.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let sign = if hash & 1 == 0 { 1.0 } else { -1.0 };
        let index = (hash >> (64 - WORDS_BITS)) as usize;
        places[index] += sign;
    }
    let norm = places.iter().map(|value| value * value).sum::<f32>().sqrt();
    let kept = (0..).zip(places).filter(|(_, value)| *value != 0.0);
    kept.map(|(place, value)| (place, value / norm)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ordinate_core::Probabilities;

    #[test]
    fn words_are_alike_where_texts_are() {
        let dot = |a: &str, b: &str| {
            let b = words(b);
            let other = |place| b.iter().find(|(at, _)| *at == place).map_or(0.0, |(_, value)| *value);
            words(a).iter().map(|(place, value)| value * other(*place)).sum::<f32>()
        };
        assert!((dot("维持原判", "维持 原判") - 1.0).abs() < 1e-6);
        assert!(dot("法院驳回上诉，维持原判", "法院驳回上诉") > 0.5);
        assert!(dot("abcdef", "uvwxyz").abs() < 0.3);
        assert_eq!(words(""), []);
    }

    #[test]
    fn a_failed_answer_says_nothing() {
        let seen = |failed| Seen {
            candidate: 0,
            output: Some("Paris"),
            confidence: None,
            probabilities: Probabilities::Unsaid,
            output_tokens: None,
            failed,
            notes: None,
        };
        assert_eq!(*Said::of(&seen(true)), Said::read(""));
        assert_eq!(Said::of(&seen(false)).key, "paris");
    }
}
