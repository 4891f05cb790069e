//! Which hub, which cache, whose token: the environment variables of `huggingface_hub`.

use ordinate_hub::Cache;
use reqwest::Url;

use crate::error::FetchError;
use crate::token::Token;

/// Where models come from and where they go.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address of the hub.
    pub endpoint: Url,
    /// The cache.
    pub cache: Cache,
    /// The token, where there is one.
    pub token: Option<Token>,
    /// Whether nothing may be asked of the network.
    pub offline: bool,
}

impl Settings {
    /// What the environment says: `HF_ENDPOINT` (else <https://huggingface.co>), `HF_HUB_CACHE` and `HF_HOME`,
    /// `HF_TOKEN` or the file that `hf auth login` wrote, `HF_HUB_OFFLINE`.
    ///
    /// # Errors
    /// [`FetchError::Setting`] where `HF_ENDPOINT` is no address.
    pub fn from_env() -> Result<Self, FetchError> {
        let named = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let offline = named("HF_HUB_OFFLINE").is_some_and(|value| is_yes(&value));
        Ok(Self {
            endpoint: endpoint(named("HF_ENDPOINT").as_deref().unwrap_or("https://huggingface.co"))?,
            cache: Cache::from_env(),
            token: Token::from_env(),
            offline,
        })
    }
}

/// The address of a hub.
pub(crate) fn endpoint(text: &str) -> Result<Url, FetchError> {
    Url::parse(text.trim())
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none())
        .ok_or_else(|| FetchError::Setting {
            variable: "HF_ENDPOINT",
            // Not what it says: an address may hold a password.
            problem: "it is no address of a hub; write one such as https://huggingface.co, or unset it"
                .to_owned(),
        })
}

/// As `huggingface_hub` reads it.
fn is_yes(value: &str) -> bool {
    matches!(value.trim().to_ascii_uppercase().as_str(), "1" | "ON" | "YES" | "TRUE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_and_no() {
        for yes in ["1", "on", "YES", "True"] {
            assert!(is_yes(yes), "{yes}");
        }
        for no in ["0", "off", "no", "false", "2", "offline"] {
            assert!(!is_yes(no), "{no}");
        }
    }

    #[test]
    fn addresses() {
        assert!(endpoint("https://hub.example.org/mirror").is_ok());
        for bad in
            ["huggingface.co", "ftp://hub.example.org", "https://", "file:///x", "https://user:secret@"]
        {
            let said = endpoint(bad).unwrap_err().to_string();
            assert!(said.contains("HF_ENDPOINT") && !said.contains("secret"), "{said}");
        }
    }
}
