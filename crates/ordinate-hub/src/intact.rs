//! Whether the large files of the cache still are what the hub said: each is named by its SHA-256.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// Whether a content in the cache is what its name says; `true` for a name that is no SHA-256, as those of small files are
/// none. Reads the file once.
///
/// # Errors
/// Where it cannot be read.
pub fn is_intact(blob: &Path) -> io::Result<bool> {
    let name = blob.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    if name.len() != 64 || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(true);
    }
    let (mut file, mut digest, mut buffer) = (File::open(blob)?, Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => digest.update(&buffer[..count]),
        }
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>() == name)
}

/// Moves the contents that a model's folder in the cache links to out of the way where they are not what their names say: to
/// names that end in `.damaged`. The folder then lacks them, and they are fetched again. The files that were moved, by their
/// names in the folder.
///
/// # Errors
/// Where the cache cannot be read, or not be changed.
pub fn set_damaged_aside(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(set_damaged_aside(&path)?);
            continue;
        }
        // A link to nothing is a file that is not there, and what is no link has no digest.
        let Ok(blob) = fs::canonicalize(&path) else { continue };
        if path.is_symlink() && !is_intact(&blob)? {
            fs::rename(&blob, blob.with_extension("damaged"))?;
            found.push(path);
        }
    }
    Ok(found)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_what_its_name_says_is_moved() {
        let desk = tempfile::tempdir().unwrap();
        let (blobs, folder) = (desk.path().join("blobs"), desk.path().join("snapshots/c"));
        fs::create_dir_all(&blobs).unwrap();
        fs::create_dir_all(folder.join("q8")).unwrap();
        let digest: String = Sha256::digest("whole").iter().map(|byte| format!("{byte:02x}")).collect();
        let short = "0".repeat(40);
        for (name, blob, up) in [
            ("m.safetensors", &digest, "../.."),
            ("q8/m.gguf", &digest, "../../.."),
            ("config.json", &short, "../.."),
        ] {
            fs::write(blobs.join(blob), "whole").unwrap();
            std::os::unix::fs::symlink(format!("{up}/blobs/{blob}"), folder.join(name)).unwrap();
        }
        assert_eq!(set_damaged_aside(&folder).unwrap(), Vec::<PathBuf>::new());
        for text in ["whol", "", "whole ", "wHole"] {
            fs::write(blobs.join(&digest), text).unwrap();
            assert_eq!(set_damaged_aside(&folder).unwrap().len(), 1, "{text:?}");
            assert!(!folder.join("m.safetensors").is_file() && folder.join("config.json").is_file());
            assert_eq!(fs::read_to_string(blobs.join(format!("{digest}.damaged"))).unwrap(), text);
        }
    }
}
