//! Vectors of texts, made piece by piece and maybe on many machines: what a piece hangs on (the encoder, and some hundred texts) is
//! its name in the cache, so that none is made twice, and a run that finds them there lets no encoder read those texts.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ordinate_core::{CandidateName, Items};
use ordinate_data::{Task, load_items};
use ordinate_models::{Embedding, EncoderSource, Encoders, ModelError, SharedEncoder};

use crate::cache::{self, digest};
use crate::error::{Error, Fault};
use crate::kinds::Place;
use crate::options::Options;
use crate::sealed::{self, Found};

/// Raised when the same texts come to be read in another way.
const VERSION: &str = "vectors 1";

/// Texts of a piece: about half a second of a small encoder on one core.
const TEXTS: usize = 64;

/// Some texts, and the encoder that is to read them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VectorPiece {
    /// What it hangs on.
    pub key: String,
    /// The encoder, as [`VectorMaker::make`] takes it.
    pub encoder: String,
    /// What tells the encoder from others, whatever folder it lies in.
    pub identity: String,
    /// The texts.
    pub texts: Vec<String>,
}

/// The pieces that these candidates stand on, in the order of the candidates. There are none of whom reads no vectors, of an API, and of the
/// encoder that Ordinate brings, which reads texts sooner than they are sent.
///
/// # Errors
/// [`Error`] where the items or a model cannot be read.
pub fn vector_pieces(
    task: &Task,
    names: &[CandidateName],
    options: &Options,
) -> Result<Vec<Vec<VectorPiece>>, Error> {
    let entries = names.iter().map(|name| task.file.candidate.iter().find(|entry| entry.name == *name));
    let mut encoders = Vec::with_capacity(names.len());
    for entry in entries {
        let Some(entry) = entry else {
            encoders.push(None);
            continue;
        };
        let place = Place { task, entry, methods: &options.methods };
        let method = options.methods.of(entry, task.dir()).map_err(|error| place.fail(error))?;
        let source = method.as_ref().and_then(|method| method.encoder().cloned());
        let source = source.filter(|source| matches!(source, EncoderSource::Folder(_)));
        encoders.push(source);
    }
    if encoders.iter().all(Option::is_none) {
        return Ok(vec![Vec::new(); names.len()]);
    }
    let items = load_items(task)?;
    let texts = texts(&items);
    let of = |source: &Option<EncoderSource>| -> Result<Vec<VectorPiece>, Error> {
        let Some(source) = source else { return Ok(Vec::new()) };
        let identity = source.identity().map_err(Error::broken)?;
        let encoder = serde_json::to_string(source).map_err(Error::broken)?;
        let piece = |texts: &[&str]| VectorPiece {
            key: key(&identity, texts),
            encoder: encoder.clone(),
            identity: identity.clone(),
            texts: texts.iter().map(|&text| text.to_owned()).collect(),
        };
        Ok(texts.chunks(TEXTS).map(piece).collect())
    };
    encoders.iter().map(of).collect()
}

/// Where the vectors of a piece are kept.
///
/// # Errors
/// [`Error`] where there is no folder for that.
pub fn vectors_at(key: &str, options: &Options) -> Result<PathBuf, Error> {
    Ok(file(&cache::folder(options)?, key))
}

/// Keeps what [`VectorMaker::make`] gave under the key of its piece.
///
/// # Errors
/// [`Error`] where it is no such thing, or cannot be written.
pub fn keep_vectors(key: &str, content: &[u8], options: &Options) -> Result<(), Error> {
    if read(content).is_none() {
        return Err(Error::Broken(format!("the vectors of piece {key} are damaged")));
    }
    let path = vectors_at(key, options)?;
    cache::make(path.parent().unwrap_or(Path::new(".")))?;
    sealed::write(&path, content)
        .map_err(|error| Error::file(&path, Fault::Run, format!("cannot be written: {error}")))
}

/// Makes pieces: what one process needs for it, which opens an encoder once.
#[derive(Default)]
pub struct VectorMaker {
    encoders: Encoders,
    /// The encoders that were found to be the right ones.
    known: Mutex<Vec<(String, String)>>,
}

impl VectorMaker {
    /// Lets the encoder read the texts, one at a time: the time of each is its latency.
    ///
    /// # Errors
    /// [`Error`] where the encoder is not here, or another, or cannot read them.
    pub fn make(&self, encoder: &str, identity: &str, texts: &[String]) -> Result<Vec<u8>, Error> {
        let source = match serde_json::from_str(encoder).map_err(Error::broken)? {
            EncoderSource::Folder(source) => EncoderSource::Folder(source.on_this_machine()),
            other => other,
        };
        let pair = (encoder.to_owned(), identity.to_owned());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(&pair) {
            let found = source.identity().map_err(Error::broken)?;
            if found != identity {
                return Err(Error::Broken(format!(
                    "the files of the encoder {encoder} are other ones on this machine than where the run was begun; \
                     put the same there"
                )));
            }
            known.push(pair);
        }
        drop(known);
        let encoder = self.encoders.get(&source).map_err(Error::broken)?;
        let mut all = Vec::new();
        for text in texts {
            let started = Instant::now();
            let vector = encoder.embed(&[text], ordinate_models::Stop::NEVER).map_err(Error::broken)?;
            let took = started.elapsed();
            let vector = vector.first().map(|embedding| embedding.vector.as_slice()).unwrap_or_default();
            write(&mut all, vector, took);
        }
        Ok(all)
    }
}

