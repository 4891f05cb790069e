//! Keys in places where none belongs: whatever stands in the task file is written into the run folder.

use serde_json::{Map, Value};

use crate::failure::SetupError;
use crate::secret::ApiKey;

/// What keys of well-known makers begin with.
const BEGINNINGS: [&str; 17] = [
    "sk-",
    "sk_",
    "pk_",
    "rk_",
    "gsk_",
    "hf_",
    "xai-",
    "pplx-",
    "nvapi-",
    "r8_",
    "ghp_",
    "gho_",
    "github_pat_",
    "AIza",
    "AKIA",
    "eyJ",
    "xoxb-",
];
/// The shortest run of letters and digits in a key.
const SHORTEST: usize = 16;
/// Names of what bears a key, without case and marks.
const NAMES: [&str; 22] = [
    "key",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "subscriptionkey",
    "functionskey",
    "token",
    "apitoken",
    "accesstoken",
    "authtoken",
    "bearertoken",
    "sessiontoken",
    "secret",
    "clientsecret",
    "password",
    "passwd",
    "pwd",
    "authorization",
    "auth",
    "credential",
    "credentials",
];
/// The same in an address, where short ones are used too.
const IN_QUERY: [&str; 6] = ["code", "sig", "signature", "sas", "jwt", "pass"];

/// Whether a text holds what looks like a key of one of the well-known makers: a beginning of theirs, and behind it letters
/// and digits as no word or name of a file has them.
pub(crate) fn looks_like_key(text: &str) -> bool {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    text.split(|c| !is_of_word(c)).any(|word| {
        let odd = |part: &str| part.len() >= SHORTEST && part.chars().any(|c| !c.is_ascii_lowercase());
        BEGINNINGS.iter().any(|start| word.starts_with(start)) && word.split(['-', '_']).any(odd)
    })
}

fn bears_key(name: &str, further: &[&str]) -> bool {
    let bare: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let bare = bare.strip_prefix('x').unwrap_or(&bare);
    NAMES.contains(&bare) || further.contains(&bare) || bare.ends_with("apikey") || bare.ends_with("secret")
}

/// Refuses an address with a key in its query, or a part behind `#`, which is never sent and might be one.
pub(crate) fn check_query(url: &reqwest::Url) -> Result<(), SetupError> {
    /// A value that is longer than any version, region or name of a deployment is taken for a key.
    const LONGEST: usize = 40;
    let bears = |(name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| {
        bears_key(&name, &IN_QUERY) || looks_like_key(&value) || value.len() > LONGEST
    };
    if url.fragment().is_some() {
        let problem = "the address has a part behind #, which no server is sent; remove it".to_owned();
        return Err(SetupError::Setting { key: "openai.base_url", problem });
    }
    if url.query_pairs().any(bears) {
        return Err(in_address("the query of the address seems to hold a key"));
    }
    Ok(())
}

/// That an address holds what must not be seen.
pub(crate) fn in_address(problem: &str) -> SetupError {
    let problem = format!(
        "{problem}, and the address is written into the run folder; put the key into an environment variable, named by \
         `key_env`, and name the header that bears it with `key_header`"
    );
    SetupError::Setting { key: "openai.base_url", problem }
}

/// Refuses further fields of the body that bear a key.
pub(crate) fn check_extra(extra: &Map<String, Value>) -> Result<(), SetupError> {
    match extra.iter().find_map(|(name, value)| key_in(name, value)) {
        Some(name) => Err(SetupError::Setting {
            key: "openai.extra",
            problem: format!(
                "the field {name:?} seems to hold a key, and what stands here is written into the run folder; put the key \
                 into an environment variable, named by `key_env`"
            ),
        }),
        None => Ok(()),
    }
}

/// The name of the field that bears a key, within this one.
fn key_in(name: &str, value: &Value) -> Option<String> {
    match value {
        Value::String(text) => {
            ((bears_key(name, &[]) && !text.is_empty()) || looks_like_key(text)).then(|| name.to_owned())
        }
        Value::Array(values) => values.iter().find_map(|value| key_in(name, value)),
        Value::Object(fields) => fields.iter().find_map(|(name, value)| key_in(name, value)),
        _ => None,
    }
}

/// Refuses an entry of the task file, in this table, in which the key itself stands, or anything that looks like one.
pub(crate) fn check_entry(
    table: &str,
    entry: &impl serde::Serialize,
    key: Option<&ApiKey>,
) -> Result<(), SetupError> {
    let value = serde_json::to_value(entry).unwrap_or_default();
    let fields = value.as_object().into_iter().flatten();
    let holds = |text: &str| looks_like_key(text) || key.is_some_and(|key| key.is_in(text));
    let mut fields = fields.filter(|(_, value)| any_text(value, &holds));
    let Some((name, _)) = fields.next() else { return Ok(()) };
    Err(SetupError::Key(format!("{table}.{name}")))
}

fn any_text(value: &Value, holds: &impl Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => holds(text),
        Value::Array(values) => values.iter().any(|value| any_text(value, holds)),
        Value::Object(fields) => fields.iter().any(|(name, value)| holds(name) || any_text(value, holds)),
        _ => false,
    }
}

