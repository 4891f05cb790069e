//! The marks around reasoning: tags of one of a few words, in the brackets that models put them in.

use std::ops::Range;

/// Words that mark reasoning wherever they stand: DeepSeek, Qwen, GLM, Mistral, Kimi, Seed, Cohere and many others.
const STRONG: [&str; 8] =
    ["think", "thinking", "thought", "thoughts", "reasoning", "scratchpad", "cot", "monologue"];
/// Words that may be of the answer as well: they mark reasoning where the reply begins with them.
const WEAK: [&str; 6] = ["analysis", "reflection", "reason", "rationale", "deliberation", "details"];
/// Pairs of marks that are no words: `MedGemma`, Gemma 4.
const SPECIAL: [(&str, &str); 2] = [("<unused94>", "<unused95>"), ("<|channel>thought", "<channel|>")];
/// The most bytes of a tag.
const MAX_TAG: usize = 80;

/// A tag that opens or closes reasoning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tag {
    word: &'static str,
    closes: bool,
    is_strong: bool,
}

/// Where the answer begins, after the last reasoning that ended; `None` where reasoning has no end.
pub(super) fn after_reasoning(reply: &str) -> Option<usize> {
    let (mut start, mut open) = (0, None::<Tag>);
    for (at, tag) in tags(reply) {
        if tag.closes {
            // Some templates write the first mark themselves, so that the reply has the last one alone.
            if tag.is_strong || open.is_some_and(|open| open.word == tag.word) {
                (start, open) = (at.end, None);
            }
        } else if open.is_none() && (tag.is_strong || reply[start..at.start].trim().is_empty()) {
            open = Some(tag);
        }
    }
    open.is_none().then_some(start)
}

fn tags(reply: &str) -> impl Iterator<Item = (Range<usize>, Tag)> + '_ {
    reply.match_indices(['<', '[', '◁', '&']).filter_map(|(at, bracket)| {
        let (length, tag) = special(&reply[at..]).or_else(|| worded(&reply[at..], bracket))?;
        Some((at..at + length, tag))
    })
}

fn special(text: &str) -> Option<(usize, Tag)> {
    SPECIAL.iter().find_map(|(open, close)| {
        let (mark, closes) =
            [(open, false), (close, true)].into_iter().find(|(m, _)| text.starts_with(**m))?;
        Some((mark.len(), Tag { word: open, closes, is_strong: true }))
    })
}

/// `<think>`, `</think>`, `<Think kind="x">`, `[THINK]`, `<|START_THINKING|>`, `<|end_of_thought|>`, `◁/think▷`, `<seed:think>`.
fn worded(text: &str, bracket: &str) -> Option<(usize, Tag)> {
    let (open, close) = match bracket {
        "<" => ("<", ">"),
        "[" => ("[", "]"),
        // As a page has it, which the reply came through.
        "&" => ("&lt;", "&gt;"),
        _ => ("◁", "▷"),
    };
    let text = text[..text.floor_char_boundary(MAX_TAG)].strip_prefix(open)?;
    let end = text.find(close)?;
    let inside = text.get(..end)?.trim().trim_matches('|');
    let (name, attributes) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
    // In square brackets lower case is a text's own: "[reasoning]".
    if bracket == "[" && (name.chars().any(char::is_lowercase) || !attributes.is_empty()) {
        return None;
    }
    let name = name.trim_matches(['|', '/']).to_lowercase();
    let ended = name.strip_prefix("end_of_").or_else(|| name.strip_prefix("end_"));
    let closes = inside.starts_with('/') || ended.is_some();
    let word = ended.unwrap_or(&name).rsplit(['_', ':', '-']).next()?;
    let known = |words: &[&'static str]| words.iter().copied().find(|known| *known == word);
    let strong = known(&STRONG);
    let word = strong.or_else(|| known(&WEAK).filter(|_| matches!(bracket, "<" | "&")))?;
    // Open WebUI folds reasoning away like this; other details are the answer's.
    if word == "details" && !closes && !attributes.contains("reasoning") {
        return None;
    }
    Some((open.len() + end + close.len(), Tag { word, closes, is_strong: strong.is_some() }))
}
