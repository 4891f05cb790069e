//! `ordinate status`: how what is served stands against its verdict.

use ordinate::{CancellationToken, Error};
use ordinate_cli::StatusArgs;

use crate::output::{print, print_as_json};
use crate::runtime::wait;

pub(crate) fn status(args: &StatusArgs) -> Result<(), Error> {
    let status = wait(ordinate::status(&args.run, args.record.as_deref()), CancellationToken::new())?;
    if args.json { print_as_json(&status, "the figures") } else { print(&status.to_string()) }
}
