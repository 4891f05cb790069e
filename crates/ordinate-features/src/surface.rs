//! What a text looks like: lengths, scripts, marks, and the options of a choice question.

use std::collections::BTreeSet;

use crate::ngrams::is_ideograph;
use crate::options::Question;

/// The number of surface measures.
pub const SURFACE: usize = 32;

/// Surface measures of a text, all finite and most of them on a logarithmic scale:
///
/// 0 log length; shares of the characters that are 1 digits, 3 Chinese or Japanese, 4 upper case,
/// 5 punctuation and symbols; log counts of 2 digits, 6 words, 7 lines, 8 sentence ends, 9 distinct
/// characters, 11 commas, 12 numbers, 14 negations, 15 underscores, 16 mathematical symbols, 17 opening
/// brackets, 18 quotation marks; 10 distinct words per word; 13 kinds of question mark; 19 mean word length.
/// Options of a choice question: 20 number, 21 log mean length, 22 relative spread of lengths, 23 log length
/// of the stem, 24 log difference of the longest and the shortest, 25 share without letters, 26 share with
/// digits, 27 words shared with the stem, 28 distinct words per word; the stem: 29 ends with a question
/// mark, 30 ends with a stop, colon or blank, 31 log number of its stops.
#[must_use]
pub fn surface(text: &str) -> [f32; SURFACE] {
    let marks = Marks::count(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    let distinct = words.iter().collect::<BTreeSet<_>>().len();
    let length = marks.characters + 1;
    let share = |count: usize| ratio(count, length);
    let mut values = [0.0; SURFACE];
    values[..20].copy_from_slice(&[
        log(marks.characters),
        share(marks.digits),
        log(marks.digits),
        share(marks.ideographs),
        share(marks.upper),
        share(marks.punctuation),
        log(words.len()),
        log(marks.lines),
        log(marks.sentences),
        log(marks.distinct),
        ratio(distinct, words.len() + 1),
        log(marks.commas),
        log(marks.numbers),
        ratio(usize::from(text.contains('?')) + usize::from(text.contains('？')), 1),
        log(NEGATIONS.iter().map(|word| text.matches(word).count()).sum()),
        log(marks.underscores),
        log(marks.mathematics),
        log(marks.brackets),
        log(marks.quotes),
        ratio(marks.characters - marks.spaces, words.len().max(1)),
    ]);
    of_question(&Question::find(text), &mut values);

    values.map(|value| value as f32)
}

const NEGATIONS: [&str; 7] = ["不", "错误", " not ", "NOT", "except", "EXCEPT", "没有"];

/// Counts of characters.
#[derive(Debug, Default)]
struct Marks {
    characters: usize,
    spaces: usize,
    digits: usize,
    numbers: usize,
    ideographs: usize,
    upper: usize,
    punctuation: usize,
    lines: usize,
    sentences: usize,
    commas: usize,
    underscores: usize,
    mathematics: usize,
    brackets: usize,
    quotes: usize,
    distinct: usize,
}

impl Marks {
    fn count(text: &str) -> Self {
        let mut marks = Self::default();
        let mut all: Vec<char> = Vec::with_capacity(text.len());
        // Digits and points in a row are one number.
        let mut in_number = false;
        for c in text.chars() {
            let digit = c.is_ascii_digit();
            marks.numbers += usize::from(digit && !in_number);
            in_number = digit || (in_number && c == '.');
            marks.digits += usize::from(digit);
            marks.spaces += usize::from(c.is_whitespace());
            marks.ideographs += usize::from(is_ideograph(c));
            marks.upper += usize::from(c.is_uppercase());
            marks.punctuation += usize::from(!c.is_alphanumeric() && !c.is_whitespace());
            marks.lines += usize::from(c == '\n');
            marks.sentences += usize::from(matches!(c, '。' | '！' | '？' | '!' | '?' | ';' | '；' | '.'));
            marks.commas += usize::from(matches!(c, '，' | ',' | '、'));
            marks.underscores += usize::from(c == '_');
            marks.mathematics +=
                usize::from(matches!(c, '$' | '\\' | '^' | '=' | '+' | '*' | '/' | '<' | '>'));
            marks.brackets += usize::from(matches!(c, '(' | '（' | '['));
            marks.quotes += usize::from(matches!(c, '"' | '“' | '”' | '「' | '」'));
            all.push(c);
        }
        marks.characters = all.len();
        all.sort_unstable();
        all.dedup();
        marks.distinct = all.len();
        marks
    }
}

fn of_question(question: &Question<'_>, values: &mut [f64; SURFACE]) {
    let stem = question.stem.trim_end();
    values[23] = log(stem.chars().count());
    values[29] = f64::from(u8::from(stem.ends_with(['?', '？'])));
    values[30] = f64::from(u8::from(stem.ends_with(['.', ':', '_', '。', '：'])));
    values[31] = log(stem.matches(['.', '。']).count());
    if question.options.is_empty() {
        return;
    }
    let count = question.options.len();
    let lengths: Vec<usize> = question.options.iter().map(|option| option.chars().count()).collect();
    let mean = ratio(lengths.iter().sum(), count);
    let spread = lengths.iter().map(|length| (ratio(*length, 1) - mean).powi(2)).sum::<f64>();
    let (least, most) =
        lengths.iter().fold((usize::MAX, 0), |(least, most), length| (least.min(*length), most.max(*length)));
    let of_stem: BTreeSet<String> = stem.split_whitespace().map(str::to_lowercase).collect();
    let (mut bare, mut with_digits, mut shared, mut words) = (0, 0, 0.0, 0);
    let mut distinct: BTreeSet<String> = BTreeSet::new();
    for option in &question.options {
        bare += usize::from(!option.chars().any(char::is_alphabetic));
        with_digits += usize::from(option.contains(|c: char| c.is_ascii_digit()));
        let of_option: Vec<String> = option.split_whitespace().map(str::to_lowercase).collect();
        words += of_option.len();
        let common = of_option.iter().collect::<BTreeSet<_>>();
        shared +=
            ratio(common.into_iter().filter(|word| of_stem.contains(*word)).count(), of_option.len() + 1);
        distinct.extend(of_option);
    }
    values[20] = ratio(count, 1);
    values[21] = libm::log1p(mean);
    values[22] = (spread / ratio(count, 1)).sqrt() / (mean + 1.0);
    values[24] = log(most - least);
    values[25] = ratio(bare, count);
    values[26] = ratio(with_digits, count);
    values[27] = shared / ratio(count, 1);
    values[28] = ratio(distinct.len(), words + 1);
}

/// `ln(1 + count)`, the same on every platform.
fn log(count: usize) -> f64 {
    libm::log1p(ratio(count, 1))
}

fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn measures_what_it_says() {
        let values = surface("What is 3.14 + 2?\nA. 5.14\nB. five\nC. 6\nD. is not\n");
        let at = |index: usize, expected: f64| {
            assert!(
                (f64::from(values[index]) - expected).abs() < 1e-5,
                "{index}: {} {expected}",
                values[index]
            );
        };
        at(2, 8.0_f64.ln_1p());
        at(7, 5.0_f64.ln_1p());
        at(12, 4.0_f64.ln_1p());
        at(13, 1.0);
        at(16, 1.0_f64.ln_1p());
        at(20, 4.0);
        at(25, 0.5);
        at(26, 0.5);
        at(29, 1.0);
        let chinese = surface("根据刑法，下列说法不正确的是？");
        assert!(chinese[3] > 0.7 && chinese[14] > 0.0 && chinese[20] == 0.0, "{chinese:?}");
    }

    proptest! {
        #[test]
        fn always_finite(text in "\\PC*") {
            prop_assert!(surface(&text).iter().all(|value| value.is_finite()));
        }
    }

    #[test]
    fn empty_is_zero() {
        assert!(surface("").iter().all(|value| *value == 0.0));
    }
}
