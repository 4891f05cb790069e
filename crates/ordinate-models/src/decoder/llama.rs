//! GGUF files run by llama.cpp: faster than candle on a processor, and for every architecture that it knows. A cargo
//! feature (`llama-cpp`), as it builds from C++.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::token::LlamaToken;

use super::layers::{Layers, Session, fit};
use crate::error::ModelError;
use crate::model::Facts;

/// Tokens that are read together.
const CHUNK: usize = 512;
/// All of a text is one sequence of llama.cpp's.
const SEQUENCE: i32 = 0;

/// A model that llama.cpp has loaded.
#[derive(Debug)]
pub(crate) struct Llama {
    model: LlamaModel,
    vocabulary: usize,
    /// To make two contexts at once is unsound: each writes into the model.
    making: Mutex<()>,
}

fn failed(error: &dyn std::fmt::Display) -> ModelError {
    ModelError::Failed(format!("llama.cpp: {error}"))
}

/// llama.cpp is set up once a process, and stays.
fn backend() -> Result<&'static LlamaBackend, ModelError> {
    static BACKEND: OnceLock<Result<LlamaBackend, String>> = OnceLock::new();
    let made = BACKEND.get_or_init(|| {
        let mut backend = LlamaBackend::init().map_err(|error| error.to_string())?;
        // It would write its own story to the terminal.
        backend.void_logs();
        Ok(backend)
    });
    made.as_ref().map_err(|error| failed(error))
}

impl Llama {
    /// Loads a GGUF file, whose head was read before.
    ///
    /// # Errors
    /// [`ModelError::File`] where llama.cpp refuses it.
    pub(crate) fn open(path: &Path) -> Result<Self, ModelError> {
        let backend = backend()?;
        let model = LlamaModel::load_from_file(backend, path, &LlamaModelParams::default());
        let refused = |error: &dyn std::fmt::Display| ModelError::File {
            path: path.to_owned(),
            problem: format!(
                "llama.cpp does not load it ({error}): its architecture may be newer than the llama.cpp in this build, or the file is damaged"
            ),
        };
        let model = model.map_err(|error| refused(&error))?;
        let vocabulary = usize::try_from(model.n_vocab()).map_err(|error| refused(&error))?;
        Ok(Self { model, vocabulary, making: Mutex::new(()) })
    }
}

impl Layers for Llama {
    fn facts(&self) -> Facts {
        Facts { parameters: self.model.n_params(), bytes: self.model.size() }
    }

    fn longest(&self) -> usize {
        self.model.n_ctx_train() as usize
    }

    fn session(&self, room: usize) -> Result<Box<dyn Session + '_>, ModelError> {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = i32::try_from(threads).unwrap_or(i32::MAX);
        let chunk = u32::try_from(CHUNK).unwrap_or(u32::MAX);
        let room = u32::try_from(room.min(self.longest())).ok().and_then(NonZeroU32::new);
        let params = LlamaContextParams::default()
            .with_n_ctx(room)
            .with_n_batch(chunk)
            .with_n_ubatch(chunk)
            .with_n_threads(threads)
            .with_n_threads_batch(threads)
            // Else the end of a text cannot be forgotten where layers have a window.
            .with_swa_full(true);
        let context = {
            let _one_at_a_time = self.making.lock().unwrap_or_else(PoisonError::into_inner);
            self.model.new_context(backend()?, params)
        };
        let context = context.map_err(|error| failed(&error))?;
        Ok(Box::new(Context { of: self, context, batch: LlamaBatch::new(CHUNK, 1), held: Vec::new() }))
    }
}

struct Context<'a> {
    of: &'a Llama,
    context: LlamaContext<'a>,
    batch: LlamaBatch<'static>,
    /// What was read.
    held: Vec<u32>,
}

impl Context<'_> {
    /// Reads up to [`CHUNK`] tokens; the logits after those behind the first `skip`.
    fn chunk(&mut self, tokens: &[u32], skip: usize, rows: &mut Vec<Vec<f32>>) -> Result<(), ModelError> {
        self.batch.clear();
        for (place, &token) in tokens.iter().enumerate() {
            let position = i32::try_from(self.held.len() + place).map_err(|error| failed(&error))?;
            let token = i32::try_from(token).map_err(|error| failed(&error))?;
            self.batch
                .add(LlamaToken::new(token), position, &[SEQUENCE], place >= skip)
                .map_err(|error| failed(&error))?;
        }
        self.context.decode(&mut self.batch).map_err(|error| failed(&error))?;
        for place in skip..tokens.len() {
            let place = i32::try_from(place).map_err(|error| failed(&error))?;
            rows.push(self.context.get_logits_ith(place).to_vec());
        }
        self.held.extend_from_slice(tokens);
        Ok(())
    }
}

impl Session for Context<'_> {
    fn read(&mut self, tokens: &[u32], keep: usize) -> Result<Vec<Vec<f32>>, ModelError> {
        fit(tokens, self.held.len(), self.of.vocabulary, self.of.longest())?;
        let first = tokens.len() - keep.clamp(1, tokens.len());
        let mut rows = Vec::new();
        for (number, chunk) in tokens.chunks(CHUNK).enumerate() {
            let skip = first.saturating_sub(number * CHUNK).min(chunk.len());
            self.chunk(chunk, skip, &mut rows)?;
        }
        Ok(rows)
    }

    fn truncate(&mut self, tokens: usize) -> Result<(), ModelError> {
        if tokens >= self.held.len() {
            return Ok(());
        }
        let end = u32::try_from(tokens).map_err(|error| failed(&error))?;
        if self.context.clear_kv_cache_seq(Some(0), Some(end), None).map_err(|error| failed(&error))? {
            self.held.truncate(tokens);
            return Ok(());
        }
        // A model with a state instead of a memory (Mamba) cannot forget the last tokens alone.
        self.context.clear_kv_cache();
        let first: Vec<u32> = std::mem::take(&mut self.held).into_iter().take(tokens).collect();
        if first.is_empty() { Ok(()) } else { self.read(&first, 1).map(drop) }
    }
}
