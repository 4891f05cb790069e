//! `ordinate report`.

use crate::cli::ReportArgs;
use crate::failure::Failure;
use crate::output::{coloured, columns, print_json, print_raw};
use ordinate::Folder;

pub(crate) fn report(args: &ReportArgs) -> Result<(), Failure> {
    let folder = Folder::open(&args.run)?;
    let verdict = folder.verdict()?;
    folder.write("report.html", &ordinate::page(&folder, &verdict)?)?;
    if args.open {
        let page = folder.path("report.html");
        open::that(&page).map_err(|error| {
            Failure::Run(format!("{}: no browser could be opened: {error}", page.display()))
        })?;
    }
    if args.json {
        let text = serde_json::to_string_pretty(&verdict)
            .map_err(|error| Failure::Run(format!("the verdict cannot be written as JSON: {error}")))?;
        return print_json(&(text + "\n"));
    }
    let style = ordinate_report::Style { colour: coloured(), width: columns() };
    print_raw(&ordinate_report::summary(&verdict, style))
}
