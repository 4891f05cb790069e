//! `ordinate judge`: the verdict of a finished run again, under other needs.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use ordinate::CancellationToken;

use crate::failure::Failure;
use crate::output::{coloured, columns, print_json, print_raw};
use crate::runtime::wait;

/// `ordinate judge`.
#[derive(Debug, Args)]
pub(crate) struct JudgeArgs {
    /// The run folder
    #[arg(value_name = "RUN", value_hint = ValueHint::DirPath)]
    run: PathBuf,
    /// Other needs than those of the run, as max_cost_per_1k=0.25 (repeatable)
    #[arg(long = "need", value_name = "KEY=VALUE")]
    needs: Vec<String>,
    /// Print the verdict as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn judge(args: &JudgeArgs) -> Result<(), Failure> {
    let verdict = wait(ordinate::judge(&args.run, &args.needs), CancellationToken::new())?;
    if args.json {
        let text = serde_json::to_string_pretty(&verdict)
            .map_err(|error| Failure::Run(format!("the verdict cannot be written as JSON: {error}")))?;
        return print_json(&(text + "\n"));
    }
    let style = ordinate_report::Style { colour: coloured(), width: columns() };
    print_raw(&ordinate_report::summary(&verdict, style))
}
