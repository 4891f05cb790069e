//! Keys, which must never be seen.

use std::fmt;

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

    /// `text` with every occurrence of the key, or of its first or last 12 characters, replaced by `[key]`:
    /// servers repeat keys in their error messages, sometimes shortened.
    #[must_use]
    pub fn clear(&self, text: &str) -> String {
        let mut text = text.replace(&self.0, "[key]");
        if self.0.len() >= 24 && self.0.is_ascii() {
            for part in [&self.0[..12], &self.0[self.0.len() - 12..]] {
                text = text.replace(part, "[key]");
            }
        }
        text
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
        let cleared = key.clear("bad key sk-abcdefghijklmnopqrstuvwxyz0123456789 (sk-abcdefghi...)");
        assert_eq!(cleared, "bad key [key] ([key]...)");
    }
}
