//! What servers and programs say of an error, as it goes into messages.

use ordinate_core::can_be_shown;
use serde_json::Value;

/// The most characters of what others say that are kept in a message.
const MAX_SAID: usize = 400;
/// The most characters of a whole message.
pub(crate) const MAX_MESSAGE: usize = 700;
/// The most characters of a model's name that a server gives.
pub(crate) const MAX_NAME: usize = 200;
/// The most bytes of a text that go into a message before keys are cleared from it.
const MAX_EXCERPT: usize = 8 << 10;

/// The message and code in an error's body, in any of the shapes that servers use; as long as it is, so that a key in it is
/// not cut before it is cleared.
pub(crate) fn error_message(body: &[u8]) -> (String, Option<String>) {
    let text = String::from_utf8_lossy(body);
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    let error = value.get("error").unwrap_or(&value);
    let message = [error.get("message"), Some(error), error.get("detail")]
        .into_iter()
        .flatten()
        .find_map(Value::as_str)
        .map_or_else(|| text.trim().to_owned(), str::to_owned);
    let code = error.get("code").and_then(Value::as_str).map(str::to_owned);
    (message, code)
}

/// Whether an error's body says that a content filter refused the prompt or the answer.
pub(crate) fn is_filtered(body: &[u8]) -> bool {
    /// Parts of codes, in lower case and without what is no letter: Azure, OpenAI, `LiteLLM`, Alibaba, Bedrock, Google.
    const CODES: [&str; 8] = [
        "contentfilter",
        "contentpolicy",
        "responsibleai",
        "moderation",
        "datainspection",
        "guardrail",
        "safety",
        "prohibitedcontent",
    ];
    /// What they say where the code says nothing: also `DeepSeek`, Anthropic, OpenRouter, Zhipu, `MiniMax`.
    const WORDS: [&str; 13] = [
        "contentpolicyviolation",
        "responsibleaipolicyviolation",
        "content management policy",
        "content filter",
        "content exists risk",
        "inappropriate content",
        "was flagged",
        "requires moderation",
        "flagged by moderation",
        "blocked by a guardrail",
        "prohibited_content",
        "new_sensitive",
        "敏感内容",
    ];
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = value.get("error").unwrap_or(&value);
    let code = |place| error.pointer(place).and_then(Value::as_str);
    let is_code = |code: &str| {
        let letters: String = code.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
        CODES.iter().any(|known| letters.contains(known))
    };
    let told = ["/message", "/msg", "/base_resp/status_msg", ""].iter().find_map(|place| code(place));
    let told = told.unwrap_or_default().to_lowercase();
    ["/code", "/type", "/status", "/innererror/code"].into_iter().filter_map(code).any(is_code)
        || WORDS.iter().any(|word| told.contains(word))
}

/// One line of at most [`MAX_SAID`] characters; after keys were cleared from it.
pub(crate) fn shorten(text: &str) -> String {
    one_line(text, MAX_SAID)
}

/// What of a text goes into a message, before keys are cleared from it and it is shortened.
pub(crate) fn excerpt(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_EXCERPT)]
}

/// The words of a text without what a terminal obeys, cut after so many characters.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    let shown = |c: char| c.is_whitespace() || can_be_shown(c);
    let kept: String = text.chars().filter(|&c| shown(c)).collect();
    let line = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((at, _)) => format!("{}...", &line[..at]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_told_apart_from_other_refusals() {
        for body in [
            r#"{"error":{"code":"content_filter","message":"The response was filtered"}}"#,
            r#"{"error":{"code":null,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            r#"{"error":{"message":"litellm.ContentPolicyViolationError: AzureException"}}"#,
            r#"{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy."}}"#,
            r#"{"code":"DataInspectionFailed","message":"Input data may contain inappropriate content."}"#,
            r#"{"error":{"code":"invalid_request_error","message":"Content Exists Risk"}}"#,
            r#"{"error":{"code":"1301","message":"系统检测到输入或生成内容可能包含不安全或敏感内容"}}"#,
            r#"{"error":{"code":403,"message":"Your model requires moderation and your input was flagged"}}"#,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"Output blocked by content filtering policy"}}"#,
            r#"{"error":{"code":"invalid_prompt","message":"Invalid prompt: your prompt was flagged as potentially violating our usage policy."}}"#,
            r#"{"error":"The prompt was flagged"}"#,
        ] {
            assert!(is_filtered(body.as_bytes()), "{body}");
        }
        for body in [
            r#"{"error":{"code":"invalid_prompt"}}"#,
            r#"{"error":{"code":"invalid_request_error","message":"max_tokens is too large"}}"#,
            r#"{"error":{"code":"invalid_api_key","message":"no"}}"#,
            "<html>content_filter</html>",
            "{}",
        ] {
            assert!(!is_filtered(body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn error_messages_of_many_shapes() {
        let message = |body: &str| shorten(&error_message(body.as_bytes()).0);
        assert_eq!(message(r#"{"error":{"message":"no\n such  model"}}"#), "no such model");
        assert_eq!(message(r#"{"error":"busy"}"#), "busy");
        assert_eq!(message(r#"{"detail":"Not Found"}"#), "Not Found");
        assert_eq!(message(r#"{"message":"hm","object":"error"}"#), "hm");
        assert_eq!(message("<html>oops</html>"), "<html>oops</html>");
        assert!(message(&"x".repeat(5_000)).len() < 500);
        assert_eq!(message("{\"error\":\"a\\u001b[2Jb\\u202ec\\r\\nd\"}"), "a[2Jbc d");
    }
}
