//! `ordinate import`: other tools' logs in.

use ordinate_import::{Options, Runs};

use crate::cli::ImportArgs;
use crate::failure::Failure;
use crate::output::print;

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
