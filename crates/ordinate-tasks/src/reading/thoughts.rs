//! Where the answer begins and ends in a reply with the reasoning of the model in it.

use std::ops::Range;

use super::Unreadable;

/// How models of today mark their reasoning, where the server leaves it in the text: before and after.
const MARKS: [(&str, &str); 9] = [
    // DeepSeek, Qwen, Nemotron, GLM and many others.
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    // Mistral.
    ("[THINK]", "[/THINK]"),
    // Kimi.
    ("◁think▷", "◁/think▷"),
    // Seed.
    ("<seed:think>", "</seed:think>"),
    // Cohere.
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
];

/// What stands around the answer of models that mark it too.
const OPENS: [&str; 2] = ["<|START_RESPONSE|>", "<|begin_of_solution|>"];
const CLOSES: [&str; 6] =
    ["<|END_RESPONSE|>", "<|end_of_solution|>", "<|return|>", "<|end|>", "<|call|>", "<|im_end|>"];

/// Harmony (gpt-oss): messages in channels, of which the final one is the answer.
const CHANNEL: &str = "<|channel|>";
const FINAL: &str = "<|channel|>final";
const MESSAGE: &str = "<|message|>";
/// The same where a server has dropped the marks and left their words.
const BARE: (&str, &str) = ("analysis", "assistantfinal");

/// The bytes of the answer.
///
/// # Errors
/// [`Unreadable`] where the reasoning has no end.
pub(super) fn answer(reply: &str) -> Result<Range<usize>, Unreadable> {
    let start = start(reply)?;
    let body = &reply[start..];
    let opened = OPENS.iter().filter_map(|mark| Some(body.find(mark)? + mark.len())).max().unwrap_or(0);
    let start = start + opened;
    let body = reply[start..].trim_end();
    let closes = |text: &str| CLOSES.iter().filter_map(|mark| text.find(mark)).min();
    let end = closes(body).map_or(reply.len(), |at| start + at);
    Ok(start..end)
}

fn start(reply: &str) -> Result<usize, Unreadable> {
    let unfinished = || Err(Unreadable("the reasoning was not finished; raise `max_tokens`".into()));
    if reply.contains(CHANNEL) {
        let after = |at: usize| Some(at + reply[at..].find(MESSAGE)? + MESSAGE.len());
        return reply.rfind(FINAL).and_then(after).map_or_else(unfinished, Ok);
    }
    if reply.starts_with(BARE.0)
        && let Some(at) = reply.rfind(BARE.1)
    {
        return Ok(at + BARE.1.len());
    }
    let ends = MARKS.iter().filter_map(|(_, close)| Some(reply.rfind(close)? + close.len()));
    let end = ends.max().unwrap_or(0);
    // What was opened after the last end goes on.
    if MARKS.iter().any(|(open, _)| reply[end..].contains(open)) {
        return unfinished();
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_of_many_models_is_left_out() {
        for (reply, left) in [
            ("up", Some("up")),
            ("<think>down? no</think>\nup", Some("\nup")),
            ("down? no</think>up", Some("up")),
            ("<thinking>down</thinking>up", Some("up")),
            ("[THINK]down[/THINK]up", Some("up")),
            ("◁think▷down◁/think▷up", Some("up")),
            ("<think>a</think>b<think>c</think>up", Some("up")),
            ("<|START_THINKING|>down<|END_THINKING|><|START_RESPONSE|>up<|END_RESPONSE|>", Some("up")),
            (
                "<|channel|>analysis<|message|>down?<|end|><|start|>assistant<|channel|>final<|message|>up<|return|>",
                Some("up"),
            ),
            ("<|channel|>final <|constrain|>JSON<|message|>{}", Some("{}")),
            ("analysisIt may be down.assistantfinalup", Some("up")),
            ("analysis of the market: up", Some("analysis of the market: up")),
            ("<think>it is up, and", None),
            ("[THINK]it is up", None),
            ("<think>a</think>b<think>it is up", None),
            ("<|channel|>analysis<|message|>it is up", None),
            ("<|channel|>analysis<|message|>up<|end|><|start|>assistant<|channel|>fin", None),
        ] {
            assert_eq!(answer(reply).ok().map(|span| &reply[span]), left, "{reply}");
        }
    }
}