/// Whether this may be shown as the name of an environment variable: whoever writes the key itself in its place must not
/// read it in a message.
pub(crate) fn is_variable(name: &str) -> bool {
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let digits = name.chars().filter(char::is_ascii_digit).count();
    // Names of variables are words; keys are long, without them.
    let is_word = name.len() < SHORTEST || (digits * 5 < name.len() && (name.contains('_') || digits == 0));
    let is_mixed = name.len() >= SHORTEST
        && name.chars().any(|c| c.is_ascii_lowercase())
        && name.chars().any(|c| c.is_ascii_uppercase());
    is_name && is_word && !is_mixed && !looks_like_key(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_told_from_what_servers_want() {
        let extra = |value: Value| check_extra(value.as_object().unwrap()).is_ok();
        for fine in [
            json!({ "max_completion_tokens": 9, "reasoning_effort": "low", "stop_token_ids": [1, 2] }),
            json!({ "prompt_cache_key": "run-1", "skip_special_tokens": true, "user": "me", "token": 5 }),
            json!({ "chat_template_kwargs": { "enable_thinking": false }, "safety_identifier": "a-b" }),
        ] {
            assert!(extra(fine.clone()), "{fine}");
        }
        for bad in [
            json!({ "api_key": "SUPERSECRET" }),
            json!({ "a": { "b": [{ "Authorization": "x" }] } }),
            json!({ "headers": { "X-Api-Key": "SUPERSECRET" } }),
            json!({ "whatever": "Bearer sk-0123456789abcdef" }),
        ] {
            assert!(!extra(bad.clone()), "{bad}");
        }
        let query = |query: &str| check_query(&format!("http://h/v1?{query}").parse().unwrap()).is_ok();
        for fine in ["api-version=2024-06-01", "beta=true", "deployment=gpt-4.1-mini"] {
            assert!(query(fine), "{fine}");
        }
        for bad in [
            "key=S",
            "token=S",
            "code=S",
            "sig=S",
            "x-functions-key=S",
            "a=1&access_token=S",
            "q=sk-0123456789abcdef",
            "beta=true#S",
        ] {
            assert!(!query(bad), "{bad}");
        }
    }

    #[test]
    fn programs_and_models_are_no_keys() {
        for fine in [
            "hf_classification_server.py",
            "sk-learn-model-2.py",
            "python3",
            "pk_model/run.sh",
            "gpt-4.1-mini-2025-04-14",
        ] {
            assert!(!looks_like_key(fine), "{fine}");
        }
        for key in [
            "sk-SUPERSECRET99aaaaaaaaaaaaaaaaaaaa",
            "Bearer sk-proj-0123456789abcdefgh",
            "KEY=AKIAIOSFODNN7EXAMPLE",
        ] {
            assert!(looks_like_key(key), "{key}");
        }
    }

    #[test]
    fn names_of_variables_are_told_from_keys() {
        for name in ["MYKEY", "OPENAI_API_KEY", "_K", "my_key", "AZURE_KEY_2", "HUGGING_FACE_HUB_TOKEN", "A1"]
        {
            assert!(is_variable(name), "{name}");
        }
        for key in [
            "sk-SUPERSECRET99aaaaaaaaaaaaaaaaaaaa",
            "gsk_0123456789abcdefghij",
            "hf_abcdefghijklmnopQRST",
            "0123456789abcdef0123456789abcdef",
            "a1b2c3d4e5f60718293a4b5c6d7e8f90",
            "AKIAIOSFODNN7EXAMPLE",
            "AbCdEfGhIjKlMnOpQrStUv",
            "my key",
            "",
        ] {
            assert!(!is_variable(key), "{key}");
        }
    }
}
