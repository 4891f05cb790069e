//! Keys, which must never be seen.

use std::fmt;

/// The shortest part of a key that is taken for one in what others say of a request.
const PART: usize = 8;
/// The shortest key, and the shortest part of one, that is looked for in answers: a word of an answer must not be taken for
/// a key that is called "none".
const PART_OF_ANSWER: usize = 12;

/// An API key, from the environment only. It has no `Display`, its `Debug` hides it, and it cannot be
/// serialised; what a server says is cleared of it by [`ApiKey::clear`] before anybody reads it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// The key in this environment variable, if it is set and not blank.
    #[must_use]
    pub fn from_env(variable: &str) -> Option<Self> {
        let key = std::env::var(variable).ok()?;
        let key = key.trim();
        (!key.is_empty()).then(|| Self(key.to_owned()))
    }

    /// `text` with the key, and every part of it of some length, replaced by `[key]`: servers repeat keys in their error
    /// messages, sometimes shortened or broken into parts. To be called before a text is cut.
    #[must_use]
    pub fn clear(&self, text: &str) -> String {
        if self.0.len() < PART {
            return text.replace(&self.0, "[key]");
        }
        without(text, &self.0, PART)
    }

    /// The same of an answer, where a word may be a part of the key by chance: of short keys nothing is replaced.
    #[must_use]
    pub fn clear_answer(&self, text: &str) -> String {
        if self.0.len() < PART {
            text.to_owned()
        } else {
            without(text, &self.0, PART_OF_ANSWER.min(self.0.len()))
        }
    }

    /// Whether a text holds the key.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        self.0.len() >= PART && text.contains(&self.0)
    }

    /// The value of the header that bears the key, marked sensitive so that no log prints it.
    pub(crate) fn header(&self, bearer: bool) -> Option<reqwest::header::HeaderValue> {
        let text = if bearer { format!("Bearer {}", self.0) } else { self.0.clone() };
        let mut value = reqwest::header::HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    #[cfg(test)]
    pub(crate) fn of(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// `text` with every part of `key` of at least `shortest` bytes replaced.
fn without(text: &str, key: &str, shortest: usize) -> String {
    let (bytes, key) = (text.as_bytes(), key.as_bytes());
    let starts = |at: usize| bytes.get(at..at + shortest).is_some_and(|part| find(key, part).is_some());
    let mut cleared = String::new();
    let (mut at, mut from) = (0, 0);
    while at + shortest <= bytes.len() {
        if !starts(at) {
            at += 1;
            continue;
        }
        let mut end = at + shortest;
        while starts(end + 1 - shortest) {
            end += 1;
        }
        // A key of other letters than ASCII may be cut within one of them.
        let (start, end) = (text.floor_char_boundary(at), text.ceil_char_boundary(end));
        cleared.push_str(&text[from.min(start)..start]);
        cleared.push_str("[key]");
        (at, from) = (end, end);
    }
    cleared.push_str(&text[from..]);
    cleared
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey([key])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_seen() {
        let key = ApiKey::of("sk-abcdefghijklmnopqrstuvwxyz0123456789");
        assert!(!format!("{key:?} {:?}", key.header(true)).contains("abcdef"));
        for (said, cleared) in [
            ("bad key sk-abcdefghijklmnopqrstuvwxyz0123456789 (sk-abcdefghi...)", "bad key [key] ([key]...)"),
            ("sk-abcdef ghijklmnopq rstuvwxyz0123456789", "[key] [key] [key]"),
            ("...hijklmnopq...", "...[key]..."),
            ("sk-abcd", "sk-abcd"),
            ("上sk-abcdefghij上", "上[key]上"),
        ] {
            assert_eq!(key.clear(said), cleared);
        }
        assert_eq!(
            key.clear_answer("up sk-abcdefghijklmnopqrstuvwxyz0123456789 abcdefghijk"),
            "up [key] abcdefghijk"
        );
        // Keys of servers that want none are words.
        assert_eq!(ApiKey::of("none").clear("none given"), "[key] given");
        assert_eq!(ApiKey::of("none").clear_answer("none given"), "none given");
    }
}
