//! Where keys and values stand in a task file.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{DataError, Problem};
use crate::task::{Key, place, shown};

/// A task file as TOML with positions.
pub(super) struct Document<'s> {
    pub(super) path: &'s Path,
    pub(super) source: &'s str,
    pub(super) root: DeTable<'s>,
}

impl<'s> Document<'s> {
    pub(super) fn parse(path: &'s Path, source: &'s str) -> Result<Self, DataError> {
        match DeTable::parse(source) {
            Ok(root) => Ok(Self { path, source, root: root.into_inner() }),
            Err(error) => Err(toml_error(path, source, &error)),
        }
    }

    pub(super) fn toml_error(&self, error: &toml::de::Error) -> DataError {
        toml_error(self.path, self.source, error)
    }

    /// The value behind these keys.
    pub(super) fn value(&self, keys: &[Key<'_>]) -> Option<&Spanned<DeValue<'s>>> {
        let (Key::Name(first), rest) = keys.split_first()? else { return None };
        rest.iter().try_fold(self.root.get(*first)?, |value, key| match key {
            Key::Name(name) => value.get_ref().as_table()?.get(*name),
            Key::Place(place) => value.get_ref().as_array()?.get(*place),
        })
    }

    /// An error at the value behind these keys, or at the nearest of its parents that is there.
    pub(super) fn error_at(&self, keys: &[Key<'_>], problem: Problem) -> DataError {
        let at = (1..=keys.len()).rev().find_map(|len| self.value(&keys[..len])).map(|v| v.span().start);
        let error = DataError::new(self.path, problem).field(shown(keys));
        error.at(at.map(|offset| place(self.source, offset)))
    }

    /// An error at this offset.
    pub(super) fn error_at_offset(&self, offset: usize, keys: &[Key<'_>], problem: Problem) -> DataError {
        DataError::new(self.path, problem).at(place(self.source, offset)).field(shown(keys))
    }

    /// The place of the `[[candidate]]` of this name.
    pub(super) fn candidate(&self, name: &str) -> Option<usize> {
        let entries = self.value(&[Key::Name("candidate")])?.get_ref().as_array()?;
        let is = |entry: &Spanned<DeValue<'_>>| {
            entry.get_ref().get("name").and_then(|n| n.get_ref().as_str()) == Some(name)
        };
        (0..entries.len()).find(|place| entries.get(*place).is_some_and(is))
    }
}

fn toml_error(path: &Path, source: &str, error: &toml::de::Error) -> DataError {
    let message = error.message().replace('\n', ", ");
    let at = error.span().map(|span| place(source, span.start));
    DataError::new(path, Problem::Toml(message)).at(at)
}
