//! `ordinate export`: a run as files for other programs, or its evidence in the schema that tools share.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum, ValueHint};
use ordinate::{CancellationToken, Folder, TableFormat};
use ordinate_import::{ExportOptions, export_every_eval_ever};

use crate::failure::Failure;
use crate::output::print;
use crate::runtime::wait;

/// `ordinate export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The run folder
    #[arg(value_name = "RUN", value_hint = ValueHint::DirPath)]
    run: PathBuf,
    /// Folder to write tables and charts to; nothing may be in it [default: the name of the run folder, with .export]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    to: Option<PathBuf>,
    /// How tables are written
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// Write the answers instead, in the schema that tools share (Every Eval Ever), to this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with_all = ["to", "format"])]
    out: Option<PathBuf>,
    /// Who ran the evaluation
    #[arg(long, value_name = "NAME", requires = "out")]
    organisation: Option<String>,
}

/// How tables are written.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// Comma-separated values
    Csv,
    /// Parquet
    Parquet,
}

pub(crate) fn export(args: &ExportArgs) -> Result<(), Failure> {
    if let Some(out) = &args.out {
        return shared(args, out);
    }
    let to = args.to.clone().unwrap_or_else(|| beside(&args.run));
    let format = match args.format {
        Format::Csv => TableFormat::Csv,
        Format::Parquet => TableFormat::Parquet,
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

fn shared(args: &ExportArgs, out: &Path) -> Result<(), Failure> {
    let folder = Folder::open(&args.run)?;
    let verdict = folder.verdict()?;
    let evidence = ordinate_data::read_evidence(&folder.path("evidence.parquet"))?;
    let options =
        ExportOptions { task: verdict.task, organisation: args.organisation.clone(), timestamp: None };
    let exported = export_every_eval_ever(&evidence, out, &options)?;
    print(&format!(
        "{} answers of {} candidates written to {} as Every Eval Ever\n",
        exported.answers,
        exported.files.len(),
        out.display()
    ))
}
