//! How the asking of a candidate went, as `verdict.json` has it and in words.

use ordinate_core::verdict::{Measured as Record, Percentiles, Stopped};
use ordinate_measure::{Ended, Quantiles, Remarks, Summary};

/// How a candidate came through, as `verdict.json` has it.
pub(crate) fn record(summary: &Summary) -> Record {
    let percentiles = |quantiles: Option<Quantiles>| {
        quantiles.map(|Quantiles { p50, p95, p99 }| Percentiles { p50, p95, p99 })
    };
    Record {
        name: summary.name.clone(),
        items: summary.items,
        answered: summary.done,
        requests: summary.requests,
        errors: summary.errors.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect(),
        cut: summary.remarks.cut,
        other_models: summary.remarks.models.clone(),
        tokens_unbelievable: summary.remarks.tokens_unbelievable,
        tokens_disagree: summary.remarks.tokens_disagree,
        input_tokens: summary.input_tokens,
        output_tokens: summary.output_tokens,
        cost_usd: summary.cost_usd,
        latency_ms: percentiles(summary.latency_ms),
        first_token_ms: percentiles(summary.first_token_ms),
        stopped: match &summary.ended {
            Ended::Beaten { why, saved_items, saved_usd } => {
                Some(Stopped { why: why.clone(), saved_items: *saved_items, saved_usd: *saved_usd })
            }
            _ => None,
        },
    }
}

/// What a reader should know of its replies.
fn remarks(summary: &Summary) -> String {
    let Remarks { cut, models, tokens_unbelievable, tokens_disagree } = &summary.remarks;
    let mut text = String::new();
    if *cut > 0 {
        text.push_str(&format!(" {cut} of its replies were cut at the most tokens; raise `max_tokens`."));
    }
    if !models.is_empty() {
        let named: Vec<String> =
            models.iter().map(|(model, count)| format!("{model:?} ({count} answers)")).collect();
        text.push_str(&format!(" Another model than was asked answered: {}.", named.join(", ")));
    }
    if *tokens_unbelievable > 0 {
        text.push_str(&format!(
            " The tokens, or the cost, that were counted for {tokens_unbelievable} answers cannot be, and what these cost is unknown."
        ));
    }
    if *tokens_disagree > 0 {
        text.push_str(&format!(
            " The total of tokens of {tokens_disagree} answers is not the sum of its parts; what is beyond them counts as \
             written."
        ));
    }
    text
}

/// What a reader of the verdict should know of a candidate that was asked.
pub(crate) fn note(summary: &Summary) -> String {
    let mut text = format!("{} was asked about {} of {} items", summary.name, summary.done, summary.items);
    if summary.input_tokens + summary.output_tokens > 0 {
        text.push_str(&format!(": {} tokens read, {} written", summary.input_tokens, summary.output_tokens));
    }
    if let Some(cost) = summary.cost_usd {
        text.push_str(&format!(", ${cost:.6} as metered"));
    }
    if !summary.errors.is_empty() {
        let kinds: Vec<String> =
            summary.errors.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        text.push_str(&format!(", errors: {}", kinds.join(", ")));
    }
    text.push('.');
    text.push_str(&remarks(summary));
    // llama-cpp-python counts the tokens of whole answers only.
    if summary.input_tokens + summary.output_tokens == 0 && summary.first_token_ms.is_some() {
        text.push_str(
            " Its server sent no token counts with streamed answers, so that its cost is unknown; leave `stream` out \
             to have it metered.",
        );
    }
    if let Ended::Beaten { why, saved_items, saved_usd } = &summary.ended {
        let saved = saved_usd.map(|usd| format!(" and about ${usd:.4}")).unwrap_or_default();
        text.push_str(&format!(
            " It was stopped early, being beaten ({why}), which saved {saved_items} items{saved}; its quality is that of \
             the items up to then, and a little too low, because it was stopped when it looked worst."
        ));
    }
    text
}
