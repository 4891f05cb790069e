//! The answers of a run, in the schema that tools share.

use std::path::Path;

use ordinate_data::read_evidence;
use ordinate_import::{ExportOptions, Exported, export_every_eval_ever};

use crate::error::Error;
use crate::folder::{EVIDENCE, Folder};
use crate::work::aside;

/// Writes the answers of the run in `run` into the folder `out`, in the schema Every Eval Ever; `organisation` is who ran the evaluation.
///
/// # Errors
/// [`Error`] where `run` holds no run, or `out` cannot be written.
pub async fn share_answers(run: &Path, out: &Path, organisation: Option<&str>) -> Result<Exported, Error> {
    let (run, out, organisation) = (run.to_owned(), out.to_owned(), organisation.map(str::to_owned));
    let cancel = ordinate_measure::CancellationToken::new();
    aside(&cancel, move || {
        let folder = Folder::open(&run)?;
        let evidence = read_evidence(&folder.path(EVIDENCE))?;
        let options = ExportOptions { task: folder.verdict()?.task, organisation, timestamp: None };
        Ok(export_every_eval_ever(&evidence, &out, &options)?)
    })
    .await
}
