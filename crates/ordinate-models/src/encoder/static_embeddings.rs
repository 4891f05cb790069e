//! The encoder that Ordinate brings: a fixed vector per word piece, distilled from all-MiniLM-L6-v2 (the idea of
//! Model2Vec): each piece through the model, its principal components, weighted by how rare it is. `examples/distil.rs`
//! makes the file, `data/README.md` is its card.

use std::sync::OnceLock;

use rayon::prelude::*;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{Tokenizer, TokenizerBuilder};

use crate::encoder::folder::unit;
use crate::error::ModelError;
use crate::model::{Encoder, Facts};

static VECTORS: &[u8] = include_bytes!("../../data/builtin.bin");
static PIECES: &str = include_str!("../../data/vocab.txt");

/// The built-in encoder.
#[derive(Debug)]
pub struct StaticEmbeddings {
    tokenizer: Tokenizer,
    /// Per piece: a scale and as many bytes as there are dimensions.
    dims: usize,
    vectors: &'static [u8],
}

/// The built-in encoder, made once.
///
/// # Errors
/// [`ModelError::Failed`] where the file that was built in is damaged.
pub fn builtin() -> Result<&'static StaticEmbeddings, ModelError> {
    static ONE: OnceLock<Result<StaticEmbeddings, String>> = OnceLock::new();
    ONE.get_or_init(StaticEmbeddings::new).as_ref().map_err(|error| ModelError::Failed(error.clone()))
}

impl StaticEmbeddings {
    fn new() -> Result<Self, String> {
        let (dims, vectors) = VECTORS.split_first_chunk::<4>().ok_or("the built-in encoder is empty")?;
        let dims = u32::from_le_bytes(*dims) as usize;
        let pieces: Vec<&str> = PIECES.lines().collect();
        if vectors.len() != pieces.len() * (dims + 4) {
            return Err("the built-in encoder and its vocabulary do not fit".to_owned());
        }
        let numbered = (0u32..).zip(&pieces).map(|(id, piece)| ((*piece).to_owned(), id));
        let model = WordPiece::builder()
            .vocab(numbered.collect::<ahash::AHashMap<_, _>>())
            .unk_token("[UNK]".into())
            .build();
        let tokenizer =
            TokenizerBuilder::<_, _, _, tokenizers::PostProcessorWrapper, tokenizers::DecoderWrapper>::new()
                .with_model(model.map_err(|error| error.to_string())?)
                .with_normalizer(Some(BertNormalizer::default()))
                .with_pre_tokenizer(Some(BertPreTokenizer))
                .build()
                .map_err(|error| error.to_string())?;
        let tokenizer: Tokenizer = tokenizers::TokenizerImpl::into(tokenizer);
        Ok(Self { tokenizer, dims, vectors })
    }

    /// Adds the vector of a piece.
    fn add(&self, id: u32, sum: &mut [f32]) {
        let start = id as usize * (self.dims + 4);
        let Some(row) = self.vectors.get(start..start + self.dims + 4) else { return };
        let Some((scale, cells)) = row.split_first_chunk::<4>() else { return };
        let scale = f32::from_le_bytes(*scale);
        for (sum, cell) in sum.iter_mut().zip(cells) {
            *sum += scale * f32::from(i8::from_le_bytes([*cell]));
        }
    }
}

impl Encoder for &StaticEmbeddings {
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        let embed = |text: &&str| {
            let encoding =
                self.tokenizer.encode(*text, false).map_err(|error| ModelError::Failed(error.to_string()))?;
            let mut sum = vec![0.0; self.dims];
            encoding.get_ids().iter().for_each(|&id| self.add(id, &mut sum));
            Ok(unit(sum))
        };
        // One alone is embedded at once: to hand it to another thread takes as long.
        match texts {
            [one] => Ok(vec![embed(one)?]),
            many => many.par_iter().map(embed).collect(),
        }
    }

    fn facts(&self) -> Facts {
        let parameters = (self.vectors.len() / (self.dims + 4) * self.dims) as u64;
        Facts { parameters, bytes: (VECTORS.len() + PIECES.len()) as u64 }
    }
}
