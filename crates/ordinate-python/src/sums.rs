//! Evidence larger than memory, reduced to sums part by part.

use std::path::{Path, PathBuf};

use ordinate::Sums;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::{json, raised, read};

/// The sums of the evidence of a task, and what was assumed when it was read.
#[pyfunction]
pub(crate) fn sums_of<'py>(
    py: Python<'py>,
    path: &str,
    toml: &str,
) -> PyResult<(Bound<'py, PyBytes>, Vec<String>)> {
    let task = read(Path::new(path), Some(toml))?;
    let (bytes, notes) = py
        .detach(|| {
            let loaded = ordinate_data::load_evidence(&task)?;
            Ok((Sums::of(&loaded.evidence).to_bytes()?, loaded.notes))
        })
        .map_err(|error: ordinate::Error| raised(&error))?;
    Ok((PyBytes::new(py, &bytes), notes))
}

/// The sums of several parts in one.
#[pyfunction]
pub(crate) fn sums_add<'py>(py: Python<'py>, one: &[u8], other: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let bytes = py
        .detach(|| {
            let mut sums = Sums::from_bytes(one)?;
            sums.add(&Sums::from_bytes(other)?)?;
            sums.to_bytes()
        })
        .map_err(|error| raised(&error))?;
    Ok(PyBytes::new(py, &bytes))
}

/// Writes the evidence that is judged in the place of the whole, as Parquet, and gives as JSON what else there is to say.
#[pyfunction]
pub(crate) fn sums_write(
    py: Python<'_>,
    sums: &[u8],
    without_errors: bool,
    path: PathBuf,
) -> PyResult<String> {
    let reduced = py
        .detach(move || {
            let (evidence, reduced) = Sums::from_bytes(sums)?.evidence(without_errors)?;
            ordinate_data::write_evidence(&path, &evidence)?;
            Ok(reduced)
        })
        .map_err(|error: ordinate::Error| raised(&error))?;
    json(&reduced)
}
