//! Images that a task is made of: a folder with a folder a class, `train` and `test` with such folders, or a `.npz` file.

use std::path::{Path, PathBuf};

use ordinate_core::task::AnswerColumns;
use ordinate_images::Npz;

use crate::error::{DataError, Problem};
use crate::images::{has_classes, is_arrays};
use crate::infer::fields::Fields;
use crate::infer::look::Kind;
use crate::infer::parts::parts;
use crate::infer::{Found, Source, file_name, stem};

/// How a task file in the folder of the classes calls it.
pub(super) const HERE: &str = ".";

/// What a folder is, where it holds images by class; `None` where it does not.
pub(super) fn folder(dir: &Path) -> Result<Option<Found>, DataError> {
    let whole = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let name = whole.file_name().map_or("task".to_owned(), |name| name.to_string_lossy().into_owned());
    if has_classes(dir) {
        return Ok(Some(found(name, Source::Items(HERE.to_owned()), Vec::new())));
    }
    let mut of_classes: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|error| DataError::io(dir, error))? {
        let path = entry.map_err(|error| DataError::io(dir, error))?.path();
        if path.is_dir() && has_classes(&path) {
            of_classes.push(path);
        }
    }
    of_classes.sort();
    let parts = parts(&of_classes);
    Ok(match (parts.train, parts.test) {
        (Some((train, _)), Some((test, _))) => {
            Some(found(name, Source::TrainAndTest(train, test), parts.others))
        }
        (Some((only, _)), None) | (None, Some((only, _))) => {
            Some(found(name, Source::Items(only), parts.others))
        }
        (None, None) => None,
    })
}

/// What a file is, where it is one of arrays; `None` where it is another.
pub(super) fn arrays(path: &Path) -> Result<Option<Found>, DataError> {
    if !is_arrays(path) {
        return Ok(None);
    }
    let wrong = |problem: String| DataError::new(path, Problem::Image(problem));
    let npz = Npz::open(path).map_err(|error| wrong(error.to_string()))?;
    let splits = npz.splits();
    if splits.is_empty() {
        let message =
            "the file has no array of images; call them train_images and train_labels, or images and labels.";
        return Err(wrong(message.to_owned()));
    }
    let has = |split: &str| splits.contains(&split);
    let name = file_name(path);
    let source = if has("train") && has("test") {
        Source::TrainAndTest(name.clone(), name)
    } else {
        Source::Items(name)
    };
    Ok(Some(found(stem(path), source, Vec::new())))
}

fn found(name: String, source: Source, others: Vec<String>) -> Found {
    Found {
        name,
        source,
        kind: Kind::ClassifyImage,
        fields: Fields::default(),
        answers: AnswerColumns::default(),
        candidates: Vec::new(),
        others,
    }
}
