//! The token of the hub, which must never be seen.

use std::fmt;
use std::fs;

use ordinate_hub::Cache;
use reqwest::header::HeaderValue;

/// A token. It has no `Display`, its `Debug` hides it, and no message holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The token in `HF_TOKEN`, else in the file `token` of the hub's folder (where `hf auth login` writes it).
    #[must_use]
    pub fn from_env() -> Option<Self> {
        let named = std::env::var("HF_TOKEN").ok().and_then(|text| Self::of(&text));
        named.or_else(|| Self::of(&fs::read_to_string(Cache::home().join("token")).ok()?))
    }

    /// A token, where the text is not blank.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The header that bears it, marked so that no log prints it; `None` where no header may hold such characters.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// `text` without the token, which a careless server may repeat.
    pub(crate) fn clear(&self, text: &str) -> String {
        text.replace(&self.0, "[token]")
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([token])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_seen() {
        let token = Token::of(" hf_secret\n").unwrap();
        assert!(!format!("{token:?} {:?}", token.header().unwrap()).contains("secret"));
        assert_eq!(token.clear("bad token hf_secret!"), "bad token [token]!");
        assert_eq!((Token::of(" "), Token::of("a\nb").unwrap().header()), (None, None));
    }
}
