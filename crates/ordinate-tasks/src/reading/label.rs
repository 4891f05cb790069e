//! A label of a fixed list.

use std::ops::Range;

use ordinate_core::Output;
use serde_json::Value;

use super::fold::Folded;
use super::{Extracted, Unreadable, Wrote, negated};

/// Labels, or other fixed answers, in comparable form.
#[derive(Debug, Clone)]
pub struct Labels {
    shown: Vec<String>,
    folded: Vec<Vec<char>>,
}

/// Words after which the answer stands.
pub(super) const MARKERS: [&str; 14] = [
    "answer",
    "label",
    "category",
    "class",
    "classification",
    "sentiment",
    "choice",
    "option",
    "boxed{",
    "答案",
    "标签",
    "类别",
    "分类",
    "选",
];
/// What may stand between such a word and the answer.
const BETWEEN: [&str; 26] = [
    " ",
    "\n",
    ":",
    "=",
    "\"",
    "'",
    "*",
    "(",
    "[",
    "{",
    "`",
    "【",
    "《",
    "is ",
    "is:",
    "should be ",
    "the ",
    "option ",
    "text{",
    "\\",
    "是",
    "为",
    "应",
    "该",
    "选项",
    "择",
];
/// What may stand around an answer that stands alone.
const AROUND: [char; 27] = [
    ' ', '\n', '\r', '"', '\'', '`', '*', '(', ')', '[', ']', '{', '}', '.', ',', ';', ':', '!', '。', '《',
    '》', '【', '】', '#', '>', '<', '$',
];

/// A mention of the name `which` at the characters `at`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mention {
    pub(super) which: usize,
    pub(super) at: Range<usize>,
}

impl Labels {
    /// This list.
    #[must_use]
    pub fn new(names: &[String]) -> Self {
        let folded = names.iter().map(|name| Folded::new(name.trim()).chars().to_vec()).collect();
        Self { shown: names.to_vec(), folded }
    }

    /// The name that `text` is, but for case, separators and what stands around it.
    pub(super) fn exact(&self, text: &str) -> Option<usize> {
        let as_written = text.trim();
        if let Some(at) = self.shown.iter().position(|name| name.trim() == as_written) {
            return Some(at);
        }
        let folded = Folded::new(as_written);
        let own = self.only(|name| name == folded.chars());
        own.or_else(|| {
            let trim = strip(folded.chars());
            self.only(|name| !trim.is_empty() && (name == trim || strip(name) == trim))
        })
    }

    /// The one name for which `holds`; none where two names fold alike.
    fn only(&self, holds: impl Fn(&[char]) -> bool) -> Option<usize> {
        let mut which = (0..self.folded.len()).filter(|&at| holds(&self.folded[at]));
        let first = which.next()?;
        which.next().is_none().then_some(first)
    }

    /// The one label that a text asserts. Of a text that was cut only a label that it gives as its answer counts, and none
    /// that may be the beginning of a longer one.
    ///
    /// # Errors
    /// [`Unreadable`] where it names none, several, or one only to deny it.
    pub fn read(&self, reply: Wrote<'_>) -> Result<Extracted, Unreadable> {
        let text = reply.text;
        if let Some(which) = self.exact(text) {
            if reply.cut && self.begins_another(which) {
                return Err(Unreadable::cut());
            }
            let start = text.find(self.shown[which].trim()).unwrap_or(0);
            let end = (start + self.shown[which].trim().len()).min(text.len());
            let span = if text.get(start..end).is_some() { start..end } else { 0..text.len() };
            return Ok(Extracted { output: Output::Label(self.shown[which].clone()), span });
        }
        let folded = Folded::new(text);
        let is_sure =
            |found: &Mention| !reply.cut || found.at.end < folded.len() || !self.begins_another(found.which);
        if let Some(found) = self.marked(&folded)?.filter(is_sure) {
            return Ok(self.found(&folded, &found));
        }
        if reply.cut {
            let found = self.leading(&folded).filter(is_sure).ok_or_else(Unreadable::cut)?;
            return Ok(self.found(&folded, &found));
        }
        let mentions = self.mentions(&folded);
        let mut asserted = mentions.iter().filter(|mention| !self.is_negated(&folded, mention.at.start));
        let Some(first) = asserted.next() else {
            let reason = if mentions.is_empty() {
                "the reply names no label of the task"
            } else {
                "the reply names a label only to deny it"
            };
            return Err(Unreadable(reason.into()));
        };
        match asserted.find(|other| other.which != first.which) {
            Some(other) => Err(self.several(first.which, other.which)),
            None => Ok(self.found(&folded, first)),
        }
    }

