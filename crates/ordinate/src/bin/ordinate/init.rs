//! `ordinate init`.

use std::fs;
use std::path::Path;

use crate::cli::InitArgs;
use crate::failure::Failure;
use crate::output::{print, tell};

pub(crate) fn init(args: &InitArgs) -> Result<(), Failure> {
    let folder = args.out.parent().unwrap_or(Path::new(""));
    let text = ordinate_data::infer_task_for(&args.data, folder)?;
    if args.out == Path::new("-") {
        return print(&text);
    }
    if args.out.exists() && !args.force {
        return Err(Failure::Input(format!(
            "{} is there already; give another name with --out, or --force to overwrite it",
            args.out.display()
        )));
    }
    fs::write(&args.out, text)
        .map_err(|error| Failure::Run(format!("{}: cannot be written: {error}", args.out.display())))?;
    tell(&format!("{} written; read it, then: ordinate run {0}", args.out.display()));
    Ok(())
}
