//! SentencePiece models (`source.spm`, `target.spm`) that cut by the unigram model (Kudo 2018): the few fields of the file that cutting
//! needs, and the crate `tokenizers` for the cutting itself.

use std::path::Path;

use ordinate_core::caught;
use tokenizers::models::unigram::Unigram;
use tokenizers::normalizers::Precompiled;
use tokenizers::{NormalizedString, Normalizer as _};

use crate::error::ModelError;
use crate::source::file;

/// What stands for a space.
pub(super) const SPACE: char = '\u{2581}';
/// The largest file that is read; those of published translators have about 1 MB.
const LARGEST: usize = 1 << 26;

/// A model that cuts texts into pieces.
pub(super) struct Pieces {
    unigram: Unigram,
    /// Which characters are written as others.
    written_as: Option<Precompiled>,
    /// Whether a text begins with a space.
    begins_with_space: bool,
    /// Whether spaces at the ends, and several in a row, are left out.
    trims: bool,
}

impl Pieces {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ModelError::File`] where it is missing, damaged, or cuts by another model.
    pub(super) fn read(path: &Path) -> Result<Self, ModelError> {
        let bytes = std::fs::read(path).map_err(|error| {
            let problem = format!("cannot be read: {error}; the folder of a translator has source.spm, target.spm and vocab.json");
            file(path, &problem)
        })?;
        let bad =
            |problem: String| file(path, &format!("is no SentencePiece model: {problem}; fetch it again"));
        if bytes.len() > LARGEST {
            return Err(bad(format!("it has more than {} MB", LARGEST >> 20)));
        }
        caught(|| Self::of(&bytes)).and_then(|made| made).map_err(bad)
    }

    /// Of the bytes of a `ModelProto` (sentencepiece_model.proto).
    pub(super) fn of(bytes: &[u8]) -> Result<Self, String> {
        /// `SentencePiece.Type`.
        const UNKNOWN: u64 = 2;
        const CONTROL: u64 = 3;
        const UNUSED: u64 = 5;
        const BYTE: u64 = 6;
        /// `TrainerSpec.ModelType`.
        const UNIGRAM: u64 = 1;
        let (mut vocabulary, mut unknown, mut by_bytes) = (Vec::new(), None, false);
        let (mut written_as, mut begins_with_space, mut trims) = (None, true, true);
        for field in fields(bytes) {
            match field? {
                (1, Value::Bytes(piece)) => {
                    let (mut text, mut score, mut kind) = (String::new(), 0.0_f64, 1);
                    for field in fields(piece) {
                        match field? {
                            (1, Value::Bytes(bytes)) => {
                                text =
                                    String::from_utf8(bytes.to_vec()).map_err(|error| error.to_string())?;
                            }
                            (2, Value::Four(bits)) => score = f64::from(f32::from_bits(bits)),
                            (3, Value::Number(number)) => kind = number,
                            _ => {}
                        }
                    }
                    match kind {
                        // Never cut out of a text.
                        CONTROL | UNUSED => continue,
                        UNKNOWN => unknown = Some(vocabulary.len()),
                        BYTE => by_bytes = true,
                        _ => {}
                    }
                    vocabulary.push((text, score));
                }
                (2, Value::Bytes(trainer)) => {
                    for field in fields(trainer) {
                        if let (3, Value::Number(kind)) = field?
                            && kind != UNIGRAM
                        {
                            return Err(
                                "it does not cut by the unigram model, and no other is read".to_owned()
                            );
                        }
                    }
                }
                (3, Value::Bytes(normalizer)) => {
                    for field in fields(normalizer) {
                        match field? {
                            (2, Value::Bytes(map)) if !map.is_empty() => {
                                written_as = Some(Precompiled::from(map).map_err(|error| error.to_string())?);
                            }
                            (3, Value::Number(number)) => begins_with_space = number != 0,
                            (4, Value::Number(number)) => trims = number != 0,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        if vocabulary.is_empty() {
            return Err("it has no pieces".to_owned());
        }
        let unigram = Unigram::from(vocabulary, unknown, by_bytes).map_err(|error| error.to_string())?;
        Ok(Self { unigram, written_as, begins_with_space, trims })
    }

    /// The pieces of a text; what is unknown is a piece of its own.
    ///
    /// # Errors
    /// Where the library fails, in words.
    pub(super) fn cut(&self, text: &str) -> Result<Vec<String>, String> {
        let mut normal = NormalizedString::from(text);
        if let Some(map) = &self.written_as {
            map.normalize(&mut normal).map_err(|error| error.to_string())?;
        }
        let words = normal.get();
        let mut spaced = String::with_capacity(words.len() + 8);
        if self.trims {
            for word in words.split(' ').filter(|word| !word.is_empty()) {
                if !spaced.is_empty() || self.begins_with_space {
                    spaced.push(SPACE);
                }
                spaced.push_str(word);
            }
        } else {
            if self.begins_with_space && !words.is_empty() {
                spaced.push(SPACE);
            }
            spaced.extend(words.chars().map(|c| if c == ' ' { SPACE } else { c }));
        }
        if spaced.is_empty() {
            return Ok(Vec::new());
        }
        self.unigram.encode(&spaced).map_err(|error| error.to_string())
    }
}

/// A value of a field of a protocol buffer.
enum Value<'a> {
    Number(u64),
    Four(u32),
    Bytes(&'a [u8]),
    /// Of eight bytes: nothing here has one.
    Eight,
}

/// The fields of a message in the wire format of protocol buffers: the number of each, and its value.
fn fields(bytes: &[u8]) -> impl Iterator<Item = Result<(u64, Value<'_>), String>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let read = field(&mut rest);
        if read.is_err() {
            rest = &[];
        }
        Some(read)
    })
}

fn field<'a>(rest: &mut &'a [u8]) -> Result<(u64, Value<'a>), String> {
    let key = number(rest)?;
    let value = match key & 7 {
        0 => Value::Number(number(rest)?),
        1 => take(rest, 8).map(|_| Value::Eight)?,
        2 => {
            let length = usize::try_from(number(rest)?).map_err(|error| error.to_string())?;
            Value::Bytes(take(rest, length)?)
        }
        5 => {
            let four = take(rest, 4)?;
            Value::Four(u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
        }
        kind => return Err(format!("a field is of the wire type {kind}")),
    };
    Ok((key >> 3, value))
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], String> {
    let (taken, left) = rest.split_at_checked(length).ok_or("it is cut off")?;
    *rest = left;
    Ok(taken)
}

/// A number of seven bits a byte.
fn number(rest: &mut &[u8]) -> Result<u64, String> {
    let mut value = 0;
    for place in 0..10 {
        let byte = take(rest, 1)?[0];
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err("a number has more than ten bytes".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_files_are_refused() {
        let said = |bytes: &[u8]| Pieces::of(bytes).err().unwrap();
        assert!(said(&[]).contains("no pieces"));
        assert!(said(&[0x0a, 0x7f, 1]).contains("cut off"));
        assert!(said(&[0x0c]).contains("wire type"));
        assert!(said(&[0x80; 12]).contains("ten bytes"));
        // A trainer whose model is BPE.
        assert!(said(&[0x12, 0x02, 0x18, 0x02]).contains("unigram"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("source.spm");
        assert!(
            Pieces::read(&path).err().unwrap().to_string().contains("source.spm, target.spm and vocab.json")
        );
    }
}
