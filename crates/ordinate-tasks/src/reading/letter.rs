//! The letter (or number) of an option.

use ordinate_core::{Choice, Output};

use super::fold::{Folded, is_han};
use super::label::{Labels, Mention, after_markers};
use super::{Extracted, Unreadable, Wrote, negated};

/// The key of the one option that a text names, by its letter or by what it says. Of a text that was cut only a letter that it gives
/// as its answer counts.
///
/// # Errors
/// [`Unreadable`] where it names none or several.
pub fn read(options: &[Choice], reply: Wrote<'_>) -> Result<Extracted, Unreadable> {
    let text = reply.text;
    let keys: Vec<String> = options.iter().map(|choice| choice.key.clone()).collect();
    let texts: Vec<String> = options.iter().map(|choice| choice.text.clone()).collect();
    let (keys, texts) = (Labels::new(&keys), Labels::new(&texts));
    if let Some(which) = keys.exact(text).filter(|which| !reply.cut || !keys.begins_another(*which)) {
        let start = text.find(&options[which].key).unwrap_or(0);
        let end = start + options[which].key.len();
        let span = if text.get(start..end).is_some() { start..end } else { 0..text.len() };
        return Ok(Extracted { output: Output::Label(options[which].key.clone()), span });
    }
    let reader = Letters { keys: &keys, folded: Folded::new(text), text };
    if let Some(found) = reader.marked()? {
        return Ok(keys.found(&reader.folded, &found));
    }
    if let Some(found) = reader.leading()? {
        return Ok(keys.found(&reader.folded, &found));
    }
    if reply.cut {
        return Err(Unreadable::cut());
    }
    if let Some(found) = reader.mentioned()? {
        return Ok(keys.found(&reader.folded, &found));
    }
    // No letter: the option itself may be written out.
    let by_text = |found: Extracted| {
        let Output::Label(text) = &found.output else { return None };
        let option = options.iter().find(|option| option.text == *text)?;
        Some(Extracted { output: Output::Label(option.key.clone()), span: found.span })
    };
    let found = texts
        .read(reply)
        .map_err(|unreadable| if unreadable.0.contains("several") { unreadable } else { none() })?;
    by_text(found).ok_or_else(none)
}

fn none() -> Unreadable {
    Unreadable("the reply names no option".into())
}

struct Letters<'a> {
    keys: &'a Labels,
    folded: Folded,
    text: &'a str,
}

