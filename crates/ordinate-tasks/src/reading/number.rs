//! A number.

use std::ops::Range;

use ordinate_core::Output;

use super::fold::Folded;
use super::label::after_markers;
use super::{Extracted, Unreadable, Wrote};

/// Reads the one number of the reply, or the one after "the answer is". Of a text that was cut only the latter
/// counts, where something follows it: the last digits may be missing.
///
/// # Errors
/// [`Unreadable`] where there is none, or several.
pub fn read(reply: Wrote<'_>) -> Result<Extracted, Unreadable> {
    let folded = Folded::new(reply.text);
    let numbers = numbers(&folded);
    let extracted = |(value, at): &(f64, Range<usize>)| Extracted {
        output: Output::Number(*value),
        span: folded.byte(at.start)..folded.byte(at.end),
    };
    let marked = after_markers(&folded).into_iter().rev().find_map(|place| {
        let near = place..place + 3; // a currency sign may stand between
        numbers.iter().find(|(_, at)| near.contains(&at.start))
    });
    if let Some(number) = marked.filter(|(_, at)| !reply.cut || at.end < folded.len()) {
        return Ok(extracted(number));
    }
    if reply.cut {
        return Err(Unreadable::cut());
    }
    match numbers.as_slice() {
        [] => Err(Unreadable("the reply has no number".into())),
        [first, rest @ ..] if rest.iter().all(|other| other.0 == first.0) => Ok(extracted(first)),
        _ => Err(Unreadable("the reply has several numbers".into())),
    }
}

/// Every number with where it stands (characters): signs, thousands separators, exponents, 万 and 亿.
fn numbers(text: &Folded) -> Vec<(f64, Range<usize>)> {
    let chars = text.chars();
    let digit = |at: usize| chars.get(at).is_some_and(char::is_ascii_digit);
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let starts = digit(at) || (chars[at] == '.' && digit(at + 1));
        let in_word = at > 0 && (chars[at - 1].is_ascii_alphabetic() || chars[at - 1] == '.');
        if starts && in_word {
            // "COVID19": no digit of a word begins a number.
            while digit(at) || (chars.get(at) == Some(&'.') && digit(at + 1)) {
                at += 1;
            }
            continue;
        }
        if !starts {
            at += 1;
            continue;
        }
        let start = at;
        let mut plain = String::new();
        while at < chars.len() {
            match chars[at] {
                c if c.is_ascii_digit() => plain.push(c),
                '.' if digit(at + 1) && !plain.contains('.') => plain.push('.'),
                ',' if is_thousands(chars, at) => {}
                'e' if (digit(at + 1)
                    || (chars.get(at + 1).is_some_and(|c| "+ ".contains(*c)) && digit(at + 2)))
                    && !plain.contains('e') =>
                {
                    plain.push('e');
                    if !digit(at + 1) {
                        // A hyphen was folded to a space: "1e-3".
                        plain.push(if chars[at + 1] == '+' { '+' } else { '-' });
                        at += 1;
                    }
                }
                _ => break,
            }
            at += 1;
        }
        let scale = match chars.get(at) {
            Some('万') => 1e4,
            Some('亿') => 1e8,
            _ => 1.0,
        };
        let minus = start > 0 && (matches!(chars[start - 1], '−' | '–') || is_minus(text, start - 1));
        if let Ok(value) = plain.parse::<f64>() {
            let value = if minus { -value * scale } else { value * scale };
            if value.is_finite() {
                found.push((value, start - usize::from(minus)..at));
            }
        }
    }
    found
}

/// A separator with three digits, and no more, behind it.
fn is_thousands(chars: &[char], at: usize) -> bool {
    (1..=3).all(|next| chars.get(at + next).is_some_and(char::is_ascii_digit))
        && !chars.get(at + 4).is_some_and(char::is_ascii_digit)
}

/// Whether the space at `at` was a hyphen that is a sign: nothing of a word or number before it.
fn is_minus(text: &Folded, at: usize) -> bool {
    let is_hyphen = text.chars()[at] == ' ' && text.is_hyphen(at);
    is_hyphen && (at == 0 || !text.chars()[at - 1].is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_prose() {
        for (text, value) in [
            ("42", Some("42")),
            ("42.", Some("42")),
            ("-3.5", Some("-3.5")),
            ("−3.5", Some("-3.5")),
            ("about 1,234.5 USD", Some("1234.5")),
            ("1,234,567", Some("1234567")),
            ("$12", Some("12")),
            ("1e-3", Some("0.001")),
            ("2.5E+3", Some("2500")),
            (".5", Some("0.5")),
            ("12%", Some("12")),
            ("Out of 3 I take 2. Answer: 2", Some("2")),
            ("The answer is $1,000 of 5,000", Some("1000")),
            ("between 3 and 5", None),
            ("3 (yes, 3)", Some("3")),
            ("答案是３.５万", Some("35000")),
            ("2亿", Some("200000000")),
            ("COVID19", None),
            ("pages 3-5", None),
            ("none", None),
            ("NaN", None),
            ("1e999", None),
        ] {
            assert_eq!(
                read(Wrote { text, cut: false }).ok().map(|found| found.output.to_string()).as_deref(),
                value,
                "{text}"
            );
        }
    }
}
