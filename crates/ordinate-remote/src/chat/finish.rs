//! The words of a reply for how it ended.

use ordinate_core::Finish;
use serde_json::Value;

/// The word of a finish reason, also where it is an object.
pub(super) fn word(reason: &Value) -> Option<String> {
    let within = || ["type", "reason"].iter().find_map(|key| reason.get(key)?.as_str());
    reason.as_str().or_else(within).map(str::to_lowercase)
}

/// Of several words for how one answer ended the one that says most: gateways translate, and put "stop" for what they do
/// not know.
pub(super) fn worst<'a>(reasons: impl IntoIterator<Item = Option<&'a Value>>) -> Option<String> {
    let words: Vec<String> = reasons.into_iter().flatten().filter_map(word).collect();
    words.iter().find(|word| Finish::of(word) != Finish::Whole).or(words.first()).cloned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_word_that_says_most_counts() {
        let (stop, native) = (json!("stop"), json!("MAX_TOKENS"));
        assert_eq!(worst([Some(&stop), None, Some(&native)]).as_deref(), Some("max_tokens"));
        assert_eq!(worst([Some(&Value::Null), Some(&json!(7))]), None);
        assert_eq!(worst([Some(&json!({ "type": "length" }))]).as_deref(), Some("length"));
    }
}
