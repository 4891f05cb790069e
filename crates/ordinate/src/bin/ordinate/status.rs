//! `ordinate status`: how what is served stands against its verdict.

use ordinate::CancellationToken;

use crate::cli::StatusArgs;
use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::runtime::wait;

pub(crate) fn status(args: &StatusArgs) -> Result<(), Failure> {
    let status = wait(ordinate::status(&args.run, args.record.as_deref()), CancellationToken::new())?;
    if args.json {
        let text = serde_json::to_string_pretty(&status)
            .map_err(|error| Failure::Run(format!("the figures cannot be written as JSON: {error}")))?;
        return print_json(&(text + "\n"));
    }
    print(&status.to_string())
}
