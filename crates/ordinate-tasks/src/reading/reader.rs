//! Reads the replies of one task.

use std::ops::Range;

use ordinate_core::{Item, OutputKind};

use super::{Extracted, Labels, Unreadable, Wrote, thoughts};
use crate::kind::Kind;

/// Reads replies of one task.
#[derive(Debug, Clone)]
pub struct Reader {
    kind: &'static dyn Kind,
    labels: Labels,
}

impl Reader {
    /// A reader for a task of this kind with this list of labels (empty where the kind has none).
    #[must_use]
    pub fn new(kind: &'static dyn Kind, labels: &[String]) -> Self {
        Self { kind, labels: Labels::new(labels) }
    }

    /// Whether answers are long texts, of which a confidence is computed per token.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.kind.is_long()
    }

    /// Whether items are images.
    #[must_use]
    pub fn sees(&self) -> bool {
        self.kind.takes_images()
    }

    /// Reads the answer to `item` out of a whole reply.
    ///
    /// # Errors
    /// [`Unreadable`] with the reason.
    pub fn read(&self, item: &Item, reply: &str) -> Result<Extracted, Unreadable> {
        self.read_wrote(item, Wrote { text: reply, cut: false })
    }

    /// Reads the answer to `item` out of a reply that was perhaps cut.
    ///
    /// # Errors
    /// [`Unreadable`] with the reason.
    pub fn read_wrote(&self, item: &Item, reply: Wrote<'_>) -> Result<Extracted, Unreadable> {
        let Range { start, end } = thoughts::answer(reply.text)?;
        // A text may be about tools; a label, a letter or a number that stands in a call is no answer.
        if self.kind.output() != Some(OutputKind::Text) && thoughts::calls_a_tool(&reply.text[start..]) {
            return Err(Unreadable("the model called a tool in place of an answer".into()));
        }
        // What has an end of its own was not cut before it.
        let cut = reply.cut && end == reply.text.len();
        let found = self.kind.read(item, &self.labels, Wrote { text: &reply.text[start..end], cut })?;
        let place = |at: usize| (at + start).min(reply.text.len());
        Ok(Extracted { span: place(found.span.start)..place(found.span.end), ..found })
    }
}

#[cfg(test)]
mod tests {
    use ordinate_core::Choice;
    use proptest::prelude::*;

    use super::*;
    use crate::kind::Kinds;
    use crate::kinds::{Choose, Classify, Extract, Forecast, Generate, Regress, Tag, Translate};

