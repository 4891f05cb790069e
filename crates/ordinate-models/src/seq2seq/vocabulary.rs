//! From texts to the tokens of a translator, and back, as `MarianTokenizer` of `transformers` does it.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::pieces::{Pieces, SPACE};
use crate::encoder::json;
use crate::error::ModelError;

/// The piece for what is not known.
pub(super) const UNKNOWN: &str = "<unk>";

/// The pieces of the language that is read, and the tokens of both.
pub(super) struct Vocabulary {
    source: Pieces,
    ids: BTreeMap<String, u32>,
    pieces: HashMap<u32, String>,
}

impl Vocabulary {
    /// Of a folder with `source.spm` and `vocab.json`. `special` tokens are no part of a text.
    pub(super) fn read(folder: &Path, special: [u32; 2]) -> Result<Self, ModelError> {
        Ok(Self::of(Pieces::read(&folder.join("source.spm"))?, json(&folder.join("vocab.json"))?, special))
    }

    /// Of what was read.
    pub(super) fn of(source: Pieces, ids: BTreeMap<String, u32>, special: [u32; 2]) -> Self {
        let pieces = ids
            .iter()
            .filter(|(piece, id)| !special.contains(id) && *piece != UNKNOWN)
            .map(|(piece, id)| (*id, piece.clone()))
            .collect();
        Self { source, ids, pieces }
    }

    /// The tokens of a text that is to be translated.
    pub(super) fn encode(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        encode(&self.source, &self.ids, text)
    }

    /// The text of tokens.
    pub(super) fn decode(&self, ids: &[u32]) -> String {
        let text: String = ids.iter().filter_map(|id| self.pieces.get(id).map(String::as_str)).collect();
        text.replace(SPACE, " ").trim().to_owned()
    }
}

/// The tokens of a text. `>>fra<<` at its beginning is the token that says which language is wanted, where there are several.
pub(super) fn encode(
    pieces: &Pieces,
    ids: &BTreeMap<String, u32>,
    text: &str,
) -> Result<Vec<u32>, ModelError> {
    let failed = |problem: String| ModelError::Failed(format!("its tokenizer fails: {problem}"));
    let marked = text.starts_with(">>").then(|| text.find("<<")).flatten();
    let (language, text) = text.split_at(marked.map_or(0, |end| end + 2));
    let language = Some(language.to_owned()).filter(|language| !language.is_empty());
    let cut = pieces.cut(text).map_err(failed)?;
    let unknown = ids.get(UNKNOWN).copied();
    let id = |piece: String| {
        let known = ids.get(&piece).copied().or(unknown);
        known.ok_or_else(|| failed(format!("{piece:?} is not in vocab.json, and neither is {UNKNOWN}")))
    };
    language.into_iter().chain(cut).map(id).collect()
}
