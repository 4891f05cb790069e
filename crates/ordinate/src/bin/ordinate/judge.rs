//! `ordinate judge`: the verdict of a finished run again, under other needs.

use crate::cli::JudgeArgs;
use crate::failure::Failure;
use crate::output::{coloured, columns, print_json, print_raw};
use crate::runtime::wait;
use ordinate::CancellationToken;

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
