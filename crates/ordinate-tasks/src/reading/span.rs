//! A passage of the context.

use ordinate_core::Output;

use super::fold::Folded;
use super::{Extracted, Unreadable, Wrote};

const PREFIXES: [&str; 6] = ["answer:", "the answer is:", "the answer is", "答案:", "答案是:", "答案是"];

/// The reply without its wrapping, as the context writes it where the context has it. A passage that is not in
/// the context is kept: how wrong it is, the metric says.
///
/// # Errors
/// [`Unreadable`] where the reply was cut.
pub fn read(context: Option<&str>, reply: Wrote<'_>) -> Result<Extracted, Unreadable> {
    if reply.cut {
        return Err(Unreadable::cut());
    }
    let text = reply.text;
    let whole = unwrap(text, 0..text.len());
    let found = context.and_then(|context| {
        let context = Folded::new(context);
        // The passage may stand in quotes inside a sentence.
        [whole.clone(), quoted(text).unwrap_or_default()]
            .into_iter()
            .find(|span| !span.is_empty() && contains(&context, &text[span.clone()]))
    });
    let span = found.unwrap_or(whole);
    Ok(Extracted { output: Output::Text(text[span.clone()].to_owned()), span })
}

fn contains(context: &Folded, passage: &str) -> bool {
    let passage = Folded::new(passage);
    !passage.chars().is_empty()
        && context.chars().windows(passage.len()).any(|window| window == passage.chars())
}

/// Without white space, a leading "Answer:", quotes around it, and a full stop behind it.
fn unwrap(text: &str, mut span: std::ops::Range<usize>) -> std::ops::Range<usize> {
    loop {
        let before = span.clone();
        let inner = &text[span.clone()];
        span.start += inner.len() - inner.trim_start().len();
        span.end = span.start + text[span.clone()].trim_end().len();
        let folded = Folded::new(&text[span.clone()]);
        if let Some(prefix) = PREFIXES.iter().find(|prefix| folded.starts_with(prefix, 0)) {
            span.start += folded.byte(prefix.chars().count());
            continue;
        }
        let inner = &text[span.clone()];
        for (open, close) in [('"', '"'), ('“', '”'), ('\'', '\''), ('`', '`'), ('「', '」'), ('*', '*')]
        {
            if inner.len() >= open.len_utf8() + close.len_utf8()
                && inner.starts_with(open)
                && inner.ends_with(close)
            {
                span = span.start + open.len_utf8()..span.end - close.len_utf8();
                break;
            }
        }
        let inner = &text[span.clone()];
        if let Some(rest) = inner.strip_suffix(['.', '。'])
            && !rest.contains(['.', '。'])
        {
            span.end = span.start + rest.len();
        }
        if span == before {
            return span;
        }
    }
}

/// The first passage in double quotes.
fn quoted(text: &str) -> Option<std::ops::Range<usize>> {
    let open = text.find(['"', '“'])?;
    let start = open + text[open..].chars().next()?.len_utf8();
    let end = start + text[start..].find(['"', '”'])?;
    Some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        let context = Some("The Panthers beat the St. Louis Rams in 1995. 黑豹队赢了。");
        for (text, span) in [
            ("the Panthers", "the Panthers"),
            ("Answer: \"The Panthers\".", "The Panthers"),
            ("The answer is \"the St. Louis Rams\", I think.", "the St. Louis Rams"),
            ("1995.", "1995"),
            ("答案是：“黑豹队”。", "黑豹队"),
            ("the Lions", "the Lions"),
            ("", ""),
            ("\"", "\""),
        ] {
            assert_eq!(
                read(context, Wrote { text, cut: false }).unwrap().output,
                Output::Text(span.into()),
                "{text}"
            );
        }
    }
}
