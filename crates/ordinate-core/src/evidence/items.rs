//! The items of evidence.

use crate::column::{Codes, Names, Texts};
use crate::evidence::Row;
use crate::features::Features;
use crate::item::{Choice, Input, Item};
use crate::notes::Notebook;
use crate::policy::Query;

/// What an item is for, where the task names both train and test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Policies are learned on it.
    Train,
    /// Policies are scored on it.
    Test,
}

/// The items, one a row: id, slice, group, and input, context, options and target where they are known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Items {
    pub(crate) ids: Names,
    pub(crate) slices: Codes,
    pub(crate) groups: Codes,
    pub(crate) inputs: Texts,
    pub(crate) targets: Texts,
    pub(crate) contexts: Texts,
    /// Empty where no item has options.
    pub(crate) options: Vec<Vec<Choice>>,
    pub(crate) parts: Vec<Option<Part>>,
    pub(crate) notes: Notebook,
    features: Features,
}

impl Items {
    /// The number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The id of `row`, unique within the evidence.
    #[must_use]
    pub fn id(&self, row: Row) -> &str {
        u32::try_from(row).map(|code| self.ids.text(code)).unwrap_or_default()
    }

    /// The row with this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Row> {
        self.ids.find(id).map(|code| code as usize)
    }

    /// The slice of each item; no names when the task has none.
    #[must_use]
    pub fn slices(&self) -> &Codes {
        &self.slices
    }

    /// The group of each item: items of one group are not independent. No names when the task has none.
    #[must_use]
    pub fn groups(&self) -> &Codes {
        &self.groups
    }

    /// Whether items have slices.
    #[must_use]
    pub fn has_slices(&self) -> bool {
        !self.slices.names().is_empty()
    }

    /// Whether items are clustered.
    #[must_use]
    pub fn has_groups(&self) -> bool {
        !self.groups.names().is_empty()
    }

    /// Whether any item has an input text.
    #[must_use]
    pub fn has_inputs(&self) -> bool {
        !self.inputs.is_empty()
    }

    /// The input of `row`, if it is known.
    #[must_use]
    pub fn input(&self, row: Row) -> Option<&str> {
        self.inputs.get(row)
    }

    /// The target of `row`, if it is known.
    #[must_use]
    pub fn target(&self, row: Row) -> Option<&str> {
        self.targets.get(row)
    }

    /// The passage that the question of `row` is about, if it was read.
    #[must_use]
    pub fn context(&self, row: Row) -> Option<&str> {
        self.contexts.get(row)
    }

    /// The options of `row`, if they were read.
    #[must_use]
    pub fn options(&self, row: Row) -> &[Choice] {
        self.options.get(row).map_or(&[], Vec::as_slice)
    }

    /// The item of `row`, with all that was read of it: its own target too.
    #[must_use]
    pub fn item(&self, row: Row) -> Item {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Item {
            id: self.id(row).to_owned(),
            input: Input {
                text: self.input(row).unwrap_or_default().to_owned(),
                fields: self.features.fields(row),
            },
            context: owned(self.context(row)),
            options: self.options(row).to_vec(),
            target: owned(self.target(row)),
            slice: owned(self.slices.get(row)),
            group: owned(self.groups.get(row)),
        }
    }

    /// Whether `row` is for learning or for scoring, where the task says so.
    #[must_use]
    pub fn part(&self, row: Row) -> Option<Part> {
        self.parts.get(row).copied().flatten()
    }

    /// Whether the task names both train and test items.
    #[must_use]
    pub fn has_parts(&self) -> bool {
        self.parts.contains(&Some(Part::Train)) && self.parts.contains(&Some(Part::Test))
    }

    /// The fields that models for tables read: none, unless [`Self::with_features`] gave them.
    #[must_use]
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// The same items with the fields that models for tables read, one row an item.
    #[must_use]
    pub fn with_features(self, features: Features) -> Self {
        Self { features, ..self }
    }

    /// What a policy may know of `row` before anything is asked: never its target.
    #[must_use]
    pub fn query(&self, row: Row) -> Query<'_> {
        let input = self.input(row);
        let notes = input.and_then(|_| self.notes.of(row, self.len(), self.inputs.bytes()));
        Query { input, slice: self.slices.get(row), notes }
    }
}
