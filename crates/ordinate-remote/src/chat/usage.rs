//! How many tokens an answer took, read out of what servers say of it.

use serde_json::Value;

use crate::numbers::count;
use crate::reply::{Doubt, Usage};

/// A gateway may put so many tokens of its own before a request: a system message, a date, tools.
const MAX_HIDDEN: u64 = 4_096;
/// So many tokens are believed beyond what a request can use up, where the answer says what they were: it reasoned, or a
/// cache was read.
const MAX_EXPLAINED: u64 = 262_144;

/// What the field `usage` of an answer says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counted {
    /// `None` where nothing can be known.
    pub(super) usage: Option<Usage>,
    pub(super) doubt: Option<Doubt>,
    /// Tokens of a cache, and of reasoning or of what the total has beyond its parts.
    pub(super) explained: Usage,
}

/// What the field `usage` of an answer says, and whether there is a doubt about it.
pub(super) fn read(usage: &Value) -> Counted {
    let of = |names: &[&str]| names.iter().find_map(|name| count(usage.pointer(name)?));
    // A completion of no tokens may be left out; a prompt of none may not.
    let Some(prompt) = of(&READ) else { return Counted::default() };
    let written = of(&WRITTEN);
    let reasoned = of(&REASONED);
    // Anthropic's way: what was read from a cache, or written into it, is not in the tokens of the prompt.
    let beside = [
        "/cache_creation_input_tokens",
        "/cache_read_input_tokens",
        "/cacheReadInputTokens",
        "/cacheWriteInputTokens",
    ];
    let cached = beside.iter().filter_map(|name| of(&[name])).fold(0, u64::saturating_add);
    let total = of(&["/total_tokens", "/totalTokens", "/totalTokenCount"]);
    let written_or_none = written.unwrap_or(0);
    let (input_tokens, output_tokens, doubt) = match total {
        Some(total) => of_total(total, prompt, written, reasoned.unwrap_or(0), cached),
        // More reasoning than answer: it was not counted as a part of the answer. The same with the cache.
        None => {
            let outside = reasoned.filter(|reasoned| *reasoned > written_or_none).unwrap_or(0);
            let uncounted = if cached > prompt { cached } else { 0 };
            (prompt.saturating_add(uncounted), written_or_none.saturating_add(outside), None)
        }
    };
    let most_of = |names: &[&str]| names.iter().filter_map(|name| of(&[name])).max().unwrap_or(0);
    let cached_tokens = most_of(&CACHED).min(input_tokens);
    let cache_write_tokens = most_of(&CACHE_WRITES).min(input_tokens - cached_tokens);
    let beyond = output_tokens.saturating_sub(written_or_none).max(reasoned.unwrap_or(0));
    let explained =
        Usage { input_tokens: cached.max(cached_tokens), output_tokens: beyond, ..Usage::default() };
    let usage = Usage { input_tokens, output_tokens, cached_tokens, cache_write_tokens };
    Counted { usage: Some(usage), doubt, explained }
}

/// Where servers say what they read: OpenAI, Anthropic, Bedrock and the libraries of JavaScript, Google, Cohere.
const READ: [&str; 6] = [
    "/prompt_tokens",
    "/input_tokens",
    "/promptTokens",
    "/inputTokens",
    "/promptTokenCount",
    "/billed_units/input_tokens",
];
/// Where they say what they wrote.
const WRITTEN: [&str; 6] = [
    "/completion_tokens",
    "/output_tokens",
    "/completionTokens",
    "/outputTokens",
    "/candidatesTokenCount",
    "/billed_units/output_tokens",
];
/// Where they say how much of it, or beside it, was reasoning.
const REASONED: [&str; 6] = [
    "/completion_tokens_details/reasoning_tokens",
    "/output_tokens_details/reasoning_tokens",
    "/completion_tokens_details/thinking_tokens",
    "/reasoning_tokens",
    "/reasoningTokens",
    "/thoughtsTokenCount",
];
/// Where servers say what was read from a cache: OpenAI, Anthropic, `DeepSeek`, Moonshot, Bedrock, Google.
const CACHED: [&str; 7] = [
    "/prompt_tokens_details/cached_tokens",
    "/input_tokens_details/cached_tokens",
    "/cache_read_input_tokens",
    "/prompt_cache_hit_tokens",
    "/cached_tokens",
    "/cacheReadInputTokens",
    "/cachedContentTokenCount",
];
/// Where they say what was written into it: Anthropic, `OpenRouter`, `LiteLLM`, Bedrock.
const CACHE_WRITES: [&str; 4] = [
    "/cache_creation_input_tokens",
    "/prompt_tokens_details/cache_write_tokens",
    "/prompt_tokens_details/cache_creation_tokens",
    "/cacheWriteInputTokens",
];

