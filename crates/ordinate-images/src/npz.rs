//! A `.npz` file of images and their labels, as MedMNIST has it: `train_images` and `train_labels`, `test_images` and so on, or
//! `images` and `labels` alone.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use crate::image::{Image, MAX_PIXELS};
use crate::npy::{Header, Kind};

/// Why a `.npz` file cannot be read: what is wrong, in words that name the array, and what to do next.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NpzError(String);

/// The ends of the names of arrays that belong together.
const IMAGES: &str = "images";
const LABELS: &str = "labels";
/// How many times its size an array may grow by being unpacked, once it is beyond [`HARMLESS`].
const MAX_RATIO: u64 = 1_000;
const HARMLESS: u64 = 16 << 20;

/// A `.npz` file.
pub struct Npz {
    archive: ZipArchive<BufReader<File>>,
    /// The names of its arrays, without `.npy`.
    names: Vec<String>,
}

/// The images of one split, and how large they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pixels {
    /// How many there are.
    pub count: u64,
    /// Pixels of a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Values of a pixel.
    pub channels: usize,
}

impl Npz {
    /// Opens one.
    ///
    /// # Errors
    /// [`NpzError`] where it cannot be read, or is none.
    pub fn open(path: &Path) -> Result<Self, NpzError> {
        let file = File::open(path).map_err(|error| NpzError(format!("{error}. Check the file.")))?;
        let archive = ZipArchive::new(BufReader::new(file)).map_err(|error| match error {
            ZipError::Io(error) => NpzError(format!("{error}. Check the file.")),
            other => NpzError(format!(
                "this is no .npz file ({other}). Write it again with numpy.savez_compressed."
            )),
        })?;
        let names = archive
            .file_names()
            .filter_map(|name| Some(name.ok()?.strip_suffix(".npy")?.to_owned()))
            .collect();
        Ok(Self { archive, names })
    }

    /// The names of its splits in the order of the file: `""` where its arrays are called `images` and `labels` alone.
    #[must_use]
    pub fn splits(&self) -> Vec<&str> {
        let split = |name: &String| {
            let start = name.len().checked_sub(IMAGES.len())?;
            let before = name.get(..start).filter(|_| name.ends_with(IMAGES))?;
            if before.is_empty() { Some(0) } else { before.ends_with('_').then(|| before.len() - 1) }
        };
        self.names.iter().filter_map(|name| Some(&name[..split(name)?])).collect()
    }

    /// The names of its arrays.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The numbers of the labels of a split; `None` where it has none.
    ///
    /// # Errors
    /// [`NpzError`] where they are no whole numbers, or several an item.
    pub fn labels(&mut self, split: &str) -> Result<Option<Vec<i128>>, NpzError> {
        let name = array(split, LABELS);
        if !self.names.contains(&name) {
            return Ok(None);
        }
        let (header, mut values) = self.array(&name)?;
        let count = match header.shape.as_slice() {
            [count] | [count, 1] => *count,
            shape => {
                return Err(NpzError(format!(
                    "{name} has the shape {shape:?}, and one label an item is read ([items] or [items, 1]). Save one label for \
                     each image."
                )));
            }
        };
        let width = header.kind.bytes();
        let mut labels = Vec::new();
        let mut bytes = vec![0; width];
        for _ in 0..count {
            values.read_exact(&mut bytes).map_err(|error| cut(&name, &error))?;
            labels.push(header.kind.number(&bytes));
        }
        Ok(Some(labels))
    }

    /// Hands the images of a split to `visit`, one after the other: they are never all in memory. Its number and size come
    /// before.
    ///
    /// # Errors
    /// [`NpzError`] where they are none; what `visit` says.
    pub fn images<E: From<NpzError>>(
        &mut self,
        split: &str,
        mut visit: impl FnMut(u64, Image) -> Result<(), E>,
    ) -> Result<Pixels, E> {
        let name = array(split, IMAGES);
        let (header, mut values) = self.array(&name)?;
        let pixels = pixels(&name, &header)?;
        let size = pixels.width as usize * pixels.height as usize * pixels.channels;
        for at in 0..pixels.count {
            let mut bytes = vec![0; size];
            values.read_exact(&mut bytes).map_err(|error| cut(&name, &error))?;
            let image = Image::of_pixels(pixels.width, pixels.height, pixels.channels, bytes);
            let image =
                image.ok_or_else(|| NpzError(format!("{name} has images without pixels. Leave it out.")))?;
            visit(at, image)?;
        }
        Ok(pixels)
    }

    /// An array's head, and a reader of its values.
    fn array(&mut self, name: &str) -> Result<(Header, impl Read), NpzError> {
        let file = self.archive.by_name(&format!("{name}.npy"));
        let mut file = file
            .map_err(|error| NpzError(format!("{name} cannot be read ({error}). Write the file again.")))?;
        let (packed, claimed) = (file.compressed_size(), file.size());
        let header = Header::read(&mut file).map_err(|problem| NpzError(format!("{name} {problem}.")))?;
        let count =
            header.shape.iter().try_fold(header.kind.bytes() as u64, |count, side| count.checked_mul(*side));
        let bytes = count
            .ok_or_else(|| NpzError(format!("{name} has more values than a file can. Write it again.")))?;
        if bytes > claimed {
            return Err(NpzError(format!(
                "{name} has the shape {:?}, and is too short for it: it is damaged or cut off. Write the file again.",
                header.shape
            )));
        }
        if bytes > HARMLESS && bytes > packed.saturating_mul(MAX_RATIO) {
            return Err(NpzError(format!(
                "the {packed} bytes of {name} unpack to more than {bytes}, as those of a decompression bomb do. Unpack it by hand if it \
                 can be trusted."
            )));
        }
        Ok((header, BufReader::new(file)))
    }
}

/// The name of an array of a split.
fn array(split: &str, end: &str) -> String {
    if split.is_empty() { end.to_owned() } else { format!("{split}_{end}") }
}

fn cut(name: &str, error: &std::io::Error) -> NpzError {
    NpzError(format!("{name} is damaged or cut off ({error}). Write the file again."))
}

fn pixels(name: &str, header: &Header) -> Result<Pixels, NpzError> {
    if header.kind != Kind::Unsigned(1) {
        return Err(NpzError(format!(
            "{name} holds {:?}, and images are read as uint8 from 0 to 255. Convert it with .astype(\"uint8\").",
            header.kind
        )));
    }
    let (count, height, width, channels) = match header.shape.as_slice() {
        &[count, height, width] => (count, height, width, 1),
        &[count, height, width, channels @ (1 | 3)] => (count, height, width, channels as usize),
        shape => {
            return Err(NpzError(format!(
                "{name} has the shape {shape:?}; images are read as [items, height, width] or [items, height, width, 3]. Transpose \
                 it."
            )));
        }
    };
    let side = |side: u64| u32::try_from(side).ok().filter(|side| *side > 0);
    let fits = height.checked_mul(width).is_some_and(|pixels| pixels <= MAX_PIXELS);
    match (side(height), side(width)) {
        (Some(height), Some(width)) if fits => Ok(Pixels { count, width, height, channels }),
        _ => Err(NpzError(format!(
            "{name} has images of {width} x {height} pixels; from 1 to {} million are read. Scale them.",
            MAX_PIXELS / 1_000_000
        ))),
    }
}
