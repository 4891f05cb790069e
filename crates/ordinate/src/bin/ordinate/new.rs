//! `ordinate new`: an example that runs as it is, to be changed into a task of one's own.

use std::io::{self, IsTerminal};

use ordinate::{Beginning, Error, tell};
use ordinate_cli::NewArgs;

use crate::init::ask_on_a_terminal;

pub(crate) fn new(args: &NewArgs) -> Result<(), Error> {
    let beginning = match &args.from {
        Some(said) => Beginning::named(said)?,
        None if io::stdin().is_terminal() && io::stderr().is_terminal() => {
            let chosen = Beginning::ask(&mut io::stdin().lock(), &mut io::stderr());
            chosen.ok_or_else(|| Error::Options("nothing was chosen, and nothing written".to_owned()))?
        }
        None => {
            let problem = format!(
                "say what to begin with: ordinate new --from KIND, where KIND is {}; or --from FILE, a data file of your own",
                Beginning::kinds()
            );
            return Err(Error::Options(problem));
        }
    };
    beginning.write(args.name.as_deref(), &mut ask_on_a_terminal())?.iter().for_each(|line| tell(line));
    Ok(())
}