    fn kinds() -> impl Strategy<Value = &'static dyn Kind> {
        prop::sample::select(Kinds::builtin().iter().collect::<Vec<_>>())
    }

    fn item() -> Item {
        Item {
            context: Some("The cat sat. 猫坐下了。".into()),
            options: Choice::lettered(["red", "blue", "绿色"]),
            ..Item::default()
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic_and_spans_are_of_the_reply(
            kind in kinds(),
            cut in any::<bool>(),
            text in "(?s).{0,60}|[AB(){}\\[\\]\", :.答案是不upno<think>/\\-0-9万１]{0,40}",
        ) {
            let labels = ["up", "down", "no", "上涨"].map(String::from);
            if let Ok(found) = Reader::new(kind, &labels).read_wrote(&item(), Wrote { text: &text, cut }) {
                prop_assert!(text.get(found.span.clone()).is_some(), "{:?} of {text:?}", found.span);
                if let Some(output) = kind.output() {
                    prop_assert_eq!(found.output.kind(), output);
                    prop_assert_eq!(output.read(&found.output.to_string()), Some(found.output));
                }
            }
        }

        #[test]
        fn a_label_alone_is_always_read(at in 0..4_usize, open in "[\"'*(\\[ ]{0,3}", close in "[\"'*.)\\] ]{0,3}") {
            let labels = ["up", "card_arrival", "Sci/Tech", "上涨"].map(String::from);
            let reader = Reader::new(&Classify, &labels);
            let reply = format!("{open}{}{close}", labels[at]);
            let found = reader.read(&item(), &reply);
            prop_assert_eq!(found.map(|f| f.output.to_string()), Ok(labels[at].clone()), "{}", reply);
        }
    }

    #[test]
    fn a_cut_reply_has_an_answer_only_where_it_is_final() {
        let labels = ["up", "down", "very down", "upper"].map(String::from);
        let read = |kind: &'static dyn Kind, text: &str| {
            let found = Reader::new(kind, &labels).read_wrote(&item(), Wrote { text, cut: true });
            found.map(|found| found.output.to_string()).ok()
        };
        for (text, label) in [
            ("Well, it could be down, but on reflection the", None),
            ("down", Some("down")),
            // The end of "upper" may be missing.
            ("up", None),
            ("Answer: down. I say so because", Some("down")),
            ("Answer: up", None),
            ("down, because", Some("down")),
            (r#"{"answer": "up"} I chose that"#, Some("up")),
            (r#"{"answer": "up"#, None),
            ("<think>so</think>It says down and so", None),
        ] {
            assert_eq!(read(&Classify, text).as_deref(), label, "{text}");
        }
        for (text, key) in [
            ("The patient has a fever, so B comes to mind, and", None),
            ("B. The red one is", Some("B")),
            ("The answer is (C), since", Some("C")),
            ("C", Some("C")),
        ] {
            assert_eq!(read(&Choose, text).as_deref(), key, "{text}");
        }
        for (text, number) in
            [("12", None), ("Answer: 12", None), ("Answer: 12, as", Some("12")), ("In 1995 the", None)]
        {
            assert_eq!(read(&Regress, text).as_deref(), number, "{text}");
        }
        assert_eq!(read(&Tag, r#"["up"] are"#).as_deref(), Some(r#"["up"]"#));
        assert_eq!(read(&Tag, "up, down and"), None);
        assert_eq!(read(&Forecast, "[1, 2] is"), Some("[1.0,2.0]".into()));
        assert_eq!(read(&Forecast, "1, 2"), None);
        for kind in [&Generate as &'static dyn Kind, &Translate, &Extract] {
            assert_eq!(read(kind, "The cat"), None, "{}", kind.name());
        }
    }

    #[test]
    fn json_and_thoughts() {
        let reader = Reader::new(&Classify, &["up", "down"].map(String::from));
        let read = |text: &str| {
            reader.read(&item(), text).map(|found| (found.output.to_string(), text[found.span].to_owned()))
        };
        let up = Ok(("up".to_owned(), "up".to_owned()));
        assert_eq!(read(r#"{"answer": "up"}"#), up);
        assert_eq!(read("```json\n{\"label\": \"up\"}\n```"), up);
        assert_eq!(read("<think>down? no, not down</think>\nup"), up);
        assert!(read("<think>it is up, and").is_err());
        let texts = Reader::new(&Translate, &[]);
        let read = |text: &str| {
            texts.read(&item(), text).map(|found| (found.output.to_string(), text[found.span].to_owned()))
        };
        let whole = Ok((r#"{"answer": 1}"#.to_owned(), r#"{"answer": 1}"#.to_owned()));
        assert_eq!(read("<think>so</think>\n {\"answer\": 1}\n"), whole);
        let tags = Reader::new(&Tag, &["a", "b", "c"].map(String::from));
        let read = |text: &str| tags.read(&item(), text).map(|found| found.output.to_string());
        assert_eq!(read(r#"["c", "A"]"#), Ok(r#"["a","c"]"#.into()));
        assert_eq!(read(r#"{"answer": ["b"]}"#), Ok(r#"["b"]"#.into()));
        assert_eq!(read("[]"), Ok("[]".into()));
        assert_eq!(read("b, c"), Ok(r#"["b","c"]"#.into()));
        assert!(read(r#"["d"]"#).is_err());
    }
}
