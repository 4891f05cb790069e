//! `ordinate explain`: what a word of the verdict means.

use ordinate::Error;
use ordinate_cli::ExplainArgs;

use crate::output::print;

pub(crate) fn explain(args: &ExplainArgs) -> Result<(), Error> {
    print(&ordinate_report::explained(&args.term.join(" ")).map_err(Error::Options)?)
}