    /// Whether another name begins as this one does.
    pub(super) fn begins_another(&self, which: usize) -> bool {
        let name = &self.folded[which];
        (0..self.folded.len()).any(|other| other != which && self.folded[other].starts_with(name))
    }

    /// "down, because ...": a name at the very beginning, with something behind it that ends it.
    fn leading(&self, text: &Folded) -> Option<Mention> {
        let start = text.chars().iter().take_while(|c| AROUND.contains(c)).count();
        let found = if start < text.len() { self.at(text, start) } else { None }?;
        let closed = text.chars().get(found.at.end).is_some_and(|c| ".,;:!\n\"'*)]。，；：、".contains(*c));
        (closed && self.next_in_list(text, found.at.end).is_none()).then_some(found)
    }

    /// Every label that is asserted, for tasks where several may fit.
    ///
    /// # Errors
    /// [`Unreadable`] where there is none, or the text was cut.
    pub fn read_all(&self, reply: Wrote<'_>) -> Result<Extracted, Unreadable> {
        if reply.cut {
            return Err(Unreadable::cut());
        }
        let text = reply.text;
        let folded = Folded::new(text);
        let mentions = self.mentions(&folded);
        let asserted: Vec<&Mention> =
            mentions.iter().filter(|mention| !self.is_negated(&folded, mention.at.start)).collect();
        if asserted.is_empty() {
            return Err(Unreadable("the reply names no label of the task, and is no JSON array".into()));
        }
        let start = folded.byte(asserted[0].at.start);
        let end = folded.byte(asserted[asserted.len() - 1].at.end);
        Ok(self.list(asserted.iter().map(|mention| mention.which).collect(), start..end))
    }

    /// The labels of a JSON list that stands at `span`.
    ///
    /// # Errors
    /// [`Unreadable`] where one of them is no label of the list.
    pub fn listed(&self, values: &[Value], span: Range<usize>) -> Result<Extracted, Unreadable> {
        let label = |value: &Value| {
            let text = value.as_str().ok_or_else(|| Unreadable(format!("{value} is no label")))?;
            self.exact(text).ok_or_else(|| Unreadable(format!("{text:?} is no label of the task")))
        };
        Ok(self.list(values.iter().map(label).collect::<Result<_, _>>()?, span))
    }

    fn list(&self, which: Vec<usize>, span: Range<usize>) -> Extracted {
        let output = Output::labels(which.into_iter().map(|at| self.shown[at].clone()));
        Extracted { output, span }
    }

    fn is_negated(&self, text: &Folded, at: usize) -> bool {
        negated(text, at, |word| self.folded.iter().any(|name| name.iter().copied().eq(word.chars())))
    }

    /// The longest name that stands at `at`, if no other name folds alike.
    pub(super) fn at(&self, text: &Folded, at: usize) -> Option<Mention> {
        let fits = |name: &Vec<char>| !name.is_empty() && text.has(name, at);
        let longest = self.folded.iter().filter(|name| fits(name)).map(Vec::len).max()?;
        let which = self.only(|name| name.len() == longest && text.has(name, at))?;
        Some(Mention { which, at: at..at + longest })
    }

    /// Every mention, left to right, without overlap.
    fn mentions(&self, text: &Folded) -> Vec<Mention> {
        let mut mentions = Vec::new();
        let mut at = 0;
        while at < text.len() {
            match self.at(text, at) {
                Some(mention) => {
                    at = mention.at.end;
                    mentions.push(mention);
                }
                None => at += 1,
            }
        }
        mentions
    }

    /// The answer after the last marker that is followed by one ("the answer is ...").
    fn marked(&self, text: &Folded) -> Result<Option<Mention>, Unreadable> {
        for at in after_markers(text).into_iter().rev() {
            let Some(found) = self.at(text, at) else { continue };
            if let Some(other) = self.next_in_list(text, found.at.end)
                && other.which != found.which
            {
                return Err(self.several(found.which, other.which));
            }
            return Ok(Some(found));
        }
        Ok(None)
    }

