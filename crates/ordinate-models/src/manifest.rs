//! A trained model as a folder: what hosting it needs, besides what it stands on. `manifest.json`, which is written last,
//! says which method reads the rest, and what the rest has to be, byte for byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::encoders::EncoderSource;
use crate::error::ModelError;
use crate::method::{Method, Reads};
use crate::model::{Facts, Model};

const NAME: &str = "manifest.json";
/// What is for people: a run writes the measured figures into it, and no answer hangs on it.
const CARD: &str = "README.md";
/// Where a method keeps what fits into one JSON file.
const MODEL: &str = "model.json";
/// Raised when a manifest comes to mean something else.
const VERSION: u32 = 2;

/// What is known of a saved model without loading it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    version: u32,
    /// The name of its [`crate::MethodKind`].
    pub method: String,
    /// What it stands on: an encoder, or a published model.
    pub source: Option<EncoderSource>,
    /// What it reads of an item.
    pub reads: Reads,
    /// Weights.
    pub parameters: u64,
    /// Bytes of the weights in memory.
    pub memory_bytes: u64,
    /// Bytes of its files, and of those that it stands on.
    pub disk_bytes: u64,
    /// The other files of the folder, by name.
    files: BTreeMap<String, Content>,
    /// SHA-256 of this manifest without it.
    seal: String,
}

/// What a file has to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Content {
    bytes: u64,
    sha256: String,
}

impl Content {
    fn of(path: &Path) -> std::io::Result<Self> {
        let bytes = fs::read(path)?;
        Ok(Self { bytes: bytes.len() as u64, sha256: digest(&bytes) })
    }
}

impl Manifest {
    /// Reads that of a folder.
    ///
    /// # Errors
    /// [`ModelError::File`] where there is none, or one that this version cannot read.
    pub fn read(folder: &Path) -> Result<Self, ModelError> {
        let mut manifest: Self = read_json(folder, NAME)?;
        if manifest.version != VERSION {
            let found = manifest.version;
            return Err(damaged(folder, &format!("its manifest has version {found}, not {VERSION}")));
        }
        if let Some(EncoderSource::Folder(source)) = manifest.source {
            manifest.source = Some(EncoderSource::Folder(source.on_this_machine()));
        }
        Ok(manifest)
    }

    /// Reads that of a folder whose files are, byte for byte, what was written.
    ///
    /// # Errors
    /// As [`Self::read`]; and where a file was cut, changed, removed or added.
    pub fn read_whole(folder: &Path) -> Result<Self, ModelError> {
        let manifest = Self::read(folder)?;
        let changed = |file: &str| Err(damaged(&folder.join(file), &"it was cut off or changed"));
        if manifest.seal != manifest.sealed(folder)? {
            return changed(NAME);
        }
        match contents(folder) {
            Ok(found) if found == manifest.files => Ok(manifest),
            Ok(found) => {
                let names = manifest.files.keys().chain(found.keys());
                let differs = |name: &&String| manifest.files.get(*name) != found.get(*name);
                changed(names.into_iter().find(differs).map_or(NAME, String::as_str))
            }
            Err(error) => Err(damaged(folder, &error)),
        }
    }

    /// What its seal has to be.
    fn sealed(&self, folder: &Path) -> Result<String, ModelError> {
        let open = Self { seal: String::new(), ..self.clone() };
        serde_json::to_vec(&open).map(|bytes| digest(&bytes)).map_err(|error| damaged(folder, &error))
    }

    /// Its size.
    #[must_use]
    pub fn facts(&self) -> Facts {
        Facts { parameters: self.parameters, bytes: self.memory_bytes }
    }
}

/// Writes a model that a method made into a folder, which is made where it is not there.
///
/// # Errors
/// [`ModelError::File`] where that cannot be done.
pub fn save(method: &dyn Method, model: &dyn Model, folder: &Path) -> Result<Manifest, ModelError> {
    fs::create_dir_all(folder).map_err(|error| unwritten(folder, &error))?;
    model.save(folder)?;
    let files = contents(folder).map_err(|error| unwritten(folder, &error))?;
    let own: u64 = files.values().map(|file| file.bytes).sum();
    let source = method.source().filter(|_| !model.stands_alone());
    let Facts { parameters, bytes } = model.facts();
    let mut manifest = Manifest {
        version: VERSION,
        method: method.name().to_owned(),
        source: source.cloned(),
        reads: method.reads(),
        parameters,
        memory_bytes: bytes,
        disk_bytes: own + source.map_or(Ok(0), EncoderSource::disk_bytes)?,
        files,
        seal: String::new(),
    };
    manifest.seal = manifest.sealed(folder)?;
    write_json(folder, NAME, &manifest)?;
    Ok(manifest)
}

/// The files of a folder besides the manifest and the card.
fn contents(folder: &Path) -> std::io::Result<BTreeMap<String, Content>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if ![NAME, CARD].contains(&name.as_str()) && entry.path().is_file() {
            files.insert(name, Content::of(&entry.path())?);
        }
    }
    Ok(files)
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes what a method keeps in one JSON file.
///
/// # Errors
/// [`ModelError::File`].
pub fn write_model<T: Serialize>(folder: &Path, model: &T) -> Result<(), ModelError> {
    write_json(folder, MODEL, model)
}

/// Reads what [`write_model`] wrote.
///
/// # Errors
/// [`ModelError::File`].
pub fn read_model<T: DeserializeOwned>(folder: &Path) -> Result<T, ModelError> {
    read_json(folder, MODEL)
}

/// Writes a file whole or not at all.
fn write_json<T: Serialize>(folder: &Path, name: &str, value: &T) -> Result<(), ModelError> {
    let (path, part) = (folder.join(name), folder.join(format!("{name}.part")));
    let text = serde_json::to_vec(value).map_err(|error| unwritten(&path, &error))?;
    fs::write(&part, text).and_then(|()| fs::rename(&part, &path)).map_err(|error| unwritten(&path, &error))
}

fn read_json<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<T, ModelError> {
    let path = folder.join(name);
    let bytes = fs::read(&path).map_err(|error| damaged(&path, &error))?;
    serde_json::from_slice(&bytes).map_err(|error| damaged(&path, &error))
}

fn unwritten(path: &Path, problem: &dyn std::fmt::Display) -> ModelError {
    ModelError::File { path: path.to_owned(), problem: format!("cannot be written: {problem}") }
}

pub(crate) fn damaged(path: &Path, problem: &dyn std::fmt::Display) -> ModelError {
    ModelError::File {
        path: path.to_owned(),
        problem: format!("is no model that was saved here: {problem}; run the task again"),
    }
}
