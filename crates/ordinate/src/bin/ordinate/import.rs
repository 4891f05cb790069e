//! `ordinate import`: other tools' logs in.

use ordinate::Error;
use ordinate_cli::ImportArgs;
use ordinate_import::{Options, Runs};

use crate::output::print;

pub(crate) fn import(args: &ImportArgs) -> Result<(), Error> {
    let options = Options {
        name: args.name.clone(),
        metric: args.metric.clone(),
        filter: args.filter.clone(),
        runs: match args.runs {
            ordinate_cli::Runs::Each => Runs::Each,
            ordinate_cli::Runs::Latest => Runs::Latest,
        },
        range: args.range,
        ..Options::default()
    };
    let imported = ordinate_import::import(&args.logs, &args.out, &options)?;
    print(&imported.to_string())
}
