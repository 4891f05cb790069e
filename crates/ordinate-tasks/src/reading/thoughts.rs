//! Where the answer begins and ends in a reply with the reasoning of the model in it.

use std::ops::Range;

use super::{Unreadable, marks};

/// What stands around the answer of models that mark it too.
const OPENS: [&str; 3] = ["<|START_RESPONSE|>", "<|begin_of_solution|>", "[BEGIN FINAL RESPONSE]"];
const CLOSES: [&str; 7] = [
    "<|END_RESPONSE|>",
    "<|end_of_solution|>",
    "[END FINAL RESPONSE]",
    "<|return|>",
    "<|end|>",
    "<|call|>",
    "<|im_end|>",
];
/// Tags around the whole of an answer, as models write them that were trained to.
const TAGS: [&str; 5] = ["answer", "final_answer", "response", "final", "solution"];

/// Harmony (gpt-oss): messages in channels, of which the final one is the answer.
const CHANNEL: &str = "<|channel|>";
const FINAL: &str = "<|channel|>final";
const MESSAGE: &str = "<|message|>";
/// The same where a server has dropped the marks and left their words.
const BARE: (&str, &str) = ("analysis", "assistantfinal");

/// Replies that say in words where reasoning begins and the answer does: Granite, Apriel, s1.
const WORDS: [(&str, &[&str]); 3] = [
    ("Here is my thought process:", &["Here is my response:"]),
    ("Here are my reasoning steps:", &["[BEGIN FINAL RESPONSE]"]),
    ("<|im_start|>think", &["<|im_start|>answer", "<|im_start|>assistant"]),
];

/// How models write the call of a tool into the text, where the server does not take it out.
const CALLS: [&str; 10] = [
    "<tool_call>",
    "<tool_calls>",
    "<|tool_call",
    "<｜tool▁call",
    "[TOOL_CALLS]",
    "<|python_tag|>",
    "<function=",
    "<function_call>",
    "<function_calls>",
    "<minimax:tool_call>",
];

/// Whether a text calls a tool.
pub(super) fn calls_a_tool(text: &str) -> bool {
    CALLS.iter().any(|mark| text.contains(mark))
}

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
    Ok(untagged(reply, start..end))
}

/// Without a tag around the whole; of words that an answer may use itself only behind reasoning.
fn untagged(reply: &str, span: Range<usize>) -> Range<usize> {
    let body = &reply[span.clone()];
    let trimmed = body.trim_start();
    let found = TAGS.iter().find_map(|name| {
        let is_sure = span.start > 0 || name.ends_with("answer");
        let rest = trimmed.strip_prefix('<')?.strip_prefix(name)?.strip_prefix('>').filter(|_| is_sure)?;
        Some((rest, rest.find(&format!("</{name}>"))))
    });
    match found {
        Some((rest, end)) => {
            let start = span.end - rest.len();
            start..end.map_or(span.end, |at| start + at)
        }
        None => span,
    }
}

fn start(reply: &str) -> Result<usize, Unreadable> {
    let unfinished = || Unreadable("the reasoning was not finished; raise `max_tokens`".into());
    if reply.contains(CHANNEL) {
        let after = |at: usize| Some(at + reply[at..].find(MESSAGE)? + MESSAGE.len());
        return reply.rfind(FINAL).and_then(after).ok_or_else(unfinished);
    }
    let trimmed = reply.trim_start();
    if let Some(rest) = trimmed.strip_prefix(BARE.0) {
        if let Some(at) = reply.rfind(BARE.1) {
            return Ok(at + BARE.1.len());
        }
        // "analysisWe have to": a word of its own ends before the next one.
        if rest.starts_with(char::is_uppercase) {
            return Err(unfinished());
        }
    }
    if let Some((_, answers)) = WORDS.iter().find(|(begins, _)| trimmed.starts_with(begins)) {
        let after = |mark: &&str| Some(reply.rfind(*mark)? + mark.len());
        return answers.iter().filter_map(after).max().ok_or_else(unfinished);
    }
    marks::after_reasoning(reply).ok_or_else(unfinished)
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
            ("<Think>down</Think>up", Some("up")),
            ("<think kind=\"x\">down</think>up", Some("up")),
            ("<scratchpad>down</scratchpad>up", Some("up")),
            ("<analysis>down</analysis>\nup", Some("\nup")),
            ("<unused94>thought\ndown<unused95>up", Some("up")),
            ("<|channel>thought\ndown<channel|>up", Some("up")),
            ("<longcat_think>down</longcat_think>up", Some("up")),
            ("<|begin_of_thinking|>down<|end_of_thinking|>up", Some("up")),
            ("<details type=\"reasoning\">down</details>up", Some("up")),
            ("[REASONING]down[/REASONING]up", Some("up")),
            ("Here is my thought process: down.\nHere is my response: up", Some(" up")),
            (
                "Here are my reasoning steps:\ndown\n[BEGIN FINAL RESPONSE]\nup\n[END FINAL RESPONSE]",
                Some("\nup\n"),
            ),
            ("<|im_start|>think\ndown<|im_end|>\n<|im_start|>answer\nup<|im_end|>", Some("\nup")),
            ("<think>down</think>\n<answer>up</answer>", Some("up")),
            ("<answer>up</answer>", Some("up")),
            ("&lt;think&gt;down&lt;/think&gt;up", Some("up")),
            ("&lt;think&gt;it is up", None),
            ("a &lt; b &amp; c", Some("a &lt; b &amp; c")),
            // What is no reasoning stays.
            ("up <analysis>as it rose", Some("up <analysis>as it rose")),
            ("[think] of up", Some("[think] of up")),
            ("<details>more</details>up", Some("<details>more</details>up")),
            ("<response>up</response>", Some("<response>up</response>")),
            ("a < b, [x], 1 ◁ 2", Some("a < b, [x], 1 ◁ 2")),
            ("<Think>it is up", None),
            ("<analysis>it is up", None),
            ("<unused94>thought\nit is up", None),
            ("analysisWe see that it is up", None),
            ("Here is my thought process: up", None),
            ("<|im_start|>think\nit is up", None),
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
