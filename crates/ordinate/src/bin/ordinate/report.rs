//! `ordinate report`.

use ordinate::{Error, Folder};
use ordinate_cli::ReportArgs;

use crate::output::{print_as_json, print_summary};

pub(crate) fn report(args: &ReportArgs) -> Result<(), Error> {
    let folder = Folder::open(&args.run)?;
    let verdict = folder.verdict()?;
    folder.write("report.html", &ordinate::page(&folder, &verdict)?)?;
    if args.open {
        let page = folder.path("report.html");
        open::that(&page).map_err(|error| {
            Error::Broken(format!("{}: no browser could be opened: {error}", page.display()))
        })?;
    }
    if args.json { print_as_json(&verdict, "the verdict") } else { print_summary(&verdict) }
}
