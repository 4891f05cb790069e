//! How an answer ended, by the words that servers have for it.

use serde_json::Value;

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    Whole,
    /// At the most tokens.
    Cut,
    /// Withheld.
    Filtered,
    /// With the call of a tool.
    Called,
    /// Given up by the server.
    Failed,
}

/// Parts of the words of OpenAI, and of servers that pass their own ones through (Google, Mistral, Cohere, Bedrock, Ollama,
/// Zhipu, `DeepSeek`, gateways), in lower case and without what is no letter. The first that fits counts.
const WORDS: [(Finish, &[&str]); 4] = [
    (
        Finish::Filtered,
        &[
            "filter",
            "safety",
            "recitation",
            "blocklist",
            "blocked",
            "denylist",
            "prohibited",
            "spii",
            "guardrail",
            "moderat",
            "sensitive",
            "toxic",
            "flagged",
            "refus",
            "unsupportedlanguage",
        ],
    ),
    (
        Finish::Failed,
        &[
            "error",
            "abort",
            "cancel",
            "timeout",
            "timelimit",
            "insufficient",
            "malformed",
            "interrupt",
            "shed",
        ],
    ),
    (
        Finish::Cut,
        &[
            "length",
            "maxtoken",
            "maxnewtoken",
            "maxoutputtoken",
            "maxcompletiontoken",
            "tokenlimit",
            "contextwindow",
            "truncat",
            "incomplete",
        ],
    ),
    (Finish::Called, &["toolcall", "tooluse", "functioncall"]),
];

impl Finish {
    /// What a word means; whatever is not known is a whole answer.
    pub(super) fn of(word: &str) -> Self {
        let letters: String = word.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
        let known = |words: &[&str]| words.iter().any(|part| letters.contains(part));
        WORDS.iter().find(|(_, words)| known(words)).map_or(Self::Whole, |(finish, _)| *finish)
    }
}

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
    fn words_of_many_servers() {
        for (finish, words) in [
            (
                Finish::Whole,
                &["stop", "eos", "end_turn", "COMPLETE", "stop_sequence", "STOP", "eos_token"][..],
            ),
            (
                Finish::Cut,
                &[
                    "length",
                    "MAX_TOKENS",
                    "max_new_tokens",
                    "maxTokens",
                    "FinishReason.MAX_TOKENS",
                    "model_length",
                    "max_output_tokens",
                    "token_limit",
                    "context_length_exceeded",
                    "model_context_window_exceeded",
                    "truncated",
                    "incomplete",
                ],
            ),
            (
                Finish::Filtered,
                &[
                    "content_filter",
                    "content-filter",
                    "contentFilter",
                    "content_filtered",
                    "content_filter: RECITATION",
                    "SAFETY",
                    "IMAGE_SAFETY",
                    "ERROR_TOXIC",
                    "refusal",
                    "sensitive",
                    "guardrail_intervened",
                    "PROHIBITED_CONTENT",
                ],
            ),
            (
                Finish::Failed,
                &[
                    "error",
                    "network_error",
                    "abort",
                    "cancelled",
                    "MALFORMED_FUNCTION_CALL",
                    "timeout",
                    "load_shed",
                ],
            ),
            (
                Finish::Called,
                &["tool_calls", "tool-calls", "tool_use", "function_call", "UNEXPECTED_TOOL_CALL"],
            ),
        ] {
            for word in words {
                assert_eq!(Finish::of(word), finish, "{word}");
            }
        }
        let (stop, native) = (json!("stop"), json!("MAX_TOKENS"));
        assert_eq!(worst([Some(&stop), None, Some(&native)]).as_deref(), Some("max_tokens"));
        assert_eq!(worst([Some(&Value::Null), Some(&json!(7))]), None);
        assert_eq!(worst([Some(&json!({ "type": "length" }))]).as_deref(), Some("length"));
    }
}
