//! Where a server is, and which key it is sent.

use ordinate_core::task::OpenAi;
use reqwest::Url;

use super::{OPENAI, OPENAI_KEY};
use crate::failure::SetupError;
use crate::leak;
use crate::secret::ApiKey;

/// The address of a part of the API. No message repeats what stands in `base_url`: a key may be anywhere in it.
pub(super) fn address(entry: &OpenAi, path: &str) -> Result<Url, SetupError> {
    let text = entry.base_url.as_deref().unwrap_or(OPENAI);
    let bad = |problem: String| SetupError::Setting { key: "openai.base_url", problem };
    let mut url = Url::parse(text.trim()).map_err(|error| {
        bad(format!("what stands there is no address ({error}); write for example {OPENAI:?}"))
    })?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(bad(format!(
            "what stands there is no http or https address; write for example {OPENAI:?}"
        )));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(leak::in_address("the address holds a password"));
    }
    leak::check_query(&url)?;
    let base = url.path().trim_end_matches('/').trim_end_matches("/chat/completions").to_owned();
    url.set_path(&format!("{base}/{path}"));
    if let Some(version) = &entry.api_version {
        url.query_pairs_mut().append_pair("api-version", version);
    }
    Ok(url)
}

/// Refuses an entry in which a key stands: it is written into the run folder.
pub(super) fn check_secrets(entry: &OpenAi, key: Option<&ApiKey>) -> Result<(), SetupError> {
    leak::check_extra(&entry.extra)?;
    leak::check_entry("openai", entry, key)
}

/// The environment variable whose key a candidate is sent with. OpenAI's own is the default, but only for OpenAI's address: a
/// key must not reach a server that it was not meant for.
///
/// # Errors
/// [`SetupError`] where the address is none, or what is named is no variable.
pub(super) fn key_variable(entry: &OpenAi) -> Result<Option<&str>, SetupError> {
    let is_openai = address(entry, "")?.host_str() == Some("api.openai.com");
    match &entry.key_env {
        Some(variable) if leak::is_variable(variable) => Ok(Some(variable)),
        // Whoever has set it knows best what it is called.
        Some(variable) if std::env::var_os(variable).is_some() => Ok(Some(variable)),
        Some(_) => Err(SetupError::NoName("openai.key_env")),
        None => Ok(is_openai.then_some(OPENAI_KEY)),
    }
}

/// What is wrong with an entry, as far as that can be said without a key and without setting anything up.
///
/// # Errors
/// [`SetupError`] where the address is none, what is named is no variable, or a key stands where it would be seen.
pub fn check(entry: &OpenAi) -> Result<(), SetupError> {
    key_variable(entry)?;
    check_secrets(entry, None)
}

/// Whether the key of an entry is there, and in no place where it would be seen.
///
/// # Errors
/// As [`check`]; [`SetupError::NoKey`].
pub fn check_key(entry: &OpenAi) -> Result<(), SetupError> {
    check_secrets(entry, key_of(entry)?.as_ref())
}

pub(super) fn key_of(entry: &OpenAi) -> Result<Option<ApiKey>, SetupError> {
    let Some(variable) = key_variable(entry)? else { return Ok(None) };
    ApiKey::from_env(variable).map(Some).ok_or_else(|| SetupError::NoKey(variable.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(base_url: &str) -> OpenAi {
        OpenAi { model: "m".into(), base_url: Some(base_url.into()), ..Default::default() }
    }

    #[test]
    fn addresses() {
        let path = |base: &str| address(&entry(base), "chat/completions").map(|url| url.to_string());
        for base in ["http://h:1/v1", "http://h:1/v1/", "http://h:1/v1/chat/completions"] {
            assert_eq!(path(base).unwrap(), "http://h:1/v1/chat/completions");
        }
        let azure = OpenAi {
            api_version: Some("2024-06-01".into()),
            ..entry("https://x.azure.com/openai/deployments/d")
        };
        assert_eq!(
            address(&azure, "chat/completions").unwrap().as_str(),
            "https://x.azure.com/openai/deployments/d/chat/completions?api-version=2024-06-01"
        );
        for bad in [
            "h:1/v1",
            "ftp://h/v1",
            "",
            "http://user:secret@h/v1",
            "user:secret@h/v1",
            "htp://user:secret@h/v1",
            "http://user:secret@:99999/v1",
            "secret",
            "http://h/v1?key=secret",
            "http://h/v1?token=secret",
        ] {
            let error = path(bad).unwrap_err().to_string();
            assert!(error.contains("openai.base_url") && !error.contains("secret"), "{error}");
        }
    }
}
