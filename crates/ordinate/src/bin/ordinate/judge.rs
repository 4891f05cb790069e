//! `ordinate judge`: the verdict of a finished run again, under other needs.

use ordinate::{CancellationToken, Error};
use ordinate_cli::JudgeArgs;

use crate::output::{print_as_json, print_summary};
use crate::runtime::wait;

pub(crate) fn judge(args: &JudgeArgs) -> Result<(), Error> {
    let verdict = wait(ordinate::judge(&args.run, &args.needs), CancellationToken::new())?;
    if args.json { print_as_json(&verdict, "the verdict") } else { print_summary(&verdict) }
}
