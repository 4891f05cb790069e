//! `ordinate verify`: whether the verdict of a run held on answers that came later.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use ordinate::CancellationToken;

use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::runtime::wait;

/// `ordinate verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The run folder
    #[arg(value_name = "RUN", value_hint = ValueHint::DirPath)]
    run: PathBuf,
    /// Answers that came later: an evidence table, a folder of recorded answers, or a task file that names them
    #[arg(long, value_name = "NEW", value_hint = ValueHint::AnyPath)]
    evidence: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn verify(args: &VerifyArgs) -> Result<(), Failure> {
    let verified = wait(ordinate::verify(&args.run, &args.evidence), CancellationToken::new())?;
    if args.json {
        let text = serde_json::to_string_pretty(&verified)
            .map_err(|error| Failure::Run(format!("the figures cannot be written as JSON: {error}")))?;
        return print_json(&(text + "\n"));
    }
    print(&verified.to_string())
}
