//! A folder with a folder a class: `train/normal/a.png`, `train/pneumonia/b.jpeg`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use ordinate_core::Part;
use ordinate_core::evidence::{EvidenceBuilder, ItemFields};

use super::of_file;
use crate::error::{DataError, Problem};
use crate::labels;
use crate::memory::Kept;
use crate::task::Task;

/// The ends of names of files that are read; others are passed over.
const ENDS: [&str; 5] = ["png", "jpg", "jpeg", "dcm", "dicom"];

/// An image, and the class whose folder it lies in.
struct Found {
    path: PathBuf,
    name: String,
    class: String,
}

/// Reads them, sorted by name, classes side by side: what a policy learns on the first of them is not one class.
pub(super) fn read_items(
    task: &Task,
    folder: &Path,
    part: Option<Part>,
    builder: &mut EvidenceBuilder,
    kept: &Kept,
) -> Result<(), DataError> {
    let mut all = find(folder)?;
    all.sort_by(|a, b| (&a.name, &a.class).cmp(&(&b.name, &b.class)));
    let mut counts: HashMap<&str, usize> = HashMap::new();
    all.iter().for_each(|one| *counts.entry(&one.name).or_default() += 1);
    for one in &all {
        let wrong = |problem: Problem| DataError::new(&one.path, problem);
        let text = of_file(task, &one.path).map_err(|text| wrong(Problem::Image(text)))?;
        // The folder is the answer: an id, which programs are told, must not name it.
        let is_alone = counts.get(one.name.as_str()) == Some(&1) && builder.items().find(&one.name).is_none();
        let id =
            if is_alone { Cow::Borrowed(&*one.name) } else { format!("{}~{}", one.name, mark(&text)).into() };
        let target = labels::named(&task.file.data, one.class.as_str().into());
        let fields = ItemFields { input: Some(&text), target: Some(&target), part, ..ItemFields::default() };
        for text in [fields.input, fields.target] {
            kept.add(text).map_err(wrong)?;
        }
        builder.add_item(&id, fields).map_err(|error| wrong(Problem::Evidence(error)))?;
    }
    Ok(())
}

/// Whether any folder in it holds an image.
pub(super) fn has_classes(folder: &Path) -> bool {
    find(folder).is_ok()
}

fn find(folder: &Path) -> Result<Vec<Found>, DataError> {
    let mut all = Vec::new();
    let mut classes = 0;
    for class in entries(folder)? {
        if !class.is_dir() {
            continue;
        }
        classes += 1;
        let label = last(&class);
        let images = entries(&class)?.into_iter().filter(|path| is_image(path));
        all.extend(images.map(|path| Found { name: last(&path), class: label.clone(), path }));
    }
    let problem = match (classes, all.is_empty()) {
        (_, false) => return Ok(all),
        (0, true) => {
            "the folder holds no folders. Give each class a folder with its images: normal/a.png, pneumonia/b.png."
        }
        (_, true) => {
            "no folder in it holds an image (.png, .jpg, .jpeg or .dcm). Convert the images, or name another folder."
        }
    };
    Err(DataError::new(folder, Problem::Image(problem.to_owned())))
}

/// What lies in a folder, but for what is hidden.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let failed = |error| DataError::io(folder, error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    Ok(paths)
}

fn is_image(path: &Path) -> bool {
    let end = path.extension().map(|end| end.to_string_lossy().to_lowercase());
    path.is_file() && end.is_some_and(|end| ENDS.contains(&end.as_str()))
}

fn last(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Eight digits that hang on the image alone (FNV-1a): they tell files of one name apart.
fn mark(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{:08x}", (hash >> 32) ^ (hash & 0xffff_ffff))
}
