//! Files with a seal beside them (`NAME.sha256`): their length and SHA-256, by which it is known whether they are whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// What a seal says.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Seal {
    bytes: u64,
    sha256: String,
}

impl Seal {
    fn of(content: &[u8]) -> Self {
        let sha256 = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { bytes: content.len() as u64, sha256 }
    }
}

/// What was found under a name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing.
    Absent,
    /// A file that is not what was written: cut, emptied, edited, or of a version without seals.
    Damaged,
    /// What was written.
    Whole(Vec<u8>),
}

/// Writes a file and its seal, whole or not at all, also where the machine loses its power the moment after.
pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let put = |path: &Path, bytes: &[u8]| -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    // The seal first: one without its file is nothing.
    put(&seal_of(path), &serde_json::to_vec(&Seal::of(content))?)?;
    put(path, content)?;
    sync_folder(folder)
}

/// Reads what [`write`] wrote.
pub(crate) fn read(path: &Path) -> Found {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Found::Absent,
        Err(_) => return Found::Damaged,
    };
    let seal = fs::read(seal_of(path)).ok().and_then(|seal| serde_json::from_slice::<Seal>(&seal).ok());
    if seal == Some(Seal::of(&bytes)) { Found::Whole(bytes) } else { Found::Damaged }
}

/// Moves what is damaged out of the way, to a name that ends in `.damaged`; what was set aside before goes.
pub(crate) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = with_ending(path, ".damaged");
    if aside.is_dir() {
        fs::remove_dir_all(&aside)?;
    } else if aside.exists() {
        fs::remove_file(&aside)?;
    }
    fs::rename(path, &aside)?;
    Ok(aside)
}

fn seal_of(path: &Path) -> PathBuf {
    with_ending(path, ".sha256")
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

/// Sees to it that the names in a folder are on the disk.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    // Only Unix has handles of folders.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_what_was_written_is_damaged() {
        let desk = tempfile::tempdir().unwrap();
        let path = desk.path().join("a.jsonl");
        assert_eq!(read(&path), Found::Absent);
        for content in ["", "{\"id\":1}\n", "{\"id\":1}\n{\"id\":2}\n"] {
            write(&path, content.as_bytes()).unwrap();
            assert_eq!(read(&path), Found::Whole(content.as_bytes().to_vec()));
            let whole = content.as_bytes().to_vec();
            for cut in 0..whole.len() {
                fs::write(&path, &whole[..cut]).unwrap();
                assert_eq!(read(&path), Found::Damaged, "cut at {cut}");
            }
            for at in 0..whole.len() {
                let mut other = whole.clone();
                other[at] ^= 1;
                fs::write(&path, &other).unwrap();
                assert_eq!(read(&path), Found::Damaged, "byte {at}");
            }
            fs::write(&path, [whole.as_slice(), b"\n"].concat()).unwrap();
            assert_eq!(read(&path), Found::Damaged, "longer");
            fs::write(&path, &whole).unwrap();
            for seal in ["", "{}", "0"] {
                fs::write(seal_of(&path), seal).unwrap();
                assert_eq!(read(&path), Found::Damaged, "{seal:?}");
            }
            fs::remove_file(seal_of(&path)).unwrap();
            assert_eq!(read(&path), Found::Damaged, "no seal");
        }
    }

    #[test]
    fn set_aside_twice() {
        let desk = tempfile::tempdir().unwrap();
        let path = desk.path().join("a.json");
        for text in ["one", "two"] {
            fs::write(&path, text).unwrap();
            let aside = set_aside(&path).unwrap();
            assert!(!path.exists());
            assert_eq!(aside, desk.path().join("a.json.damaged"));
            assert_eq!(fs::read_to_string(aside).unwrap(), text);
        }
    }
}
