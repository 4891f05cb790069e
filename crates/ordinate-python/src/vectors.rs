//! Vectors that are made elsewhere, piece by piece.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use ordinate::{Options, VectorMaker};
use ordinate_core::CandidateName;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::{InputError, raised, read};

/// A process opens an encoder once, whatever it makes with it.
static MAKER: LazyLock<VectorMaker> = LazyLock::new(VectorMaker::default);

/// Of a piece: its key, its encoder, what tells that from others, and its texts; none where its vectors are kept.
type Piece = (String, String, String, Vec<String>);

pub(crate) fn in_cache(cache: PathBuf) -> Options {
    Options { cache: Some(cache), ..Options::default() }
}

/// The pieces of vectors that these candidates stand on, in their order.
#[pyfunction]
pub(crate) fn vector_pieces(
    py: Python<'_>,
    path: &str,
    toml: &str,
    names: Vec<String>,
    cache: PathBuf,
) -> PyResult<Vec<Vec<Piece>>> {
    let task = read(Path::new(path), Some(toml))?;
    let names: Result<Vec<CandidateName>, _> = names.into_iter().map(CandidateName::try_from).collect();
    let names = names.map_err(|error| InputError::new_err(error.to_string()))?;
    let options = in_cache(cache);
    py.detach(|| {
        let of_all = ordinate::vector_pieces(&task, &names, &options)?;
        let piece = |piece: ordinate::VectorPiece| {
            let is_kept = ordinate::vectors_at(&piece.key, &options)?.is_file();
            let texts = if is_kept { Vec::new() } else { piece.texts };
            Ok((piece.key, piece.encoder, piece.identity, texts))
        };
        of_all.into_iter().map(|pieces| pieces.into_iter().map(piece).collect()).collect::<Result<_, _>>()
    })
    .map_err(|error: ordinate::Error| raised(&error))
}

/// The vectors of a piece, as [`keep_vectors`] takes them.
#[pyfunction]
pub(crate) fn make_vectors<'py>(
    py: Python<'py>,
    encoder: &str,
    identity: &str,
    texts: Vec<String>,
) -> PyResult<Bound<'py, PyBytes>> {
    let made = py.detach(move || MAKER.make(encoder, identity, &texts)).map_err(|error| raised(&error))?;
    Ok(PyBytes::new(py, &made))
}

/// Puts the vectors of a piece into a cache.
#[pyfunction]
pub(crate) fn keep_vectors(py: Python<'_>, cache: PathBuf, key: &str, content: &[u8]) -> PyResult<()> {
    py.detach(|| ordinate::keep_vectors(key, content, &in_cache(cache))).map_err(|error| raised(&error))
}

/// The vectors of a piece out of a cache.
#[pyfunction]
pub(crate) fn kept_vectors<'py>(py: Python<'py>, cache: PathBuf, key: &str) -> PyResult<Bound<'py, PyBytes>> {
    let path = ordinate::vectors_at(key, &in_cache(cache)).map_err(|error| raised(&error))?;
    let content = py.detach(|| std::fs::read(path))?;
    Ok(PyBytes::new(py, &content))
}
