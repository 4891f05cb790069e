//! `ordinate label-next`: which items to label next, as a file that a person fills in.

use std::path::PathBuf;

use ordinate::{Error, Options, Unlabelled};
use ordinate_cli::LabelNextArgs;

use crate::output::print;
use crate::runtime::wait;

pub(crate) fn label_next(args: LabelNextArgs) -> Result<(), Error> {
    let out = args.out.unwrap_or_else(|| PathBuf::from("label-next.jsonl"));
    if out.exists() && !args.force {
        return Err(Error::Options(format!(
            "{}: it is there already, perhaps with labels; give another --out, or --force",
            out.display()
        )));
    }
    let options = Options::default();
    let unlabelled = Unlabelled { items: args.items, answers: args.answers, count: Some(args.count) };
    let ranked = wait(ordinate::label_next(&args.run, &unlabelled, &options), options.cancel.clone())?;
    ranked.write(&out)?;
    print(&ranked.summary(&out))
}
