//! What a kind of task has to bring along, and the table of kinds.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;

use ordinate_core::{Choice, Item, OutputKind, nearest};
use serde_json::Value;

use crate::kinds;
use crate::metric::Metric;
use crate::reading::{Extracted, Labels, Unreadable, Wrote};

/// A kind of task: everything that is asked of it anywhere.
///
/// A new kind is one file with a type that has no state, and one line in [`Kinds::builtin`]; a caller's own kind joins by
/// [`Kinds::with`].
pub trait Kind: Send + Sync + Debug {
    /// The word in the task file, such as `classify`.
    fn name(&self) -> &'static str;

    /// What is asked of a candidate, in one sentence: for the schema of the task file and for documents.
    fn about(&self) -> &'static str;

    /// What its answers are; how several are merged follows from it ([`OutputKind::merge`]). `None` for a kind of which
    /// that is not known, because its answers were scored elsewhere.
    fn output(&self) -> Option<OutputKind>;

    /// Its metrics, the default first; none where this version cannot score its answers.
    fn metrics(&self) -> Vec<Arc<dyn Metric>>;

    /// The default prompt; `None` where text cannot ask.
    fn prompt(&self) -> Option<Template>;

    /// Reads the answer to `item` out of what a candidate wrote. `labels` are those of [`Self::labels`].
    ///
    /// # Errors
    /// [`Unreadable`] where nothing can be read for certain: a guess in favour of one candidate would be a score that it
    /// did not earn.
    fn read(&self, item: &Item, labels: &Labels, reply: Wrote<'_>) -> Result<Extracted, Unreadable>;

    /// The most tokens of an answer, where the task says nothing of it: enough without reasoning.
    fn max_tokens(&self) -> u32;

    /// Whether answers are long texts, of which a confidence is computed per token, and of which the whole reply is the
    /// answer: one that was cut is none.
    fn is_long(&self) -> bool {
        false
    }

    /// Whether the field reports figures of all outputs together that are no means over items: BLEU, chrF and TER of translations.
    fn reports_corpora(&self) -> bool {
        false
    }

    /// The fixed list that answers are taken from, as all `targets` (sorted, each once) name it; empty where there is none.
    fn labels(&self, _targets: Vec<String>) -> Vec<String> {
        Vec::new()
    }

    /// Whether answers are taken from the list of [`Self::labels`].
    fn has_labels(&self) -> bool {
        false
    }

    /// What an item must have beside an input, before it can be asked about by the default prompt.
    fn lacks(&self, _item: &Item) -> Option<Lacks> {
        None
    }

    /// Whether an item may be made of fields (`[data] features`) in place of a text.
    fn takes_fields(&self) -> bool {
        false
    }

    /// Whether an item is a series of numbers ([`ordinate_core::Series`]), and its target the values that came next.
    fn takes_series(&self) -> bool {
        false
    }

    /// Whether an item is an image ([`ordinate_core::image`]).
    fn takes_images(&self) -> bool {
        false
    }

    /// Whether an answer is a passage of the item's context, as it stands there.
    fn extracts(&self) -> bool {
        false
    }

    /// The target of an item with these options, as an answer would name it.
    fn target<'a>(&self, target: &'a str, _options: &'a [Choice]) -> Cow<'a, str> {
        Cow::Borrowed(target)
    }

    /// What an answer is one of, so that a model can say how probable each is; `None` where answers are written freely.
    fn choices<'a>(&self, _item: &'a Item, _labels: &'a [String]) -> Option<Vec<&'a str>> {
        None
    }

    /// The JSON schema of the field `answer` of a structured reply; `None` where the whole reply is the answer.
    fn schema(&self, _item: &Item, _labels: &[String]) -> Option<Value> {
        None
    }
}

/// The default prompt of a kind: minijinja templates over what `[prompt] template` may use, and `structured`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template {
    /// The system message; empty for none.
    pub system: &'static str,
    /// The user message.
    pub user: &'static str,
}

/// What an item lacks, and the key of `[data]` that names its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lacks {
    /// In words: "options to choose from".
    pub what: &'static str,
    /// The key, such as `options`.
    pub key: &'static str,
}

/// The kinds that tasks may have.
#[derive(Debug, Clone)]
pub struct Kinds(Vec<&'static dyn Kind>);

impl Default for Kinds {
    fn default() -> Self {
        Self::builtin()
    }
}

impl Kinds {
    /// The kinds of this crate, in the order in which they are listed: a line a kind.
    #[must_use]
    pub fn builtin() -> Self {
        Self(vec![
            &kinds::Classify,
            &kinds::Tag,
            &kinds::Choose,
            &kinds::Extract,
            &kinds::Generate,
            &kinds::Translate,
            &kinds::Forecast,
            &kinds::Regress,
            &kinds::ClassifyImage,
            &kinds::Scored,
        ])
    }

    /// These and a further one, which takes the place of one of the same name.
    #[must_use]
    pub fn with(mut self, kind: &'static dyn Kind) -> Self {
        self.0.retain(|known| known.name() != kind.name());
        self.0.push(kind);
        self
    }

    /// The kind of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'static dyn Kind> {
        self.0.iter().copied().find(|kind| kind.name() == name)
    }

    /// The name that `name` is probably meant to be.
    #[must_use]
    pub fn nearest(&self, name: &str) -> Option<&'static str> {
        let names: Vec<&'static str> = self.iter().map(Kind::name).collect();
        nearest(name, names.iter().copied()).and_then(|near| names.iter().copied().find(|name| *name == near))
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'static dyn Kind> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_whole() {
        for kind in Kinds::builtin().iter() {
            let scored = !kind.metrics().is_empty();
            assert!(!scored || kind.output().is_some(), "{}", kind.name());
            assert!(kind.about().ends_with('.'), "{}", kind.name());
            assert!(kind.max_tokens() >= 64);
            let mut names: Vec<&str> = kind.metrics().iter().map(|metric| metric.name()).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), kind.metrics().len(), "{}", kind.name());
            assert_eq!(Kinds::builtin().get(kind.name()).map(Kind::name), Some(kind.name()));
        }
        assert_eq!(Kinds::builtin().nearest("clasify"), Some("classify"));
    }

    #[test]
    fn a_kind_of_the_callers_takes_its_place() {
        let kinds = Kinds::builtin().with(&kinds::Classify);
        assert_eq!(kinds.iter().count(), Kinds::builtin().iter().count());
    }
}
