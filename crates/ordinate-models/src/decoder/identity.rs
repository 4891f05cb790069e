//! What tells a decoder from others: its files.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::adapter::Folders;
use super::open::{Place, shards};
use crate::encoder::adapter;
use crate::error::ModelError;
use crate::source::file;

/// Files beside the weights that change what is written, where they are there.
const BESIDE: [&str; 5] = [
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "generation_config.json",
];

/// A digest of everything that changes what a decoder writes. Its weights are read, but not kept.
///
/// # Errors
/// [`ModelError::File`] where a file cannot be read.
pub fn identity(place: &Place) -> Result<String, ModelError> {
    let mut base = None;
    let (folder, mut files) = match place {
        Place::Folder(source) => {
            let Folders { weights, adapter, .. } = Folders::of(source)?;
            let folder = source.folder.as_path();
            match adapter {
                None => (folder, shards(folder)?),
                Some(_) => {
                    base = Some(identity(&Place::Folder(weights))?);
                    (folder, adapter::FILES.iter().map(|name| folder.join(name)).collect())
                }
            }
        }
        Place::Gguf(path) | Place::Llama(path) => {
            (path.parent().unwrap_or(Path::new("")), vec![path.clone()])
        }
    };
    let beside = BESIDE.iter().map(|name| folder.join(name)).filter(|path| path.is_file());
    files.extend(beside.collect::<Vec<PathBuf>>());
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    for path in files {
        let unread = |error: std::io::Error| file(&path, &format!("cannot be read: {error}"));
        digest.update(fs::metadata(&path).map_err(unread)?.len().to_le_bytes());
        let mut reader = fs::File::open(&path).map_err(unread)?;
        loop {
            match reader.read(&mut buffer).map_err(unread)? {
                0 => break,
                count => digest.update(&buffer[..count]),
            }
        }
    }
    if let Some(base) = base {
        digest.update(base);
    }
    if matches!(place, Place::Llama(_)) {
        // It rounds otherwise.
        digest.update("llama.cpp");
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
