//! Answers that are made elsewhere, piece by piece.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use ordinate::{AnswerMaker, CancellationToken};
use ordinate_core::CandidateName;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::vectors::in_cache;
use crate::waiting::wait;
use crate::{InputError, raised, read};

/// A process holds one candidate open, whatever it answers with it.
static MAKER: LazyLock<AnswerMaker> = LazyLock::new(AnswerMaker::default);

/// Of a piece: its key, the rows of its items (none: the model), and whether that is kept.
type Piece = (String, Vec<u32>, bool);

fn named(name: String) -> PyResult<CandidateName> {
    CandidateName::try_from(name).map_err(|error| InputError::new_err(error.to_string()))
}

/// The pieces of these candidates, in their order; None of who cannot be parted.
#[pyfunction]
pub(crate) fn answer_pieces(
    py: Python<'_>,
    path: &str,
    toml: &str,
    names: Vec<String>,
    cache: PathBuf,
) -> PyResult<Vec<Option<Vec<Piece>>>> {
    let task = read(Path::new(path), Some(toml))?;
    let names: Vec<CandidateName> = names.into_iter().map(named).collect::<PyResult<_>>()?;
    let options = in_cache(cache);
    let of_all = py
        .detach(|| ordinate::answer_pieces(&task, &names, &options))
        .map_err(|error: ordinate::Error| raised(&error))?;
    let plain = |piece: ordinate::AnswerPiece| (piece.key, piece.rows, piece.is_kept);
    Ok(of_all.into_iter().map(|pieces| Some(pieces?.into_iter().map(plain).collect())).collect())
}

/// Whether a candidate is open.
#[pyfunction]
pub(crate) fn has_candidate(known_as: &str) -> bool {
    MAKER.has(known_as)
}

/// Sets a candidate of a task up, in place of the one before. What it keeps of its own is in the cache.
#[pyfunction]
pub(crate) fn open_candidate(
    py: Python<'_>,
    known_as: &str,
    path: &str,
    toml: &str,
    name: String,
    cache: PathBuf,
) -> PyResult<()> {
    let task = read(Path::new(path), Some(toml))?;
    let (name, options) = (named(name)?, in_cache(cache));
    py.detach(|| MAKER.open(known_as, &task, &name, &options)).map_err(|error| raised(&error))
}

/// Sees to it that the model of all train items of the candidate lies in its cache.
#[pyfunction]
pub(crate) fn put_candidate_away(py: Python<'_>, known_as: &str) -> PyResult<()> {
    wait(py, &CancellationToken::new(), MAKER.put_away(known_as))
}

/// The answers of a piece, as [`keep_answers`] takes them.
#[pyfunction]
pub(crate) fn make_answers<'py>(
    py: Python<'py>,
    known_as: &str,
    key: &str,
    rows: Vec<u32>,
) -> PyResult<Bound<'py, PyBytes>> {
    let making = async move { MAKER.make(known_as, key, &rows).await };
    let made = wait(py, &CancellationToken::new(), making)?;
    Ok(PyBytes::new(py, &made))
}

/// Puts the answers of a piece into a cache.
#[pyfunction]
pub(crate) fn keep_answers(py: Python<'_>, cache: PathBuf, key: &str, content: &[u8]) -> PyResult<()> {
    let options = in_cache(cache);
    py.detach(|| ordinate::keep_answers(key, content, &options)).map_err(|error| raised(&error))
}