impl Counted {
    /// The tokens, if a request that can use up `most` can have taken so many, and an answer of this many bytes can: no
    /// tokeniser makes more tokens than bytes, and whatever is sent or written takes some.
    pub(super) fn believed(&self, most: Usage, bytes: usize) -> Option<Usage> {
        let explained = |tokens: u64| tokens.min(MAX_EXPLAINED);
        let written = most.output_tokens.max(bytes as u64);
        self.usage.filter(|usage| {
            usage.input_tokens > 0
                && (usage.output_tokens > 0 || bytes == 0)
                && usage.input_tokens
                    <= most.input_tokens + MAX_HIDDEN + explained(self.explained.input_tokens)
                && usage.output_tokens <= written.saturating_add(explained(self.explained.output_tokens))
        })
    }
}

/// What a total has beyond its parts was reasoning, the cache, or both, where one of these fits. Where none does it is
/// counted as written, which is the dearer way.
fn of_total(
    total: u64,
    prompt: u64,
    written: Option<u64>,
    reasoned: u64,
    cached: u64,
) -> (u64, u64, Option<Doubt>) {
    let parts = prompt.saturating_add(written.unwrap_or(0));
    let Some(beyond) = total.checked_sub(parts) else {
        return (prompt, written.unwrap_or(0), Some(Doubt::Disagrees));
    };
    let output = written.unwrap_or(0);
    match beyond {
        0 => (prompt, output, None),
        beyond if beyond == reasoned => (prompt, output.saturating_add(beyond), None),
        beyond if beyond == cached => (prompt.saturating_add(beyond), output, None),
        beyond if beyond == cached.saturating_add(reasoned) => {
            (prompt.saturating_add(cached), output.saturating_add(reasoned), None)
        }
        // The total alone says how much was written.
        beyond if written.is_none() => (prompt, beyond, None),
        beyond => (prompt, output.saturating_add(beyond), Some(Doubt::Disagrees)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tokens(usage: &Value) -> (Option<(u64, u64)>, Option<Doubt>) {
        let counted = read(usage);
        (counted.usage.map(|usage| (usage.input_tokens, usage.output_tokens)), counted.doubt)
    }

    #[test]
    fn counts_of_any_type() {
        for (usage, known) in [
            (json!({ "prompt_tokens": 20, "completion_tokens": 3 }), Some((20, 3))),
            (json!({ "prompt_tokens": 20.0, "completion_tokens": "3", "total_tokens": 23.0 }), Some((20, 3))),
            (json!({ "prompt_tokens": "20.0", "completion_tokens": 2.25 }), Some((20, 3))),
            (json!({ "prompt_tokens": 20 }), Some((20, 0))),
            (json!({ "prompt_tokens": 20, "total_tokens": 25 }), Some((20, 25 - 20))),
            (json!({ "input_tokens": 20, "output_tokens": 3 }), Some((20, 3))),
            (json!({ "promptTokens": 20, "completionTokens": 3, "totalTokens": 23 }), Some((20, 3))),
            (json!({ "inputTokens": 20, "outputTokens": "3" }), Some((20, 3))),
            (
                json!({ "promptTokenCount": 20, "candidatesTokenCount": 3, "thoughtsTokenCount": 500, "totalTokenCount": 523 }),
                Some((20, 503)),
            ),
            (
                json!({ "billed_units": { "input_tokens": 20, "output_tokens": 3 }, "tokens": { "input_tokens": 420 } }),
                Some((20, 3)),
            ),
            (json!({ "prompt_tokens": -1, "completion_tokens": -1 }), None),
            (json!({ "prompt_tokens": null }), None),
            (json!({ "prompt_tokens": {}, "completion_tokens": [] }), None),
            (json!("none"), None),
        ] {
            assert_eq!(tokens(&usage), (known, None), "{usage}");
        }
    }

    #[test]
    fn what_was_reasoned_is_counted_wherever_it_stands() {
        let details = |reasoned: u64| json!({ "reasoning_tokens": reasoned });
        for (usage, known) in [
            // OpenAI: inside.
            (
                json!({ "prompt_tokens": 20, "completion_tokens": 503, "total_tokens": 523,
                        "completion_tokens_details": details(500) }),
                (20, 503),
            ),
            // xAI: outside, and in the total.
            (
                json!({ "prompt_tokens": 20, "completion_tokens": 3, "total_tokens": 523,
                        "completion_tokens_details": details(500) }),
                (20, 503),
            ),
            // Outside, without a total.
            (
                json!({ "prompt_tokens": 20, "completion_tokens": 3, "completion_tokens_details": details(500) }),
                (20, 503),
            ),
            // Anthropic's cache: outside the prompt.
            (
                json!({ "prompt_tokens": 20, "completion_tokens": 3, "total_tokens": 1_023,
                        "cache_creation_input_tokens": 600, "cache_read_input_tokens": 400 }),
                (1_020, 3),
            ),
            (json!({ "input_tokens": 20, "output_tokens": 3, "cache_read_input_tokens": 1_000 }), (1_020, 3)),
            // OpenAI's cache: inside.
            (
                json!({ "prompt_tokens": 1_020, "completion_tokens": 3, "total_tokens": 1_023,
                        "prompt_tokens_details": { "cached_tokens": 1_000 } }),
                (1_020, 3),
            ),
        ] {
            assert_eq!(tokens(&usage), (Some(known), None), "{usage}");
        }
    }

    /// What was read from a cache and written into it, wherever it is said; never more than was read at all.
    #[test]
    fn the_cache_has_counts_of_its_own() {
        for (usage, known) in [
            (
                json!({ "prompt_tokens": 1_020, "completion_tokens": 3, "total_tokens": 1_023,
                        "prompt_tokens_details": { "cached_tokens": 1_000 } }),
                (1_020, 1_000, 0),
            ),
            (
                json!({ "input_tokens": 20, "output_tokens": 3, "cache_read_input_tokens": 1_000,
                        "cache_creation_input_tokens": 300 }),
                (1_320, 1_000, 300),
            ),
            (
                json!({ "prompt_tokens": 900, "completion_tokens": 3, "prompt_cache_hit_tokens": 600,
                        "prompt_cache_miss_tokens": 300 }),
                (900, 600, 0),
            ),
            (
                json!({ "prompt_tokens": 900, "completion_tokens": 3,
                        "prompt_tokens_details": { "cached_tokens": "512", "cache_write_tokens": 200.0 } }),
                (900, 512, 200),
            ),
            (
                json!({ "prompt_tokens": 900, "completion_tokens": 3, "cached_tokens": 5_000,
                        "prompt_tokens_details": { "cache_creation_tokens": 5_000 } }),
                (900, 900, 0),
            ),
            (
                json!({ "prompt_tokens": 900, "prompt_tokens_details": { "cached_tokens": null } }),
                (900, 0, 0),
            ),
        ] {
            let read = read(&usage).usage.unwrap();
            assert_eq!((read.input_tokens, read.cached_tokens, read.cache_write_tokens), known, "{usage}");
        }
    }

    #[test]
    fn totals_that_disagree_and_counts_that_cannot_be_are_doubted() {
        let usage = json!({ "prompt_tokens": 20, "completion_tokens": 3, "total_tokens": 523 });
        assert_eq!(tokens(&usage), (Some((20, 503)), Some(Doubt::Disagrees)));
        let usage = json!({ "prompt_tokens": 20, "completion_tokens": 3, "total_tokens": 10 });
        assert_eq!(tokens(&usage), (Some((20, 3)), Some(Doubt::Disagrees)));
        let most = Usage { input_tokens: 500, output_tokens: 64, ..Usage::default() };
        let believed = |usage: Value, bytes| read(&usage).believed(most, bytes).is_some();
        let plain = |input: u64, output: u64| json!({ "prompt_tokens": input, "completion_tokens": output });
        for (usage, bytes) in [
            (plain(20, 64), 2),
            // A call of a tool, or nothing at all.
            (plain(20, 0), 0),
            // Templates and gateways have words of their own; some servers heed no `max_tokens`.
            (plain(2_000, 64), 2),
            (plain(20, 500), 600),
            // It says where the rest went.
            (
                json!({ "prompt_tokens": 20, "completion_tokens": 503, "completion_tokens_details": { "reasoning_tokens": 500 } }),
                2,
            ),
            (json!({ "prompt_tokens": 20, "completion_tokens": 3, "total_tokens": 523 }), 2),
            (
                json!({ "prompt_tokens": 50_020, "completion_tokens": 3, "prompt_tokens_details": { "cached_tokens": 50_000 } }),
                2,
            ),
        ] {
            assert!(believed(usage.clone(), bytes), "{usage}");
        }
        for (usage, bytes) in [
            (plain(u64::MAX, 3), 2),
            (plain(20, u64::MAX), 2),
            (plain(0, 0), 2),
            (plain(0, 3), 2),
            (plain(20, 0), 2),
            (json!({ "prompt_tokens": 20 }), 2),
            (json!({ "prompt_tokens": 20, "completion_tokens": -1 }), 2),
            (plain(5_000, 3), 2),
            (plain(20, 65), 2),
            (
                json!({ "prompt_tokens": 20, "completion_tokens": 9_000_003, "completion_tokens_details": { "reasoning_tokens": 9_000_000 } }),
                2,
            ),
        ] {
            assert!(!believed(usage.clone(), bytes), "{usage}");
        }
        assert_eq!(tokens(&json!({ "prompt_tokens": 1e300 })).0, Some((u64::MAX, 0)));
    }
}
