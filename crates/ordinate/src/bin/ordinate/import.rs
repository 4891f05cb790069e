//! `ordinate import` and `ordinate export`: other tools' logs in, and evidence out in the schema that tools share.

use ordinate_import::{ExportOptions, Options, Runs, export_every_eval_ever};

use crate::cli::{ExportArgs, ImportArgs};
use crate::failure::Failure;
use crate::output::print;
use ordinate::Folder;

pub(crate) fn import(args: &ImportArgs) -> Result<(), Failure> {
    let options = Options {
        name: args.name.clone(),
        metric: args.metric.clone(),
        filter: args.filter.clone(),
        runs: args.runs,
        range: args.range,
        ..Options::default()
    };
    let imported = ordinate_import::import(&args.logs, &args.out, &options)?;
    print(&imported.to_string())
}

pub(crate) fn export(args: &ExportArgs) -> Result<(), Failure> {
    let folder = Folder::open(&args.run)?;
    let verdict = folder.verdict()?;
    let evidence = ordinate_data::read_evidence(&folder.path("evidence.parquet"))?;
    let options =
        ExportOptions { task: verdict.task, organisation: args.organisation.clone(), timestamp: None };
    let exported = export_every_eval_ever(&evidence, &args.out, &options)?;
    print(&format!(
        "{} answers of {} candidates written to {} as Every Eval Ever\n",
        exported.answers,
        exported.files.len(),
        args.out.display()
    ))
}

/// `WORST,BEST` as two numbers.
pub(crate) fn range(text: &str) -> Result<(f64, f64), String> {
    let parsed = text
        .split_once(',')
        .and_then(|(worst, best)| Some((worst.trim().parse().ok()?, best.trim().parse().ok()?)));
    parsed.ok_or_else(|| "give the metric's worst and best value, for example 0,100 or 1,0".to_owned())
}

/// `each` or `latest`.
pub(crate) fn runs(text: &str) -> Result<Runs, String> {
    match text {
        "each" => Ok(Runs::Each),
        "latest" => Ok(Runs::Latest),
        _ => Err("it takes each or latest".to_owned()),
    }
}