impl Letters<'_> {
    /// "The answer is (B)", "答案是B", "故选B", `\boxed{B}`.
    fn marked(&self) -> Result<Option<Mention>, Unreadable> {
        for at in after_markers(&self.folded).into_iter().rev() {
            let Some(found) = self.keys.at(&self.folded, at) else { continue };
            // "answer: a dog": an article, unless nothing of a sentence follows.
            if self.is_lower(&found) && self.is_followed_by_word(&found) {
                continue;
            }
            // "不选C", "I do not choose C".
            if negated(&self.folded, found.at.start, |_| false) {
                continue;
            }
            self.alone(&found)?;
            return Ok(Some(found));
        }
        Ok(None)
    }

    /// "B. because ...", "(B) because", "B because".
    fn leading(&self) -> Result<Option<Mention>, Unreadable> {
        let chars = self.folded.chars();
        let at = chars.iter().take_while(|c| " \n\r\"'*([`#【".contains(**c)).count();
        if at >= chars.len() {
            return Ok(None);
        }
        let Some(found) = self.keys.at(&self.folded, at) else { return Ok(None) };
        let after = chars.get(found.at.end).copied();
        let closes =
            matches!(after, Some('.' | ')' | ']' | ':' | ',' | '、' | '。' | '\n' | '*' | '"' | '】'));
        let rest: String = chars[found.at.end..].iter().take(12).collect();
        let reasons = ["because", "since", "is ", "as ", "seems", "would", "因为", "是"];
        let reasoned = reasons.iter().any(|word| rest.trim_start().starts_with(word));
        // "A patient with fever" and "I think" begin with words, not with letters.
        let word = matches!(chars[found.at.start], 'a' | 'i') && found.at.len() == 1;
        if !closes && !reasoned && (word || self.is_lower(&found)) {
            return Ok(None);
        }
        if closes && self.is_lower(&found) && word && after != Some(')') && after != Some('.') {
            return Ok(None);
        }
        self.alone(&found)?;
        Ok(Some(found))
    }

    /// One letter, in capitals, anywhere: "so I choose (B)".
    fn mentioned(&self) -> Result<Option<Mention>, Unreadable> {
        let mut first: Option<Mention> = None;
        let mut at = 0;
        while at < self.folded.len() {
            let Some(found) = self.keys.at(&self.folded, at) else {
                at += 1;
                continue;
            };
            at = found.at.end;
            let bracketed = found.at.start > 0
                && self.folded.chars()[found.at.start - 1] == '('
                && self.folded.chars().get(found.at.end) == Some(&')');
            // "A patient", but not "A or B".
            let article = matches!(self.folded.chars()[found.at.start], 'a' | 'i')
                && self.is_followed_by_word(&found)
                && self.keys.next_in_list(&self.folded, found.at.end).is_none();
            let is_no_letter = !bracketed && (self.is_lower(&found) || article);
            if is_no_letter || negated(&self.folded, found.at.start, |_| false) {
                continue;
            }
            match &first {
                Some(first) if first.which != found.which => {
                    return Err(self.keys.several(first.which, found.which));
                }
                Some(_) => {}
                None => first = Some(found),
            }
        }
        Ok(first)
    }

    /// Not "A and B".
    fn alone(&self, found: &Mention) -> Result<(), Unreadable> {
        match self.keys.next_in_list(&self.folded, found.at.end) {
            Some(other) if other.which != found.which && !self.is_lower(&other) => {
                Err(self.keys.several(found.which, other.which))
            }
            _ => Ok(()),
        }
    }

    fn is_lower(&self, found: &Mention) -> bool {
        let written = &self.text[self.folded.byte(found.at.start)..self.folded.byte(found.at.end)];
        written.chars().any(char::is_lowercase)
    }

    fn is_followed_by_word(&self, found: &Mention) -> bool {
        let after = &self.folded.chars()[found.at.end..];
        matches!(after, [' ', next, ..] if next.is_alphabetic() && !is_han(*next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(text: &str) -> Option<String> {
        let options = Choice::lettered(["Aspirin", "Heparin", "Warfarin", "Insulin", "None of these"]);
        read(&options, Wrote { text, cut: false }).ok().map(|found| found.output.to_string())
    }

    #[test]
    fn letters_in_prose() {
        for (text, key) in [
            ("B", Some("B")),
            ("b", Some("B")),
            ("(B)", Some("B")),
            ("**B**", Some("B")),
            ("B.", Some("B")),
            ("The answer is (B).", Some("B")),
            ("The correct answer is B because heparin acts fast", Some("B")),
            ("B. because", Some("B")),
            ("B because of its speed", Some("B")),
            ("B) Heparin", Some("B")),
            ("A is correct.", Some("A")),
            ("A patient with fever needs C", Some("C")),
            ("I think it must be D", Some("D")),
            ("Answer: a", Some("A")),
            ("Answer: a patient should get (C)", Some("C")),
            ("Option C", Some("C")),
            ("$\\boxed{C}$", Some("C")),
            ("$\\boxed{\\text{C}}$", Some("C")),
            ("Not A. The answer is B.", Some("B")),
            ("The answer is not B.", None),
            ("It is not A, so it is C", Some("C")),
            ("A or B", None),
            ("Answer: A and B", None),
            ("Both A and C are right", None),
            ("Heparin", Some("B")),
            ("I would give heparin.", Some("B")),
            ("Heparin and insulin", None),
            ("E", Some("E")),
            ("F", None),
            ("I do not know", None),
            ("", None),
        ] {
            assert_eq!(letter(text).as_deref(), key, "{text}");
        }
    }

    #[test]
    fn letters_in_chinese() {
        for (text, key) in [
            ("答案是B", Some("B")),
            ("答案：Ｂ", Some("B")),
            ("正确答案为 C。", Some("C")),
            ("故选D", Some("D")),
            ("选择A，因为起效快", Some("A")),
            ("B、肝素", Some("B")),
            ("【B】", Some("B")),
            ("不是A，应该选B", Some("B")),
            ("答案是A和B", None),
            ("不选C", None),
        ] {
            assert_eq!(letter(text).as_deref(), key, "{text}");
        }
    }

    #[test]
    fn numbered_options() {
        let options: Vec<Choice> =
            (1..=12).map(|n| Choice { key: n.to_string(), text: format!("text {n}") }).collect();
        let value = |text: &str| {
            read(&options, Wrote { text, cut: false }).ok().map(|found| found.output.to_string())
        };
        assert_eq!(value("12").as_deref(), Some("12"));
        assert_eq!(value("The answer is 1.").as_deref(), Some("1"));
        assert_eq!(value("11) text 11").as_deref(), Some("11"));
    }
}