/// Gives an encoder what is kept of these texts, where it has not read all of them yet.
pub(crate) fn take(
    cache: &Path,
    source: &EncoderSource,
    encoder: &SharedEncoder,
    texts: &[&str],
) -> Result<(), ModelError> {
    if !folder(cache).is_dir() || texts.iter().all(|text| encoder.knows(text)) {
        return Ok(());
    }
    let identity = source.identity()?;
    for texts in texts.chunks(TEXTS) {
        // What is damaged is read again.
        let Found::Whole(content) = sealed::read(&file(cache, &key(&identity, texts))) else { continue };
        let kept = read(&content).filter(|kept| kept.len() == texts.len()).unwrap_or_default();
        for (text, embedding) in texts.iter().zip(kept) {
            encoder.keep(text, embedding);
        }
    }
    Ok(())
}

/// The texts that encoders read, each once, in the order of the items.
pub(crate) fn texts(items: &Items) -> Vec<&str> {
    let mut seen = std::collections::HashSet::new();
    (0..items.len())
        .filter(|&row| items.target(row).is_some())
        .filter_map(|row| items.input(row))
        .filter(|text| seen.insert(*text))
        .collect()
}

/// The encoder, where it is one of this machine.
pub(crate) fn here(source: &EncoderSource) -> Option<&EncoderSource> {
    Some(source).filter(|source| !matches!(source, EncoderSource::Elsewhere(_)))
}

fn key(identity: &str, texts: &[&str]) -> String {
    digest([VERSION, identity].into_iter().chain(texts.iter().copied()))
}

fn folder(cache: &Path) -> PathBuf {
    cache.join("vectors")
}

fn file(cache: &Path, key: &str) -> PathBuf {
    folder(cache).join(key)
}

/// Nanoseconds, the number of numbers, and these, little-endian.
fn write(all: &mut Vec<u8>, vector: &[f32], took: Duration) {
    all.extend(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).to_le_bytes());
    all.extend((vector.len() as u64).to_le_bytes());
    all.extend(vector.iter().flat_map(|number| number.to_le_bytes()));
}

/// What was written; `None` where it was not.
fn read(mut content: &[u8]) -> Option<Vec<Embedding>> {
    let mut all = Vec::new();
    while !content.is_empty() {
        let ([took, length], rest) = content.split_first_chunk::<16>().map(|(head, rest)| {
            let (words, _) = head.as_chunks::<8>();
            ([u64::from_le_bytes(words[0]), u64::from_le_bytes(words[1])], rest)
        })?;
        let bytes = usize::try_from(length).ok()?.checked_mul(4)?;
        let (numbers, rest) = rest.split_at_checked(bytes)?;
        let vector = numbers.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
        all.push(Embedding { vector, took: Duration::from_nanos(took) });
        content = rest;
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_come_back_as_they_were_or_not_at_all() {
        let mut all = Vec::new();
        write(&mut all, &[0.5, -1.25e-7], Duration::from_nanos(17));
        write(&mut all, &[], Duration::ZERO);
        let read_again = read(&all).unwrap();
        assert_eq!(read_again[0], Embedding { vector: vec![0.5, -1.25e-7], took: Duration::from_nanos(17) });
        assert_eq!(read_again.len(), 2);
        for cut in 1..all.len() {
            // Between the two there is an end.
            assert_eq!(read(&all[..cut]).is_some(), cut == 24, "cut at {cut}");
        }
        assert_eq!(read(&[255; 40]), None);
    }

    #[test]
    fn what_is_kept_is_not_read_again() {
        let desk = tempfile::tempdir().unwrap();
        let options = Options { cache: Some(desk.path().to_owned()), ..Options::default() };
        let cache = cache::folder(&options).unwrap();
        let texts: Vec<String> = (0..100).map(|at| format!("text {at}")).collect();
        let all: Vec<&str> = texts.iter().map(String::as_str).collect();
        let source = EncoderSource::Builtin;
        let (identity, encoder) = (source.identity().unwrap(), serde_json::to_string(&source).unwrap());
        let made = VectorMaker::default().make(&encoder, &identity, &texts[..TEXTS]).unwrap();
        let key = key(&identity, &all[..TEXTS]);
        keep_vectors(&key, &made, &options).unwrap();
        let encoders = Encoders::keeping();
        let shared = encoders.get(&source).unwrap();
        take(&cache, &source, &shared, &all).unwrap();
        assert!(shared.knows("text 0") && shared.knows("text 63") && !shared.knows("text 64"));
        let plain = Encoders::new().get(&source).unwrap();
        let stop = ordinate_models::Stop::NEVER;
        let (kept, new) = (shared.embed(&["text 7"], stop).unwrap(), plain.embed(&["text 7"], stop).unwrap());
        assert_eq!(kept[0].vector, new[0].vector);
        // What is damaged is as if it were not there.
        std::fs::write(vectors_at(&key, &options).unwrap(), &made[..made.len() - 1]).unwrap();
        let shared = Encoders::keeping().get(&source).unwrap();
        take(&cache, &source, &shared, &all).unwrap();
        assert!(!shared.knows("text 0"));
        assert!(keep_vectors(&key, &made[..made.len() - 1], &options).is_err());
        let other = VectorMaker::default().make(&encoder, "another", &texts).unwrap_err().to_string();
        assert!(other.contains("put the same there"), "{other}");
    }
}