    /// The name that follows as in "A and B", "A/B".
    pub(super) fn next_in_list(&self, text: &Folded, from: usize) -> Option<Mention> {
        let mut at = skip(text, from, &["\"", "'", "*", ")", "]", "】", " "]);
        let joiner = [",", "/", "&", "、", "and ", "or ", "和", "或", "+", "与"]
            .into_iter()
            .find(|joiner| text.starts_with(joiner, at))?;
        at += joiner.chars().count();
        let at = skip(text, at, &["\"", "'", "*", "(", "[", "【", " ", "and ", "or ", "者", "选项"]);
        (at < text.len()).then(|| self.at(text, at)).flatten()
    }

    pub(super) fn several(&self, a: usize, b: usize) -> Unreadable {
        Unreadable(format!("the reply names several answers ({:?} and {:?})", self.shown[a], self.shown[b]))
    }

    pub(super) fn found(&self, text: &Folded, mention: &Mention) -> Extracted {
        let span = text.byte(mention.at.start)..text.byte(mention.at.end);
        Extracted { output: Output::Label(self.shown[mention.which].clone()), span }
    }
}

/// Every place where an answer may stand after a marker, left to right.
pub(super) fn after_markers(text: &Folded) -> Vec<usize> {
    let mut places = Vec::new();
    for at in 0..text.len() {
        for marker in MARKERS.iter().filter(|marker| text.starts_with(marker, at)) {
            let end = at + marker.chars().count();
            let place = skip(text, end, &BETWEEN);
            // "class" in "classic" is no marker, and "选" may stand right before its answer.
            let bare = place == end && marker.is_ascii() && *marker != "boxed{";
            if !bare && place < text.len() {
                places.push(place);
            }
        }
    }
    places
}

fn skip(text: &Folded, mut at: usize, what: &[&str]) -> usize {
    while let Some(skipped) = what.iter().find(|skipped| text.starts_with(skipped, at)) {
        at += skipped.chars().count();
    }
    at
}

fn strip(mut chars: &[char]) -> &[char] {
    while let [first, rest @ ..] = chars
        && AROUND.contains(first)
    {
        chars = rest;
    }
    while let [rest @ .., last] = chars
        && AROUND.contains(last)
    {
        chars = rest;
    }
    chars
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(labels: &[&str], text: &str) -> Option<String> {
        let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
        Labels::new(&labels).read(Wrote { text, cut: false }).ok().map(|found| found.output.to_string())
    }

    #[test]
    fn labels_in_prose() {
        let labels = ["up", "down", "neutral", "none"];
        for (text, label) in [
            ("up", Some("up")),
            (" **Up**.\n", Some("up")),
            ("Label: up", Some("up")),
            ("The answer is \"down\".", Some("down")),
            ("The headline says that gold went down.", Some("down")),
            ("It is not up but down", Some("down")),
            ("It is down, not up.", Some("down")),
            ("not up", None),
            ("It isn't up", None),
            ("neither up nor down", None),
            ("up or down", None),
            ("up and then down", None),
            ("Answer: up or down", None),
            ("It could be up, but the answer is: down", Some("down")),
            ("Answer: up. Wait, on reflection, answer: down", Some("down")),
            ("rather than up, it is neutral", Some("neutral")),
            ("the upside is unclear", None),
            ("I cannot tell.", None),
            ("ＵＰ", Some("up")),
        ] {
            assert_eq!(read(&labels, text).as_deref(), label, "{text}");
        }
    }

    #[test]
    fn labels_in_chinese() {
        let labels = ["上涨", "下跌", "持平"];
        for (text, label) in [
            ("上涨。", Some("上涨")),
            ("答案是“下跌”", Some("下跌")),
            ("标签：持平", Some("持平")),
            ("不是上涨，而是下跌", Some("下跌")),
            ("这条新闻不属于上涨", None),
            ("上涨或下跌", None),
            ("金价今日上涨了", Some("上涨")),
        ] {
            assert_eq!(read(&labels, text).as_deref(), label, "{text}");
        }
    }

    #[test]
    fn labels_that_resemble_each_other() {
        assert_eq!(
            read(&["positive", "very positive"], "I say very positive").as_deref(),
            Some("very positive")
        );
        assert_eq!(read(&["card_arrival", "card_lost"], "Card arrival").as_deref(), Some("card_arrival"));
        assert_eq!(read(&["Other", "other"], "OTHER"), None, "two labels fold alike");
        assert_eq!(read(&["Other", "other"], "other").as_deref(), Some("other"));
        assert_eq!(read(&["yes", "no"], "No.").as_deref(), Some("no"));
        assert_eq!(read(&["yes", "no"], "No, it does not.").as_deref(), Some("no"));
        assert_eq!(read(&["C++", "C"], "C++").as_deref(), Some("C++"));
    }
}
