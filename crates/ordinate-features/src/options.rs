//! The options of a choice question, where a text shows some.

/// Stem and options of a question.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Question<'a> {
    /// What comes before the first option; the whole text where there are no options.
    pub(crate) stem: &'a str,
    /// The text of each option, without its letter.
    pub(crate) options: Vec<&'a str>,
}

impl<'a> Question<'a> {
    /// Finds options marked `A`, `B`, `C`, ... in order, each at the start of a line or sentence and followed
    /// by a stop, colon or bracket. One alone is no question. An option ends where the next begins, the last
    /// at the end of its line.
    pub(crate) fn find(text: &'a str) -> Self {
        let mut marks: Vec<(usize, usize)> = Vec::new();
        let mut expected = b'A';
        let mut may_start = true;
        let mut characters = text.char_indices().peekable();
        while let Some((at, c)) = characters.next() {
            if may_start
                && u32::from(c) == u32::from(expected)
                && let Some(&(mark, after)) = characters.peek()
                && matches!(after, '.' | ':' | ')' | '：' | '．' | '、' | '）')
            {
                marks.push((at, mark + after.len_utf8()));
                if expected == b'Z' {
                    break;
                }
                expected += 1;
            }
            may_start = matches!(c, '\n' | ';' | '；' | '。' | '?' | '？' | '(' | '（')
                || (may_start && c.is_whitespace());
        }
        if marks.len() < 2 {
            return Self { stem: text, options: Vec::new() };
        }
        let ends = marks.iter().skip(1).map(|(start, _)| *start).chain(std::iter::once(text.len()));
        let mut options: Vec<&str> =
            marks.iter().zip(ends).map(|((_, start), end)| text[*start..end].trim()).collect();
        if let Some(last) = options.last_mut() {
            *last = last.lines().next().unwrap_or_default().trim();
        }
        Self { stem: text[..marks[0].0].trim_end(), options }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_options_in_lines_and_sentences() {
        let lines = Question::find("What is 2 + 2?\nA. 3\nB. 4\nC. A. Smith\nD. 5\nAnswer:");
        assert_eq!(lines, Question { stem: "What is 2 + 2?", options: vec!["3", "4", "A. Smith", "5"] });
        let chinese = Question::find("根据刑法，下列正确的是？A：甲;B：乙；C：丙;D：丁\n");
        assert_eq!(chinese.options, ["甲;", "乙；", "丙;", "丁"]);
        assert_eq!(chinese.stem, "根据刑法，下列正确的是？");
    }

    #[test]
    fn prose_has_no_options() {
        for text in ["", "A. Smith wrote it. So did B. Jones", "Plan A: go. Plan B: stay", "B. x\nA. y"] {
            assert_eq!(Question::find(text), Question { stem: text, options: Vec::new() });
        }
    }
}
