//! Items that are images: a folder with a folder a class, a `.npz` file, or a table one of whose fields names a file.

mod folder;
mod npz;

use std::fs;
use std::path::{Path, PathBuf};

use ordinate_core::evidence::EvidenceBuilder;
use ordinate_core::image::is_image;
use ordinate_core::{Items, Part};
use ordinate_images::{Image, ImageError, MAX_BYTES, text_of};

use crate::error::{DataError, PathProblem, Problem, quoted};
use crate::memory::Kept;
use crate::source;
use crate::table::{Column, Fault};
use crate::task::Task;

/// What stands between the name of a `.npz` file and those of its splits: `pneumonia.npz#train+val`.
const SPLITS: char = '#';
const SUFFIX: &str = ".npz";

/// The name of a `.npz` file and what is said of its splits; `None` where it is none.
fn npz_name(text: &str) -> Option<(&str, Option<&str>)> {
    let (file, splits) = match text.rsplit_once(SPLITS) {
        Some((file, splits)) => (file, Some(splits)),
        None => (text, None),
    };
    let end = file.get(file.len().checked_sub(SUFFIX.len())?..)?;
    end.eq_ignore_ascii_case(SUFFIX).then_some((file, splits))
}

/// The folder or the `.npz` file that `text` names for this key of `[data]`, with the splits that are read of it: those behind
/// `#`, or the one that is called as the key; `None` where it is another file.
pub(crate) fn resolve(dir: &Path, key: &str, text: &str) -> Option<Result<PathBuf, Problem>> {
    if source::scheme(text).is_some() {
        return None;
    }
    let path = dir.join(text);
    if path.is_dir() {
        return Some(Ok(path));
    }
    let (file, splits) = npz_name(text)?;
    if !dir.join(file).is_file() {
        return (splits.is_some()).then_some(Err(PathProblem::NotFound.into()));
    }
    Some(Ok(match splits {
        None if matches!(key, "train" | "test") => dir.join(format!("{file}{SPLITS}{key}")),
        _ => path,
    }))
}

/// Whether a folder holds images, in a folder a class.
pub(crate) fn has_classes(dir: &Path) -> bool {
    folder::has_classes(dir)
}

/// Whether a file holds arrays, by its name.
pub(crate) fn is_arrays(path: &Path) -> bool {
    path.is_file() && path.to_str().and_then(npz_name).is_some_and(|(_, splits)| splits.is_none())
}

/// Whether a file of items is no table: a folder, or a `.npz` file.
pub(crate) fn is_whole(task: &Task, file: &Path) -> bool {
    task.kind.takes_images() && (file.is_dir() || file.to_str().is_some_and(|text| npz_name(text).is_some()))
}

/// Reads the items of a folder or a `.npz` file.
pub(crate) fn read_items(
    task: &Task,
    file: &Path,
    part: Option<Part>,
    builder: &mut EvidenceBuilder,
    kept: &Kept,
) -> Result<(), DataError> {
    match file.to_str().and_then(npz_name).filter(|_| !file.is_dir()) {
        Some((name, splits)) => npz::read_items(task, Path::new(name), splits, part, builder, kept),
        None => folder::read_items(task, file, part, builder, kept),
    }
}

/// The text of the item whose cell names the file of an image, relative to that of the table, or is the text of one.
pub(crate) fn of_cell(task: &Task, table: &Path, cell: &str) -> Result<String, Fault> {
    let problem = |problem: Problem| Fault::new(Column::Input, problem);
    if is_image(cell) {
        return checked(task, cell).map_err(problem);
    }
    let name = cell.trim();
    if let Some(scheme) = source::scheme(name) {
        return Err(problem(PathProblem::Address { scheme: scheme.to_owned() }.into()));
    }
    let path = table.parent().unwrap_or(Path::new("")).join(name);
    of_file(task, &path).map_err(|text| problem(Problem::Image(format!("{}: {text}", quoted(name)))))
}

/// The text of an image that somebody asks about, who gives the text itself: of nobody else is a file read.
///
/// # Errors
/// [`Problem::Image`] where it is none, or cannot be decoded.
pub(crate) fn checked(task: &Task, text: &str) -> Result<String, Problem> {
    let text = text.trim();
    let image = Image::of_text(text).map_err(|error| Problem::Image(error.to_string()))?;
    let most = task.file.images.max_side();
    if image.longer_side() <= most {
        return Ok(text.to_owned());
    }
    image.within(most).text().map_err(|error| Problem::Image(error.to_string()))
}

/// The text of an image in a file.
///
/// # Errors
/// What is wrong with the file, in words, and what to do next.
pub fn image_input(task: &Task, path: &Path) -> Result<String, String> {
    of_file(task, path)
}

fn of_file(task: &Task, path: &Path) -> Result<String, String> {
    let told = |error: std::io::Error| Problem::from(error).to_string();
    let about = fs::metadata(path).map_err(told)?;
    if !about.is_file() {
        return Err("this is no file. Name a PNG, a JPEG or a DICOM file.".to_owned());
    }
    if about.len() > MAX_BYTES {
        return Err(ImageError::TooManyBytes { bytes: about.len() }.to_string());
    }
    let bytes = fs::read(path).map_err(told)?;
    text_of(&bytes, task.file.images.max_side()).map_err(|error| error.to_string())
}

/// What the verdict should say of how images were read.
#[must_use]
pub fn image_notes(task: &Task, items: &Items) -> Vec<String> {
    if !task.kind.takes_images() {
        return Vec::new();
    }
    let most = task.file.images.max_side();
    let is_scaled = |row: &usize| items.input(*row).is_some_and(|text| longer_side(text) == Some(most));
    let scaled = (0..items.len()).filter(is_scaled).count();
    if scaled == 0 {
        return Vec::new();
    }
    vec![format!(
        "Images of more than {most} pixels a side are scaled down to that as they are read ({scaled} of {} have as many): say \
         max_side under [images] to keep more.",
        items.len()
    )]
}

/// The longer side that the head of a PNG says, without decoding it.
fn longer_side(text: &str) -> Option<u32> {
    Image::sides_of_png(text).map(|(width, height)| width.max(height))
}
