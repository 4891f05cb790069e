//! Text made comparable, with the way back: case, full-width forms, quotes and separators folded.

/// The characters of a text, folded one by one, and where each stood.
#[derive(Debug, Clone)]
pub(super) struct Folded {
    chars: Vec<char>,
    /// The byte at which each character begins, and the end.
    bytes: Vec<usize>,
    /// Characters that were hyphens before they became spaces: a sign of a number may be among them.
    hyphens: Vec<usize>,
}

impl Folded {
    pub(super) fn new(text: &str) -> Self {
        let chars = text.chars().map(fold).collect();
        let bytes = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let hyphens =
            text.chars().enumerate().filter(|(_, c)| matches!(c, '-' | '－')).map(|(at, _)| at).collect();
        Self { chars, bytes, hyphens }
    }

    pub(super) fn chars(&self) -> &[char] {
        &self.chars
    }

    pub(super) fn len(&self) -> usize {
        self.chars.len()
    }

    /// The byte of the text at which character `at` begins.
    pub(super) fn byte(&self, at: usize) -> usize {
        self.bytes[at.min(self.len())]
    }

    /// Whether character `at` was a hyphen.
    pub(super) fn is_hyphen(&self, at: usize) -> bool {
        self.hyphens.binary_search(&at).is_ok()
    }

    /// Whether `pattern` stands at `at`, and not in the middle of a word.
    pub(super) fn has(&self, pattern: &[char], at: usize) -> bool {
        self.chars[at..].starts_with(pattern)
            && (at == 0 || !joined(self.chars[at - 1], pattern[0]))
            && self
                .chars
                .get(at + pattern.len())
                .is_none_or(|after| !joined(pattern[pattern.len() - 1], *after))
    }

    /// Whether `pattern` stands at `at`, in a word or not.
    pub(super) fn starts_with(&self, pattern: &str, at: usize) -> bool {
        let mut rest = self.chars[at.min(self.len())..].iter();
        pattern.chars().all(|c| rest.next() == Some(&c))
    }
}

/// One character folded: lower case, full-width forms to ASCII, quotes to `"`, separators to a space.
pub(super) fn fold(c: char) -> char {
    let c = match u32::from(c) {
        0xFF01..=0xFF5E => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        _ => c,
    };
    match c {
        '_' | '-' | '\t' | '\u{3000}' | '\u{a0}' => ' ',
        '“' | '”' | '„' | '「' | '」' | '『' | '』' => '"',
        '‘' | '’' => '\'',
        _ => c.to_lowercase().next().unwrap_or(c),
    }
}

/// Whether two characters side by side are of one word. Chinese and Japanese have no spaces between words, so
/// that a word may begin or end anywhere.
fn joined(a: char, b: char) -> bool {
    let word = |c: char| c.is_alphanumeric() && !is_han(c);
    word(a) && word(b)
}

pub(super) fn is_han(c: char) -> bool {
    matches!(u32::from(c), 0x2E80..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}
