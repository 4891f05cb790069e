//! Room beside a text for what is read from it, so that it is read once however many policies look at it.

use std::any::Any;
use std::sync::OnceLock;

/// What was read from one text or answer. Policies of one kind share a type; what another type wrote is not seen.
#[derive(Debug, Default)]
pub struct Notes(OnceLock<Box<dyn Any + Send + Sync>>);

impl Notes {
    /// The notes, taken with `read` when nobody took any before; `None` where they are of another type.
    pub fn read<T: Any + Send + Sync>(&self, read: impl FnOnce() -> T) -> Option<&T> {
        self.0.get_or_init(|| Box::new(read())).downcast_ref()
    }
}

/// Notes say nothing that their text does not say.
impl PartialEq for Notes {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Notes {}

/// A column of notes, one a row; takes no memory before the first is wanted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Notebook(OnceLock<Box<[Notes]>>);

impl Notebook {
    /// The notes of `row` of `rows`; `None` where the texts, `bytes` in all, are too many to keep notes on:
    /// notes may take several times the memory of their texts.
    pub(crate) fn of(&self, row: usize, rows: usize, bytes: usize) -> Option<&Notes> {
        const MAX_ROWS: usize = 20_000;
        const MAX_BYTES: usize = 32 << 20;
        if rows > MAX_ROWS || bytes > MAX_BYTES {
            return None;
        }
        self.0.get_or_init(|| (0..rows).map(|_| Notes::default()).collect()).get(row)
    }
}

/// A copy takes its own notes.
impl Clone for Notebook {
    fn clone(&self) -> Self {
        Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_taken_once_and_by_type() {
        let notes = Notes::default();
        assert_eq!(notes.read(|| 1_u8), Some(&1));
        assert_eq!(notes.read(|| 2_u8), Some(&1));
        assert_eq!(notes.read(|| "two"), None);
    }

    #[test]
    fn large_columns_keep_none() {
        let notebook = Notebook::default();
        assert!(notebook.of(3, 4, 1_000).is_some());
        assert!(notebook.of(4, 4, 1_000).is_none());
        assert!(Notebook::default().of(0, 1, 1 << 30).is_none());
    }
}
