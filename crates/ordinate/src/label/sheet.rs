//! What a person says, kept in a file: labels of items, or grades of answers.

use std::path::Path;

use super::grades::{GradeFile, Key};
use super::queue::Queued;
use super::store::Store;
use crate::error::Error;

/// The file that this process writes to.
#[derive(Debug)]
pub(super) enum Sheet {
    Labels(Store),
    Grades(GradeFile),
}

impl Sheet {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Labels(store) => store.path(),
            Self::Grades(file) => file.path(),
        }
    }

    /// How many items or answers something was said of.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Labels(store) => store.len(),
            Self::Grades(file) => file.len(),
        }
    }

    /// Whether something was said before this process began.
    pub(super) fn is_done(&self, queued: &Queued) -> bool {
        match self {
            Self::Labels(store) => store.label(&queued.item.id).is_some(),
            Self::Grades(file) => file.had(&key(queued)),
        }
    }

    /// What was said.
    pub(super) fn said(&self, queued: &Queued) -> Option<&str> {
        match self {
            Self::Labels(store) => store.label(&queued.item.id),
            Self::Grades(file) => file.grade(&key(queued)),
        }
    }

    /// Every label that was given, in no order; none of grades.
    pub(super) fn labels(&self) -> impl Iterator<Item = &str> {
        let store = match self {
            Self::Labels(store) => Some(store),
            Self::Grades(_) => None,
        };
        store.into_iter().flat_map(Store::labels)
    }

    /// Says what is right for an item, or what an answer is worth; with `None` that nothing was said. It is on the disk when this
    /// returns.
    ///
    /// # Errors
    /// [`Error::File`]; nothing is said then.
    pub(super) fn say(&mut self, queued: &Queued, said: Option<&str>) -> Result<(), Error> {
        match self {
            Self::Labels(store) => store.say(&queued.item.id, said, words_of(queued)),
            Self::Grades(file) => file.say(&key(queued), said),
        }
    }
}

fn key(queued: &Queued) -> Key {
    let candidate = queued.answer.as_ref().map(|answer| answer.candidate.clone());
    (queued.item.id.clone(), candidate.unwrap_or_default())
}

/// The text of an item that goes into the file: not the bytes of an image.
fn words_of(queued: &Queued) -> Option<&str> {
    let text = queued.item.input.text.as_str();
    (!ordinate_core::image::is_image(text)).then_some(text)
}
