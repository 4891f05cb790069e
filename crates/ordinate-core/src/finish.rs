//! How an answer ended, by the words that servers and the logs of other tools have for it.

/// How an answer ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Finish {
    /// By itself, or nothing says otherwise.
    #[default]
    Whole,
    /// It was cut: at the most tokens, or another limit.
    Cut,
    /// A filter withheld it.
    Filtered,
    /// With the call of a tool.
    Called,
    /// Given up by the server.
    Failed,
}

/// Parts of the words of OpenAI, and of servers that pass their own ones through (Google, Mistral, Cohere, Bedrock, Ollama,
/// Zhipu, `DeepSeek`, gateways, HELM), in lower case and without what is no letter. The first that fits counts.
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
            "contentpolicy",
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
            "outoftokens",
            "pauseturn",
        ],
    ),
    (Finish::Called, &["toolcall", "tooluse", "functioncall"]),
];

impl Finish {
    /// What a word means; whatever is not known is a whole answer.
    #[must_use]
    pub fn of(word: &str) -> Self {
        let letters: String = word.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
        let known = |words: &[&str]| words.iter().any(|part| letters.contains(part));
        WORDS.iter().find(|(_, words)| known(words)).map_or(Self::Whole, |(finish, _)| *finish)
    }
}

#[cfg(test)]
mod tests {
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
                    "out_of_tokens",
                    "pause_turn",
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
                    "The prompt violates Google's content policy.",
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
    }
}
