//! A `.npz` file as MedMNIST has it: `train_images` and `train_labels`, `val_images` and so on.

use std::path::Path;

use ordinate_core::Part;
use ordinate_core::evidence::{EvidenceBuilder, ItemFields};
use ordinate_images::{Npz, NpzError};

use crate::error::{DataError, Problem, list, quoted};
use crate::labels;
use crate::memory::Kept;
use crate::task::Task;

/// Reads the images of the splits that `said` names (`train+val`), or of all.
pub(super) fn read_items(
    task: &Task,
    file: &Path,
    said: Option<&str>,
    part: Option<Part>,
    builder: &mut EvidenceBuilder,
    kept: &Kept,
) -> Result<(), DataError> {
    let wrong = |problem: Problem| DataError::new(file, problem);
    let mut npz = Npz::open(file).map_err(|error| wrong(Problem::Image(error.to_string())))?;
    for split in splits(&npz, said).map_err(|problem| wrong(Problem::Image(problem)))? {
        read_split(task, &mut npz, &split, part, builder, kept)
            .map_err(|Stopped(problem)| wrong(*problem))?;
    }
    Ok(())
}

/// The splits that are read. A file without any is all there is, whatever split is asked for.
fn splits(npz: &Npz, said: Option<&str>) -> Result<Vec<String>, String> {
    let there = npz.splits();
    if there.is_empty() {
        return Err(format!(
            "the file has no array of images; its arrays are {}. Call them train_images and train_labels, test_images and \
             test_labels, or images and labels.",
            list(npz.names())
        ));
    }
    let Some(said) = said.filter(|_| there != [""]) else {
        return Ok(there.into_iter().map(str::to_owned).collect());
    };
    let mut wanted = Vec::new();
    for split in said.split('+').map(str::trim) {
        if !there.contains(&split) {
            return Err(format!(
                "the file has no split {}; it has {}. Name one behind its name: \"images.npz#{}\".",
                quoted(split),
                list(&there),
                there[0]
            ));
        }
        wanted.push(split.to_owned());
    }
    Ok(wanted)
}

/// Why reading stopped.
struct Stopped(Box<Problem>);

impl From<NpzError> for Stopped {
    fn from(error: NpzError) -> Self {
        Self(Box::new(Problem::Image(error.to_string())))
    }
}

fn read_split(
    task: &Task,
    npz: &mut Npz,
    split: &str,
    part: Option<Part>,
    builder: &mut EvidenceBuilder,
    kept: &Kept,
) -> Result<(), Stopped> {
    let stop = |problem: Problem| Stopped(Box::new(problem));
    let numbers = npz.labels(split)?;
    let most = task.file.images.max_side();
    // Two files without splits have their places in common.
    let of = match part.filter(|_| split.is_empty()) {
        Some(Part::Train) => "train",
        Some(Part::Test) => "test",
        None => split,
    };
    let pixels = npz.images(split, |at, image| {
        let number = usize::try_from(at).ok().and_then(|at| numbers.as_ref()?.get(at));
        let target = number.map(|number| labels::named(&task.file.data, number.to_string().into()));
        let text = image.within(most).text().map_err(|error| stop(Problem::Image(error.to_string())))?;
        let id = if of.is_empty() { at.to_string() } else { format!("{of}:{at}") };
        let fields =
            ItemFields { input: Some(&text), target: target.as_deref(), part, ..ItemFields::default() };
        for text in [fields.input, fields.target] {
            kept.add(text).map_err(stop)?;
        }
        builder.add_item(&id, fields).map(drop).map_err(|error| stop(Problem::Evidence(error)))
    })?;
    match numbers {
        Some(numbers) if numbers.len() as u64 != pixels.count => Err(stop(Problem::Image(format!(
            "the split {} has {} images and {} labels. Save one label for each image.",
            quoted(split),
            pixels.count,
            numbers.len()
        )))),
        _ => Ok(()),
    }
}
