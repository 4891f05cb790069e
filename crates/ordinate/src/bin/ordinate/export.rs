//! `ordinate export`: a run as files for other programs, or its evidence in the schema that tools share.

use std::path::{Path, PathBuf};

use ordinate::{CancellationToken, Error, TableFormat};
use ordinate_cli::ExportArgs;

use crate::output::print;
use crate::runtime::wait;

pub(crate) fn export(args: &ExportArgs) -> Result<(), Error> {
    if let Some(out) = &args.out {
        let organisation = args.organisation.as_deref();
        let shared = wait(ordinate::share_answers(&args.run, out, organisation), CancellationToken::new())?;
        let (answers, candidates) = (shared.answers, shared.files.len());
        let out = out.display();
        return print(&format!(
            "{answers} answers of {candidates} candidates written to {out} as Every Eval Ever\n"
        ));
    }
    let to = args.to.clone().unwrap_or_else(|| beside(&args.run));
    let format = match args.format {
        ordinate_cli::TableFormat::Csv => TableFormat::Csv,
        ordinate_cli::TableFormat::Parquet => TableFormat::Parquet,
    };
    let exported = wait(ordinate::export(&args.run, &to, format), CancellationToken::new())?;
    let width = exported.files.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines = exported.files.iter().map(|(name, about)| format!("  {name:<width$}  {about}\n"));
    print(&format!("{}:\n{}", exported.folder.display(), lines.collect::<String>()))
}

/// `NAME.export` for `NAME.ordinate`, in the current folder.
fn beside(run: &Path) -> PathBuf {
    let whole = std::path::absolute(run).unwrap_or_else(|_| run.to_owned());
    let name = whole.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    PathBuf::from(format!("{}.export", name.strip_suffix(".ordinate").unwrap_or(&name)))
}
