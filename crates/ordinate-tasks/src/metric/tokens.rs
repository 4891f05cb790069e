//! The tokenizers of sacrebleu: `13a` (mteval-v13a, as WMT uses it) and `zh` (Chinese characters one by one).

use super::grams::is_space;

/// How BLEU splits a text into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokenizer {
    /// `13a`: for languages that write spaces.
    V13a,
    /// `zh`: every Chinese character is a word, the rest is split as by `13a`.
    Zh,
}

impl Tokenizer {
    /// The text with a space between its words.
    pub(super) fn spaced(self, text: &str) -> String {
        let text = text.trim_end_matches(is_space);
        match self {
            Self::V13a => {
                let mut line = text.replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
                if line.contains('&') {
                    for (entity, plain) in [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")] {
                        line = line.replace(entity, plain);
                    }
                }
                language_dependent(&format!(" {line} "))
            }
            Self::Zh => {
                let mut line = String::with_capacity(text.len() * 2);
                for c in text.trim_start_matches(is_space).chars() {
                    if is_chinese(c) {
                        line.extend([' ', c, ' ']);
                    } else {
                        line.push(c);
                    }
                }
                language_dependent(&line)
            }
        }
    }
}

/// `TokenizerRegexp`: its four substitutions, one after the other.
fn language_dependent(line: &str) -> String {
    let is_stop = |c: char| matches!(c, '.' | ',');
    let mut symbols = String::with_capacity(line.len() * 2);
    for c in line.chars() {
        if matches!(c, '{'..='~' | '['..='`' | ' '..='&' | '('..='+' | ':'..='@' | '/') {
            symbols.extend([' ', c, ' ']);
        } else {
            symbols.push(c);
        }
    }
    // Stops and commas, unless a digit stands before; then unless one stands behind.
    let line = pairs(&symbols, |a, b| !a.is_ascii_digit() && is_stop(b), |a, b| [a, ' ', b, ' ']);
    let line = pairs(&line, |a, b| is_stop(a) && !b.is_ascii_digit(), |a, b| [' ', a, ' ', b]);
    // A dash behind a digit.
    pairs(&line, |a, b| a.is_ascii_digit() && b == '-', |a, b| [a, ' ', b, ' '])
}

/// Replaces pairs of characters from left to right, without overlap.
fn pairs(
    line: &str,
    found: impl Fn(char, char) -> bool,
    replacement: impl Fn(char, char) -> [char; 4],
) -> String {
    let mut made = String::with_capacity(line.len() * 2);
    let mut chars = line.chars().peekable();
    while let Some(a) = chars.next() {
        match chars.next_if(|&b| found(a, b)) {
            Some(b) => made.extend(replacement(a, b)),
            None => made.push(a),
        }
    }
    made
}

/// sacrebleu's ranges. Two of them are written there with four hexadecimal digits and one digit of text
/// (`'\u20000'`), so they mean U+2001 to U+2A6D and U+2F81 to U+2FA1, not planes 2; scores that are compared with
/// published ones must have them so.
pub(super) fn is_chinese(c: char) -> bool {
    matches!(c,
        '\u{3400}'..='\u{4db5}'
        | '\u{4e00}'..='\u{9fbb}'
        | '\u{f900}'..='\u{fa2d}'
        | '\u{fa30}'..='\u{fa6a}'
        | '\u{fa70}'..='\u{fad9}'
        | '\u{2001}'..='\u{2a6d}'
        | '\u{2f81}'..='\u{2fa1}'
        | '\u{ff00}'..='\u{ffef}'
        | '\u{2e80}'..='\u{2eff}'
        | '\u{3000}'..='\u{303f}'
        | '\u{31c0}'..='\u{31ef}'
        | '\u{2f00}'..='\u{2fdf}'
        | '\u{2ff0}'..='\u{2fff}'
        | '\u{3100}'..='\u{312f}'
        | '\u{31a0}'..='\u{31bf}'
        | '\u{fe10}'..='\u{fe1f}'
        | '\u{fe30}'..='\u{fe4f}'
        | '\u{3200}'..='\u{33ff}'
    )
}
