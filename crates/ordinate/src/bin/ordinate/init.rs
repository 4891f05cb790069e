//! `ordinate init`.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::Path;

use ordinate::{Error, Fault, LineageSaid, ask_lineage, infer, tell};
use ordinate_cli::InitArgs;
use ordinate_core::Lineage;

use crate::output::print;

pub(crate) fn init(args: &InitArgs) -> Result<(), Error> {
    let folder = args.out.parent().unwrap_or(Path::new(""));
    let is_new = args.out != Path::new("-");
    if is_new && args.out.exists() && !args.force {
        return Err(Error::Options(format!(
            "{} is there already; give another name with --out, or --force to overwrite it",
            args.out.display()
        )));
    }
    let inferred = infer(&args.data, folder, &mut ask_on_a_terminal())?;
    if !is_new {
        return print(&inferred.text);
    }
    fs::write(&args.out, &inferred.text)
        .map_err(|error| Error::file(&args.out, Fault::Run, format!("cannot be written: {error}")))?;
    tell(&inferred.next(&args.out));
    Ok(())
}

/// Asks a person at a terminal for what data cannot tell, for as long as they answer.
pub(crate) fn ask_on_a_terminal() -> impl FnMut(&str) -> Option<Lineage> {
    let mut asks = io::stdin().is_terminal() && io::stderr().is_terminal();
    move |name| {
        let said = asks.then(|| ask_lineage(name, &mut io::stdin().lock(), &mut io::stderr()));
        asks &= said != Some(LineageSaid::NoMore);
        match said {
            Some(LineageSaid::Is(lineage)) => Some(lineage),
            _ => None,
        }
    }
}
